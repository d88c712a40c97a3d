"""Maker: who makes what is delivered is told of an order by mail, with its wishes and address."""

from __future__ import annotations

from typing import Any

from chalicelib import config, personal
from chalicelib.decisions.order import Order
from chalicelib.errors import TryAgain
from chalicelib.events.order import Channel, Item, Notified
from chalicelib.todos import sending
from chalicelib.todos.kind import Owed
from chalicelib.views import queue


def do(owed: Owed) -> Notified:
    """That the maker was told; of an order that is to be made, by a shop that has such a maker.

    Raises TryAgain, also where the mail is refused: its maker must hear of it, so a person looks.
    """
    known = personal.decrypt(owed.state.customer, owed.subject, owed.state.pii)
    to, channels = config.settings().maker_mail, list[Channel]()
    if known is not None and to and queue.is_to_be_made(owed.state):
        if not sending.mail(to, f"Order {owed.entity}", letter(owed.entity, owed.state, known)):
            raise TryAgain("the maker's mail is refused")
        channels = ["email"]
    return Notified(todo=owed.id, channels=channels)


def letter(entity: str, state: Order, known: dict[str, Any]) -> str:
    """What is to be made, as wished, for whom, and where it goes."""
    pairs = zip(state.lines, known["lines"], strict=True)
    lines = [text for item, wishes in pairs for text in _line(item, wishes)]
    return "\n".join(
        [f"Order {entity}", "", *lines, "", f"For {known['name']}", known["address"], ""]
    )


def _line(item: Item, wishes: dict[str, Any]) -> list[str]:
    """One product, and under it what was wished."""
    notes = [wishes["note"]] if "note" in wishes else []
    wished = [*wishes.get("options", ()), *notes]
    return [
        f"{item.quantity} x {item.name} ({item.product_id})",
        *(f"    {wish}" for wish in wished),
    ]
