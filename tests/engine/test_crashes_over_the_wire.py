"""One batch against the real emulators: killed before and after each of its calls, brought again.

The calls are written down here. A call that is not in this record fails the test, and so does one
that is no longer made: whoever adds a call to the batch adds it here, and so to the crashes.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from worlds import START, said

from chalicelib import archive, config, log, projector
from chalicelib.events import Batch, Record, Shard
from chalicelib.signing import keys, seal
from ops import verify

FIRST = [
    "s3 ListObjectsV2",  # the tail of the shard's archive
    "kinesis ListShards",  # its ancestors, for it has no segment yet
    "s3 ListObjectsV2",  # whether a stream came before this one
    "s3 GetObject",  # whether something may have expired before it: no gap was put,
    "s3 GetObject",  # and nothing is known of the stream yet
    "s3 PutObject",  # the segment
    "dynamodb BatchGetItem",  # the checkpoint: there is none
    "dynamodb TransactWriteItems",  # it is created before anything is folded
    "s3 ListObjectsV2",  # the trust document's newest version
    "s3 GetObject",  # and the document
    "dynamodb BatchGetItem",  # the subjects
    "dynamodb TransactWriteItems",  # a part of the group
    "dynamodb TransactWriteItems",  # its end
]
NEXT = [
    "s3 PutObject",
    "dynamodb BatchGetItem",
    "dynamodb BatchGetItem",
    "dynamodb TransactWriteItems",
    "dynamodb TransactWriteItems",
]
SERVICES = ("s3", "kinesis", "dynamodb")


class Crash(BaseException):
    """The process ends here and now."""


class Calls:
    """The calls of a process in order; it ends before or after the one at `at`."""

    def __init__(self, at: int | None = None, *, after: bool = False) -> None:
        self.at, self.after = at, after
        self.made: list[str] = []

    def before_call(self, model: Any, **_: Any) -> None:
        self.made.append(f"{model.service_model.service_name} {model.name}")
        self._crash(after=False)

    def after_call(self, **_: Any) -> None:
        self._crash(after=True)

    def _crash(self, *, after: bool) -> None:
        if self.after is after and len(self.made) - 1 == self.at:
            raise Crash


@contextmanager
def watched(calls: Calls) -> Iterator[None]:
    """A process of its own: it remembers no tail and no trust document, and its calls are seen."""
    archive._tails.clear()
    keys.forget()
    hooks = [("before-call", calls.before_call), ("after-call", calls.after_call)]
    try:
        for service in SERVICES:
            for event, hook in hooks:
                config.client(service).meta.events.register(f"{event}.{service}", hook)
        yield
    finally:
        for service in SERVICES:
            for event, hook in hooks:
                config.client(service).meta.events.unregister(f"{event}.{service}", hook)


@pytest.fixture
def batches(shop, monkeypatch):
    """Two batches of one shard, that just came; the rows of each fill more than one transaction."""
    monkeypatch.setattr(archive.gaps, "now", lambda: START)
    shard = Shard(shop.stream, "shardId-000000000000")
    key, begins = keys.producer(), log.listed(shop.stream)[shard]

    def record(number: int, move: str, product: int) -> Record:
        event = said(move, f"product/p{product}", START + number, number, stream=shop.stream)
        return Record(begins + number, START + number, event.subject, seal(event, key).encode())

    first = [record(number, "created", number) for number in range(1, 31)]
    moves = ("photographed", "purchased", "viewed", "updated")
    second = [record(31 + at, moves[at % 4], at % 30 + 1) for at in range(120)]
    return Batch(shard, tuple(first)), Batch(shard, tuple(second))


def consume(batch: Batch, calls: Calls) -> list[str]:
    with watched(calls):
        projector.project(batch)
    return calls.made


def assert_right(records: int) -> None:
    report = verify.verify()
    assert report.differences == []
    assert report.records == records


def test_a_batch_makes_the_calls_that_are_written_here_and_no_others(batches):
    first, second = batches
    assert consume(first, Calls()) == FIRST
    with watched(Calls()):
        projector.project(second)  # a warm process would know the tail: see NEXT
    assert_right(150)


def test_a_warm_process_makes_fewer(batches):
    first, second = batches
    projector.project(first)
    calls = Calls()
    with watched(calls):
        keys.trust()
        archive._known_tail(first.shard, log.listed)
        calls.made.clear()
        projector.project(second)
    assert calls.made == NEXT


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("at", range(len(FIRST)))
def test_the_first_batch_of_a_shard_may_be_killed_at_any_call(batches, at, after):
    first, second = batches
    with pytest.raises(Crash):
        consume(first, Calls(at, after=after))
    consume(first, Calls())
    consume(second, Calls())
    assert_right(150)


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("at", range(len(NEXT) + 5))
def test_a_later_batch_may_be_killed_at_any_call(batches, at, after):
    """Of a cold process: it asks for the tail, whose it is, and the trust document as well."""
    first, second = batches
    projector.project(first)
    with pytest.raises(Crash):
        consume(second, Calls(at, after=after))
    consume(second, Calls())
    assert_right(150)
