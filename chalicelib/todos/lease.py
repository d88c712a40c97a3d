"""Leases: who is at a to-do. The only rows that are no function of the log, and they may be lost.

A lease is not given back: it lapses. So two who are poked at once do not both begin, and who dies
at it is followed by another. It counts the attempts, which begin anew where it was lost, or where
an operator has them begin anew.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Iterable
from dataclasses import dataclass, field

from chalicelib import store
from chalicelib.errors import CommitLost, Conflict
from chalicelib.store import Guard, Key, Put, Row

PK = "lease"
LASTS_S = 300  # longer than `work` may run


@dataclass(frozen=True, slots=True)
class Lease:
    """Until when (ms) which attempt is somebody's; `who` is random and new with each change."""

    todo: str
    attempt: int
    until: int
    who: str = field(default_factory=lambda: secrets.token_hex(8))

    @property
    def key(self) -> Key:
        """Where it lies."""
        return Key(PK, self.todo)

    def row(self) -> Put:
        """Its row; others guard it by who has it."""
        body = {"until": self.until, "attempt": self.attempt, "token": self.who}
        return Put(self.key, body)


def take(todo: str) -> Lease | None:
    """The next attempt at the to-do is ours; None where it is another's.

    Raises CloudFailure.
    """
    row = store.get(Key(PK, todo))
    known = row and _lease(row)
    if known and known.until > now():
        return None
    mine = Lease(todo, known.attempt + 1 if known else 1, now() + LASTS_S * 1000)
    return mine if _put(mine, known.who if known else None) else None


def lapse(mine: Lease, in_s: float) -> None:
    """It lapses so soon: the next attempt need not wait any longer. Raises CloudFailure."""
    _put(Lease(mine.todo, mine.attempt, now() + int(in_s * 1000)), mine.who)


def give_back(mine: Lease) -> None:
    """It lapses at once, as if it had not been taken: there was nothing to do yet."""
    _put(Lease(mine.todo, mine.attempt - 1, now()), mine.who)


def restart(todo: str) -> bool:
    """Whether the next attempt is the first: not while somebody is at it. Raises CloudFailure.

    So a lease that stands is nobody's to take away, and one that somebody takes meanwhile stays.
    """
    row = store.get(Key(PK, todo))
    if row is None:
        return True
    known = _lease(row)
    return not is_held(known) and _put(Lease(todo, 0, now()), known.who)


def read(todos: Iterable[str]) -> dict[str, Lease]:
    """The leases that there are, lapsed ones too."""
    rows = store.read([Key(PK, todo) for todo in todos])
    return {key.sk: _lease(row) for key, row in rows.items()}


def is_held(lease: Lease | None) -> bool:
    """Whether somebody is at it."""
    return lease is not None and lease.until > now()


def _put(lease: Lease, before: str | None) -> bool:
    """Whether this lease is there now: only if nobody has changed it since."""
    try:
        store.commit(lease.row(), Guard(lease.key, before), [])
    except (CommitLost, Conflict):
        return False
    return True


def _lease(row: Row) -> Lease:
    return Lease(row.key.sk, row.body["attempt"], row.body["until"], row.body["token"])


def now() -> int:
    """The time, in ms."""
    return time.time_ns() // 1_000_000
