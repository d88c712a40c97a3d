"""The archive: the log's long memory, in write-once segments. The only file that knows its layout.

    segments/<stream>/<shard>/<MAX - before>.jsonl.gz        `before`: the sequence just before it

Names run newest first. A segment is put with If-None-Match and only under a `before` that is zero
or the last record of a segment just read or written: so the chain of a shard cannot fork,
whatever races. The first line is the manifest, then every record verbatim, unverifiable ones too:
`[sequence, arrival ms, partition key, data]`, with `{"raw": base64}` for data that is not ASCII.
Nothing is ever changed or deleted.
"""

from __future__ import annotations

import base64
import json
import zlib
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from chalicelib import config
from chalicelib.errors import CloudFailure
from chalicelib.events import Batch, Position, Record, Shard

MAX = 10**56 - 1
ENDING = ".jsonl.gz"
INFLATED = 64 * 1024 * 1024
PREFETCH = 8
HELD_NAMES = 20_000


@dataclass(frozen=True, slots=True)
class Tail:
    """The end of a shard's archive: a segment boundary, and the shard's clock there."""

    last: int
    clock: int
    previous: int | None


EMPTY = Tail(last=0, clock=0, previous=None)


@dataclass(frozen=True, slots=True)
class Segment:
    """Records of one shard, whole and in order, and what the manifest says of them.

    `clock` is the running maximum of arrival times before the first record; `parents` are the
    nearest ancestors that have segments, and only a shard's first segment names them.
    """

    shard: Shard
    before: int
    records: tuple[Record, ...]
    previous: int | None
    clock: int
    parents: tuple[str, ...] = ()

    @property
    def last(self) -> int:
        """The sequence number of its last record: the `before` of the next segment."""
        return self.records[-1].sequence

    @property
    def tail(self) -> Tail:
        """The end of the archive, were this its last segment."""
        arrivals = max(record.arrival for record in self.records)
        return Tail(self.last, max(self.clock, arrivals), self.before)


Ancestors = Callable[[Shard], Iterable[Shard]]
_tails: dict[Shard, Tail] = {}


def append(batch: Batch, ancestors: Ancestors) -> list[Segment]:
    """The segments that now hold the batch's records, but for those archived before it came.

    Raises CloudFailure; then it is not known what was put, and the same batch may come again.
    """
    tail, segments, records = _known_tail(batch.shard), [], batch.records
    while records := tuple(record for record in records if record.sequence > tail.last):
        segment = _next(batch.shard, tail, records, ancestors)
        segments.append(segment if _put(segment) else _get(batch.shard, tail.last))
        tail = _tails[batch.shard] = segments[-1].tail
    return segments


def _known_tail(shard: Shard) -> Tail:
    if shard not in _tails:
        _tails[shard] = tail(shard)
    return _tails[shard]


def _next(shard: Shard, tail: Tail, records: tuple[Record, ...], ancestors: Ancestors) -> Segment:
    if tail != EMPTY:
        return Segment(shard, tail.last, records, tail.previous, tail.clock)
    parents = _nearest_with_segments(shard, ancestors)
    clock = max((found.clock for _, found in parents), default=0)
    return Segment(shard, 0, records, None, clock, tuple(str(parent) for parent, _ in parents))


def _nearest_with_segments(shard: Shard, ancestors: Ancestors) -> list[tuple[Shard, Tail]]:
    """The nearest ancestors that have segments; one behind another is reached through it."""
    found: list[tuple[Shard, Tail]] = []
    passed: set[Shard] = set()
    for ancestor in ancestors(shard):
        if ancestor not in passed and (end := tail(ancestor)) != EMPTY:
            found.append((ancestor, end))
            passed.update(ancestors(ancestor))
    return found


def tail(shard: Shard) -> Tail:
    """The end of the shard's archive as S3 has it now: one LIST, and one GET if there is any."""
    newest = head(shard)
    return EMPTY if newest is None else _get(shard, newest).tail


def head(shard: Shard) -> int | None:
    """The `before` of the shard's newest segment; None while it has none."""
    names = _list(_folder(shard), most=1)
    return next(names, None)


def shards() -> list[Shard]:
    """Every shard the archive knows, older streams first."""
    return [
        Shard(*folder.rstrip("/").split("/")[1:])
        for stream in _folders("segments/")
        for folder in _folders(stream)
    ]


def read_after(shard: Shard, before: int) -> Iterator[Segment]:
    """The shard's segments from the one named `before` on, oldest first, prefetched."""
    while names := _oldest_names(shard, before):
        with ThreadPoolExecutor(PREFETCH) as pool:
            ahead = deque(pool.submit(_get, shard, name) for name in islice(names, PREFETCH))
            rest = iter(list(islice(names, PREFETCH, None)))
            while ahead:
                segment = ahead.popleft().result()
                ahead.extend(pool.submit(_get, shard, name) for name in islice(rest, 1))
                yield segment
        before = segment.last


