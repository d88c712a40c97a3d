"""Ticket: what somebody asks of the shop, and whether it is done.

Its author is whoever opened it, for good: whoever updates it, the text is encrypted under the
author's key. Who may update it the door alone can tell, by the roles of a token.
"""

from __future__ import annotations

from chalicelib.decisions.subject import Ignored, State
from chalicelib.errors import Exists, UnknownTicket
from chalicelib.events import Event, Fact, ticket
from chalicelib.events.envelope import Pii

KIND = "ticket"


class Ticket(State):
    """`opened` and `updated` are the log's clock then, in ms; `pii` is the text as it is now."""

    author: str
    opened: int
    updated: int
    pii: Pii
    order_id: str | None = None
    checked: bool = False


class Open(ticket.Opened):
    """Ask for something."""


class Update(ticket.Updated):
    """Say that it is done, or not; and ask otherwise, where `pii` is given."""


Command = Open | Update


def decide(state: Ticket | None, command: Command, actor: str) -> Fact:  # noqa: ARG001
    """The event that the command comes to. Raises Exists, UnknownTicket."""
    match command:
        case Open() if state is None:
            return ticket.Opened.model_validate(command.model_dump())
        case Open():
            raise Exists("there is a ticket with this id already", field="id")
        case Update() if state is None:
            raise UnknownTicket("there is no ticket with this id", field="id")
        case Update():
            return ticket.Updated.model_validate(command.model_dump())


def evolve(state: Ticket | None, event: Event) -> Ticket | Ignored:
    """The ticket after the event, or why the event does not count."""
    match event.data:
        case ticket.Opened() if state is not None:
            return Ignored("exists", "this ticket was opened before")
        case ticket.Opened(order_id=order_id, pii=pii):
            now = event.clock
            return Ticket(author=event.actor, opened=now, updated=now, pii=pii, order_id=order_id)
        case ticket.Updated(checked=checked, pii=pii) if state is not None:
            said = {"checked": checked, "pii": pii or state.pii, "updated": event.clock}
            return state.model_copy(update=said)
        case _:
            return Ignored("unknown-ticket", "there is no ticket with this id")
