"""One run of segments, byte by byte and signature by signature: what a process does by itself."""

from __future__ import annotations

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, NamedTuple

from chalicelib import archive
from chalicelib.archive import Segment
from chalicelib.errors import SecurityError
from chalicelib.events import Record, Shard
from chalicelib.notary.leaf import Contents, contents
from chalicelib.signing import keys, unseal
from ops import gaps

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ops.audit.chains import Chunk


TOGETHER = 8


class Link(NamedTuple):
    """What of a segment the next one must follow, and what it says of the one before."""

    shard: Shard
    before: int
    previous: int | None
    clock: int
    last: int
    clock_after: int


class Read(NamedTuple):
    """What one run holds."""

    records: int
    not_believed: Counter[str]
    links: list[Link]
    wrong: list[str]


def read(chunk: Chunk) -> Read:
    """What these segments hold."""
    found = Read(0, Counter(), [], [])
    count = 0
    for (before, leaf), body in zip(chunk.segments, _bodies(chunk), strict=True):
        where = f"{chunk.shard}: the segment after {before}"
        try:
            held = contents(body)
        except ValueError as flaw:
            found.wrong.append(f"{where} was changed: {flaw}")
            continue
        if (changed := _flaw(held, chunk.shard, before, leaf)) is not None:
            found.wrong.append(f"{where} {changed}")
        if held.segment.gap is not None:
            found.wrong.append(gaps.sentence(chunk.shard, before, held.segment.gap))
        found.links.append(_link(held.segment))
        count += len(held.records)
        found.not_believed.update(_not_believed(held.segment))
    return found._replace(records=count)


def _bodies(chunk: Chunk) -> Iterator[bytes]:
    """The objects, asked for while those before them are checked."""
    with ThreadPoolExecutor(TOGETHER) as pool:
        yield from pool.map(lambda each: _readable(chunk.shard, each[0]), chunk.segments)


def _readable(shard: Shard, before: int) -> bytes:
    """The segment's object; nothing, where its bytes are not those that were put."""
    try:
        return archive.stored(shard, before)
    except ValueError:
        return b""


def _flaw(held: Contents, shard: Shard, before: int, leaf: bytes | None) -> str | None:
    segment = held.segment
    if (segment.shard, segment.before) != (shard, before):
        return f"is another one: that of {segment.shard} after {segment.before}"
    if leaf is not None and held.leaf.hash != leaf:
        return "was changed after it was notarised"
    return None


def _link(segment: Segment) -> Link:
    end = segment.tail
    return Link(segment.shard, segment.before, segment.previous, segment.clock, end.last, end.clock)


def _not_believed(segment: Segment) -> Counter[str]:
    codes = (_doubt(segment.shard, *each) for each in archive.with_clock(segment))
    return Counter(code for code in codes if code)


def _doubt(shard: Shard, record: Record, clock: int) -> str | None:
    """Why a record is not believed."""
    try:
        unseal(
            record.data,
            partition_key=record.key,
            stream=shard.stream,
            clock=clock,
            trust=keys.trust(),
        )
    except SecurityError as doubt:
        return doubt.code
    return None
