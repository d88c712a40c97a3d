"""What can happen to a ticket. What somebody wrote is personal, and stands in `pii` alone."""

from __future__ import annotations

from typing import ClassVar

from chalicelib.events.envelope import Fact, Pii
from chalicelib.events.order import Id


class Opened(Fact):
    """Somebody asked for something, of an order of theirs where one is named."""

    type: ClassVar[str] = "tillstream.ticket.opened.v1"
    order_id: Id | None = None
    pii: Pii


class Updated(Fact):
    """It is done, or not done yet; `pii` is its new text, where it has one."""

    type: ClassVar[str] = "tillstream.ticket.updated.v1"
    checked: bool
    pii: Pii | None = None


FACTS = (Opened, Updated)