def _oldest_names(shard: Shard, before: int) -> deque[int]:
    """The `before` of the oldest segments from this one on, oldest first; few are held at once."""
    names: deque[int] = deque(maxlen=HELD_NAMES)
    for name in _list(_folder(shard)):
        if name < before:
            break
        names.append(name)
    names.reverse()
    return names


def record_at(position: Position) -> tuple[Record, int] | None:
    """The record at the position and the shard's clock there; None where there is none."""
    start = _name(position.shard, position.sequence - 1)
    page = _call(
        "list_objects_v2", Prefix=_folder(position.shard), StartAfter=start[:-1], MaxKeys=1
    )
    for entry in page.get("Contents", ()):
        segment = _get(position.shard, _before(entry["Key"]))
        return next(
            (found for found in with_clock(segment) if found[0].sequence == position.sequence), None
        )
    return None


def with_clock(segment: Segment) -> Iterator[tuple[Record, int]]:
    """Each record with the shard's clock at it: the running maximum, its own arrival included."""
    clock = segment.clock
    for record in segment.records:
        clock = max(clock, record.arrival)
        yield record, clock


def _folder(shard: Shard) -> str:
    return f"segments/{shard}/"


def _name(shard: Shard, before: int) -> str:
    return f"{_folder(shard)}{MAX - before:056d}{ENDING}"


def _before(name: str) -> int:
    return MAX - int(name.rpartition("/")[2].removesuffix(ENDING))


def _list(folder: str, most: int | None = None) -> Iterator[int]:
    """The `before` of the segments in the folder, newest first."""
    asked = most or 10
    more: dict[str, str] = {}
    while True:
        page = _call("list_objects_v2", Prefix=folder, MaxKeys=asked, **more)
        yield from (_before(entry["Key"]) for entry in page.get("Contents", ()))
        if most or not page.get("IsTruncated"):
            return
        asked = 1000
        more = {"ContinuationToken": page["NextContinuationToken"]}


def _folders(prefix: str) -> Iterator[str]:
    more: dict[str, str] = {}
    while True:
        page = _call("list_objects_v2", Prefix=prefix, Delimiter="/", **more)
        yield from (entry["Prefix"] for entry in page.get("CommonPrefixes", ()))
        if not page.get("IsTruncated"):
            return
        more = {"ContinuationToken": page["NextContinuationToken"]}


def _put(segment: Segment) -> bool:
    """Whether this segment is now the one under its name; False when another's is."""
    name, body = _name(segment.shard, segment.before), encode(segment)
    for _ in range(5):
        try:
            config.client("s3").put_object(Bucket=_bucket(), Key=name, Body=body, IfNoneMatch="*")
        except ClientError as error:
            status = error.response["ResponseMetadata"]["HTTPStatusCode"]
            if status == 412:
                return False
            if status != 409:  # 409: another put is under way, ask again
                raise CloudFailure(f"s3 put_object: {error}") from error
        except BotoCoreError as error:
            raise CloudFailure(f"s3 put_object: {error}") from error
        else:
            return True
    raise CloudFailure(f"s3 put_object: {name} stays contended")


def _get(shard: Shard, before: int) -> Segment:
    answer = _call("get_object", Key=_name(shard, before))
    try:
        return decode(answer["Body"].read())
    except BotoCoreError as error:
        raise CloudFailure(f"s3 get_object: {error}") from error


def _call(operation: str, **request: Any) -> dict[str, Any]:
    try:
        answer: dict[str, Any] = getattr(config.client("s3"), operation)(
            Bucket=_bucket(), **request
        )
    except (ClientError, BotoCoreError) as error:
        raise CloudFailure(f"s3 {operation}: {error}") from error
    return answer


def _bucket() -> str:
    return config.settings().archive_bucket


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
    }


def _line(record: Record) -> list[Any]:
    data: Any = {"raw": base64.b64encode(record.data).decode()}
    if record.data.isascii():
        data = record.data.decode("ascii")
    return [str(record.sequence), record.arrival, record.key, data]


def decode(body: bytes) -> Segment:
    """The segment that `encode` made.

    Raises ValueError when it is damaged, or larger than any segment that was ever put.
    """
    inflate = zlib.decompressobj(wbits=31)
    text = inflate.decompress(body, INFLATED)
    if not inflate.eof:
        raise ValueError("a segment is cut short, or inflates to more than 64 MiB")
    manifest, *lines = (json.loads(line) for line in text.splitlines())
    previous = manifest["previous"]
    return Segment(
        shard=Shard(manifest["stream"], manifest["shard"]),
        before=int(manifest["before"]),
        records=tuple(map(_record, lines)),
        previous=None if previous is None else int(previous),
        clock=manifest["clock"],
        parents=tuple(manifest["parents"]),
    )


def _record(line: list[Any]) -> Record:
    sequence, arrival, key, data = line
    raw = base64.b64decode(data["raw"]) if isinstance(data, dict) else data.encode("ascii")
    return Record(int(sequence), arrival, key, raw)
