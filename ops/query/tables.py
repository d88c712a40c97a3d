"""The tables, filled by way of files with a line of JSON for each row: no row is held in memory."""

from __future__ import annotations

import json
from contextlib import ExitStack
from pathlib import Path
from typing import IO, Any, Self

import duckdb

from chalicelib.read import stamp
from ops.query.columns import TABLES, table, told
from ops.query.judged import Judged


def create(connection: duckdb.DuckDBPyConnection) -> None:
    """All tables, empty."""
    for name, columns in TABLES.items():
        listed = ", ".join(f'"{column}" {kind}' for column, kind in columns.items())
        connection.execute(f'CREATE TABLE "{name}" ({listed})')


def load(connection: duckdb.DuckDBPyConnection, folder: Path) -> None:
    """What a Writer has written there becomes the tables' rows."""
    for path in folder.glob("*.jsonl"):
        columns = TABLES[path.stem]
        connection.execute(
            f'INSERT INTO "{path.stem}" SELECT * FROM read_json('  # noqa: S608  (a name of ours)
            "$path, format = 'newline_delimited', columns = $columns)",
            {"path": str(path), "columns": columns},
        )
        path.unlink()


class Writer:
    """Writes the rows of each table to a file of its name in the folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.files: dict[str, IO[str]] = {}
        self.open = ExitStack()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.open.close()

    def write(self, judged: Judged) -> None:
        """The event's row, and the row of what it says, if it counted."""
        envelope, fact = judged.envelope, judged.fact
        row = _row(judged)
        said = {"type": envelope.type, "source": envelope.source}
        became = {"verdict": judged.verdict, "reason": judged.reason}
        self._line("event", row | said | became)
        if fact is not None:
            members = fact.model_dump(mode="json", include=set(told(type(fact))))
            self._line(table(envelope.type), row | members)

    def _line(self, name: str, row: dict[str, Any]) -> None:
        if name not in self.files:
            path = self.folder / f"{name}.jsonl"
            self.files[name] = self.open.enter_context(path.open("w", encoding="utf-8"))
        self.files[name].write(json.dumps(row) + "\n")


def _row(judged: Judged) -> dict[str, str]:
    envelope = judged.envelope
    return {
        "id": envelope.id,
        "subject": envelope.subject,
        "entity": envelope.subject.partition("/")[2],
        "actor": envelope.actor,
        "clock": stamp(judged.clock),
        "time": envelope.time,
        "position": str(judged.position),
    }
