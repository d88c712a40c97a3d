"""What a person says of themselves. In an event it stands in `pii` alone, encrypted.

Names that look the same are the same name: a name is kept in NFC, without what cannot be seen or
turns the text around it, and with single spaces. Letters of other scripts that look alike stay
different.
"""

from __future__ import annotations

import re
import unicodedata
from typing import Annotated

from pydantic import AfterValidator, StringConstraints, WithJsonSchema

from chalicelib.events.envelope import Model, example
from chalicelib.events.product import LINE, TEXT, not_blank

# A telephone number as people write it, and what they put between its digits. A zero in brackets is
# refused: it is dialled with the country in some countries and not in others, so it is not guessed.
WRITTEN = r"^(?!.*\([ .-]?0[ .-]?\))\+[1-9]([ ().-]{0,2}[0-9]){6,14}$"
BETWEEN = re.compile(r"[ ().-]")

EMAIL = r"^[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@[A-Za-z0-9-]{1,63}(\.[A-Za-z0-9-]{1,63}){1,8}$"

MOST_NAME = 80
# Characters of Unicode's Default_Ignorable_Code_Point that are letters or marks, and the blank
# Braille cell; the others are of the category Cf.
UNSEEN = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2800\u3164\ufe00-\ufe0f\uffa0\U000e0100-\U000e01ef]"
)


def visible(text: str) -> str:
    """What can be seen of it, on one line and in the order in which it stands."""
    seen = (c for c in UNSEEN.sub("", text) if unicodedata.category(c) != "Cf")
    return " ".join(unicodedata.normalize("NFC", "".join(seen)).split())


def as_seen(name: str) -> str:
    """The name as it looks. Raises ValueError when nothing, or too much, is left."""
    shown = visible(name)
    if not 0 < len(shown) <= MOST_NAME:
        raise ValueError(f"a name has 1 to {MOST_NAME} characters that can be seen")
    return shown


def as_dialled(number: str) -> str:
    """The number as E.164 has it. Raises ValueError for what is no number of a telephone."""
    if not re.fullmatch(WRITTEN, number):
        raise ValueError(
            "must be a telephone number with + and its country, no (0), as +49 151 5550123"
        )
    return BETWEEN.sub("", number)


Name = Annotated[
    str,
    StringConstraints(min_length=1, max_length=MOST_NAME, pattern=LINE),
    AfterValidator(as_seen),
]
Address = Annotated[
    str, StringConstraints(min_length=1, max_length=500, pattern=TEXT), AfterValidator(not_blank)
]
Email = Annotated[str, StringConstraints(max_length=254, pattern=EMAIL)]
Phone = Annotated[str, StringConstraints(pattern=r"^\+[1-9][0-9]{6,14}$")]
Dialled = Annotated[
    str, AfterValidator(as_dialled), WithJsonSchema({"type": "string", "pattern": WRITTEN})
]
Token = Annotated[str, StringConstraints(pattern=r"^[!-~]{1,255}$")]


class Contact(Model):
    """Where to tell somebody something; the number as E.164 has it."""

    email: Email | None = None
    phone: Phone | None = None


class Card(Model):
    """A card, by the token that the payment provider gave the customer's browser for it."""

    model_config = example(token="tok_visa")  # noqa: S106  (a made-up one)

    token: Token
