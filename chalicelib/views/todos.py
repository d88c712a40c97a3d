"""What is owed to the world: every to-do that is open or was given up, each kind the oldest first.

Answers  the sweep, which pokes what was forgotten, `ops doctor` and `ops retry`; no route
From     every event of a subject that owes: what it owed before, and what after
Rows     `<to-do>`   one that is owed, in the list `open/<kind>` or `given-up`   (owned)
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from chalicelib import store
from chalicelib.decisions import DECIDERS
from chalicelib.decisions.todo import Owing, Todo, owed_by
from chalicelib.events import FACTS, Event
from chalicelib.store import Delete, Key, Put, Query, Row, Write
from chalicelib.view import View

GIVEN_UP = "given-up"
PAGE = 100


def reduce(event: Event, before: Any, after: Any) -> Iterator[Write]:
    """The to-dos that the event settled are gone; those that it opened or gave up are there."""
    old, new = owed_by(before), owed_by(after)
    for name in old.keys() - new.keys():
        yield Delete(Key(name, event.subject))
    for name, todo in new.items():
        if todo != old.get(name):
            yield _row(name, event.subject, todo)


def _row(name: str, subject: str, todo: Todo) -> Put:
    body = {"kind": todo.kind, "subject": subject, "since": todo.since, "about": todo.about}
    listing = GIVEN_UP if todo.given_up else open_list(todo.kind), f"{todo.since:015d} {name}"
    return Put(Key(name, subject), body | {"givenUp": todo.given_up}, listing)


def open_list(kind: str) -> str:
    """The list of what is open of a kind: however much that is, no other kind waits behind it."""
    return f"open/{kind}"


def listed(which: str) -> Iterator[list[Row]]:
    """The to-dos of a list, the oldest first, a page at a time; it may trail by moments."""
    query, after = Query(VIEW.pk(which), index="listing"), None
    while True:
        rows, after = store.page(query, PAGE, after)
        yield rows
        if after is None:
            return


def find(todo: str) -> Row | None:
    """The row of a to-do that is owed."""
    rows, _ = store.page(Query(VIEW.pk(todo)), 1)
    return rows[0] if rows else None


def id_of(row: Row) -> str:
    """The to-do that a row is of."""
    return row.key.pk.partition("/")[2]


OWING = {decider.kind for decider in DECIDERS.values() if issubclass(decider.state, Owing)}
FEEDS = tuple(fact for name, fact in FACTS.items() if name.split(".")[1] in OWING)
versions = {2: reduce}
VIEW = View("todos", 2, FEEDS, versions[2])
