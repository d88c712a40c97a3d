"""What can happen to an order, from the cart to the doorstep.

Who ordered, where to and how it is paid is personal, and stands in `pii` alone. What an order's
to-do came to says which to-do that was. Amounts are in the currency's minor unit.
"""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field, StringConstraints

from chalicelib.events.envelope import Fact, Model, Outcome, Pii, TriedInVain
from chalicelib.events.product import Line, Price

MOST_LINES, MOST_QUANTITY = 20, 999

Branch = Literal["collect", "deliver"]
Channel = Literal["email", "phone"]
Decline = Literal["declined", "insufficient-funds", "requires-action", "invalid-card", "erased"]
Id = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._~-]{0,63}$")]
Reference = Annotated[str, StringConstraints(pattern=r"^[!-~]{1,255}$")]
Quantity = Annotated[int, Field(ge=1, le=MOST_QUANTITY)]


class Item(Model):
    """One line: what is bought at which price a piece, and whom its sale credits."""

    product_id: Id
    name: Line
    quantity: Quantity
    price: Price
    creator: Reference
    photographer: Reference


class Returned(Model):
    """So many of one line, which is named by its place from 0 on."""

    line: Annotated[int, Field(ge=0, lt=MOST_LINES)]
    quantity: Quantity


class Placed(Fact):
    """A customer ordered. `card` says that a card was offered; `channels`, how to reach them."""

    type: ClassVar[str] = "tillstream.order.placed.v1"
    branch: Branch
    lines: Annotated[list[Item], Field(min_length=1, max_length=MOST_LINES)]
    total: Price
    card: bool
    channels: Annotated[list[Channel], Field(max_length=2)]
    pii: Pii


class Paid(Outcome):
    """The gateway captured the total."""

    type: ClassVar[str] = "tillstream.order.paid.v1"
    payment: Reference
    amount: Price


class PaymentDeclined(Outcome):
    """The gateway will not charge this card: that is final for the card."""

    type: ClassVar[str] = "tillstream.order.payment-declined.v1"
    reason: Decline


class PaymentOffered(Fact):
    """The customer offered another card."""

    type: ClassVar[str] = "tillstream.order.payment-offered.v1"
    pii: Pii


class Ready(Fact):
    """It stands on the counter."""

    type: ClassVar[str] = "tillstream.order.ready.v1"


class Collected(Fact):
    """The customer took it."""

    type: ClassVar[str] = "tillstream.order.collected.v1"


class Fulfilled(Fact):
    """Its maker made it."""

    type: ClassVar[str] = "tillstream.order.fulfilled.v1"
    fulfillment_id: Id


class Dispatched(Outcome):
    """The courier's queue took it."""

    type: ClassVar[str] = "tillstream.order.dispatched.v1"


class Delivered(Fact):
    """It was handed over at the door."""

    type: ClassVar[str] = "tillstream.order.delivered.v1"
    delivery_company_id: Id


class Cancelled(Fact):
    """It is not wanted any more."""

    type: ClassVar[str] = "tillstream.order.cancelled.v1"


class Expired(Outcome):
    """No other card was offered in time."""

    type: ClassVar[str] = "tillstream.order.expired.v1"


class RefundRequested(Fact):
    """Some of what was paid is to be given back."""

    type: ClassVar[str] = "tillstream.order.refund-requested.v1"
    lines: Annotated[list[Returned], Field(min_length=1, max_length=MOST_LINES)]


class Refunded(Outcome):
    """The gateway gave it back."""

    type: ClassVar[str] = "tillstream.order.refunded.v1"
    refund: Reference
    amount: Price


class Notified(Outcome):
    """Somebody was told, by these channels; by none, where nobody can be reached any more."""

    type: ClassVar[str] = "tillstream.order.notified.v1"
    channels: Annotated[list[Channel], Field(max_length=2)]


class GivenUp(TriedInVain):
    """So often it was tried in vain; a person must look at it. What comes of it still counts."""

    type: ClassVar[str] = "tillstream.order.given-up.v1"


FACTS = (
    Placed,
    Paid,
    PaymentDeclined,
    PaymentOffered,
    Ready,
    Collected,
    Fulfilled,
    Dispatched,
    Delivered,
    Cancelled,
    Expired,
    RefundRequested,
    Refunded,
    Notified,
    GivenUp,
)
