"""An answer on standard output: a table for a person, JSON or CSV for a program, or bars.

For a person and on a plot, what a terminal would obey or nobody could see is written as escapes.
"""

from __future__ import annotations

import csv
import json
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from rich.console import Console, JustifyMethod
from rich.table import Table
from rich.text import Text

from ops import shown, whole
from ops.query import plot
from ops.query.answer import Answer, QueryError, Row


def show(found: Answer, form: str, svg: Path | None) -> None:
    """The answer in one of the FORMS, and as a plot in the file where one is named."""
    rows: Iterable[Row] = found.rows
    if svg is not None:
        rows = list(rows)
        drawn = plot.svg(plot.bars(found.columns, rows))
        with _writing(svg):
            whole.put(svg, drawn)
    FORMS[form](found.columns, rows)


def left_out(verdicts: Mapping[str, int]) -> str:
    """What the tables of the types do not hold, as a line; empty if that is nothing."""
    others = [f"{count:,} {said}" for said, count in verdicts.items() if said != "counted"]
    return f"Not counted, so in no type's table: {', '.join(others)}." if others else ""


def check(svg: Path | None) -> None:
    """Raises QueryError where no plot can be written: not only once all was read."""
    if svg is not None:
        with _writing(svg):
            whole.check(svg)


@contextmanager
def _writing(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as reason:
        raise QueryError(f"{path} is not written: {reason.strerror}") from None


def _table(columns: list[str], rows: Iterable[Row]) -> None:
    table = Table(box=None, header_style="dim", pad_edge=False)
    found = list(rows)
    for name, first in zip(columns, found[0] if found else columns, strict=True):
        side: JustifyMethod = "right" if isinstance(first, int | float) else "left"
        table.add_column(Text(shown.printable(name)), justify=side, overflow="fold")
    for row in found:
        table.add_row(*(Text(shown.printable(_text(value))) for value in row))
    Console().print(table)


def _json(columns: list[str], rows: Iterable[Row]) -> None:
    if len(set(columns)) < len(columns):
        raise QueryError("two columns have one name: give them names of their own with `as`")
    for row in rows:
        print(json.dumps(dict(zip(columns, row, strict=True))))


def _csv(columns: list[str], rows: Iterable[Row]) -> None:
    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows([_text(value) for value in row] for row in rows)


def _text(value: Any) -> str:
    if isinstance(value, list | dict):
        return json.dumps(value, ensure_ascii=False)
    return "" if value is None else str(value)


def _plot(columns: list[str], rows: Iterable[Row]) -> None:
    Console().print(plot.terminal(plot.bars(columns, rows)))


FORMS: dict[str, Callable[[list[str], Iterable[Row]], None]] = {
    "table": _table,
    "json": _json,
    "csv": _csv,
    "plot": _plot,
}
