"""Effects: what a subject owes to the world is done here, and the outcome is appended.

A poke says where to look, the subject's row what is owed. Nothing is done unless the table is level
with the archive, nor where `done/` has the outcome already, nor by two at once (`lease`). What came
of it is kept in `done/` and then said, under an id of the to-do's own: it counts once, whoever says
it, and however often. Six attempts, further and further apart; then it is given up, and an event
says that: it stays owed, and what it turns out to have come to still counts. Whoever is poked of it
then tries it as often as its lease has it begin anew (`ops retry`). What has nothing to do yet is
left alone, and no attempt is counted. The table of kinds is last.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from itertools import islice
from typing import Any

from chalicelib import checkpoint, config, store, telemetry
from chalicelib import work as queue
from chalicelib.checkpoint import Level
from chalicelib.decisions import DECIDERS
from chalicelib.decisions.customer import DESTROY_KEY
from chalicelib.decisions.desk import FETCH, MESSAGE, OFFER, TIME_OUT
from chalicelib.decisions.product import SEND_TO_DESK, TELL_DESK
from chalicelib.decisions.todo import kind_of, owed_by
from chalicelib.errors import CatchingUp, CloudFailure, TryAgain, Waits
from chalicelib.events import FACTS, Outcome
from chalicelib.register import READY
from chalicelib.subjects import subject_key, subject_of
from chalicelib.todos import (
    charge,
    courier,
    destroy_key,
    done,
    expire,
    fetch,
    lease,
    maker,
    message,
    notify,
    offer,
    refund,
    saying,
    send_to_desk,
    tell_desk,
    time_out,
)
from chalicelib.todos.kind import Kind, Owed
from chalicelib.todos.lease import Lease
from chalicelib.views import todos as view
from chalicelib.work import Poke

__all__ = ["KINDS", "Kind", "Owed", "room", "settle", "sweep", "wait_s", "work"]

ATTEMPTS = 6
PAUSES_S = (2, 10, 60, 300, 900)
LEVEL_S = 2.0
BEHIND_S = 10
FORGOTTEN_S = 60
SWEEP_S = 20.0
# The queue is no list: what waits in it is poked again each minute. So many are soon dropped where
# they are done already, and what is ordered meanwhile does not wait behind thousands.
MOST_POKES = 100


def work(invocation: Mapping[str, Any]) -> None:
    """One poke: what is owed is done, if it still is.

    Raises CloudFailure; the same poke then comes again.
    """
    poke = queue.decode(invocation)
    if poke is None:
        telemetry.say("no-poke")
    elif room(kind_of(poke.todo)) == 0:
        telemetry.say("todo-waits", todo=poke.todo, reason="there is no room for it")
    elif (level := checkpoint.level(LEVEL_S)) is None:
        telemetry.say("todo-waits", todo=poke.todo, reason="the table is not level")
        queue.poke([poke], BEHIND_S)
    elif (owed := _owed(level, poke)) is not None:
        _settle(owed)


def settle(todo: str, subject: str, outcome: Outcome) -> bool:
    """Say what somebody else has found that a to-do came to; whether it was open.

    Raises CatchingUp where the table is not level, CloudFailure.
    """
    level = checkpoint.level(LEVEL_S)
    if level is None:
        raise CatchingUp("what is owed is not known yet; please tell it again")
    owed = _owed(level, Poke(todo, subject))
    if owed is not None:
        _append(owed, done.put(outcome))
    return owed is not None


def sweep() -> None:
    """Poke what has been open for a minute, or whose time is out, and nobody is at.

    The oldest `MOST_POKES` of each kind, or as many as there is room for; only where all is level,
    and in 20 s. Raises CloudFailure.
    """
    until, level = time.monotonic() + SWEEP_S, checkpoint.level()
    if level is None or not level.has(view.VIEW.reading):
        telemetry.say("todos-wait", reason="the table is not level")
        return
    pokes = [
        poke
        for kind in KINDS
        for poke in islice(_forgotten(kind, level, until), min(room(kind), MOST_POKES))
    ]
    queue.poke(pokes)
    if pokes:
        telemetry.say("todos-poked", todos=len(pokes))


def _forgotten(kind: str, level: Level, until: float) -> Iterator[Poke]:
    """The oldest first; of those who stand still for all views no row says what is owed."""
    parked, now = level.parked, lease.now()
    for rows in view.listed(view.open_list(kind)):
        aged = [row for row in rows if _is_due(kind, row.body["since"], now)]
        held = lease.read(map(view.id_of, aged))
        for row in aged:
            todo = view.id_of(row)
            if not lease.is_held(held.get(todo)) and row.key.sk not in parked:
                yield Poke(todo, row.key.sk)
        is_last = rows and not _is_due(kind, rows[-1].body["since"], now)
        if is_last or time.monotonic() > until:
            return


def _is_due(kind: str, since: int, now: int) -> bool:
    """Whether its time is out, where it has one; else whether nobody has done it for a minute."""
    return now - since > (wait_s(kind) if kind in WAITS else FORGOTTEN_S) * 1000


def _owed(level: Level, poke: Poke) -> Owed | None:
    """The to-do with its subject as it is in this very table; None if it is not to be done now."""
    decider = DECIDERS.get(poke.subject.partition("/")[0])
    if decider is None or poke.subject in level.parked:
        return None
    ready, row = store.snapshot(READY, subject_key(decider, poke.subject))
    if not level.is_of(ready):
        telemetry.say("todo-waits", todo=poke.todo, reason="the table was emptied")
        return None
    state = subject_of(decider, row).state
    todo = owed_by(state).get(poke.todo)
    if todo is None or lease.now() - todo.since < wait_s(todo.kind) * 1000:
        return None
    if todo.kind not in KINDS:
        telemetry.say("no-kind", todo=poke.todo)
        return None
    return Owed(poke.todo, poke.subject, poke.subject.partition("/")[2], state, todo)


def _settle(owed: Owed) -> None:
    """Append what the to-do came to: what is kept in `done/`, or what it comes to now."""
    if (known := done.read(owed.id)) is not None:
        _append(owed, known)
    elif (mine := lease.take(owed.id)) is not None:
        attempt = replace(owed, attempt=mine.attempt)
        if (outcome := _attempted(attempt, mine)) is not None:
            _append(attempt, done.put(outcome))


def _attempted(owed: Owed, mine: Lease) -> Outcome | None:
    """What the attempt came to; None where there is to be another.

    Raises whatever a faulty kind raises: its lease then lapses by itself.
    """
    if owed.attempt > ATTEMPTS:
        _give_up(owed)
        return None
    try:
        return KINDS[owed.todo.kind](owed)
    except Waits as reason:
        lease.give_back(mine)
        telemetry.say("todo-waits", todo=owed.id, reason=str(reason))
        return None
    except (TryAgain, CloudFailure) as failure:
        last = owed.attempt == ATTEMPTS
        telemetry.say("todo-failed", **_told(owed), error=_named(failure), last=last)
    if last:
        _give_up(owed)
        return None
    pause = PAUSES_S[owed.attempt - 1]
    lease.lapse(mine, pause - 1)
    queue.poke([Poke(owed.id, owed.subject)], pause)
    return None


def _give_up(owed: Owed) -> None:
    """Say that somebody must look at it, unless the log has it: it is owed, so nothing is kept."""
    telemetry.say("todo-given-up", **_told(owed), again=owed.todo.given_up)
    if owed.todo.given_up:
        return
    fact = FACTS[f"tillstream.{owed.subject.partition('/')[0]}.given-up.v1"]
    outcome = fact.model_validate({"todo": owed.id, "attempts": ATTEMPTS})
    assert isinstance(outcome, Outcome)
    saying.say(owed.id, outcome, owed.subject, "given-up")


def _append(owed: Owed, outcome: Outcome) -> None:
    """What it came to, as an event. Raises CloudFailure."""
    saying.say(owed.id, outcome, owed.subject, "outcome")
    telemetry.say("todo-done", **_told(owed), outcome=outcome.type, after_ms=_since(owed))


def _told(owed: Owed) -> dict[str, Any]:
    """What an operator may know of it."""
    return {"todo": owed.id, "subject": owed.subject, "attempt": owed.attempt}


def _named(failure: Exception) -> str:
    """What went wrong, by name alone: what providers say may name people."""
    return " from ".join(type(each).__name__ for each in (failure, failure.__cause__) if each)


def _since(owed: Owed) -> int:
    return lease.now() - owed.todo.since


def wait_s(kind: str) -> int:
    """How long a to-do of the kind is left alone."""
    return WAITS[kind]() if kind in WAITS else 0


def room(kind: str) -> int:
    """How many to-dos of the kind could be done now, at most. Raises CloudFailure."""
    return ROOM[kind]() if kind in ROOM else sys.maxsize


# How long a to-do is left alone, where the clock settles it.
WAITS: Mapping[str, Callable[[], int]] = {
    "expire": lambda: config.settings().card_wait_s,
    TIME_OUT: lambda: config.settings().photo_wait_s,
}

# What waits for another subject is not poked in vain, however much of it there is.
ROOM: Mapping[str, Callable[[], int]] = {SEND_TO_DESK: send_to_desk.room, OFFER: offer.room}

KINDS: Mapping[str, Kind] = {
    "charge": charge.do,
    "expire": expire.do,
    "notify": notify.do,
    "mail-maker": maker.do,
    "courier": courier.do,
    DESTROY_KEY: destroy_key.do,
    "refund": refund.do,
    SEND_TO_DESK: send_to_desk.do,
    TELL_DESK: tell_desk.do,
    OFFER: offer.do,
    TIME_OUT: time_out.do,
    FETCH: fetch.do,
    MESSAGE: message.do,
}
