"""What must hold of an order and its money, written a second time: from the rules, not the code.

An order is as `GET /orders/{id}` tells it, the bank's books are as the bank tells them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from drills.bank import Books

ENDS = {"collected", "delivered", "cancelled", "expired", "refunded"}
WAITS = "payment-declined"  # for another card, until the sweep says that it is expired
CARD = {"paid", "payment-declined", "payment-offered"}
UNDONE = {"cancelled", "expired", "refunded"}


def is_at_end(order: dict[str, Any]) -> bool:
    """Whether nothing more happens to it, or all that it waits for is another card."""
    return order["status"] in ENDS | {WAITS}


def is_still(order: dict[str, Any], *, card: bool) -> bool:
    """Whether no money is on its way; `card` says that one was given with the order."""
    steps = Counter(step["status"] for step in order["timeline"])
    charged = steps["paid"] + steps["payment-declined"] + _is_given_up(order)
    owed = order["paidByCard"] and order["status"] in UNDONE
    return charged == card + steps["payment-offered"] and (not owed or _back(order) == _cost(order))


def flaws(order: dict[str, Any], books: Books) -> Iterator[str]:
    """A line for each thing that does not hold; none, and all is well."""
    status, cost, captured = order["status"], _cost(order), books.captured
    lines = sum(line["quantity"] * line["price"]["amount"] for line in order["lines"])
    if cost != lines:
        yield f"the total is {cost}, its lines come to {lines}"
    yield from at_any_time(books)
    if order["paidByCard"] != bool(captured):
        said = "paid by card" if order["paidByCard"] else "not paid by card"
        yield f"the shop says it is {said}, the bank has {len(captured)} charges"
    if any(charge["amount"] != order["total"] for charge in captured):
        yield f"the bank took another amount than {cost}"
    if books.back != _back(order):
        yield f"the shop says that {_back(order)} was given back, the bank gave {books.back}"
    if captured and status in UNDONE and books.back != cost:
        yield f"it is {status}, and of {cost} the bank gave back {books.back}"


def at_any_time(books: Books) -> Iterator[str]:
    """What is wrong though more is to come."""
    if len(books.captured) > 1:
        yield f"it was charged {len(books.captured)} times"


def _cost(order: dict[str, Any]) -> int:
    amount: int = order["total"]["amount"]
    return amount


def _back(order: dict[str, Any]) -> int:
    amount: int = order.get("refunded", {"amount": 0})["amount"]
    return amount


def _is_given_up(order: dict[str, Any]) -> bool:
    """Whether that is the last word on a card: then nobody is at it."""
    words = [
        step["status"]
        for step in order["timeline"]
        if step["status"] in CARD or step.get("about") == "charge"
    ]
    return words[-1:] == ["given-up"]
