"""The archive: the log's long memory, in write-once segments. The only room that knows its layout.

    segments/<stream>/<shard>/<MAX - before>.jsonl.gz        `before`: the sequence just before it

Names run newest first. A segment is put with If-None-Match and only under a `before` that is zero
or the last record of a segment just read or written: so the chain of a shard cannot fork,
whatever races. No segment is ever changed or deleted. `gaps` says where some may be missing.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from itertools import islice

from chalicelib import telemetry
from chalicelib.archive import gaps, objects
from chalicelib.archive.gaps import DIGITS, MAX, Keeps
from chalicelib.archive.segment import EMPTY, Gap, Segment, Tail, decode, encode, with_clock
from chalicelib.errors import AnotherStream, Behind
from chalicelib.events import Batch, Position, Record, Shard

__all__ = [
    "EMPTY",
    "MAX",
    "Gap",
    "Segment",
    "Tail",
    "append",
    "decode",
    "encode",
    "get",
    "head",
    "name_of",
    "names_after",
    "names_at",
    "read_after",
    "read_listed",
    "record_at",
    "segment_at",
    "shards",
    "stored",
    "tail",
    "with_clock",
]

ENDING = ".jsonl.gz"
PREFETCH = 8
HELD_NAMES = 20_000
Ancestors = Callable[[Shard], Iterable[Shard]]
Listing = Callable[[str], Mapping[Shard, int]]
_tails: dict[Shard, Tail] = {}


def _no_stream(_: str) -> Mapping[Shard, int]:
    """What is put here comes from no stream that could be asked."""
    return {}


def _for_good(_: str) -> int:
    """And expires from none."""
    return MAX


def append(
    batch: Batch,
    ancestors: Ancestors,
    listing: Listing = _no_stream,
    keeps: Keeps = _for_good,
) -> list[Segment]:
    """The segments that now hold the batch's records, but for those archived before it came.

    `ancestors` are the shards that one came from by split or merge, nearest first; `listing` says
    of each shard of the stream at which number it begins, `keeps` for how long (ms) it keeps a
    record.

    Raises CloudFailure; then it is not known what was put, and the same batch may come again.
    Raises Behind where the archive's end is damaged: nothing can be put after it.
    """
    tail, segments, records = _known_tail(batch.shard, listing), [], batch.records
    while records := tuple(record for record in records if record.sequence > tail.last):
        parents = _parents_of(batch.shard, ancestors, listing) if tail == EMPTY else {}
        segment = _next(batch.shard, tail, records, parents, keeps)
        segments.append(segment if _put(segment) else get(batch.shard, tail.last))
        tail = _tails[batch.shard] = segments[-1].tail
    return segments


def _known_tail(shard: Shard, listing: Listing) -> Tail:
    """The end of the shard's archive; who asks for the first time asks whose archive it is."""
    if shard not in _tails:
        found = tail(shard)
        if found != EMPTY:
            _refuse_another(shard, found, listing(shard.stream))
        _tails[shard] = found
    return _tails[shard]


def _refuse_another(shard: Shard, end: Tail, listed: Mapping[Shard, int]) -> None:
    """A shard that begins past the end of its archive was made after it, under an old name."""
    begins = listed.get(shard, 0)
    if begins > end.last:
        telemetry.say("another-stream", shard=str(shard), begins=begins, archived=end.last)
        raise AnotherStream(
            f"{shard} begins after the end of its archive: its stream was made anew under an old "
            "name. Nothing of it is read; a new stream needs the next number"
        )


def _next(
    shard: Shard,
    tail: Tail,
    records: tuple[Record, ...],
    parents: Mapping[Shard, Tail],
    keeps: Keeps,
) -> Segment:
    clock = max((found.clock for found in parents.values()), default=tail.clock)
    named, gap = tuple(map(str, parents)), gaps.after(shard, tail.last, clock, keeps)
    return Segment(shard, tail.last, records, tail.previous, clock, named, gap)


def _parents_of(shard: Shard, ancestors: Ancestors, listing: Listing) -> dict[Shard, Tail]:
    """The nearest ancestors that have segments; one behind another is reached through it.

    What is behind another the archive says: the stream forgets who was closed long ago. A shard
    without such ancestors, or with an empty one that is forgotten, comes after all that ended
    before it.
    """
    found: dict[Shard, Tail] = {}
    passed: set[Shard] = set()
    empty: set[Shard] = set()
    for ancestor in ancestors(shard):
        if ancestor in passed:
            passed |= _parents(ancestor)
        elif (end := tail(ancestor)) != EMPTY:
            found[ancestor] = end
            passed |= _parents(ancestor)
        else:
            empty.add(ancestor)
    if not found or (empty and not empty <= listing(shard.stream).keys()):
        ends = _ends_before(shard, listing)
        found |= {end: tail(end) for end in ends if end not in passed}
    return found


