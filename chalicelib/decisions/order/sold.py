"""What an order's events sell: money that came in, or goods that went over the counter unpaid."""

from __future__ import annotations

from chalicelib.decisions.order.state import Order
from chalicelib.events import Event, order
from chalicelib.events.order import Item


def sold(event: Event, before: Order | None, after: Order) -> list[tuple[Item, int]]:
    """The lines of which the event sells so many pieces; below zero, where it takes some back.

    A refund takes back what its to-do was for, so a payment that came too late and is given back
    comes to nothing.
    """
    quantities = [0] * len(after.lines)
    match event.data:
        case order.Paid():
            quantities = [line.quantity for line in after.lines]
        case order.Collected() | order.Delivered() if not after.by_card:
            quantities = [line.quantity for line in after.lines]
        case order.Refunded(todo=name) if before is not None:
            quantities = [-back for back in before.todos[name].quantities]
    pairs = zip(after.lines, quantities, strict=True)
    return [(line, quantity) for line, quantity in pairs if quantity]


SELLING = (order.Paid, order.Collected, order.Delivered, order.Refunded)
