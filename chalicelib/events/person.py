"""What a person says of themselves. In an event it stands in `pii` alone, encrypted."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, StringConstraints

from chalicelib.events.envelope import Model, example
from chalicelib.events.product import LINE, TEXT, not_blank

EMAIL = r"^[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@[A-Za-z0-9-]{1,63}(\.[A-Za-z0-9-]{1,63}){1,8}$"

Name = Annotated[
    str, StringConstraints(min_length=1, max_length=80, pattern=LINE), AfterValidator(not_blank)
]
Address = Annotated[
    str, StringConstraints(min_length=1, max_length=500, pattern=TEXT), AfterValidator(not_blank)
]
Email = Annotated[str, StringConstraints(max_length=254, pattern=EMAIL)]
Phone = Annotated[str, StringConstraints(pattern=r"^\+[1-9][0-9]{6,14}$")]
Token = Annotated[str, StringConstraints(pattern=r"^[!-~]{1,255}$")]


class Contact(Model):
    """Where to tell somebody something; the number as E.164 has it."""

    email: Email | None = None
    phone: Phone | None = None


class Card(Model):
    """A card, by the token that the payment provider gave the customer's browser for it."""

    model_config = example(token="tok_visa")  # noqa: S106  (a made-up one)

    token: Token
