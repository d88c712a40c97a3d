"""What happened last: the newest events of all shards, each with its verdict.

Answers  GET /events

They are read from the newest segments of each shard, up to where its checkpoint stands: what is
not judged yet is not told. A call reads at most `GETS` segments; a segment never changes, so what
was read of it stays in the process, and the next call reads only what is new. The list has no
holes: where the bound ends the reading of one shard, nothing older is told of the others either.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Annotated, Any, Literal, NotRequired, Self, cast

from pydantic import Field
from typing_extensions import TypedDict

from chalicelib import archive, checkpoint, read, store, verdicts
from chalicelib.checkpoint import Checkpoint
from chalicelib.events import Position, Shard
from chalicelib.http import Request
from chalicelib.projector.rows import verdict_key
from chalicelib.read import MOST_ITEMS, Limit, Page
from chalicelib.store import Row

GETS = 32
AT_ONCE = 8
HELD = 512


class Asked(TypedDict, total=False):
    """How much is asked for. There is no cursor: what is older is in the archive."""

    limit: Limit


class Told(TypedDict):
    """One event: where it lies, when it came, and what became of it.

    Of what is not believed nothing is told but the reason, and its id where that could be read.
    """

    position: str
    arrived: Annotated[str, Field(description="When, by the log's clock.")]
    id: NotRequired[str]
    type: NotRequired[str]
    subject: NotRequired[str]
    verdict: Literal["counted", "ignored", "parked", "quarantined"]
    reason: NotRequired[str]


TOLD = Told.__annotations__.keys() - {"arrived"}


@dataclass(frozen=True, slots=True)
class Heard:
    """One record of a segment: where it lies, when it came, and what it says of itself."""

    position: Position
    clock: int
    arrival: int
    said: dict[str, Any]


@dataclass(slots=True)
class Part:
    """What is read of one shard, from its checkpoint back."""

    reached: Checkpoint
    unread: list[int]
    heard: list[Heard] = field(default_factory=list)
    down_to: float = float("inf")

    @classmethod
    def of(cls, reached: Checkpoint) -> Self:
        """The part that ends at the checkpoint; nothing of it is read yet."""
        return cls(reached, list(_names(Position(reached.shard, reached.position))))

    def read_one(self) -> None:
        """One segment more."""
        found = _end_of(self.reached.shard, self.unread.pop(0))
        self.down_to = found[0].clock
        self.heard += [each for each in found if checkpoint.passed(self.reached, each.position)]


def events(request: Request) -> Page[Told]:
    """The newest events, newest first. Raises CatchingUp, NotYet, BadRequest, Behind."""
    most = read.most(request)
    return {"items": read.whole(request, lambda: _latest(most)), "next": None}


def _latest(most: int) -> list[Told]:
    reached = {found.shard: found for found in checkpoint.newest(GETS) if found.position}
    heard = _newest(list(reached.values()), most)
    rows = store.read([verdict_key(each.position) for each in heard])
    return [
        _told(each, rows.get(verdict_key(each.position)), reached[each.position.shard])
        for each in heard
    ]


def _newest(reached: Sequence[Checkpoint], most: int) -> list[Heard]:
    """The newest of all that is judged, newest first; fewer, where the bound ends the reading.

    Each turn reads one segment more of every shard that may still hold one of them.
    """
    budget = GETS
    with ThreadPoolExecutor(AT_ONCE) as pool:
        parts = list(pool.map(Part.of, reached))
        while True:
            heard = sorted((each for part in parts for each in part.heard), key=_age, reverse=True)
            oldest = heard[most - 1].clock if len(heard) >= most else 0
            turn = [part for part in parts if part.unread and part.down_to > oldest]
            if not turn or budget <= 0:
                break
            list(pool.map(Part.read_one, turn[:budget]))
            budget -= len(turn)
    whole_from = max((part.down_to for part in turn), default=0)
    return [each for each in heard if each.clock >= whole_from][:most]


def _age(heard: Heard) -> tuple[int, Shard, int]:
    return heard.clock, heard.position.shard, heard.position.sequence


@lru_cache(HELD)
def _names(position: Position) -> tuple[int, ...]:
    """The newest segments up to the position; what follows it changes nothing of that."""
    return tuple(archive.names_at(position, GETS))


@lru_cache(HELD)
def _end_of(shard: Shard, before: int) -> tuple[Heard, ...]:
    """The last records of a segment, as many as one answer can tell."""
    found = list(archive.with_clock(archive.get(shard, before)))[-MOST_ITEMS:]
    return tuple(
        Heard(Position(shard, record.sequence), clock, record.arrival, _said(record.data))
        for record, clock in found
    )


def _said(data: bytes) -> dict[str, Any]:
    said = verdicts.payload(data)
    return {name: said[name] for name in ("id", "type", "subject") if name in said}


def _told(heard: Heard, row: Row | None, reached: Checkpoint) -> Told:
    verdict = verdicts.tell(row, reached, heard.said, heard.position)
    known = {name: value for name, value in verdict.items() if name in TOLD}
    return cast("Told", {"arrived": read.stamp(heard.arrival), **known})
