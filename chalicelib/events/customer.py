"""What can happen to a person known to the shop."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import StringConstraints

from chalicelib.events.envelope import Fact, Told
from chalicelib.events.product import LINE

PublicName = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1, max_length=80, pattern=LINE)
]


class Registered(Fact):
    """They chose the name that the board shows."""

    type: ClassVar[str] = "tillstream.customer.registered.v1"
    public_name: PublicName


class RoleClaimed(Told):
    """Someone was said to have a role elsewhere. It grants nothing here."""

    type: ClassVar[str] = "tillstream.customer.role-claimed.v1"
    role: Literal["photographer", "merchant"]


FACTS = (Registered, RoleClaimed)
