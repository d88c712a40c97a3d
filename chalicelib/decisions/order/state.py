"""An order as its events have it, and what can be asked of it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Self

from chalicelib.decisions.order.moves import UNPAID, Status
from chalicelib.decisions.todo import Owing
from chalicelib.events.envelope import Pii
from chalicelib.events.order import Branch, Channel, Item, Returned
from chalicelib.events.product import Price


class Order(Owing):
    """`returned` is how many of each line were asked back; amounts are in the total's currency.

    `pii` says who ordered; in `offer`, which may be the same, stands the token of the newest card.
    `created` is when it was placed; `due` the clock, in ms, from which on it was to be made.
    `cards` were offered, and `refunds` asked for, so often.
    """

    customer: str
    created: str
    branch: Branch
    status: Status
    by_card: bool
    lines: list[Item]
    total: Price
    channels: list[Channel]
    pii: Pii
    offer: Pii
    returned: list[int]
    due: int = 0
    cards: int = 0
    payment: str = ""
    captured: int = 0
    refunds: int = 0
    refunded: int = 0

    @property
    def stands(self) -> str:
        """The status, as the table of moves has it."""
        return UNPAID if self.status == "placed" and not self.by_card else self.status

    @property
    def left(self) -> list[int]:
        """What was not asked back yet, by line."""
        pairs = zip(self.lines, self.returned, strict=True)
        return [line.quantity - back for line, back in pairs]

    def worth(self, quantities: list[int]) -> int:
        """What so many of each line cost."""
        pairs = zip(self.lines, quantities, strict=True)
        return sum(line.price.amount * quantity for line, quantity in pairs)

    def price(self, amount: int) -> Price:
        """So much in the order's currency."""
        return Price(amount=amount, currency=self.total.currency)

    def counted(self, asked: Iterable[Returned]) -> list[int]:
        """How many of each line are asked back; the lines are such that there are."""
        found = [0] * len(self.lines)
        for each in asked:
            found[each.line] += each.quantity
        return found

    def having(self, **members: Any) -> Self:
        """The same, with these members."""
        return self.model_copy(update=members)
