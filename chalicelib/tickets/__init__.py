"""Tickets: what is asked of the shop, each a command to its subject.

    form   what is sent to open one
    page   every answer as a page, for who has no JavaScript and no token

The text is encrypted under its author's key before there is a command. Whoever has no token is the
author of the one ticket that they open, and shows that by its key (`access.guest`). Nothing that a
browser sends by itself is heard, so no other site's page can speak for somebody here.
"""

from __future__ import annotations

from dataclasses import replace

from chalicelib import customers, door, http, personal, read
from chalicelib.access import guest
from chalicelib.decisions import DECIDERS, order
from chalicelib.decisions.ticket import KIND, Open, Ticket, Update
from chalicelib.door import Recorded
from chalicelib.errors import NoSuchOrder, NotYours, UnknownTicket
from chalicelib.events import Model
from chalicelib.http import Answer, Request
from chalicelib.openapi.route import Given
from chalicelib.subjects import subject_key, subject_of
from chalicelib.tickets.form import FORM, NewTicket, TicketChange, TicketForm
from chalicelib.tickets.form import read as read_form
from chalicelib.tickets.page import show
from chalicelib.views import tickets

__all__ = ["ASKED", "CHANGED", "OPENED", "open_ticket", "show", "update"]


class OpenedTicket(Recorded, total=False):
    """The same; `key` is for whoever had no token, to whom it alone opens the ticket."""

    key: str


ASKED: dict[str, type[Model]] = {http.JSON: NewTicket, FORM: TicketForm}
CHANGED = TicketChange
AUTHOR_WAS = "the ticket's author was erased: only `checked` can be said of it any more"
OPENED = (
    Given(OpenedTicket, 202, headers=("Location",)),
    Given(str, 303, headers=("Location",), content=http.HTML),
)


def open_ticket(request: Request) -> Answer:
    """Ask for something. Raises NoSuchOrder, Erased."""
    said, once = read_form(request)
    entity = door.new_id(once)
    subject, author = f"{KIND}/{entity}", request.actor or guest.person(entity)
    opener = replace(request, actor=author)

    def opening(_: Ticket | None) -> Open:
        if said.order_id is not None:
            _refuse_foreign(request, said.order_id)
        return Open(order_id=said.order_id, pii=_sealed(opener, author, subject, said.text))

    answer = door.decided(opener, subject, opening, once)
    return answer if request.actor else _keyed(answer, entity)


def update(request: Request, entity: str) -> Answer:
    """Say that it is done, or not, or ask otherwise. Raises UnknownTicket, NotYours, Erased."""
    said, named = http.parse(request, TicketChange), http.entity(entity)
    known, subject = tickets.as_author(request, named), f"{KIND}/{named}"

    def updating(state: Ticket | None) -> Update:
        author = _author(known, state)
        if said.text is None:
            return Update(checked=said.checked)
        return Update(checked=said.checked, pii=_sealed(known, author, subject, said.text))

    return door.decided(known, subject, updating, door.keyed(known))


def _keyed(answer: Answer, entity: str) -> Answer:
    return replace(answer, body={**answer.body, "key": guest.key(entity)})


def _author(request: Request, state: Ticket | None) -> str:
    """Whose it is, if the caller may update it: theirs, or anybody's for support."""
    if state is None or not tickets.is_seen(request, state.author):
        raise UnknownTicket("there is no ticket with this id", field="id")
    if request.actor != state.author and tickets.SUPPORT not in request.roles:
        raise NotYours("a ticket is updated by its author, or by support", field="id")
    return state.author


def _sealed(request: Request, author: str, subject: str, text: str) -> str:
    """The text under its author's key. Raises Erased, whatever key a process still has."""
    said = customers.YOU_WERE if author == request.actor else AUTHOR_WAS
    customers.refuse_erased(*read.rows(request, customers.key(author)), detail=said)
    return personal.encrypt(author, subject, {"text": text})


def _refuse_foreign(request: Request, order_id: str) -> None:
    """Raises NoSuchOrder: somebody else's is as if it were not there."""
    decider = DECIDERS[order.KIND]
    (row,) = read.rows(request, subject_key(decider, f"{order.KIND}/{order_id}"))
    placed = subject_of(decider, row).state
    if placed is None or placed.customer != request.actor:
        raise NoSuchOrder("there is no order with this id", field="orderId")
