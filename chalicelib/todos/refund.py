"""Refund: so much of what was paid, back to the card that paid it.

A gateway gives back once under one key, however late it is asked again; nothing personal is needed.
"""

from __future__ import annotations

from chalicelib.events.order import Refunded
from chalicelib.events.product import Price
from chalicelib.todos.charge import cards
from chalicelib.todos.kind import Owed


def do(owed: Owed) -> Refunded:
    """What was given back. Raises TryAgain, CloudFailure."""
    amount = Price(amount=owed.todo.amount, currency=owed.state.total.currency)
    refund = cards().refund(owed.id, owed.state.payment, amount)
    return Refunded(todo=owed.id, refund=refund, amount=amount)
