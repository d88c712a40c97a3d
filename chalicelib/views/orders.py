"""An order from the cart to the doorstep: as it is now, and what happened to it.

Answers  GET /orders/{id}, GET /orders?status=&as=
From     every event of an order
Rows     `orders/<id>`      one order, in the list `newest`                                (owned)
         `timeline/<id>`    what happened to it, a row an event                            (owned)
         `customer/<who>`   an order of this customer                                      (owned)
         `<status>/<who>`   the same while it has the status, in the list `status/<status>` (owned)

A row holds what is personal as ciphertext; it is opened for a role that may see it, by the table at
the end. So an answer differs by role, by what was erased, and by `readyAt`: its tag is of all that
is shown.
"""

from __future__ import annotations

import functools
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Annotated, Any, Literal, NotRequired, cast, get_args

from pydantic import Field
from typing_extensions import TypedDict

from chalicelib import http, personal, read, store
from chalicelib.decisions import DECIDERS
from chalicelib.decisions import order as orders
from chalicelib.decisions.order.moves import NOTIFY, Status
from chalicelib.errors import BadRequest, Forbidden, Unavailable, UnknownOrder
from chalicelib.events import Event, Outcome, order
from chalicelib.events.order import Branch
from chalicelib.events.product import Price
from chalicelib.http import Answer, Request
from chalicelib.read import Paging
from chalicelib.store import Delete, Key, Put, Query, Row, Write
from chalicelib.subjects import subject_key, subject_of
from chalicelib.view import View
from chalicelib.views import queue
from chalicelib.views.catalog import Money

MOST_STEPS, MOST_ITEMS, TRIES = 100, 50, 5  # of a timeline; on a page; to see an order at rest
As = Literal["customer", "barista", "maker", "courier", "admin"]


def reduce(event: Event, before: orders.Order | None, after: orders.Order) -> Iterator[Write]:
    """One more step in the timeline; the order's row and its places, where they changed."""
    entity, subject, who = event.entity, event.subject, after.customer
    yield Put(Key(f"timeline/{entity}", _moment(event)), _step(event, before))
    place, pointer = f"{after.created} {subject}", {"id": entity}
    body = _body(entity, after)
    if before is None or body != _body(entity, before):
        yield Put(Key(f"orders/{entity}", subject), body, listing=("newest", place))
    if before is None:
        yield Put(Key(f"customer/{who}", place), pointer)
    elif before.status != after.status:
        yield Delete(Key(f"{before.status}/{who}", place))
    if before is None or before.status != after.status:
        listing = f"status/{after.status}", place
        yield Put(Key(f"{after.status}/{who}", place), pointer, listing)


def _moment(event: Event) -> str:
    """A place in the order of the log, within one subject."""
    return f"{event.clock:015d} {event.position.sequence:056d} {event.subject}"


def _step(event: Event, before: orders.Order | None) -> Step:
    """What happened, by the event's own word; of a to-do, what it was about."""
    step: Step = {"status": event.data.type.split(".")[2], "at": event.time}
    data = event.data
    if before is not None and isinstance(data, Outcome):
        todo = before.todos[data.todo]
        if isinstance(data, order.Notified | order.GivenUp):
            step["about"] = todo.about if todo.kind == NOTIFY else todo.kind
    return step


def _body(entity: str, state: orders.Order) -> dict[str, Any]:
    body: dict[str, Any] = {
        "id": entity,
        "customer": state.customer,
        "status": state.status,
        "branch": state.branch,
        "lines": [*map(_line, state.lines, state.returned)],
        "total": _money(state.total),
        "byCard": state.by_card,
        "paidByCard": state.captured > 0,
        "pii": state.pii,
    }
    if state.branch == "collect" and queue.is_to_be_made(state):
        body["due"] = state.due
    if state.refunded:
        body["refunded"] = {"amount": state.refunded, "currency": state.total.currency}
    return body


def _line(item: order.Item, returned: int) -> OrderLine:
    return {
        "productId": item.product_id,
        "name": item.name,
        "quantity": item.quantity,
        "price": _money(item.price),
        "returned": returned,
    }


