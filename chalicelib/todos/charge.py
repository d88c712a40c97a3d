"""Charge: the total of an order, from the card that was offered last.

The to-do's id is the gateway's key, so a charge may be tried again. What was tried before, or may
have been (a gateway forgets a key after a day, the lease's count goes with the table, and begins
anew for what was given up), is looked up first. So is an order whose customer was erased since: its
token is gone, its money may not be.
"""

from __future__ import annotations

import time

from chalicelib import payments, personal
from chalicelib.decisions.order import Order
from chalicelib.errors import TryAgain
from chalicelib.events.order import Paid, PaymentDeclined
from chalicelib.payments import Captured, Declined, Gateway
from chalicelib.todos.kind import Owed

OLD_MS = 20 * 3_600_000


def do(owed: Owed) -> Paid | PaymentDeclined:
    """What came of the card. Raises TryAgain, CloudFailure."""
    gateway, order = cards(), owed.state
    token = _token(owed)
    found = gateway.find(owed.id, owed.todo.since) if _may_be_done(owed, token) else None
    if found is None:
        found = _charged(gateway, owed, token)
    return outcome(owed.id, order, found)


def outcome(todo: str, order: Order, found: Captured | Declined) -> Paid | PaymentDeclined:
    """The answer of a gateway as an event of the order."""
    if isinstance(found, Captured):
        return Paid(todo=todo, payment=found.payment, amount=order.total)
    return PaymentDeclined(todo=todo, reason=found.reason)


def cards() -> Gateway:
    """Who charges cards here. Raises TryAgain where nobody does any more, CloudFailure."""
    gateway = payments.gateway()
    if gateway is None:
        raise TryAgain("this shop takes no cards any more, and owes or is owed for one")
    return gateway


def _token(owed: Owed) -> str | None:
    """The card of the newest offer; None once its customer is erased."""
    offered = personal.decrypt(owed.state.customer, owed.subject, owed.state.offer)
    token: str | None = offered["payment"]["token"] if offered else None
    return token


def _may_be_done(owed: Owed, token: str | None) -> bool:
    age = time.time_ns() // 1_000_000 - owed.todo.since
    return owed.attempt > 1 or owed.todo.given_up or age > OLD_MS or token is None


def _charged(gateway: Gateway, owed: Owed, token: str | None) -> Captured | Declined:
    if token is None:
        return Declined("erased")
    return gateway.charge(owed.id, owed.entity, owed.state.total, token)
