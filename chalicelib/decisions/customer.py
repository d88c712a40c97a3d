"""Customer: a person known to the shop, by the public name they chose.

Names that look the same are the same name: a name is kept in NFC, without what cannot be seen and
with single spaces. Letters of other scripts that look alike stay different.
"""

from __future__ import annotations

import re
import unicodedata
from typing import Annotated

from pydantic import AfterValidator, StringConstraints

from chalicelib.decisions.subject import Ignored, State
from chalicelib.errors import Exists
from chalicelib.events import Event, Fact, Model, customer, product

KIND = "customer"
MOST = 80
# Characters of Unicode's Default_Ignorable_Code_Point that are letters or marks, and the blank
# Braille cell; the others are of the category Cf.
UNSEEN = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2800\u3164\ufe00-\ufe0f\uffa0\U000e0100-\U000e01ef]"
)


def as_seen(name: str) -> str:
    """The name as it looks on the board. Raises ValueError when nothing, or too much, is left."""
    seen = (c for c in UNSEEN.sub("", name) if unicodedata.category(c) != "Cf")
    shown = " ".join(unicodedata.normalize("NFC", "".join(seen)).split())
    if not 0 < len(shown) <= MOST:
        raise ValueError(f"a name has 1 to {MOST} characters that can be seen")
    return shown


ShownName = Annotated[str, StringConstraints(pattern=product.LINE), AfterValidator(as_seen)]


class Customer(State):
    """`public_name` is what the board shows."""

    public_name: str


class Register(Model):
    """Become known under a public name."""

    public_name: ShownName


Command = Register


def decide(state: Customer | None, command: Command | customer.RoleClaimed, actor: str) -> Fact:  # noqa: ARG001
    """The event that the command comes to. Raises Exists when the person is known already."""
    if isinstance(command, customer.RoleClaimed):
        return command
    if state is not None:
        raise Exists("this person is registered already")
    return customer.Registered(public_name=command.public_name)


def evolve(state: Customer | None, event: Event) -> Customer | Ignored | None:
    """The customer after the event, or why the event does not count."""
    match event.data:
        case customer.Registered(public_name=name) if state is None:
            if event.entity != event.actor:
                return Ignored("not-yours", "a person registers only themselves")
            return Customer(public_name=name)
        case customer.RoleClaimed():
            return state
        case _:
            return Ignored("exists", "this person is registered already")
