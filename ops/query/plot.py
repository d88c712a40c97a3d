"""Bars: the first column of an answer names each, the second is its length.

On a terminal as blocks, in a file as SVG that needs nothing else: no style, no script, no font.
Raises QueryError where the columns are not a name and a number from zero on.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any
from xml.sax.saxutils import escape

from rich.bar import Bar
from rich.table import Column, Table
from rich.text import Text

from ops import shown
from ops.query.answer import QueryError, Row

WIDTH, ROW, LABEL, NUMBER = 720, 26, 200, 90
LETTERS = 26
SPAN = WIDTH - LABEL - NUMBER


@dataclass(frozen=True, slots=True)
class Bars:
    """`names` says what the two columns are; each bar has its label and its length."""

    names: tuple[str, str]
    bars: Sequence[tuple[str, float]]

    @property
    def most(self) -> float:
        return max((length for _, length in self.bars), default=0) or 1


def bars(columns: Sequence[str], rows: Iterable[Row]) -> Bars:
    """The first two columns as bars."""
    if len(columns) < 2:
        raise QueryError("a plot needs two columns: a name, and a number")
    label, length, *_ = map(shown.printable, columns)
    return Bars((label, length), [(_label(row[0]), _length(row[1])) for row in rows])


def _label(value: Any) -> str:
    label = shown.printable(str(value))
    return label if len(label) <= LETTERS else f"{label[: LETTERS - 1]}…"


def _length(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or value < 0:
        raise QueryError(f"a bar is as long as a number from 0 on, not {value!r}")
    return value


def terminal(drawn: Bars) -> Table:
    """For a person at a terminal."""
    label, length = map(Text, drawn.names)
    table = Table(Column(label), Column(length, justify="right"), box=None, header_style="dim")
    for name, number in drawn.bars:
        blocks = Bar(drawn.most, 0, number, width=50, color="green")
        table.add_row(Text(name), _number(number), blocks)
    return table


def svg(drawn: Bars) -> str:
    """For a page: text and rectangles."""
    height = ROW * (len(drawn.bars) + 1) + 8
    label, length = map(escape, drawn.names)
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" role="img"',
        f' width="{WIDTH}" height="{height}" font-family="sans-serif" font-size="13">',
        f"<title>{length} by {label}</title>",
        f'<rect width="{WIDTH}" height="{height}" fill="#fff"/>',
        _text(LABEL - 10, 18, label, fill="#666", anchor="end"),
        _text(LABEL, 18, length, fill="#666"),
    ]
    for number, bar in enumerate(drawn.bars, 1):
        lines += _bar(number * ROW, *bar, drawn.most)
    return "\n".join([*lines, "</svg>", ""])


def _bar(top: int, label: str, length: float, most: float) -> list[str]:
    long = round(SPAN * length / most, 1)
    return [
        _text(LABEL - 10, top + 18, escape(label), anchor="end"),
        f'<rect x="{LABEL}" y="{top + 4}" width="{long}" height="{ROW - 8}" rx="2" fill="#2a7"/>',
        _text(LABEL + long + 8, top + 18, _number(length)),
    ]


def _text(x: float, y: int, text: str, *, fill: str = "#222", anchor: str = "start") -> str:
    return f'<text x="{x:g}" y="{y}" fill="{fill}" text-anchor="{anchor}">{text}</text>'


def _number(value: float) -> str:
    return f"{value:,.1f}".removesuffix(".0")
