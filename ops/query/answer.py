"""What a question came to: columns and rows, as plain values.

Times are UTC, written as ISO 8601 has them; what JSON has no number for is null.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

import duckdb

TOGETHER = 1000

Row = tuple[Any, ...]


class QueryError(Exception):
    """The question cannot be answered: one line says why."""


@dataclass(frozen=True, slots=True)
class Answer:
    """`rows` are read as they are asked for; `verdicts` counts all that the archive holds."""

    columns: list[str]
    rows: Iterator[Row]
    verdicts: Mapping[str, int]


def check(connection: duckdb.DuckDBPyConnection, sql: str) -> None:
    """Raises QueryError where it is not one statement that the tables, empty still, understand."""
    if not sql.isascii() and sql.encode(errors="replace").decode() != sql:
        raise QueryError("the question is not in UTF-8")
    with in_one_line():
        if len(connection.extract_statements(sql)) != 1:
            raise QueryError("ask one question: one SQL statement")
        connection.execute(f"EXPLAIN {sql}")


def answered(
    connection: duckdb.DuckDBPyConnection, sql: str, verdicts: Mapping[str, int]
) -> Answer:
    """What the statement comes to."""
    with in_one_line():
        connection.execute(sql)
        columns = [name for name, *_ in connection.description or ()]
    return Answer(columns, _rows(connection), verdicts)


def _rows(connection: duckdb.DuckDBPyConnection) -> Iterator[Row]:
    with in_one_line():
        while rows := connection.fetchmany(TOGETHER):
            yield from (tuple(map(plain, row)) for row in rows)


@contextmanager
def in_one_line() -> Iterator[None]:
    """What DuckDB says to it, and no more."""
    try:
        yield
    except duckdb.Error as refusal:
        first, *_ = str(refusal).splitlines()
        raise QueryError(first) from None


def plain(value: Any) -> Any:
    """The value as JSON has it."""
    match value:
        case None | bool() | int() | str():
            return value
        case float() | Decimal():
            return float(value) if math.isfinite(value) else None
        case datetime():
            return f"{value.isoformat(timespec='milliseconds')}Z"
        case list() | tuple():
            return [plain(each) for each in value]
        case dict():
            return {str(name): plain(each) for name, each in value.items()}
        case _:
            return str(value)