def _money(price: Price) -> Money:
    return {"amount": price.amount, "currency": price.currency}


_As = TypedDict(
    "_As",
    {"as": Annotated[As, Field(description="In which role; else the first that the token has.")]},
    total=False,
)


class Asked(Paging, _As, total=False):
    """Which orders, and whose."""

    status: Annotated[Status, Field(description="Only what has this status.")]


class OrderLine(TypedDict):
    """So many of one product, at its price when it was ordered; `returned` were asked back."""

    productId: str
    name: str
    quantity: int
    price: Money
    returned: int
    options: NotRequired[list[str]]
    note: NotRequired[str]


class Step(TypedDict):
    """What happened to an order, and when; of a notice or a failure, what it was about."""

    status: str
    at: str
    about: NotRequired[str]


class Contact(TypedDict, total=False):
    """How to reach who ordered."""

    email: str
    phone: str


class ListedOrder(TypedDict):
    """An order with what the caller may see of it.

    `byCard` says that a card was offered, `paidByCard` that one was charged. `readyAt` is an
    estimate, of an order to collect that is to be made. `erased` says that what was
    personal can be read by nobody any more.
    """

    id: str
    status: Status
    branch: Branch
    lines: list[OrderLine]
    total: Money
    byCard: bool
    paidByCard: bool
    refunded: NotRequired[Money]
    readyAt: NotRequired[str]
    name: NotRequired[str]
    address: NotRequired[str]
    contact: NotRequired[Contact]
    erased: NotRequired[Literal[True]]


class WholeOrder(ListedOrder):
    """The same with its timeline, the oldest first: the newest hundred steps."""

    timeline: list[Step]


def order_by_id(request: Request, entity: str) -> Answer:
    """One order, as the caller may see it. Raises UnknownOrder, Invalid, Unavailable."""
    subject = f"{orders.KIND}/{http.entity(entity)}"
    places = _place(entity), subject_key(DECIDERS[orders.KIND], subject)
    steps = Query(VIEW.pk(f"timeline/{entity}"), newest_first=True)

    def look(tries: int = TRIES) -> tuple[Any, WholeOrder]:
        row, judged = store.snapshot(*places)
        if row is None or not (roles := _roles(row.body, request)):
            raise UnknownOrder("there is no order with this id")
        (told,) = _told([row.body], roles)
        timeline = [cast("Step", step.body) for step in store.page(steps, MOST_STEPS)[0][::-1]]
        if store.snapshot(*places) == [row, judged]:
            return judged, {**told, "timeline": timeline}
        if tries > 1:  # what happened meanwhile is in the timeline, and in nothing else
            return look(tries - 1)
        raise Unavailable("the order changes while it is read: ask again")

    judged, shown = read.whole(request, look, VIEW, queue.VIEW)
    version = subject_of(DECIDERS[orders.KIND], judged).version
    tag = http.etag(version, f"{VIEW.reading}.{http.digest(shown)}")
    return http.private(request, shown, tag)


def list_orders(request: Request) -> Answer:
    """A page of the orders that a role has to do with. Raises BadRequest, Forbidden."""
    role, status = _role(request), _status(request)
    query = _list(role, status, request.actor)
    tell = functools.partial(_listed, role, status)
    page = read.page(_bounded(request), VIEW, query, tell, queue.VIEW)
    tag = http.digest([page["items"], page["next"]])
    return http.private(request, page, f'W/"{tag}"')


def _bounded(request: Request) -> Request:
    """The same, for a page that fits an answer whatever was wished. Raises BadRequest."""
    limit = min(read.most(request), MOST_ITEMS)
    return replace(request, query={**request.query, "limit": str(limit)})


def _list(role: As, status: str | None, actor: str) -> Query:
    if role == "customer":
        return Query(VIEW.pk(f"{status or 'customer'}/{actor}"), newest_first=True)
    if role == "admin":
        listing = "newest" if status is None else f"status/{status}"
        return Query(VIEW.pk(listing), index="listing", newest_first=True)
    return queue.listed(role, status)


