"""Tickets: what people ask of the shop, as they stand now, and how each came to be so.

Answers  GET /tickets, GET /tickets/{id}, GET /tickets/{id}/history
From     ticket.opened, ticket.updated
Rows     `tickets/<id>`    one ticket, in the list `newest`           (owned)
         `author/<who>`    the same among those of its author         (owned)
         `history/<id>`    how it stood after each event, a row each  (owned)

A row holds the text as ciphertext; it is opened for the author, support and an admin, to anybody
else the ticket is as if it were not there. So the tag is of all that is shown.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Annotated, Any, Literal, NotRequired, cast

from pydantic import Field
from typing_extensions import TypedDict

from chalicelib import http, personal, read
from chalicelib.access import guest
from chalicelib.decisions import DECIDERS
from chalicelib.decisions.ticket import KIND, Ticket
from chalicelib.errors import BadRequest, UnknownTicket
from chalicelib.events import Event, ticket
from chalicelib.events.record import POSITION
from chalicelib.http import Answer, Request
from chalicelib.read import Page, Paging
from chalicelib.store import Key, Put, Query, Row, Write
from chalicelib.subjects import subject_key, subject_of
from chalicelib.view import View

SUPPORT = "support"
SEE_ALL = {SUPPORT, "admin"}


def reduce(event: Event, before: Ticket | None, after: Ticket) -> Iterator[Write]:  # noqa: ARG001
    """The ticket as it is now, in its lists too; and one row more of its history."""
    entity, subject, body = event.entity, event.subject, _body(event.entity, after)
    place = f"{after.opened:015d} {subject}"
    yield Put(Key(f"tickets/{entity}", subject), body, listing=("newest", place))
    yield Put(Key(f"author/{after.author}", place), body)
    moment = f"{event.clock:015d} {event.position.sequence:056d} {subject}"
    yield Put(Key(f"history/{entity}", moment), _step(event, after))


def _body(entity: str, state: Ticket) -> dict[str, Any]:
    body: dict[str, Any] = {
        "id": entity,
        "author": state.author,
        "checked": state.checked,
        "createdAt": state.opened,
        "updatedAt": state.updated,
        "pii": state.pii,
    }
    return body if state.order_id is None else body | {"orderId": state.order_id}


def _step(event: Event, state: Ticket) -> dict[str, Any]:
    return {
        "event": event.data.type.split(".")[2],
        "at": event.clock,
        "by": "author" if event.actor == state.author else SUPPORT,
        "checked": state.checked,
        "pii": state.pii,
    }


class Ask(TypedDict, total=False):
    """How a ticket that was opened without a token is asked for."""

    key: Annotated[
        str,
        Field(pattern=guest.KEY, description="What its author was given who had no token."),
    ]


class AskOne(Ask, total=False):
    """The same, of the ticket itself."""

    at: Annotated[
        str,
        Field(
            pattern=f"^{POSITION.pattern}$",
            description="A position, as a 202 gave it: as `Read-After`, in an address.",
        ),
    ]


class AskHistory(Paging, Ask, total=False):
    """Which part of a ticket's history."""


class Told(TypedDict):
    """A ticket; moments are in milliseconds since 1970, by the log's clock.

    `erased` says that what its author wrote can be read by nobody any more. Support and an admin
    are told by whom it is: an id, and no name.
    """

    id: str
    text: NotRequired[str]
    checked: bool
    createdAt: int
    updatedAt: int
    orderId: NotRequired[str]
    author: NotRequired[str]
    erased: NotRequired[Literal[True]]


class Step(TypedDict):
    """How a ticket stood after an event, and who said it."""

    event: Literal["opened", "updated"]
    at: int
    by: Literal["author", "support"]
    text: NotRequired[str]
    checked: bool
    erased: NotRequired[Literal[True]]


def ticket_by_id(request: Request, entity: str) -> Answer:
    """One ticket. Raises UnknownTicket, Invalid, BadRequest."""
    row, judged = _row(_waiting(request), entity)
    shown = _told([row.body], _all(request))[0]
    version = subject_of(DECIDERS[KIND], judged).version
    return http.private(request, shown, http.etag(version, f"{VIEW.reading}.{http.digest(shown)}"))


def list_tickets(request: Request) -> Page[Told]:
    """A page of the tickets that the caller may see, newest first. Raises BadRequest."""
    everything = _all(request)
    own = Query(VIEW.pk(f"author/{request.actor}"), newest_first=True)
    newest = Query(VIEW.pk("newest"), index="listing", newest_first=True)
    query = newest if everything else own
    return read.page(
        request, VIEW, query, lambda rows: _told([row.body for row in rows], everything)
    )


def history(request: Request, entity: str) -> Page[Step]:
    """A page of what a ticket went through, the oldest first. Raises UnknownTicket."""
    row, _ = _row(request, entity)
    author = row.body["author"]

    def tell(rows: Sequence[Row]) -> list[Step]:
        return [cast("Step", _opened(f"{KIND}/{entity}", author, row.body)) for row in rows]

    return read.page(request, VIEW, Query(VIEW.pk(f"history/{entity}")), tell)


def as_author(request: Request, entity: str) -> Request:
    """The same, said by the ticket's author where it has the ticket's key and no token.

    Raises BadRequest.
    """
    key = request.query.get("key")
    if key is not None and not re.fullmatch(guest.KEY, key):
        raise BadRequest("a ticket's key has 22 letters, as its author was given it", field="key")
    if request.actor or key is None or not guest.holds(entity, key):
        return request
    return replace(request, actor=guest.person(entity))


def is_seen(request: Request, author: str) -> bool:
    """Whether the caller may see a ticket of this author."""
    return _all(request) or request.actor == author


def _all(request: Request) -> bool:
    return bool(SEE_ALL & request.roles)


def _waiting(request: Request) -> Request:
    """The same with `at` as its Read-After. Raises BadRequest."""
    at = request.query.get("at")
    if at is None:
        return request
    read.position(at, "at")
    return replace(request, headers={**request.headers, "read-after": at})


def _row(request: Request, entity: str) -> tuple[Row, Row | None]:
    """The ticket's row, and its subject's. Raises UnknownTicket: a foreign one is not there."""
    subject = f"{KIND}/{http.entity(entity)}"
    known = as_author(request, entity)
    places = Key(VIEW.pk(f"tickets/{entity}"), subject), subject_key(DECIDERS[KIND], subject)
    row, judged = read.rows(request, *places, view=VIEW)
    if row is None or not is_seen(known, row.body["author"]):
        raise UnknownTicket("there is no ticket with this id", field="id")
    return row, judged


def _told(bodies: Sequence[Mapping[str, Any]], everything: bool) -> list[Told]:
    """The tickets in clear; with their authors' ids for those who see all."""
    personal.gather({body["author"] for body in bodies})
    found = [_opened(f"{KIND}/{body['id']}", body["author"], body) for body in bodies]
    left = set() if everything else {"author"}
    return [cast("Told", {name: each[name] for name in each.keys() - left}) for each in found]


def _opened(subject: str, author: str, body: Mapping[str, Any]) -> dict[str, Any]:
    """What a row holds, with its text in clear, or that it was erased."""
    shown = {name: body[name] for name in body if name != "pii"}
    found = personal.decrypt(author, subject, body["pii"])
    return shown | ({"erased": True} if found is None else {"text": found["text"]})


FEEDS = ticket.FACTS
versions = {1: reduce}
VIEW = View("tickets", 1, FEEDS, versions[1])
