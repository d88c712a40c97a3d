"""What is sent to order something: our own form in two branches, and the cake shop's as it is.

A price is no member of any of them: what a line costs, the catalog says.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import AfterValidator, Field, StringConstraints, WithJsonSchema

from chalicelib import http
from chalicelib.decisions.product import ProductId
from chalicelib.events import Model, order
from chalicelib.events.envelope import example
from chalicelib.events.order import MOST_LINES, Branch, Channel
from chalicelib.events.person import Address, Card, Contact, Name
from chalicelib.events.product import Line as Text
from chalicelib.events.product import Text as Note
from chalicelib.http import Request

MOST_OPTIONS = 10
Option = Annotated[Text, StringConstraints(max_length=60)]
JOHN: dict[str, Any] = {
    "lines": [{"productId": "flat-white", "quantity": 2, "options": ["oat milk"]}],
    "name": "John",
    "contact": {"email": "john@example.com"},
    "payment": {"token": "tok_visa"},
}


def _yes(said: bool) -> bool:
    if not said:
        raise ValueError("must be true")
    return said


# Not Literal[True], which takes a 1 for it.
Yes = Annotated[bool, AfterValidator(_yes), WithJsonSchema({"type": "boolean", "const": True})]


class Line(Model):
    """So many of one product, and how the customer wishes them to be."""

    product_id: ProductId
    quantity: order.Quantity
    options: Annotated[list[Option], Field(max_length=MOST_OPTIONS)] = Field(default_factory=list)
    note: Annotated[Note, StringConstraints(max_length=280)] | None = None


class Cart(Model):
    """What is in the cart, and who asks for it."""

    lines: Annotated[list[Line], Field(min_length=1, max_length=MOST_LINES)]
    name: Name
    contact: Contact | None = None
    payment: Card | None = None


class ToCollect(Cart):
    """An order that its customer collects."""

    model_config = example(collect=True, **JOHN)

    collect: Yes


class Place(Model):
    """Where an order is brought."""

    address: Address


class ToDeliver(Cart):
    """An order that is brought to the door."""

    model_config = example(deliver={"address": "12 Long Lane"}, **JOHN)

    deliver: Place


class Cakes(Model):
    """The cake shop's order: so many of one product, brought to an address."""

    model_config = example(
        name="marcia", address="somewhere", productId="productId11", quantity="10"
    )

    name: Name
    address: Address
    product_id: ProductId
    quantity: Annotated[str, StringConstraints(pattern=r"^[1-9][0-9]{0,2}$")]


Body = ToCollect | ToDeliver | Cakes


@dataclass(frozen=True, slots=True)
class Wanted:
    """What each of them comes to. `member` is what the body calls the product of a line."""

    branch: Branch
    name: str
    lines: list[Line]
    member: str
    address: str | None = None
    contact: Contact | None = None
    payment: Card | None = None

    @property
    def channels(self) -> list[Channel]:
        """How the customer can be told something."""
        said = self.contact or Contact()
        given: dict[Channel, str | None] = {"email": said.email, "phone": said.phone}
        return [channel for channel, address in given.items() if address]

    def personal(self, *, card: bool) -> dict[str, Any]:
        """All of it that is personal, with the card where it is to be charged."""
        contact = (self.contact or Contact()).model_dump(exclude_none=True)
        members = {"name": self.name, "contact": contact, "lines": list(map(_wishes, self.lines))}
        members |= {"address": self.address} if self.address else {}
        return members | ({"payment": self.payment.model_dump()} if self.payment and card else {})


def _wishes(line: Line) -> dict[str, Any]:
    wishes = {"options": line.options, "note": line.note}
    return {name: wish for name, wish in wishes.items() if wish}


def read(request: Request) -> Wanted:
    """What the request asks for, in whichever form. Raises Invalid, naming each member at fault."""
    document = http.document(request)
    if not isinstance(document, dict) or not document.keys() & {"productId", "deliver"}:
        return _of_cart("collect", http.parse(request, ToCollect))
    if "deliver" in document:
        found = http.parse(request, ToDeliver)
        return _of_cart("deliver", found, found.deliver.address)
    cakes = http.parse(request, Cakes)
    line = Line(product_id=cakes.product_id, quantity=int(cakes.quantity))
    return Wanted("deliver", cakes.name, [line], "productId", cakes.address)


def _of_cart(branch: Branch, cart: Cart, address: str | None = None) -> Wanted:
    member = "lines.{}.productId"
    return Wanted(branch, cart.name, cart.lines, member, address, cart.contact, cart.payment)