def _listed(role: As, status: str | None, rows: Sequence[Row]) -> list[ListedOrder]:
    """The orders that the rows of a list name, as they are now."""
    places = [_place(row.body["id"]) for row in rows]
    found = store.read(places)
    bodies = [found[place].body for place in places if place in found]
    return _told([body for body in bodies if status in (None, body["status"])], {role})


def _place(entity: str) -> Key:
    return Key(VIEW.pk(f"orders/{entity}"), f"{orders.KIND}/{entity}")


def _role(request: Request) -> As:
    held = [role for role in get_args(As) if role in request.roles]
    role = request.query.get("as", held[0])
    if role not in get_args(As):
        raise BadRequest(f"as is one of {', '.join(get_args(As))}", field="as")
    if role not in held:
        raise Forbidden("this token has not that role", field="as")
    return cast("As", role)


def _status(request: Request) -> str | None:
    status = request.query.get("status")
    if status not in (None, *get_args(Status)):
        raise BadRequest(f"status is one of {', '.join(get_args(Status))}", field="status")
    return status


def _roles(body: Mapping[str, Any], request: Request) -> set[str]:
    """In which roles the caller may see the order: as a customer, one's own."""
    own = body["customer"] == request.actor
    return {role for role in SEES.keys() & request.roles if own or role != "customer"}


def _told(bodies: Sequence[Mapping[str, Any]], roles: Collection[str]) -> list[ListedOrder]:
    """The orders as these roles may see them."""
    line = queue.line() if any("due" in body for body in bodies) else queue.Line(())
    now = read.now_ms()
    personal.gather({body["customer"] for body in bodies if _seen(body, roles)})
    return [_shown(body, line, now) | _opened(body, _seen(body, roles)) for body in bodies]


def _shown(body: Mapping[str, Any], line: queue.Line, now: int) -> Any:
    """What everybody sees who sees the order at all."""
    shown = {name: body[name] for name in PLAIN if name in body}
    if "due" in body:
        place = queue.place_of(body["due"], f"{orders.KIND}/{body['id']}")
        shown["readyAt"] = read.stamp(line.ready_at(place, now))
    return shown


def _seen(body: Mapping[str, Any], roles: Collection[str]) -> set[str]:
    """Which personal members the roles may see of the order."""
    sights, it = (SEES[role] for role in roles), {body["branch"], body["status"]}
    return {name for those, seen in sights if those & it for name in seen}


def _opened(body: Mapping[str, Any], seen: set[str]) -> dict[str, Any]:
    """What is personal of the order, in clear: nothing but what is `seen`."""
    if not seen:
        return {}
    found = personal.decrypt(body["customer"], f"{orders.KIND}/{body['id']}", body["pii"])
    if found is None:
        return {"erased": True}
    shown = _only(found, seen & {"name", "address"})
    if contact := _only(found["contact"], seen & {"email", "phone"}):
        shown["contact"] = contact
    wished = seen & {"options", "note"}
    lines = zip(body["lines"], found["lines"], strict=True)
    return shown | {"lines": [line | _only(wishes, wished) for line, wishes in lines]}


def _only(found: Mapping[str, Any], names: Collection[str]) -> dict[str, Any]:
    return {name: found[name] for name in found if name in names}


PLAIN = ("id", "status", "branch", "lines", "total", "byCard", "paidByCard", "refunded")
WISHES, EVERY = {"options", "note"}, {"collect", "deliver"}
ALL = {"name", "address", "email", "phone", *WISHES}
# Of the orders of which branch or status a role sees what that is personal.
SEES: dict[str, tuple[set[str], set[str]]] = {
    "customer": (EVERY, ALL),
    "barista": ({"collect"}, {"name", *WISHES}),
    "maker": ({"deliver"}, {"name", "address", *WISHES}),
    "courier": ({"fulfilled", "dispatched", "delivered"}, {"name", "address", "phone"}),
    "support": (EVERY, set()),
    "admin": (EVERY, ALL),
}
FEEDS = order.FACTS
versions = {1: reduce}
VIEW = View("orders", 1, FEEDS, versions[1])
