"""That one operator at a time is at a thing: a lease, which lapses where its holder dies.

The sweep takes none; what an operator is at it leaves alone.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from chalicelib import store
from chalicelib.errors import CommitLost, Conflict, TillstreamError
from chalicelib.store import Guard, Key, Put, Row

LASTS_S = 60.0


class BusyError(TillstreamError):
    """Somebody else is at it."""


def rebuild_of(view: str) -> str:
    """What an operator is at who builds, drops or returns to a version of the view."""
    return f"rebuild {view}"


def is_taken(what: str) -> bool:
    """Whether an operator is at it, or was killed less than a minute ago."""
    return _is_taken(store.get(_key(what)))


def _key(what: str) -> Key:
    return Key("lease", what)


def _is_taken(row: Row | None) -> bool:
    return row is not None and bool(row.body["until"] > time.time())


class _Lease:
    def __init__(self, what: str) -> None:
        self.what, self.key = what, _key(what)
        self.token: str | None = None
        self.until = 0.0

    def take(self) -> None:
        row = store.get(self.key)
        if _is_taken(row):
            raise BusyError(
                f"another `ops {self.what}` is at it, or was killed less than a minute ago: "
                "ask again in a minute"
            )
        self.token = None if row is None else row.body["token"]
        self.put(LASTS_S)

    def still(self) -> None:
        """It is ours for longer. Raises BusyError where it lapsed, and another took it."""
        if self.until - time.time() < LASTS_S / 2:
            self.put(LASTS_S)

    def put(self, lasts_s: float) -> None:
        before, self.token = self.token, secrets.token_hex(8)
        self.until = time.time() + lasts_s
        row = Put(self.key, {"until": self.until, "token": self.token})
        try:
            store.commit(row, Guard(self.key, before), [])
        except (CommitLost, Conflict):
            raise BusyError(f"another `ops {self.what}` is at it") from None


@contextmanager
def alone(what: str) -> Iterator[Callable[[], None]]:
    """Nobody else is at `what`; call what is given every few seconds. Raises BusyError."""
    lease = _Lease(what)
    lease.take()
    try:
        yield lease.still
    finally:
        lease.put(0.0)
