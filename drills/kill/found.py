"""What the archive and the rows say of what was acknowledged.

An event that was answered 202 must lie once at the position that the answer named, must be judged
there, and one record of it must count. The log may hold its bytes at a second place too, where the
answer to an append was lost and the append was made again: that copy must be ignored as a repeat.
"""

from __future__ import annotations

import json
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field

from chalicelib import archive, checkpoint, store
from chalicelib.events import Position
from chalicelib.projector.rows import verdict_key
from chalicelib.signing import jws
from drills.kill.load import Heard

PATIENCE_S = 120.0
LOOK_S = 0.2


@dataclass(slots=True)
class Found:
    """How many of the acknowledged are there, and a sentence for each that is not as it must be."""

    found: int = 0
    copies: int = 0
    missing: list[str] = field(default_factory=list)
    twice: list[str] = field(default_factory=list)


def find(heard: Sequence[Heard]) -> Found:
    """Compare; archive and rows are given two minutes to come as far as what was acknowledged."""
    waiting = unjudged(heard)
    return compare(heard, _records(), waiting, _uncounted)


def compare(
    heard: Iterable[Heard],
    records: Iterable[tuple[str, str]],
    waiting: AbstractSet[str],
    uncounted: Callable[[AbstractSet[str]], AbstractSet[str]],
) -> Found:
    """The same of records as (position, id), and of the positions that wait to be judged.

    `uncounted` says which positions do not count.
    """
    at: dict[str, list[str]] = defaultdict(list)
    places: dict[str, set[str]] = defaultdict(set)
    for position, event in records:
        at[position].append(event)
        places[event].add(position)
    told, result = set(heard), Found()
    for one in told:
        _look(one, at[one.position], result)
        if one.position in waiting:
            result.missing.append(f"{one.id} at {one.position} is not judged")
    events = {one.id for one in told}
    without = uncounted({place for event in events for place in places[event]})
    for event in events:
        _count(event, places[event], places[event] - without, result)
    return result


def _look(one: Heard, there: Sequence[str], result: Found) -> None:
    """Whether it lies where it was said to lie, and nothing lies there twice."""
    if one.id not in there:
        result.missing.append(f"{one.id} is not at {one.position}")
        return
    result.found += 1
    if len(there) > 1:
        result.twice.append(f"{one.position} is in the archive {len(there)} times")


def _count(event: str, places: AbstractSet[str], counted: AbstractSet[str], result: Found) -> None:
    result.copies += max(0, len(places) - 1)
    if places and not counted:
        result.missing.append(f"{event} is in the archive, and does not count")
    if len(counted) > 1:
        result.twice.append(f"{event} counts {len(counted)} times")


def unjudged(heard: Iterable[Heard]) -> set[str]:
    """The positions that are not judged when patience ends; as soon as there is none, that."""
    left = {Position.parse(one.position) for one in heard}
    until = time.monotonic() + PATIENCE_S
    while (left := _left(left)) and time.monotonic() < until:
        time.sleep(LOOK_S)
    return set(map(str, left))


def _left(positions: AbstractSet[Position]) -> set[Position]:
    """Those that the rows have not passed yet."""
    reached = {shard: checkpoint.read(shard) for shard in {each.shard for each in positions}}
    return {each for each in positions if not checkpoint.passed(reached[each.shard], each)}


def _records() -> Iterator[tuple[str, str]]:
    for shard in archive.shards():
        for segment in archive.read_after(shard, 0):
            for record in segment.records:
                payload = json.loads(jws.unbase64(record.data.split(b".")[1]))
                yield str(Position(shard, record.sequence)), payload["id"]


def _uncounted(positions: AbstractSet[str]) -> AbstractSet[str]:
    """Those of which a row says why they do not simply count."""
    keys = {verdict_key(Position.parse(position)): position for position in positions}
    return {keys[key] for key in store.read(list(keys))}
