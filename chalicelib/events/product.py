"""What can happen to a product."""

from __future__ import annotations

import re
from typing import Annotated, ClassVar
from urllib.parse import unquote

from pydantic import AfterValidator, Field, StringConstraints

from chalicelib.events.envelope import TODO, Fact, Model, Outcome, Told, TriedInVain

LINE = r"^[^\x00-\x1f\x7f\x85\u2028\u2029]*$"
TEXT = r"^[^\x00-\x08\x0b-\x1f\x7f]*$"
HTTP_URL = r"^https?://[A-Za-z0-9.-]{1,253}(:[0-9]{1,5})?(/[A-Za-z0-9._~:/?#!$&'()*+,;=%-]*)?$"
OURS = r"^/pictures/[0-9a-f]{64}$"  # a picture that the shop keeps, by its path in this API
MOST_AMOUNT = 10**12
TELEPHONE = re.compile(r"\+[0-9][0-9 ().-]{5}")


def not_blank(text: str) -> str:
    """The text. Raises ValueError where nothing of it can be seen."""
    if not text.strip():
        raise ValueError("must not be blank")
    return text


def _names_nobody(address: str) -> str:
    """An address that shows an e-mail address or a telephone number, however often escaped."""
    plain = address
    while (unescaped := unquote(plain)) != plain:
        plain = unescaped
    if "@" in plain or TELEPHONE.search(plain):
        raise ValueError("must hold no e-mail address and no telephone number")
    return address


Line = Annotated[
    str, StringConstraints(min_length=1, max_length=200, pattern=LINE), AfterValidator(not_blank)
]
Category = Annotated[
    str, StringConstraints(min_length=1, max_length=100, pattern=LINE), AfterValidator(not_blank)
]
Text = Annotated[str, StringConstraints(max_length=4000, pattern=TEXT)]
Image = Annotated[
    str,
    StringConstraints(max_length=2048, pattern=f"{HTTP_URL}|{OURS}"),
    AfterValidator(_names_nobody),
]


class Price(Model):
    """An amount in the currency's minor unit (cents); the currency as ISO 4217 has it."""

    amount: Annotated[int, Field(ge=0, le=MOST_AMOUNT)]
    currency: Annotated[str, StringConstraints(pattern=r"^[A-Z]{3}$")]


class Description(Fact):
    """What a merchant says of a product."""

    brand: Line
    name: Line
    description: Text
    category: Category
    price: Price | None = None


class Created(Description, Told):
    """A merchant listed the product."""

    type: ClassVar[str] = "tillstream.product.created.v1"


class Updated(Description, Told):
    """Its merchant described it anew, whole."""

    type: ClassVar[str] = "tillstream.product.updated.v1"


class Photographed(Told):
    """A photographer gave it a picture, by its address; for the photo desk, if it says so.

    `assignment` is the desk's to-do that it settles: the desk knows of it.
    """

    type: ClassVar[str] = "tillstream.product.photographed.v1"
    image: Image
    assignment: Annotated[str, StringConstraints(pattern=TODO)] | None = None


class Viewed(Told):
    """A customer looked at it."""

    type: ClassVar[str] = "tillstream.product.viewed.v1"


class Purchased(Told):
    """A customer bought one: the workshop's own move."""

    type: ClassVar[str] = "tillstream.product.purchased.v1"


class SentToDesk(Outcome):
    """The photo desk knows that it waits for a picture, or that it has one."""

    type: ClassVar[str] = "tillstream.product.sent-to-desk.v1"


class GivenUp(TriedInVain):
    """So often it was tried in vain; a person must look at it. What comes of it still counts."""

    type: ClassVar[str] = "tillstream.product.given-up.v1"


FACTS = (Created, Updated, Photographed, Viewed, Purchased, SentToDesk, GivenUp)
