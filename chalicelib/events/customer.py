"""What can happen to a person. Who they are and how to reach them stands in `pii` alone."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import StringConstraints

from chalicelib.events.envelope import Fact, Outcome, Pii, Told, TriedInVain
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


class Updated(Told):
    """They go by another public name, or are someone else, or are reached otherwise."""

    type: ClassVar[str] = "tillstream.customer.updated.v1"
    public_name: PublicName | None = None
    pii: Pii | None = None


class Erased(Fact):
    """Nobody is to know any more who they are."""

    type: ClassVar[str] = "tillstream.customer.erased.v1"


class KeyDestroyed(Outcome):
    """What was personal of them can be read by nobody any more."""

    type: ClassVar[str] = "tillstream.customer.key-destroyed.v1"


class GivenUp(TriedInVain):
    """So often it was tried in vain; a person must look at it. What comes of it still counts."""

    type: ClassVar[str] = "tillstream.customer.given-up.v1"


FACTS = (Registered, RoleClaimed, Updated, Erased, KeyDestroyed, GivenUp)
