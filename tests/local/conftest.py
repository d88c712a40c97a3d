"""A local Kinesis whose clock the test moves, with one stream of one shard."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from kinesis_cases import Clock, client_of, stream

from local.kinesis import serving

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def url(tmp_path: Path, clock: Clock) -> Iterator[str]:
    with serving(tmp_path, clock=clock) as found:
        yield found


@pytest.fixture
def empty(url: str) -> Iterator[Any]:
    """A client of a Kinesis without streams."""
    with client_of(url) as client:
        yield client


@pytest.fixture
def kinesis(empty: Any) -> Any:
    """A client of a Kinesis with one stream of one shard."""
    empty.create_stream(StreamName=stream, ShardCount=1)
    return empty


@pytest.fixture
def unchecked(url: str, kinesis: Any) -> Iterator[Any]:
    """The same, through a client that sends what the service model forbids."""
    assert kinesis
    with client_of(url, checked=False) as client:
        yield client
