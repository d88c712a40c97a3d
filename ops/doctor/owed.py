"""What the shop owes: to-dos that are open, and those that were given up."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from chalicelib import todos
from chalicelib.checkpoint import Checkpoint
from chalicelib.decisions.customer import DESTROY_KEY
from chalicelib.decisions.todo import owed_by
from chalicelib.events import Shard
from chalicelib.replay import Shards
from chalicelib.todos import lease
from chalicelib.views import todos as view
from ops.naive.subjects import Subject

OVERDUE_S = 3600
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


def read_open(subjects: Mapping[str, Subject]) -> list[OwedTodo]:
    """Of each kind that this code can do, or that the log says is owed; the oldest first."""
    owed = {todo.kind for each in subjects.values() for todo in owed_by(each.state).values()}
    lists = {view.open_list(kind) for kind in owed | todos.KINDS.keys()}
    found = [todo for each in lists for todo in _owed(each)]
    return sorted(found, key=lambda todo: -todo.open_s)


def read_given_up() -> list[OwedTodo]:
    """The oldest first."""
    return list(_owed(view.GIVEN_UP))


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


def in_doubt(given_up: Sequence[OwedTodo]) -> Iterator[str]:
    """What money, or what is personal, hangs on, and nobody tries any more."""
    for each in given_up:
        if each.kind in IN_DOUBT:
            yield f"{each.todo} of {each.subject} was given up: {IN_DOUBT[each.kind]}; `ops retry`"


def overdue(owed: Sequence[OwedTodo]) -> Iterator[str]:
    """What is open for an hour past its time though there is room for it: nobody does it."""
    for each in owed:
        if each.overdue_s > OVERDUE_S and todos.room(each.kind):
            yield f"{each.todo}: open for {each.overdue_s} s, and nobody does it"


def unlisted(reached: Mapping[Shard, Checkpoint]) -> Iterator[str]:
    """Where the table cannot say what is owed."""
    for shard in sorted(Shards(list(reached), reached).lacking(view.VIEW.reading)):
        yield f"{shard}: the table does not list what is owed; empty it, and it fills again"
