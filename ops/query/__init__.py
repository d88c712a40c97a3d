"""SQL over the archive: what happened, as tables that live as long as the question.

A table for each type of event, named by it (`order_placed`), holds what counted, so that no
question has to remember to ask; `event` holds the attributes of every verified event with its
verdict. What is not verified is in no table. Nothing personal is: of an event's data the columns
leave out `pii`, and `claimed`, for which nobody vouches.

The tables are filled from the whole archive into a file of their own, which is then opened
read-only, with no way to other files or to the net, and is gone once the question is answered. In
memory are the subjects' states, for the verdicts, and as much as DuckDB is allowed.

Raises QueryError with one line for whoever typed the question.
"""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb

from chalicelib import archive
from chalicelib.decisions import DECIDERS
from chalicelib.signing import keys
from ops import logs, naive
from ops.progress import steps
from ops.query import tables
from ops.query.answer import Answer, QueryError, answered, check, in_one_line
from ops.query.judged import Judging

__all__ = ["Answer", "QueryError", "answer"]

SETTINGS: dict[str, str | bool | int | float | list[str]] = {
    "enable_external_access": "false",
    "autoload_known_extensions": "false",
    "autoinstall_known_extensions": "false",
    "python_enable_replacements": "false",
    "memory_limit": "1GB",
}


@contextmanager
def answer(sql: str) -> Iterator[Answer]:
    """The answer, to be read while the tables live."""
    with in_one_line(), tempfile.TemporaryDirectory(prefix="tillstream-") as made:
        folder = Path(made)
        with _opened(folder) as empty:
            tables.create(empty)
            check(empty, sql)
            verdicts = _fill(empty, folder)
        with _opened(folder, read_only=True) as filled:
            yield answered(filled, sql, verdicts)


@contextmanager
def _opened(folder: Path, *, read_only: bool = False) -> Iterator[duckdb.DuckDBPyConnection]:
    """The tables' file. DuckDB may touch this folder, and no other."""
    settings = SETTINGS | {"temp_directory": str(folder)}
    name = str(folder / "archive.duckdb")
    with duckdb.connect(name, read_only=read_only, config=settings) as connection:
        connection.execute("SET TimeZone = 'UTC'; SET lock_configuration = true")
        yield connection


def _fill(connection: duckdb.DuckDBPyConnection, folder: Path) -> Counter[str]:
    """Fill the tables; how many events came to which verdict."""
    segments = max(1, logs.segments())
    with tables.Writer(folder) as writer, steps("segments read", segments) as step:
        fold = Judging(DECIDERS, (), keys.trust, hear=writer.write)
        read = logs.read(archive.shards(), step)
        for name in naive.parents_first(read):
            fold.shard(name, read[name], None)
    tables.load(connection, folder)
    return fold.verdicts