def _ends_before(shard: Shard, listing: Listing) -> list[Shard]:
    """The shards that ended before this one began, but for those that are anybody's parents.

    Those are what its own stream no longer lists, for they were closed a retention ago, and if
    there are none the shards with which the stream before it ended.
    """
    known = shards()
    same = [each for each in known if each.stream == shard.stream]
    listed = listing(shard.stream) if same else {}
    for witness in [each for each in same if each in listed][:1]:
        _refuse_another(witness, tail(witness), listed)
    older = [each for each in known if _age(each.stream) < _age(shard.stream)]
    older += [each for each in same if listed and each not in listed]
    last = [each for each in older if each.stream == older[-1].stream]
    passed = {parent for each in last for parent in _parents(each)}
    return [each for each in last if each not in passed]


def _parents(shard: Shard) -> set[Shard]:
    """The parents that the shard's archive names."""
    return set(map(Shard.parse, get(shard, 0).parents))


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
        for stream in objects.folders("segments/")
        for folder in objects.folders(stream)
    ]
    return sorted(found, key=lambda shard: (_age(shard.stream), shard.id))


def read_after(shard: Shard, before: int) -> Iterator[Segment]:
    """The shard's segments from the one named `before` on, oldest first, prefetched.

    Raises Behind where a segment is gone or damaged: what follows must not be read as if the
    chain were whole.
    """
    while names := _oldest_names(shard, before):
        for segment in _in_turn(shard, before, names):
            before = segment.last
            yield segment


def read_listed(shard: Shard, before: int) -> Iterator[Segment]:
    """The same, as far as they are there now: it ends, however fast others come."""
    yield from _in_turn(shard, before, _oldest_names(shard, before))


def _in_turn(shard: Shard, before: int, names: deque[int]) -> Iterator[Segment]:
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


def names_after(shard: Shard, before: int, most: int) -> list[int]:
    """The `before` of the shard's segments from this one on, oldest first."""
    return list(islice(_oldest_names(shard, before), most))


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
    start = name_of(position.shard, position.sequence - 1)
    page = objects.call(
        "list_objects_v2", Prefix=_folder(position.shard), StartAfter=start[:-1], MaxKeys=most
    )
    return [_before(entry["Key"]) for entry in page.get("Contents", ())]


def _folder(shard: Shard) -> str:
    return f"segments/{shard}/"


def name_of(shard: Shard, before: int) -> str:
    """What the segment of the shard after this sequence is called."""
    return f"{_folder(shard)}{MAX - before:0{DIGITS}d}{ENDING}"


def _before(name: str) -> int:
    """Raises Behind where it is no segment's name: nobody knows what else is not as it was."""
    number = name.rpartition("/")[2].removesuffix(ENDING)
    if not (number.isdecimal() and len(number) == DIGITS):
        raise Behind(f"{name} lies among the segments and is none: take it away")
    return MAX - int(number)


def _list(folder: str, most: int | None = None) -> Iterator[int]:
    """The `before` of the segments in the folder, newest first."""
    asked = most or 10
    more: dict[str, str] = {}
    while True:
        page = objects.call("list_objects_v2", Prefix=folder, MaxKeys=asked, **more)
        yield from (_before(entry["Key"]) for entry in page.get("Contents", ()))
        if most or not page.get("IsTruncated"):
            return
        asked = 1000
        more = {"ContinuationToken": page["NextContinuationToken"]}


def _put(segment: Segment) -> bool:
    """Whether this segment is now the one under its name; False when another's is."""
    return objects.put(name_of(segment.shard, segment.before), encode(segment))


def get(shard: Shard, before: int) -> Segment:
    """One segment, by its `before`. Raises Behind where it is damaged."""
    try:
        found = decode(stored(shard, before))
    except ValueError as flaw:
        raise Behind(f"the archive of {shard} is damaged after {before}: {flaw}") from flaw
    if (found.shard, found.before) != (shard, before):
        raise Behind(f"the archive of {shard} is damaged after {before}: it holds another segment")
    return found


def stored(shard: Shard, before: int) -> bytes:
    """One segment's object, as it lies there. Raises ValueError where that is not what was put."""
    return objects.body(name_of(shard, before))
