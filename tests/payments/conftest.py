"""The two gateways over real HTTP, each before a process of its own."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from counterparts import LikeStripe, Sandboxed

HERE = Path(__file__).parent


@contextmanager
def process(*words: str) -> Iterator[str]:
    """What it says first, while it runs; it is ended by its own number."""
    with subprocess.Popen(
        [sys.executable, *words], stdout=subprocess.PIPE, cwd=HERE.parents[1], text=True
    ) as running:
        try:
            assert running.stdout is not None
            yield running.stdout.readline()
        finally:
            running.terminate()


@pytest.fixture(scope="session")
def like_stripe() -> Iterator[str]:
    """Where localstripe is."""
    with process(str(HERE / "like_stripe.py")) as said:
        yield json.loads(said)["url"]


@pytest.fixture(scope="session")
def bank(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Where the sandbox bank is."""
    data = tmp_path_factory.mktemp("bank")
    with process("-m", "local.bank", "--data", str(data)) as said:
        yield said.split()[1]


@pytest.fixture(params=["sandbox", "stripe"])
def provider(request: pytest.FixtureRequest) -> Sandboxed | LikeStripe:
    """A gateway, with what a test must know of the provider behind it."""
    if request.param == "sandbox":
        return Sandboxed(request.getfixturevalue("bank"))
    return LikeStripe(request.getfixturevalue("like_stripe"))
