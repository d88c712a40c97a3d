"""Expire: an order whose card was declined waited for another, in vain. Nobody is asked."""

from __future__ import annotations

from chalicelib.events.order import Expired
from chalicelib.todos.kind import Owed


def do(owed: Owed) -> Expired:
    """The time-out. It is the sweep that says when."""
    return Expired(todo=owed.id)
