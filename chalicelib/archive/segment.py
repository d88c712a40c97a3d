"""A segment: records of one shard, verbatim and in order, as a value and as the bytes of an object.

Gzipped lines of JSON. The first is the manifest, then every record, unverifiable ones too:
`[sequence, arrival ms, partition key, data]`, with `{"raw": base64}` for data that is not ASCII.
Only a manifest after a gap has a member `gap`.
"""

from __future__ import annotations

import base64
import json
import re
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, NamedTuple

from chalicelib.events import Record, Shard

INFLATED = 64 * 1024 * 1024
NUMBER = re.compile("0|[1-9][0-9]{0,55}")
SHARD = re.compile("[A-Za-z0-9_.-]{1,128}/shardId-[0-9]{12}")
END_MS = 253_402_300_800_000  # the year 10000: what is said to be later is no time


@dataclass(frozen=True, slots=True)
class Tail:
    """The end of a shard's archive: a segment boundary, and the shard's clock there."""

    last: int
    clock: int
    previous: int | None


EMPTY = Tail(last=0, clock=0, previous=None)


class Gap(NamedTuple):
    """Between two records some may have expired unread, in ms.

    All that arrived until `since` is archived; at `found` nothing showed the same of what followed.
    """

    since: int
    found: int


@dataclass(frozen=True, slots=True)
class Segment:
    """Records of one shard, whole and in order, and what the manifest says of them.

    `clock` is the running maximum of arrival times before the first record; `parents` are the
    nearest ancestors that have segments, and only a shard's first segment names them. `gap` says
    that some may be lost before the first record.
    """

    shard: Shard
    before: int
    records: tuple[Record, ...]
    previous: int | None
    clock: int
    parents: tuple[str, ...] = ()
    gap: Gap | None = None

    @property
    def last(self) -> int:
        """The sequence number of its last record: the `before` of the next segment."""
        return self.records[-1].sequence

    @property
    def tail(self) -> Tail:
        """The end of the archive, were this its last segment."""
        arrivals = max(record.arrival for record in self.records)
        return Tail(self.last, max(self.clock, arrivals), self.before)


def with_clock(segment: Segment) -> Iterator[tuple[Record, int]]:
    """Each record with the shard's clock at it: the running maximum, its own arrival included."""
    clock = segment.clock
    for record in segment.records:
        clock = max(clock, record.arrival)
        yield record, clock


def encode(segment: Segment) -> bytes:
    """The segment as it lies in the archive: the same bytes for the same segment."""
    lines = [_manifest(segment), *map(_line, segment.records)]
    text = "\n".join(json.dumps(line, separators=(",", ":")) for line in lines) + "\n"
    deflate = zlib.compressobj(level=1, wbits=31)
    return deflate.compress(text.encode()) + deflate.flush()


def _manifest(segment: Segment) -> dict[str, Any]:
    return {
        "v": 1,
        "stream": segment.shard.stream,
        "shard": segment.shard.id,
        "before": str(segment.before),
        "first": str(segment.records[0].sequence),
        "last": str(segment.last),
        "count": len(segment.records),
        "previous": None if segment.previous is None else str(segment.previous),
        "clock": segment.clock,
        "parents": list(segment.parents),
        **({} if segment.gap is None else {"gap": told_gap(segment.gap)}),
    }


def told_gap(gap: Gap) -> dict[str, int]:
    """The gap as a manifest says it."""
    return gap._asdict()


def gap_of(said: dict[str, Any]) -> Gap:
    """The gap that is said so. Raises ValueError, LookupError, TypeError for what is none."""
    return Gap(_moment(said["since"]), _moment(said["found"]))


def _line(record: Record) -> list[Any]:
    data: Any = {"raw": base64.b64encode(record.data).decode()}
    if record.data.isascii():
        data = record.data.decode("ascii")
    return [str(record.sequence), record.arrival, record.key, data]


def decode(body: bytes) -> Segment:
    """The segment that `encode` made.

    Raises ValueError when it is damaged, or larger than any segment that was ever put.
    """
    return read(lines(body))


def lines(body: bytes) -> list[bytes]:
    """The manifest and every record, each as the line that it is in the object.

    Raises ValueError when the object is damaged, or larger than any segment that was ever put.
    """
    inflate = zlib.decompressobj(wbits=31)
    try:
        text = inflate.decompress(body, INFLATED)
    except zlib.error as flaw:
        raise ValueError(f"not a segment: {flaw!r}") from flaw
    if not inflate.eof or inflate.unused_data:
        raise ValueError("cut short, or longer than a segment is")
    return text.splitlines()


def read(lines: list[bytes]) -> Segment:
    """The segment that these lines say. Raises ValueError for what is none."""
    try:
        manifest, *rest = map(json.loads, lines)
        segment = _segment(manifest, tuple(map(_record, rest)))
        if _manifest(segment) != manifest:
            raise ValueError("the manifest tells of other records")
    except (LookupError, TypeError, AttributeError, RecursionError) as flaw:
        raise ValueError(f"not a segment: {flaw!r}") from flaw
    return segment


def _segment(manifest: dict[str, Any], records: tuple[Record, ...]) -> Segment:
    before = _number(manifest["before"])
    at = [before, *(record.sequence for record in records)]
    if any(one >= following for one, following in pairwise(at)):
        raise ValueError("it holds a record twice or out of order")
    return Segment(
        shard=_shard(f"{manifest['stream']}/{manifest['shard']}"),
        before=before,
        records=records,
        previous=_previous(manifest["previous"], before),
        clock=_moment(manifest["clock"]),
        parents=tuple(str(_shard(parent)) for parent in manifest["parents"]),
        gap=gap_of(manifest["gap"]) if "gap" in manifest else None,
    )


def _previous(said: str | None, before: int) -> int | None:
    """Only a shard's first segment has none before it."""
    found = None if said is None else _number(said)
    if (before, found) != (0, None) and not (found is not None and found < before):
        raise ValueError(f"the one before it cannot be {said}")
    return found


def _record(line: list[Any]) -> Record:
    sequence, arrival, key, data = line
    if not isinstance(key, str):
        raise TypeError(f"not a partition key: {key!r}")
    raw = base64.b64decode(data["raw"]) if isinstance(data, dict) else data.encode("ascii")
    return Record(_number(sequence), _moment(arrival), key, raw)


def _number(said: str) -> int:
    if NUMBER.fullmatch(said) is None:
        raise ValueError(f"not a sequence number: {said}")
    return int(said)


def _moment(said: int) -> int:
    if type(said) is not int or not 0 <= said < END_MS:
        raise ValueError(f"not a time: {said!r}")
    return said


def _shard(name: str) -> Shard:
    if SHARD.fullmatch(name) is None:
        raise ValueError(f"not a shard: {name}")
    return Shard.parse(name)
