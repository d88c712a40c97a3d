"""`docs/orders.md` draws the table of moves as it is.

`PYTHONPATH=. .venv/bin/python tests/unit/decisions/test_order_page.py` draws it anew.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import get_args

import pytest

import app
from chalicelib.decisions.order.commands import SAYS
from chalicelib.decisions.order.moves import MOVES, NOWHERE, SETTLES, UNPAID, Status, in_words, told
from chalicelib.events import Fact, order

PAGE = Path(__file__).parents[3] / "docs" / "orders.md"
DRAWN = re.compile(r"(<!-- drawn: (\w+) -->\n).*?(<!-- end -->)", re.DOTALL)


def name(event: type[Fact]) -> str:
    """`payment-declined` of `tillstream.order.payment-declined.v1`."""
    return event.type.split(".")[2]


def picture() -> Iterator[str]:
    """Every move that changes the status, as Mermaid has it."""
    yield "```mermaid"
    yield "stateDiagram-v2"
    for stands in (UNPAID, *get_args(Status)):
        yield f'    state "{in_words(stands)}" as {identifier(stands)}'
    yield f"    [*] --> {identifier(UNPAID)}: placed"
    for event, move in MOVES.items():
        for stands in move.after if move.to else ():
            start = "[*]" if stands == NOWHERE else identifier(stands)
            once = move.once and f", {move.once}"
            yield f"    {start} --> {identifier(str(move.to))}: {name(event)}{once}"
    yield "```"


def identifier(stands: str) -> str:
    return stands.replace("-", "_")


def moves() -> Iterator[str]:
    """The table as it is."""
    yield "| event | branch | of an order that is | its status then |"
    yield "|---|---|---|---|"
    for event, move in MOVES.items():
        after = ", ".join(map(in_words, move.after))
        then = f"{move.to or 'as it was'}{move.once and f', {move.once}'}"
        yield f"| `{name(event)}` | {move.branch or 'both'} | {after} | {then} |"


def settles() -> Iterator[str]:
    """What each to-do comes to."""
    yield "| to-do | comes to one of |"
    yield "|---|---|"
    for kind, outcomes in SETTLES.items():
        yield f"| {kind} | {', '.join(f'`{name(each)}`' for each in outcomes)} |"


PARTS = {"picture": picture, "moves": moves, "settles": settles}


def drawn(text: str) -> str:
    """The page with each of its drawn parts as the tables have it now."""

    def part(found: re.Match[str]) -> str:
        return found[1] + "\n".join(PARTS[found[2]]()) + "\n" + found[3]

    return DRAWN.sub(part, text)


def test_the_page_draws_the_table_as_it_is():
    text = PAGE.read_text()
    assert text == drawn(text)
    assert [found[2] for found in DRAWN.finditer(text)] == list(PARTS)


def test_a_move_that_changes_is_drawn_otherwise(monkeypatch):
    text = PAGE.read_text()
    monkeypatch.setitem(MOVES, order.Ready, MOVES[order.Collected])
    assert drawn(text) != text


def test_the_picture_shows_every_status_and_where_each_is_reached_from():
    lines = list(picture())
    for status in get_args(Status):
        assert any(f"--> {identifier(status)}:" in line for line in lines), status


SAID = {
    order.Ready: "Of an order to collect that is paid or placed without a card: "
    "its status is then `ready`.",
    order.PaymentOffered: "Of an order that is payment-declined: "
    "its status is then `payment-offered`.",
    order.RefundRequested: "Of an order that is paid or ready or collected or fulfilled or "
    "dispatched or delivered: its status stays.",
}


@pytest.mark.parametrize("event", SAID, ids=name)
def test_the_contract_is_told_the_same_in_a_sentence(event):
    assert told(event) == SAID[event]


def test_every_move_that_has_a_route_is_told_there():
    operations = [
        each for path in app.contract.document["paths"].values() for each in path.values()
    ]
    rules = {each["description"] for each in operations if "description" in each}
    assert rules >= {told(event) for event in SAYS.values() if event is not order.Placed}
    assert all(rule.split("`")[0] in app.contract.page for rule in rules)


if __name__ == "__main__":
    PAGE.write_text(drawn(PAGE.read_text()))
