"""The archive: the log's long memory, in write-once segments. The only room that knows its layout.

    segments/<stream>/<shard>/<MAX - before>.jsonl.gz        `before`: the sequence just before it

Names run newest first. A segment is put with If-None-Match and only under a `before` that is zero
or the last record of a segment just read or written: so the chain of a shard cannot fork,
whatever races. Nothing is ever changed or deleted.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from chalicelib import config
from chalicelib.archive.segment import EMPTY, Segment, Tail, decode, encode, with_clock
from chalicelib.errors import Behind, CloudFailure
from chalicelib.events import Batch, Position, Record, Shard

__all__ = [
    "EMPTY",
    "Segment",
    "Tail",
    "append",
    "decode",
    "encode",
    "get",
    "head",
    "names_at",
    "read_after",
    "record_at",
    "segment_at",
    "shards",
    "tail",
    "with_clock",
]

MAX = 10**56 - 1
ENDING = ".jsonl.gz"
PREFETCH = 8
HELD_NAMES = 20_000


Ancestors = Callable[[Shard], Iterable[Shard]]
_tails: dict[Shard, Tail] = {}


def append(batch: Batch, ancestors: Ancestors) -> list[Segment]:
    """The segments that now hold the batch's records, but for those archived before it came.

    Raises CloudFailure; then it is not known what was put, and the same batch may come again.
    Raises Behind where the archive's end is damaged: nothing can be put after it.
    """
    tail, segments, records = _known_tail(batch.shard), [], batch.records
    while records := tuple(record for record in records if record.sequence > tail.last):
        segment = _next(batch.shard, tail, records, ancestors)
        segments.append(segment if _put(segment) else get(batch.shard, tail.last))
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
    """The nearest ancestors that have segments; one behind another is reached through it.

    A shard that has none comes after the stream before its own, if there was one.
    """
    found: list[tuple[Shard, Tail]] = []
    passed: set[Shard] = set()
    for ancestor in ancestors(shard):
        if ancestor not in passed and (end := tail(ancestor)) != EMPTY:
            found.append((ancestor, end))
            passed.update(ancestors(ancestor))
    return found or [(last, tail(last)) for last in _ends_before(shard.stream)]


def _ends_before(stream: str) -> list[Shard]:
    """The shards with which the stream before this one ended: those that are nobody's parents."""
    older = [shard for shard in shards() if _age(shard.stream) < _age(stream)]
    last = [shard for shard in older if shard.stream == older[-1].stream]
    passed = {parent for shard in last for parent in get(shard, 0).parents}
    return [shard for shard in last if str(shard) not in passed]


def _age(stream: str) -> tuple[str, int]:
    """Streams in the order of their numbers: `tillstream-<stage>-<n>`."""
    name, _, number = stream.rpartition("-")
    return (name, int(number)) if number.isdecimal() else (stream, 0)


def tail(shard: Shard) -> Tail:
    """The end of the shard's archive as S3 has it now: one LIST, and one GET if there is any."""
    newest = head(shard)
    return EMPTY if newest is None else get(shard, newest).tail


def head(shard: Shard) -> int | None:
    """The `before` of the shard's newest segment; None while it has none."""
    names = _list(_folder(shard), most=1)
    return next(names, None)


def shards() -> list[Shard]:
    """Every shard the archive knows, older streams first."""
    found = [
        Shard(*folder.rstrip("/").split("/")[1:])
        for stream in _folders("segments/")
        for folder in _folders(stream)
    ]
    return sorted(found, key=lambda shard: (_age(shard.stream), shard.id))


def read_after(shard: Shard, before: int) -> Iterator[Segment]:
    """The shard's segments from the one named `before` on, oldest first, prefetched.

    Raises Behind where a segment is gone or damaged: what follows must not be read as if the
    chain were whole.
    """
    while names := _oldest_names(shard, before):
        with ThreadPoolExecutor(PREFETCH) as pool:
            ahead = deque(pool.submit(get, shard, name) for name in islice(names, PREFETCH))
            rest = iter(list(islice(names, PREFETCH, None)))
            while ahead:
                segment = ahead.popleft().result()
                ahead.extend(pool.submit(get, shard, name) for name in islice(rest, 1))
                if segment.before != before:
                    raise Behind(f"the archive of {shard} has lost the segment after {before}")
                before = segment.last
                yield segment


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
    segment = segment_at(position)
    found = () if segment is None else with_clock(segment)
    return next((each for each in found if each[0].sequence == position.sequence), None)


def segment_at(position: Position) -> Segment | None:
    """The segment that holds the position, if the archive has come so far."""
    for before in names_at(position, 1):
        return get(position.shard, before)
    return None


def names_at(position: Position, most: int) -> list[int]:
    """The `before` of the segment that holds the position and of those before it, newest first."""
    start = _name(position.shard, position.sequence - 1)
    page = _call(
        "list_objects_v2", Prefix=_folder(position.shard), StartAfter=start[:-1], MaxKeys=most
    )
    return [_before(entry["Key"]) for entry in page.get("Contents", ())]


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


def get(shard: Shard, before: int) -> Segment:
    """One segment, by its `before`. Raises Behind where it is damaged."""
    answer = _call("get_object", Key=_name(shard, before))
    try:
        return decode(answer["Body"].read())
    except BotoCoreError as error:
        raise CloudFailure(f"s3 get_object: {error}") from error
    except ValueError as flaw:
        raise Behind(f"the archive of {shard} is damaged after {before}: {flaw}") from flaw


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
