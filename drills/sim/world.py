"""A log in memory, judged event by event by the real deciders; and what must hold after each.

The order of what happens is the order of the clock, and within it that of asking: nothing here
depends on this machine's time.
"""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import count
from random import Random
from typing import Any

from chalicelib.decisions import DECIDERS, desk
from chalicelib.decisions.desk import Desk
from chalicelib.decisions.product import Product
from chalicelib.decisions.subject import Keyed, Subject, judge
from chalicelib.decisions.todo import Todo, owed_by
from chalicelib.events import SYSTEM, Envelope, Event, Fact, Position, Shard
from chalicelib.events.desk import Assigned

SHARD = Shard("tillstream-sim-1", "shardId-000000000000")
BEGUN_MS = 1_795_000_000_000

Opened = Callable[[str, str, Todo], None]


@dataclass
class World:
    """The subjects as their events have them; `opened` hears of each to-do that is opened."""

    chance: Random
    now: int = BEGUN_MS
    subjects: dict[str, Subject] = field(default_factory=dict)
    keyed: dict[tuple[str, str], Keyed] = field(default_factory=dict)
    verdicts: dict[tuple[str, str], str] = field(default_factory=dict)
    counted: Counter[str] = field(default_factory=Counter)
    ignored: Counter[str] = field(default_factory=Counter)
    doubles: list[str] = field(default_factory=list)
    unfair: list[str] = field(default_factory=list)
    opened: Opened = lambda *_: None
    _plan: list[tuple[int, int, Callable[[], None]]] = field(default_factory=list)
    _numbers: Any = field(default_factory=lambda: count(1))

    @property
    def desk(self) -> Desk:
        """The photo desk as it is."""
        state: Desk | None = self.state(desk.SUBJECT)
        return state or Desk()

    def state(self, subject: str) -> Any:
        """A subject as it is; None before its first event."""
        return self.subjects.get(subject, Subject()).state

    def product(self, entity: str) -> Product:
        """A product as it is."""
        return self.state(f"product/{entity}") or Product()

    def later(self, in_ms: float, act: Callable[[], None]) -> None:
        """Do this then."""
        heapq.heappush(self._plan, (self.now + int(in_ms), next(self._numbers), act))

    def run(self, until: Callable[[], bool]) -> None:
        """What is planned happens in its order, until there is nothing more, or this is so."""
        while self._plan and not until():
            at, _, act = heapq.heappop(self._plan)
            self.now = max(self.now, at)
            act()

    def say(self, fact: Fact, subject: str, actor: str = "system", key: str = "") -> str:
        """The fact as an event, judged: `counted`, or why not. One in fifty lies there twice."""
        verdict = self._judged(event := self._event(fact, subject, actor, key))
        if self.chance.random() < 0.02:
            self._judged(Event(event.envelope, event.data, self._position(), self.now))
        return verdict

    def _event(self, fact: Fact, subject: str, actor: str, key: str) -> Event:
        position = self._position()
        time = datetime.fromtimestamp(self.now / 1000, UTC).isoformat(timespec="milliseconds")
        envelope = Envelope(
            id=key or f"e{position.sequence}",
            source=SYSTEM,
            type=fact.type,
            subject=subject,
            time=time.replace("+00:00", "Z"),
            stream=SHARD.stream,
            actor=actor,
            data=fact.model_dump(mode="json", by_alias=True, exclude_none=True),
            commandhash=key or None,
        )
        return Event(envelope, fact, position, self.now)

    def _position(self) -> Position:
        return Position(SHARD, next(self._numbers))

    def _judged(self, event: Event) -> str:
        subject, place = event.subject, (event.subject, event.envelope.id)
        before = self.subjects.get(subject, Subject())
        decider = DECIDERS[subject.partition("/")[0]]
        after, doubt = judge(before, event, decider.evolve, self.keyed.get(place))
        self.subjects[subject] = after
        self._remember(place, event)
        verdict = "counted" if doubt is None else getattr(doubt, "reason", "equivocation")
        self.verdicts.setdefault(place, verdict)
        if doubt is None:
            self.counted[event.data.type] += 1
            self._tell(event, before.state, after.state)
        else:
            self.ignored[verdict] += 1
        return verdict

    def _remember(self, place: tuple[str, str], event: Event) -> None:
        known, command = self.keyed.get(place), event.envelope.commandhash
        if command and (known is None or known.lapsed(event.clock)):
            self.keyed[place] = Keyed(command, event.clock)

    def _tell(self, event: Event, before: Any, after: Any) -> None:
        """What it did at the desk is looked at, and what it opened is to be done."""
        known = owed_by(before)
        if event.subject == desk.SUBJECT:
            self._look(event, before or Desk())
        for name, todo in owed_by(after).items():
            if name not in known:
                self.opened(name, event.subject, todo)

    def _look(self, event: Event, before: Desk) -> None:
        self.doubles += doubled(self.desk)
        if isinstance(event.data, Assigned) and took(self.desk, event.data, before):
            self.unfair += passed_over(before, event.data, event.clock)


def doubled(state: Desk) -> list[str]:
    """Each product that two are asked for, or that waits while one is; a second offer, too."""
    assigned = [who.assignment.product for who in state.photographers.values() if who.assignment]
    times = Counter([*assigned, *state.waiting])
    twice = [name for name, count in times.items() if count > 1]
    offers = ["two offers are owed"] if len(state.owed(desk.OFFER)) > 1 else []
    return [f"{name} is at the desk twice" for name in twice] + offers


def took(after: Desk, said: Assigned, before: Desk) -> bool:
    """Whether the offer was made: it may have come too late for who has left."""
    then, now = (each.photographers.get(said.photographer) for each in (before, after))
    return bool(now and then and now.assignment and not then.assignment)


def passed_over(before: Desk, said: Assigned, clock: int) -> list[str]:
    """Who was free, had completed less, and might have been asked in their place."""
    there = {who: each for who, each in before.photographers.items() if each.is_there(clock)}
    let_go = before.waiting[said.product].let_go
    mine = there[said.photographer].completed
    return [
        f"{said.product} went to {said.photographer} ({mine} completed), not to {who}"
        for who, each in there.items()
        if each.assignment is None and who != let_go and each.completed < mine
    ]
