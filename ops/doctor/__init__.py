"""Is the shop well: what it owes, how far its rows are behind, and whether its money is right.

Not well is: money that does not add up; a to-do that is open for an hour past its time though there
is room for it, for then nobody does it; one that was given up and leaves money, or what is
personal, in doubt; a shard whose rows are five minutes behind its archive; a table that does not
list what is owed; a gap in the archive. A message that was given up, or who stands still, is told
and left to a person. How long the log itself waits to be archived is not seen from here.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import chain

from chalicelib import archive, checkpoint, register, todos
from chalicelib.checkpoint import ALL, Checkpoint
from chalicelib.decisions import DECIDERS
from chalicelib.decisions.customer import DESTROY_KEY
from chalicelib.decisions.todo import owed_by
from chalicelib.events import Shard
from chalicelib.signing import keys
from chalicelib.todos import lease
from chalicelib.views import todos as view
from ops import gaps, logs, naive
from ops import views as viewing
from ops.doctor.books import Books
from ops.query.judged import Judging

OVERDUE_S = 3600
BEHIND_S = 300
# What is not known, or not done, where a to-do of the kind was given up. A message is neither.
IN_DOUBT = {
    "charge": "whether the card was charged is not known",
    "refund": "whether the money was given back is not known",
    DESTROY_KEY: "what is personal can still be read",
}


@dataclass(frozen=True, slots=True)
class OwedTodo:
    """One to-do that is owed: for how long, which attempt was begun, and whether one is under way.

    `overdue_s` says how long it might have been done.
    """

    todo: str
    subject: str
    kind: str
    open_s: int
    overdue_s: int
    attempt: int
    leased: bool


@dataclass(frozen=True, slots=True)
class Lag:
    """How far the rows are behind the shard's archive; `seconds` is the age of what comes next."""

    shard: str
    events: int
    more: bool
    seconds: int


@dataclass(frozen=True, slots=True)
class Health:
    """What was found; `wrong` are the sentences that make it unwell."""

    orders: int
    open: list[OwedTodo]
    given_up: list[OwedTodo]
    parked: list[str]
    lags: list[Lag]
    wrong: list[str]


def examine(step: Callable[[], None] = lambda: None) -> Health:
    """Look at all of it. `step` is called after each segment that was read."""
    books = Books()
    fold = Judging(DECIDERS, (), keys.trust, hear=books.enter)
    register.read()  # so that what is read below is of the version that is read
    shards = archive.shards()
    read = logs.read(shards, step)
    for name in naive.parents_first(read):
        fold.shard(name, read[name], None)
    reached = checkpoint.all_of(shards)
    owed = sorted(chain.from_iterable(map(_owed, _open_lists(fold))), key=lambda todo: -todo.open_s)
    given_up = list(_owed(view.GIVEN_UP))
    lags = [_lag(state, reached) for state in viewing.state().shards]
    doubts = [*books.wrong(fold.subjects), *_in_doubt(given_up)]
    wrong = [*doubts, *_waiting(owed, lags), *_unlisted(reached), *gaps.told()]
    parked = sorted({name for each in reached.values() for name in each.parked.get(ALL, ())})
    return Health(len(books.accounts), owed, given_up, parked, lags, wrong)


def _open_lists(fold: Judging) -> set[str]:
    """One for each kind that this code can do, and that the log says is owed."""
    judged = fold.subjects.values()
    owed = {todo.kind for each in judged for todo in owed_by(each.state).values()}
    return {view.open_list(kind) for kind in owed | todos.KINDS.keys()}


def _owed(which: str) -> Iterator[OwedTodo]:
    """The to-dos of a list, the oldest first."""
    now = lease.now()
    for rows in view.listed(which):
        leases = lease.read(map(view.id_of, rows))
        for row in rows:
            held, open_s = leases.get(view.id_of(row)), (now - row.body["since"]) // 1000
            yield OwedTodo(
                todo=view.id_of(row),
                subject=row.key.sk,
                kind=row.body["kind"],
                open_s=open_s,
                overdue_s=max(0, open_s - todos.wait_s(row.body["kind"])),
                attempt=0 if held is None else held.attempt,
                leased=lease.is_held(held),
            )


def _lag(state: viewing.ShardState, reached: dict[Shard, Checkpoint]) -> Lag:
    shard = Shard.parse(state.shard)
    seconds = 0 if state.level else _age(shard, reached.get(shard))
    return Lag(state.shard, state.events, state.more, seconds)


def _age(shard: Shard, reached: Checkpoint | None) -> int:
    """How long ago what comes next in the shard has arrived; 0 where nothing does any more."""
    position, segment = (0, 0) if reached is None else (reached.position, reached.segment)
    for each in archive.read_after(shard, segment):
        for record in each.records:
            if record.sequence > position:
                return max(0, int(time.time()) - record.arrival // 1000)
    return 0


def _in_doubt(given_up: list[OwedTodo]) -> Iterator[str]:
    for each in given_up:
        if each.kind in IN_DOUBT:
            yield f"{each.todo} of {each.subject} was given up: {IN_DOUBT[each.kind]}; `ops retry`"


def _waiting(owed: list[OwedTodo], lags: list[Lag]) -> Iterator[str]:
    for each in owed:
        if each.overdue_s > OVERDUE_S and todos.room(each.kind):
            yield f"{each.todo}: open for {each.overdue_s} s, and nobody does it"
    for lag in lags:
        if lag.seconds > BEHIND_S:
            yield f"{lag.shard}: the rows are {lag.seconds} s behind"


def _unlisted(reached: dict[Shard, Checkpoint]) -> Iterator[str]:
    for shard, found in reached.items():
        if view.VIEW.reading not in found.views:
            yield f"{shard}: the table does not list what is owed; empty it, and it fills again"
