"""What many tests of the verbs start from: a logbook of a shop whose stream was never split."""

import pytest
from logbook import Logbook


@pytest.fixture
def unsplit(monkeypatch):
    """No shard of this shop came of another; no stream is asked for it."""
    monkeypatch.setattr("chalicelib.log.ancestors", lambda _: [])


@pytest.fixture
def book(shop):
    return Logbook(shop)
