"""A batch of events on its way to the log, with as few reads and calls as there can be.

- Rows are read a hundred at a time, before anything is appended.
- No call to the log has two events of a subject, since a call promises no order. The next event of
  a subject is decided on the state that those before it lead to.
- What Kinesis does not take is 503, and so is all that follows it of its subject: sent again, the
  events of a subject are recorded in their order. So is what there is no time left for.
- An event told twice is one event: both have the same answer.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from chalicelib import door, http, log, read, store
from chalicelib.decisions import DECIDERS, Decider
from chalicelib.decisions.subject import Ignored
from chalicelib.errors import CloudFailure, Problem, Throttled
from chalicelib.events import Envelope, Position
from chalicelib.events import read as event_of
from chalicelib.http import Refusal, Request
from chalicelib.projector.rows import id_key
from chalicelib.signing import keys, seal
from chalicelib.store import Key, Row
from chalicelib.subjects import subject_key, subject_of
from chalicelib.writer.said import Said

MOST_S = 20.0  # API Gateway waits 29 s


class Taken(door.Recorded):
    """One of them that is recorded."""

    status: Literal[202]


Answers = dict[int, Taken | Refusal]


def answers(request: Request, read_as: Sequence[Said | Problem]) -> list[Taken | Refusal]:
    """What each event comes to, in their order: recorded, or the problem with it.

    Raises CatchingUp, NotYet, and CloudFailure before anything is appended.
    """
    given: Answers = {at: _no(one) for at, one in enumerate(read_as) if isinstance(one, Problem)}
    told = {at: one for at, one in enumerate(read_as) if isinstance(one, Said)}
    twins = _twins(told, given)
    fresh = {at: one for at, one in told.items() if at not in given and at not in twins}
    lines = _lines(fresh, _rows(request, fresh.values()), given)
    _say(lines, given)
    return [given[twins.get(at, at)] for at in range(len(read_as))]


def _twins(told: dict[int, Said], given: Answers) -> dict[int, int]:
    """Where an event was told before in this batch; another one under its name is refused."""
    first: dict[str, int] = {}
    twins = {}
    for at, said in told.items():
        if said.once is None or (before := first.setdefault(said.once.id, at)) == at:
            continue
        if told[before].once == said.once:
            twins[at] = before
        else:
            given[at] = _no(said.once.reused())
    return twins


def _rows(request: Request, told: Iterable[Said]) -> dict[Key, Row]:
    """The rows of their subjects, and then of their ids: an id that is known is not decided on."""
    subjects = {subject_key(DECIDERS[said.parts[0]], said.subject) for said in told}
    ids = {id_key(said.once.id, said.subject) for said in told if said.once is not None}
    return read.whole(request, lambda: store.read([*subjects]) | store.read([*ids]))


@dataclass(slots=True)
class Line:
    """What is still to be said of one subject, in order, and what it is decided on."""

    subject: str
    decider: Decider
    state: Any
    version: int
    waiting: deque[tuple[int, Said]] = field(default_factory=deque)

    def first(self, given: Answers) -> Envelope | None:
        """The next event that the decider does not refuse; those before it have their answer."""
        while self.waiting:
            at, said = self.waiting[0]
            try:
                fact = self.decider.decide(self.state, said.on(self.state), said.actor)
                envelope = door.envelope(fact, self.subject, said.actor, said.once)
                return envelope if said.adds is None else replace(envelope, expects=self.version)
            except CloudFailure:
                self.stop(given)
            except Problem as no:
                given[at] = _no(no)
                self.waiting.popleft()
        return None

    def go_on(self, envelope: Envelope, position: Position, given: Answers) -> None:
        """The first is on the log: the next is decided on what it leads to."""
        at, _ = self.waiting.popleft()
        given[at] = _yes(door.recorded(envelope, position))
        event = event_of(envelope, position, clock=time.time_ns() // 1_000_000)
        after = self.decider.evolve(self.state, event)
        if not isinstance(after, Ignored):
            self.version += after != self.state
            self.state = after

    def stop(self, given: Answers) -> None:
        """The first did not get onto the log, as far as is known: the rest waits for it."""
        busy = Throttled("the shop is busy: send this event again, and those after it")
        given.update((at, _no(busy)) for at, _ in self.waiting)
        self.waiting.clear()


def _lines(told: dict[int, Said], rows: dict[Key, Row], given: Answers) -> list[Line]:
    """The events subject by subject, less those that were recorded before."""
    lines: dict[str, Line] = {}
    for at, said in told.items():
        try:
            if earlier := _earlier(said, rows):
                given[at] = _yes(earlier)
                continue
        except Problem as no:
            given[at] = _no(no)
            continue
        if said.subject not in lines:
            decider = DECIDERS[said.parts[0]]
            row = rows.get(subject_key(decider, said.subject))
            known = subject_of(decider, row)
            lines[said.subject] = Line(said.subject, decider, known.state, known.version)
        lines[said.subject].waiting.append((at, said))
    return list(lines.values())


def _earlier(said: Said, rows: dict[Key, Row]) -> door.Recorded | None:
    row = rows.get(id_key(said.once.id, said.subject)) if said.once else None
    return said.once.earlier([row]) if said.once and row else None


def _say(lines: list[Line], given: Answers) -> None:
    """Round by round, the first of each line."""
    until = time.monotonic() + MOST_S
    while turn := [(line, event) for line in lines if (event := line.first(given))]:
        if time.monotonic() > until:
            for line, _ in turn:
                line.stop(given)
            return
        sealed = [(event.subject, seal(event, keys.producer())) for _, event in turn]
        for (line, event), position in zip(turn, log.append_each(sealed), strict=True):
            if position is None:
                line.stop(given)
            else:
                line.go_on(event, position, given)


def _yes(recorded: door.Recorded) -> Taken:
    return {"status": 202, **recorded}


def _no(problem: Problem) -> Refusal:
    body: Refusal = http.refusal(problem).body
    return body
