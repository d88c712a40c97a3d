"""The state machine of an order as one table, which is last: each event's from and to.

`decide` and `evolve` go by it, `told` tells it to the contract, and `docs/orders.md` draws it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from chalicelib.events import Fact, Outcome, order
from chalicelib.events.order import Branch

Status = Literal[
    "placed",
    "paid",
    "payment-declined",
    "payment-offered",
    "ready",
    "collected",
    "fulfilled",
    "dispatched",
    "delivered",
    "cancelled",
    "expired",
    "refunded",
]
UNPAID = "unpaid"  # where an order without a card stands once it is placed
NOWHERE = "nowhere"  # where an order stands that there is not
WORDS = {
    "placed": "placed with a card",
    UNPAID: "placed without a card",
    NOWHERE: "not there yet",
}
CHARGE, REFUND, EXPIRE, NOTIFY, MAKER, COURIER = (
    "charge",
    "refund",
    "expire",
    "notify",
    "mail-maker",
    "courier",
)


@dataclass(frozen=True, slots=True)
class Move:
    """An event that moves an order: where it may stand before, and its status after.

    `branch` is the one way of handing over that the move belongs to; `once` says in words what
    more has to be so for the status to change.
    """

    after: tuple[str, ...]
    to: Status | None
    branch: Branch | None = None
    once: str = ""


MADE = ("ready", "collected", "fulfilled", "dispatched", "delivered")

# What a to-do of each kind may come to; any may be given up before.
SETTLES: dict[str, tuple[type[Outcome], ...]] = {
    CHARGE: (order.Paid, order.PaymentDeclined),
    REFUND: (order.Refunded,),
    EXPIRE: (order.Expired,),
    NOTIFY: (order.Notified,),
    MAKER: (order.Notified,),
    COURIER: (order.Dispatched,),
}


def move_of(data: Fact, *, stands: str) -> Move | None:
    """The move that the event is for an order that stands there, if it is one."""
    move = MOVES.get(type(data))
    return move if move and stands in move.after else None


def in_words(stands: str) -> str:
    """Where an order stands, as people say it."""
    return WORDS.get(stands, stands)


def told(event: type[Fact]) -> str:
    """What the table says of the event, for who reads the contract."""
    move = MOVES[event]
    kind = "" if move.branch is None else f" to {move.branch}"
    after = " or ".join(map(in_words, move.after))
    status = "its status stays" if move.to is None else f"its status is then `{move.to}`"
    return f"Of an order{kind} that is {after}: {status}{move.once and f' {move.once}'}."


# The state machine. `None` keeps the status; an outcome that finds no move here keeps it too.
MOVES: dict[type[Fact], Move] = {
    order.Placed: Move((NOWHERE,), "placed"),
    order.Paid: Move(("placed", "payment-offered"), "paid"),
    order.PaymentDeclined: Move(("placed", "payment-offered"), "payment-declined"),
    order.PaymentOffered: Move(("payment-declined",), "payment-offered"),
    order.Expired: Move(("payment-declined",), "expired"),
    order.Ready: Move(("paid", UNPAID), "ready", "collect"),
    order.Collected: Move(("ready",), "collected", "collect"),
    order.Fulfilled: Move(("paid", UNPAID), "fulfilled", "deliver"),
    order.Dispatched: Move(("fulfilled",), "dispatched", "deliver"),
    order.Delivered: Move(("fulfilled", "dispatched"), "delivered", "deliver"),
    order.Cancelled: Move(
        ("placed", UNPAID, "payment-declined", "payment-offered", "paid"), "cancelled"
    ),
    order.RefundRequested: Move(("paid", *MADE), None),
    order.Refunded: Move(("paid", *MADE), "refunded", once="once all is given back"),
}
