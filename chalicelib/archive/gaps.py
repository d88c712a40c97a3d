"""What shows that nothing expired from the stream unread, and where nothing shows it.

    seen/<stream>                          until when all that arrived was archived, shard by shard
    gaps/<stream>/<shard>/<MAX - before>   after this record some may have expired unread

The first is memory, and overwritten: by what is as true, whoever comes last. A gap is put once.
The segment that follows it says it too, in its manifest: so the tree covers what was lost.

Raises CloudFailure.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from chalicelib import telemetry
from chalicelib.archive import objects
from chalicelib.archive.segment import Gap, gap_of, told_gap
from chalicelib.events import Shard

DIGITS = 56
MAX: int = 10**DIGITS - 1
HOUR_MS = 3_600_000
# What a stream keeps for the shortest time that AWS allows, less an hour.
QUIET_MS = 23 * HOUR_MS
Keeps = Callable[[str], int]


@dataclass(frozen=True, slots=True)
class Seen:
    """When the stream was `looked` at last; until when all that arrived in a shard was archived.

    It is None of one that is closed and was read to its end.
    """

    looked: int
    until: Mapping[Shard, int | None]


def now() -> int:
    """The time, in ms."""
    return time.time_ns() // 1_000_000


def seen(stream: str) -> Seen | None:
    """What is remembered of the stream; None where nothing is, or nothing that can be read."""
    body = objects.find(f"seen/{stream}")
    if body is None:
        return None
    try:
        return _seen(stream, json.loads(body))
    except (LookupError, TypeError, AttributeError, ValueError) as flaw:
        telemetry.say("seen-damaged", stream=stream, reason=repr(flaw))
        return None


def _seen(stream: str, said: Any) -> Seen:
    until = {Shard(stream, shard): ms and int(ms) for shard, ms in said["until"].items()}
    return Seen(int(said["looked"]), until)


def see(stream: str, found: Seen) -> None:
    """Remember this of the stream."""
    until = {shard.id: ms for shard, ms in found.until.items()}
    said = {"v": 1, "looked": found.looked, "until": until}
    objects.overwrite(f"seen/{stream}", json.dumps(said, separators=(",", ":")).encode() + b"\n")


def put(shard: Shard, before: int, gap: Gap) -> bool:
    """Whether this is the gap after the record; False where one was put there before."""
    body = json.dumps({"v": 1, **told_gap(gap)}).encode() + b"\n"
    if not objects.put(_name(shard, before), body):
        return False
    telemetry.say("gap", shard=str(shard), after=str(before), since=gap.since, found=gap.found)
    return True


def after(shard: Shard, before: int, clock: int, keeps: Keeps) -> Gap | None:
    """The gap between the shard's last record and one that is to follow now, if there is one.

    It was put; or it is found and put here, by a consumer that comes back before the sweep does.
    There is none where what came last, at `clock`, came lately: then nothing is asked.
    """
    if now() - clock < QUIET_MS:
        return None
    name = _name(shard, before)
    return _read(name) or _found(shard, before, clock, keeps)


def _read(name: str) -> Gap | None:
    body = objects.find(name)
    try:
        return None if body is None else _gap(body)
    except ValueError as flaw:  # the shard does not stand still for it; doctor and audit tell it
        telemetry.say("gap-damaged", name=name, reason=str(flaw))
        return None


def _found(shard: Shard, before: int, clock: int, keeps: Keeps) -> Gap | None:
    """What nobody has told yet: all that is known is older than what the stream still has."""
    memory, at = seen(shard.stream), now()
    until = None if memory is None else memory.until.get(shard, memory.looked)
    if until is None or at - max(until, clock) <= max(QUIET_MS, keeps(shard.stream)):
        return None
    gap = Gap(max(until, clock), at)
    return gap if put(shard, before, gap) else _read(_name(shard, before))


def every() -> Iterator[tuple[Shard, int, Gap]]:
    """Each gap that was put: the shard, the `before`, and the gap. Raises ValueError."""
    for stream in objects.folders("gaps/"):
        for folder in objects.folders(stream):
            shard = Shard(*folder.rstrip("/").split("/")[1:])
            for name in objects.names(folder):
                yield shard, MAX - int(name.rpartition("/")[2]), _gap(objects.body(name))


def _gap(body: bytes) -> Gap:
    """Raises ValueError for what is none."""
    try:
        return gap_of(json.loads(body))
    except (LookupError, TypeError) as flaw:
        raise ValueError(f"not a gap: {flaw!r}") from flaw


def _name(shard: Shard, before: int) -> str:
    return f"gaps/{shard}/{MAX - before:0{DIGITS}d}"
