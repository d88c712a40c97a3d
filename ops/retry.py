"""What was given up, tried again: its attempts begin anew, and the shop's worker is poked.

For when whatever failed works again. What came of it is said on the log as ever; until then the
to-do stays given up, also where it fails six times more, and no sweep makes a lost poke good: ask
again. Nobody who is at it is disturbed.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import chain
from typing import Literal

from chalicelib import register, work
from chalicelib.store import Row
from chalicelib.todos import lease
from chalicelib.views import todos as view
from chalicelib.work import Poke
from ops import behind

Did = Literal["poked", "under-way", "open", "not-owed"]
WORDS: dict[Did, str] = {
    "poked": "is tried again: `ops tail` shows what it comes to, `ops doctor` what is still owed",
    "under-way": f"is being tried, or was in the last {lease.LASTS_S // 60} minutes: ask again",
    "open": "was not given up: it is tried without being asked",
    "not-owed": "is not owed, or not any more",
}


@dataclass(frozen=True, slots=True)
class Retried:
    """One to-do, and what was done; of one that is not owed nobody knows whose it was."""

    todo: str
    subject: str | None
    kind: str | None
    did: Did


@dataclass(frozen=True, slots=True)
class Retries:
    """All that was asked for, and the shards not judged yet: what they hold is not listed."""

    todos: list[Retried]
    behind: list[str]


def retry(todos: Iterable[str]) -> Retries:
    """Try these again; only what was given up, and nobody is at. Raises CloudFailure."""
    register.read()
    late = behind.shards()
    return Retries([_retried(todo, view.find(todo)) for todo in todos], late)


def given_up() -> list[str]:
    """All that was given up, the oldest first."""
    register.read()
    return [view.id_of(row) for row in chain.from_iterable(view.listed(view.GIVEN_UP))]


def _retried(todo: str, row: Row | None) -> Retried:
    if row is None:
        return Retried(todo, None, None, "not-owed")
    return Retried(todo, row.key.sk, row.body["kind"], _did(todo, row))


def _did(todo: str, row: Row) -> Did:
    if not row.body["givenUp"]:
        return "open"
    if not lease.restart(todo):
        return "under-way"
    work.poke([Poke(todo, row.key.sk)])
    return "poked"


def show(found: Retries) -> None:
    """For a person to read."""
    for each in found.todos:
        of = f" of {each.subject}" if each.subject else ""
        print(f"{each.todo}{of} {WORDS[each.did]}")
    if not found.todos:
        print("Nothing is given up.")
    behind.warned(found.behind)
