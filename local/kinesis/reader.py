"""What every read has: a connection of its own, the clock, the secret, and the rows by name."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from local.kinesis import disk
from local.kinesis.errors import not_found

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable


class Stream(NamedTuple):
    """A row of `streams`, in its order."""

    id: int
    name: str
    mode: str
    max_record: int
    created_at: int


class Shard(NamedTuple):
    """A row of `shards`, in its order."""

    id: int
    stream: int
    number: int
    parent: int | None
    adjacent: int | None
    first_hash: str
    last_hash: str
    starting: int
    ending: int | None
    created_at: int
    closed_at: int | None

    def hash_range(self) -> dict[str, str]:
        first, last = str(int(self.first_hash)), str(int(self.last_hash))
        return {"StartingHashKey": first, "EndingHashKey": last}


class Reader:
    """A connection, the clock, how long a record is kept, and the secret that seals tokens."""

    def __init__(
        self, connection: sqlite3.Connection, clock: Callable[[], int], hours: int
    ) -> None:
        self.connection = connection
        self.clock = clock
        self.hours = hours
        (self.secret,) = connection.execute("SELECT value FROM secret").fetchone()

    def one(self, question: str, *values: object) -> Any:
        return self.connection.execute(question, values).fetchone()

    def stream(self, name: str) -> Stream:
        found = self.one("SELECT * FROM streams WHERE name = ?", name)
        if found is None:
            raise not_found(f"Stream {name} under account {disk.account} not found.")
        return Stream(*found)

    def horizon(self) -> int:
        """What arrived before this time is past retention."""
        return self.clock() - self.hours * disk.hour_ms
