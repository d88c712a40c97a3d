"""The tables, and the numbers in them as clients see them.

A record's row id is its number; `by_shard` holds (shard, row id), so the records of one shard are
read in order and every insert is an append. A client sees the number added to a constant, which
makes 56 digits of it. Hash keys are decimal text of 39 digits, so that they compare as text.

A closed shard has an `ending` number (no record of it is above) and the time it was closed; its
children name it by number as `parent` or `adjacent`.
"""

from __future__ import annotations

import contextlib
import re
import secrets
import sqlite3
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

schema_version = 1
account = "000000000000"
region = "eu-central-1"
retention_hours = 168
most_hours = 8_760
hour_ms = 3_600_000
hash_keys = 2**128
updating_ms = 250  # how long a stream is UPDATING after its shards were changed
microseconds = 1_000  # in a millisecond: the least number of a record that arrived in it

_first_number = 4959 * 10**52
_largest = 2**63 - 1  # SQLite's, and 290,000 years of microseconds

_schema = """
CREATE TABLE numbers (last INTEGER NOT NULL);
CREATE TABLE secret (value BLOB NOT NULL);
CREATE TABLE streams (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    name       TEXT    NOT NULL UNIQUE,
    mode       TEXT    NOT NULL CHECK (mode IN ('PROVISIONED', 'ON_DEMAND')),
    max_record INTEGER NOT NULL,
    created_at INTEGER NOT NULL
);
CREATE TABLE shards (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    stream     INTEGER NOT NULL,
    number     INTEGER NOT NULL,
    parent     INTEGER,
    adjacent   INTEGER,
    first_hash TEXT    NOT NULL CHECK (length(first_hash) = 39),
    last_hash  TEXT    NOT NULL CHECK (length(last_hash) = 39),
    starting   INTEGER NOT NULL,
    ending     INTEGER,
    created_at INTEGER NOT NULL,
    closed_at  INTEGER,
    UNIQUE (stream, number),
    CHECK ((ending IS NULL) = (closed_at IS NULL))
);
CREATE UNIQUE INDEX open_shards ON shards (stream, first_hash) WHERE closed_at IS NULL;
CREATE TABLE records (
    number  INTEGER PRIMARY KEY,
    shard   INTEGER NOT NULL,
    arrival INTEGER NOT NULL CHECK (number >= arrival * 1000),
    key     TEXT    NOT NULL,
    data    BLOB    NOT NULL
);
CREATE INDEX by_shard ON records (shard);
"""


def wall_clock() -> int:
    """Milliseconds since the epoch."""
    return time.time_ns() // 1_000_000


def connect(directory: Path) -> sqlite3.Connection:
    """A connection for one thread, whichever that is. The tables are there."""
    directory.mkdir(parents=True, exist_ok=True)
    connection = sqlite3.connect(
        directory / "kinesis.sqlite", isolation_level=None, timeout=10, check_same_thread=False
    )
    try:
        _prepare(connection)
    except BaseException:
        connection.close()
        raise
    return connection


def _prepare(connection: sqlite3.Connection) -> None:
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("BEGIN IMMEDIATE")
    with connection:
        (found,) = connection.execute("PRAGMA user_version").fetchone()
        if found == 0:
            _create(connection)
        elif found != schema_version:
            raise RuntimeError(f"the database has schema {found}, this code reads {schema_version}")


def _create(connection: sqlite3.Connection) -> None:
    for statement in _schema.split(";\n"):
        connection.execute(statement)
    connection.execute("INSERT INTO numbers VALUES (0)")
    connection.execute("INSERT INTO secret VALUES (?)", (secrets.token_bytes(32),))
    connection.execute(f"PRAGMA user_version = {schema_version}")


def hours_kept(connection: sqlite3.Connection, now: int) -> int:
    """How long a record is kept: longer by the time for which nothing was given, for it was off."""
    (last,) = connection.execute("SELECT last FROM numbers").fetchone()
    idle = max(0, now - last // microseconds) if last else 0
    return min(most_hours, retention_hours + idle // hour_ms)


class Transaction:
    """One commit, and what the jobs in it share: the connection, the time, the next number.

    What arrived before `horizon` is past retention.
    """

    def __init__(self, connection: sqlite3.Connection, now: int, kept_ms: int) -> None:
        self.connection = connection
        self.now = now
        self.horizon = now - kept_ms
        self.last: int = connection.execute("SELECT last FROM numbers").fetchone()[0]

    def next_number(self) -> int:
        self.last = max(self.last + 1, self.now * microseconds)
        return self.last

    def keep_number(self) -> None:
        self.connection.execute("UPDATE numbers SET last = ? WHERE last < ?", (self.last,) * 2)


@contextlib.contextmanager
def transaction(
    connection: sqlite3.Connection, clock: Callable[[], int], kept_ms: int
) -> Iterator[Transaction]:
    """All of it is on disk after the block, or none of it."""
    connection.execute("BEGIN IMMEDIATE")
    with connection:
        current = Transaction(connection, clock(), kept_ms)
        yield current
        current.keep_number()


def is_updating(connection: sqlite3.Connection, stream: int, now: int) -> bool:
    """Whether the stream's shards were changed just now."""
    found = connection.execute(
        "SELECT 1 FROM shards WHERE stream = ? AND parent IS NOT NULL"
        " AND created_at > ? AND created_at <= ? LIMIT 1",
        (stream, now - updating_ms, now),
    )
    return found.fetchone() is not None


def sequence(number: int) -> str:
    """The number as a client sees it."""
    return str(_first_number + number)


def number_of(shown: str) -> int:
    """The number behind what a client sent; one that was never given lies outside every range."""
    return min(max(int(shown) - _first_number, -1), _largest)


def shard_id(number: int) -> str:
    return f"shardId-{number:012d}"


def shard_number(shown: str) -> int | None:
    """The shard's number, or None where this is no shard id."""
    found = re.fullmatch(r"shardId-(\d{12})", shown, re.ASCII)
    return int(found[1]) if found else None


def hash_text(value: int) -> str:
    return f"{value:039d}"


def stream_arn(name: str) -> str:
    return f"arn:aws:kinesis:{region}:{account}:stream/{name}"
