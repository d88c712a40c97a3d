"""What is told of an order: its facts as data, and outcomes of the to-dos that it may owe."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

PII = f"head..{'i' * 16}.text.{'t' * 22}"
EUR = {"amount": 350, "currency": "EUR"}
LINE = {"productId": "1", "name": "Cup", "quantity": 2, "price": EUR}
LINE |= {"creator": "ada", "photographer": "bob"}
TOTAL = {"amount": 700, "currency": "EUR"}
PLACED = {"lines": [LINE], "total": TOTAL, "pii": PII}

# Each move with its data, and the kind of to-do of which it is an outcome.
MOVES: dict[str, tuple[dict[str, Any], str | None]] = {
    "placed": (PLACED, None),
    "paid": ({"payment": "pi_1", "amount": TOTAL}, "charge"),
    "payment-declined": ({"reason": "declined"}, "charge"),
    "payment-offered": ({"pii": PII}, None),
    "notified": ({"channels": ["email"]}, "notify"),
    "ready": ({}, None),
    "collected": ({}, None),
    "fulfilled": ({"fulfillmentId": "f"}, None),
    "dispatched": ({}, "courier"),
    "cancelled": ({}, None),
    "refund-requested": ({"lines": [{"line": 0, "quantity": 1}]}, None),
    "refunded": ({"refund": "re_1", "amount": EUR}, "refund"),
    "given-up": ({"attempts": 6}, "mail-maker"),
}


def told(move: str, pick: int, positions: Sequence[str]) -> tuple[str, dict[str, Any]]:
    """The move and its data: first of all an order is placed; an outcome names a to-do before it.

    `positions` are those of the order's events before.
    """
    if not positions:
        move = "placed"
    data, kind = MOVES[move]
    if move == "placed":
        branch = {"branch": ["collect", "deliver"][pick % 2], "card": pick < 2}
        return move, data | branch | {"channels": ["email"] * (pick < 3)}
    if kind is not None:
        return move, data | {"todo": f"{kind}@{positions[0 if pick % 2 else -1]}"}
    return move, data
