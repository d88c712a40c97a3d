"""What may be asked of an order; each becomes the event that stands beside it in the table."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from chalicelib.events import Fact, Model, order
from chalicelib.events.envelope import Pii, example
from chalicelib.events.order import MOST_LINES, Returned


class Place(order.Placed):
    """Order what is in the cart, priced from the catalog."""


class Offer(Model):
    """Offer another card."""

    pii: Pii


class Ready(Model):
    """Put it on the counter."""


class Collect(Model):
    """Hand it over the counter."""


class Fulfil(Model):
    """Say that it is made."""

    fulfillment_id: order.Id


class Deliver(Model):
    """Hand it over at the door."""

    delivery_company_id: order.Id


class Cancel(Model):
    """Do without it."""


class Refund(Model):
    """Give back some of what was paid."""

    model_config = example(lines=[{"line": 0, "quantity": 1}])

    lines: Annotated[list[Returned], Field(min_length=1, max_length=MOST_LINES)]


Command = Place | Offer | Ready | Collect | Fulfil | Deliver | Cancel | Refund


SAYS: dict[type[Model], type[Fact]] = {
    Place: order.Placed,
    Offer: order.PaymentOffered,
    Ready: order.Ready,
    Collect: order.Collected,
    Fulfil: order.Fulfilled,
    Deliver: order.Delivered,
    Cancel: order.Cancelled,
    Refund: order.RefundRequested,
}
