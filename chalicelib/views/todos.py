"""What is owed to the world: every open to-do, the oldest first.

Answers  the sweep, which pokes what was forgotten, and `ops doctor`; no route
From     every event of a subject that owes: what it owed before, and what after
Rows     `<to-do>`   one that is open, in the list `open`   (owned)
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

PAGE = 100


def reduce(event: Event, before: Any, after: Any) -> Iterator[Write]:
    """The to-dos that the event settled are gone, and those that it opened are there."""
    old, new = owed_by(before), owed_by(after)
    for name in old.keys() - new.keys():
        yield Delete(Key(name, event.subject))
    for name in new.keys() - old.keys():
        yield _row(name, event.subject, new[name])


def _row(name: str, subject: str, todo: Todo) -> Put:
    body = {"kind": todo.kind, "subject": subject, "since": todo.since, "about": todo.about}
    return Put(Key(name, subject), body, listing=("open", f"{todo.since:015d} {name}"))


def open_todos() -> Iterator[list[Row]]:
    """Every open to-do, the oldest first, a page at a time; the list may trail by moments."""
    query, after = Query(VIEW.pk("open"), index="listing"), None
    while True:
        rows, after = store.page(query, PAGE, after)
        yield rows
        if after is None:
            return


def id_of(row: Row) -> str:
    """The to-do that a row is of."""
    return row.key.pk.removeprefix(VIEW.pk(""))


OWING = {decider.kind for decider in DECIDERS.values() if issubclass(decider.state, Owing)}
FEEDS = tuple(fact for name, fact in FACTS.items() if name.split(".")[1] in OWING)
versions = {1: reduce}
VIEW = View("todos", 1, FEEDS, versions[1])
