"""Tillstream: every route, the authorizer, consumer, worker and sweep. One or two lines each.

What happens behind them is told in `chalicelib/__init__.py`.
"""

from __future__ import annotations

import functools
import os
from typing import TYPE_CHECKING, Any, Unpack
from urllib.parse import unquote

from chalice.app import (
    AuthResponse,
    AuthRoute,
    CaseInsensitiveMapping,
    Chalice,
    Rate,
    Response,
)

from chalicelib import (
    access,
    customers,
    door,
    errors,
    health,
    http,
    inbox,
    latest,
    log,
    notary,
    orders,
    photographers,
    projector,
    proofs,
    replay,
    sms,
    sweeping,
    tickets,
    todos,
    unread,
    verdicts,
    web,
    webhook,
    writer,
)
from chalicelib.decisions.order import told
from chalicelib.decisions.order.commands import Cancel, Collect, Ready, Refund
from chalicelib.decisions.product import Create, Photograph, Purchase, Update, View
from chalicelib.events import order
from chalicelib.events.desk import Registration
from chalicelib.events.person import Card
from chalicelib.events.told import Entity
from chalicelib.notary.proof import Proof
from chalicelib.openapi import Contract, Declared, Given, Route
from chalicelib.payments.notice import Notice
from chalicelib.pictures import shelf, uploads
from chalicelib.read import Page, Paging, settled
from chalicelib.signing import Jwks, keys
from chalicelib.views import (
    catalog,
    contributions,
    desk,
    sales,
    scores,
)
from chalicelib.views import orders as ordered
from chalicelib.views import tickets as asked

if TYPE_CHECKING:
    from collections.abc import Callable

app = Chalice(app_name="tillstream", configure_logs=False)
contract = Contract()
READ = ("Read-After",)
WRITE = (*READ, "Idempotency-Key", "If-Match")
KNOWN = ("If-None-Match",)
WHOEVER = ("Authorization",)  # a token is not asked for, and heard where there is one
MOVED = (errors.UnknownOrder, errors.IllegalMove)
ORDERED = (
    errors.Exists,
    errors.NoSuchProduct,
    errors.NoPrice,
    errors.MixedCurrencies,
    errors.NoCards,
    errors.Erased,
)
FILES = tuple(Given(str, 200, tuple(web.HEADERS), kind) for kind in web.KINDS.values())
STREAM = os.environ.get("STREAM", "tillstream-local-1")
WORK_QUEUE = os.environ.get("WORK_QUEUE", "tillstream-local-work")


@app.authorizer(ttl_seconds=60)  # so long a token may be believed after its end
def authorize(request: Any) -> AuthResponse:
    """All routes of the token's roles. What it raises API Gateway answers: 401, or 503."""
    caller = access.caller(request.token)
    if caller is None:
        raise errors.Unauthenticated("Unauthorized")  # the word by which AWS knows a bad token
    granted = access.routes(caller.roles).items()
    allowed: list[str | AuthRoute] = [AuthRoute(path, methods) for path, methods in granted]
    return AuthResponse(allowed, caller.actor, context={"roles": ",".join(sorted(caller.roles))})


def route(method: str, path: str, **declared: Unpack[Declared]) -> Callable[[Any], Any]:
    """Declare a route whose handler takes an `http.Request`; what it raises becomes a problem.

    It takes, gives and refuses what it declares: the contract says so, and the tests hold it.
    """

    def register(handler: Callable[..., Any]) -> Any:
        this = contract.add(Route(method, path, handler, declared))

        def handle(params: dict[str, str]) -> Any:
            named = {name: unquote(value) for name, value in params.items()}
            request = _request(path.format(**named), hears="Authorization" in this.hears)
            if not this.public:
                access.require(method, path, request.roles)
            http.known_arguments(request, this.asks)
            return handler(request, **named)

        @functools.wraps(handler)
        def answering(**params: str) -> Response:
            return _response(http.answer(lambda: settled(lambda: handle(params))))

        authorizer = None if this.public else authorize
        kinds = list(this.takes) or [http.JSON]
        return app.route(path, methods=[method], authorizer=authorizer, content_types=kinds)(
            answering
        )

    return register


def _response(answer: http.Answer) -> Response:
    """The answer; bytes go to everybody, though Chalice asks who says that they take them."""
    if isinstance(answer.body, bytes):
        given: Any = app.current_request
        given.headers = CaseInsensitiveMapping({**given.headers, "accept": "*/*"})
    return Response(answer.body, dict(answer.headers), answer.status)


@app.middleware("http")
def speak_html(request: Any, get_response: Callable[[Any], Any]) -> Any:
    """Whoever prefers a page gets one, of a route that has pages; of what is refused below, too."""
    given = get_response(request)
    shows = contract.shows(request.method, request.path)
    if shows is None:
        return given
    query: Any = request.query_params or {}
    asked_at = request.context.get("path", "")  # what the links of its page start from
    path = request.path + "/" * asked_at.endswith("/")
    asked = http.Request(request.method, path, _headers(request), dict(query), request.raw_body)
    plain = http.Answer(given.status_code, given.body, given.headers)
    return _response(http.answer(lambda: shows(asked, plain)))


@app.middleware("http")
def speak_problem_json(request: Any, get_response: Callable[[Any], Any]) -> Any:
    """What Chalice itself refuses (405, 415, 500) becomes a problem too."""
    given = get_response(request)
    if not (isinstance(given.body, dict) and "Code" in given.body):
        return given
    entry = app.routes.get(request.path, {}).get(request.method)
    takes = entry.content_types if entry else ()
    return _response(http.framework_refusal(given.status_code, given.headers, takes))


def _request(path: str, *, hears: bool) -> http.Request:
    """The request at hand. Chalice's own `path` is the route, the same for every product.

    Who speaks the authorizer has said; where a token is heard and not asked for, nobody has yet.
    """
    given: Any = app.current_request
    query: Any = given.query_params or {}
    headers = _headers(given)
    known = given.context.get("authorizer") or {}
    roles = frozenset(filter(None, known.get("roles", "").split(",")))
    caller = access.heard(headers) if hears else access.Caller(known.get("principalId", ""), roles)
    return http.Request(
        method=given.method,
        path=path,
        headers=headers,
        query=http.arguments({name: query.getlist(name) for name in query}),
        body=given.raw_body,
        actor=caller.actor,
        roles=caller.roles,
    )


def _headers(given: Any) -> dict[str, str]:
    return {name.lower(): value for name, value in given.headers.items()}


@route(
    "POST",
    "/sessions",
    public=True,
    hears=READ,
    takes=door.Session,
    gives=door.Opened,
    refuses=(errors.NotFound, errors.Erased),
)
def open_session(request: http.Request) -> Any:
    """Say who you are, by public name and roles; locally only."""
    return door.open_session(request)


@route("GET", "/products", public=True, hears=READ, asks=catalog.Asked, gives=Page[catalog.Item])
def list_products(request: http.Request) -> Any:
    """The catalog, newest first; `category` narrows it."""
    return catalog.products(request)


@route(
    "GET",
    "/products/{id}",
    public=True,
    hears=READ + KNOWN,
    gives=catalog.Item,
    refuses=(errors.UnknownProduct,),
)
def get_product(request: http.Request, id: Entity) -> Any:  # noqa: A002
    """One product with its picture."""
    return catalog.product_by_id(request, id)


@route("GET", "/categories", public=True, hears=READ, asks=Paging, gives=Page[catalog.Category])
def list_categories(request: http.Request) -> Any:
    """The categories that have a product."""
    return catalog.categories(request)


@route(
    "POST", "/products", hears=WRITE, takes=Create, gives=door.RECORDED, refuses=(errors.Exists,)
)
def create_product(request: http.Request) -> Any:
    """A merchant lists a product."""
    return door.create_product(request)


@route(
    "PUT",
    "/products/{id}",
    hears=WRITE,
    takes=Update,
    gives=door.RECORDED,
    refuses=(errors.NotYours, errors.UnknownProduct),
)
def update_product(request: http.Request, id: Entity) -> Any:  # noqa: A002
    """Its merchant describes it anew."""
    return door.move(request, id, Update)


@route(
    "PUT",
    "/products/{id}/photo",
    hears=WRITE,
    takes=Photograph | uploads.Give,
    gives=door.RECORDED,
    refuses=(errors.NoUpload, errors.NoPicture, errors.PictureTooLarge, errors.Erased),
)
def photograph_product(request: http.Request, id: Entity) -> Any:  # noqa: A002
    """A photographer gives it a picture: by its address, or one that was uploaded."""
    return uploads.photograph(request, id)


@route(
    "POST",
    "/uploads",
    takes=uploads.Wish,
    gives=uploads.Form,
    refuses=(errors.Throttled, errors.Erased),
)
def begin_upload(request: http.Request) -> Any:
    """Where a picture can be sent, for ten minutes."""
    return uploads.begin(request)


@route(
    "POST",
    "/sms",
    public=True,
    hears=(sms.HEADER,),
    takes={sms.FORM: sms.Message},
    gives=Given(str, 200, content=sms.TWIML),
    refuses=(errors.NotFound, errors.CatchingUp, errors.Throttled),
)
def hear_message(request: http.Request) -> Any:
    """Twilio passes on a text message; its sender is answered in a sentence."""
    return sms.hear(request)


@route(
    "GET",
    "/pictures/{name}",
    public=True,
    hears=KNOWN,
    gives=Given(bytes, 200, ("X-Content-Type-Options",), shelf.KIND),
    refuses=(errors.UnknownPicture, errors.Throttled),
)
def get_picture(request: http.Request, name: shelf.Name) -> Any:
    """A picture that the shop keeps, or, with `-small` after it, the same for a tile."""
    return shelf.picture(request, name)


@route(
    "POST",
    "/photographers",
    hears=WRITE,
    takes=Registration,
    gives=door.RECORDED,
    refuses=(errors.PhoneTaken, errors.DeskFull, errors.EnoughAssignments, errors.Erased),
)
def register_photographer(request: http.Request) -> Any:
    """A photographer comes, for some pictures more and some time; a text message says how many."""
    return photographers.register(request)


@route(
    "GET",
    "/photographers/{id}",
    hears=READ + KNOWN,
    gives=desk.Standing,
    refuses=(errors.UnknownPhotographer,),
)
def get_photographer(request: http.Request, id: Entity) -> Any:  # noqa: A002
    """How oneself stands at the photo desk, in clear; an admin is told of anybody."""
    return photographers.standing(request, id)


@route(
    "DELETE",
    "/photographers/{id}",
    hears=WRITE,
    gives=door.RECORDED,
    refuses=(errors.UnknownPhotographer,),
)
def leave_desk(request: http.Request, id: Entity) -> Any:  # noqa: A002
    """A photographer is asked no more; what they are asked for is asked of somebody else."""
    return photographers.leave(request, id)


@route("GET", "/assignments", hears=READ + KNOWN, asks=Paging, gives=Page[desk.Assigned])
def list_assignments(request: http.Request) -> Any:
    """Which picture one is asked for now; an admin sees whom for which, the newest first."""
    return desk.assignments(request)


@route(
    "GET",
    "/inbox",
    public=True,
    hears=KNOWN,
    gives=Page[inbox.Text],
    refuses=(errors.NotFound, errors.Throttled),
    shows=inbox.show,
)
def list_texts(request: http.Request) -> Any:
    """The text messages that were sent, the newest first; only where no telephone rings."""
    return inbox.inbox(request)


@route("POST", "/products/{id}/views", hears=WRITE, takes=View, gives=door.RECORDED)
def view_product(request: http.Request, id: Entity) -> Any:  # noqa: A002
    """A customer looks at it."""
    return door.move(request, id, View)


@route("POST", "/products/{id}/purchases", hears=WRITE, takes=Purchase, gives=door.RECORDED)
def purchase_product(request: http.Request, id: Entity) -> Any:  # noqa: A002
    """A customer buys one."""
    return door.move(request, id, Purchase)


@route("POST", "/orders", hears=WRITE, takes=orders.Body, gives=door.RECORDED, refuses=ORDERED)
def place_order(request: http.Request) -> Any:
    """A customer orders what is in the cart; `subject` has the order's id."""
    return orders.place(request)


@route(
    "POST",
    "/orders/{id}/payments",
    hears=WRITE,
    takes=Card,
    gives=door.RECORDED,
    refuses=(*MOVED, errors.NoCards, errors.Erased),
    says=told(order.PaymentOffered),
)
def pay_order(request: http.Request, id: Entity) -> Any:  # noqa: A002
    """Its customer offers another card, where the one before was declined."""
    return orders.pay(request, id)


@route(
    "POST",
    "/orders/{id}/ready",
    hears=WRITE,
    takes=Ready,
    gives=door.RECORDED,
    refuses=MOVED,
    says=told(order.Ready),
)
def ready_order(request: http.Request, id: Entity) -> Any:  # noqa: A002
    """The barista puts it on the counter."""
    return orders.move(request, id, Ready)


@route(
    "POST",
    "/orders/{id}/collected",
    hears=WRITE,
    takes=Collect,
    gives=door.RECORDED,
    refuses=MOVED,
    says=told(order.Collected),
)
def collect_order(request: http.Request, id: Entity) -> Any:  # noqa: A002
    """The barista hands it over the counter."""
    return orders.move(request, id, Collect)


@route(
    "POST",
    "/orders/{id}/cancelled",
    hears=WRITE,
    takes=Cancel,
    gives=door.RECORDED,
    refuses=MOVED,
    says=told(order.Cancelled),
)
def cancel_order(request: http.Request, id: Entity) -> Any:  # noqa: A002
    """It is not wanted any more; what was paid is given back."""
    return orders.cancel(request, id)


@route(
    "POST",
    "/orders/{id}/refunds",
    hears=WRITE,
    takes=Refund,
    gives=door.RECORDED,
    refuses=(*MOVED, errors.RefundTooLarge),
    says=told(order.RefundRequested),
)
def refund_order(request: http.Request, id: Entity) -> Any:  # noqa: A002
    """So many of some lines are given back, never more than is left of what was paid."""
    return orders.move(request, id, Refund)


@route(
    "POST",
    "/payments/webhook",
    public=True,
    hears=("Stripe-Signature",),
    takes=Notice,
    gives=Given(None, 204),
    refuses=(errors.NotFound, errors.CatchingUp, errors.Throttled),
)
def hear_stripe(request: http.Request) -> Any:
    """Stripe tells what became of a payment; what is not about an open charge is passed over."""
    return webhook.hear(request)


@route(
    "POST",
    "/fulfillments",
    hears=WRITE,
    takes=orders.Fulfillment,
    gives=door.RECORDED,
    refuses=MOVED,
    says=told(order.Fulfilled),
)
def fulfil_order(request: http.Request) -> Any:
    """Its maker made an order that is to be delivered."""
    return orders.fulfil(request)


@route(
    "POST",
    "/deliveries",
    hears=WRITE,
    takes=orders.Delivery,
    gives=door.RECORDED,
    refuses=MOVED,
    says=told(order.Delivered),
)
def deliver_order(request: http.Request) -> Any:
    """The courier brought it."""
    return orders.deliver(request)


@route(
    "GET",
    "/contributions",
    public=True,
    hears=READ,
    asks=Paging,
    gives=Page[contributions.Contribution],
)
def list_contributions(request: http.Request) -> Any:
    """Who contributed to which product."""
    return contributions.contributions(request)


@route("GET", "/scores", public=True, hears=READ, asks=scores.Asked, gives=Page[scores.Score])
def list_scores(request: http.Request) -> Any:
    """How much each merchant or photographer sold: the winner first."""
    return scores.scores(request)


@route(
    "GET",
    "/customers/me",
    hears=READ + KNOWN,
    gives=customers.Known,
    refuses=(errors.Invalid, errors.Erased),
)
def get_me(request: http.Request) -> Any:
    """What the shop knows of oneself, in clear."""
    return customers.me(request)


@route(
    "PUT",
    "/customers/me",
    hears=WRITE,
    takes=customers.Me,
    gives=door.RECORDED,
    refuses=(errors.Erased,),
)
def update_me(request: http.Request) -> Any:
    """Tell the shop who one is, whole."""
    return customers.update(request)


@route(
    "DELETE",
    "/customers/{id}",
    hears=WRITE,
    gives=door.RECORDED,
    refuses=(errors.NotYours, errors.Erased),
)
def erase_customer(request: http.Request, id: Entity) -> Any:  # noqa: A002
    """A person is forgotten: what is personal of them can be read by nobody any more."""
    return customers.erase(request, id)


@route(
    "GET",
    "/orders",
    hears=READ + KNOWN,
    asks=ordered.Asked,
    gives=Page[ordered.ListedOrder],
)
def list_orders(request: http.Request) -> Any:
    """One's own orders, or those that a role has to do with: a queue is oldest first."""
    return ordered.list_orders(request)


@route(
    "GET",
    "/orders/{id}",
    hears=READ + KNOWN,
    gives=ordered.WholeOrder,
    refuses=(errors.UnknownOrder,),
)
def get_order(request: http.Request, id: Entity) -> Any:  # noqa: A002
    """One order with its timeline."""
    return ordered.order_by_id(request, id)


@route(
    "POST",
    "/tickets",
    public=True,
    hears=WRITE + WHOEVER,
    takes=tickets.ASKED,
    gives=tickets.OPENED,
    refuses=(errors.NoSuchOrder, errors.Erased),
    shows=tickets.show,
)
def open_ticket(request: http.Request) -> Any:
    """Somebody asks something of the shop; without a token the answer's `key` opens it."""
    return tickets.open_ticket(request)


@route(
    "GET",
    "/tickets",
    public=True,
    hears=READ + WHOEVER,
    asks=Paging,
    gives=Page[asked.Told],
    shows=tickets.show,
)
def list_tickets(request: http.Request) -> Any:
    """One's own tickets, newest first, or everybody's for support; none without a token."""
    return asked.list_tickets(request)


@route(
    "GET",
    "/tickets/{id}",
    public=True,
    hears=READ + KNOWN + WHOEVER,
    asks=asked.AskOne,
    gives=asked.Told,
    refuses=(errors.UnknownTicket,),
    shows=tickets.show,
)
def get_ticket(request: http.Request, id: Entity) -> Any:  # noqa: A002
    """One ticket, as it stands."""
    return asked.ticket_by_id(request, id)


@route(
    "PUT",
    "/tickets/{id}",
    public=True,
    hears=WRITE + WHOEVER,
    asks=asked.Ask,
    takes=tickets.CHANGED,
    gives=door.RECORDED,
    refuses=(errors.UnknownTicket, errors.NotYours, errors.Erased),
)
def update_ticket(request: http.Request, id: Entity) -> Any:  # noqa: A002
    """Its author or support says that it is done, or not, or asks otherwise."""
    return tickets.update(request, id)


@route(
    "GET",
    "/tickets/{id}/history",
    public=True,
    hears=READ + WHOEVER,
    asks=asked.AskHistory,
    gives=Page[asked.Step],
    refuses=(errors.UnknownTicket,),
)
def get_ticket_history(request: http.Request, id: Entity) -> Any:  # noqa: A002
    """How a ticket stood after each event, the oldest first."""
    return asked.history(request, id)


@route(
    "GET",
    "/sales",
    hears=READ,
    asks=sales.Asked,
    gives=Page[sales.OfHour] | Page[sales.OfProduct],
)
def list_sales(request: http.Request) -> Any:
    """How many pieces orders sold: by the hour, newest first, or by product, the best first."""
    return sales.sales(request)


@route(
    "POST", "/events", hears=WRITE, takes=writer.ONE, gives=door.RECORDED, refuses=writer.REFUSES
)
def say_event(request: http.Request) -> Any:
    """The event writer: what happened, as hello-retail, a CloudEvent or a partner says it."""
    return writer.say(request)


@route("POST", "/events/batch", hears=READ, takes=writer.MANY, gives=writer.Told)
def say_events(request: http.Request) -> Any:
    """Up to 500 events, each with an answer of its own."""
    return writer.say_many(request)


@route("GET", "/events", hears=READ, asks=latest.Asked, gives=Page[latest.Told])
def list_events(request: http.Request) -> Any:
    """The log as it flows: the newest events, each with its verdict."""
    return latest.events(request)


@route(
    "GET",
    "/events/{id}",
    hears=READ,
    asks=verdicts.Asked,
    gives=verdicts.Verdict,
    refuses=verdicts.REFUSES,
)
def get_event(request: http.Request, id: verdicts.EventId) -> Any:  # noqa: A002
    """What became of an event."""
    return verdicts.verdict(request, id)


@route(
    "GET",
    "/events/{id}/proof",
    hears=READ,
    asks=verdicts.Asked,
    gives=Proof,
    refuses=proofs.REFUSES,
)
def get_proof(request: http.Request, id: verdicts.EventId) -> Any:  # noqa: A002
    """That an event is on the log, to be checked elsewhere."""
    return proofs.proof(request, id)


@route(
    "GET",
    "/tree-head",
    public=True,
    hears=KNOWN,
    gives=Given(str, content=proofs.TEXT),
    refuses=(errors.NotNotarised, errors.Throttled),
)
def get_tree_head(request: http.Request) -> Any:
    """The newest tree head, signed: keep one, and the past cannot be changed unseen."""
    return proofs.tree_head(request)


@route("GET", "/views", gives=Page[health.Progress], refuses=(errors.Throttled,))
def list_views(request: http.Request) -> Any:  # noqa: ARG001
    """Every view, its version, and how far behind the archive it is."""
    return health.views()


@route("GET", "/openapi.json", public=True, hears=KNOWN, gives=dict[str, Any])
def get_contract(request: http.Request) -> Any:
    """This document."""
    return contract.answer(request)


@route("GET", "/docs", public=True, hears=KNOWN, gives=FILES[0])
def get_docs(request: http.Request) -> Any:
    """The contract as a page to read."""
    return web.written(request, contract.page)


@route("GET", "/.well-known/jwks.json", public=True, gives=Jwks, refuses=(errors.Throttled,))
def list_keys(request: http.Request) -> Any:  # noqa: ARG001
    """The public keys under which events and tree heads are signed."""
    return keys.trust().jwks()


@route("GET", "/health", public=True, gives=health.Health)
def get_health(request: http.Request) -> Any:  # noqa: ARG001
    """Whether the shop is up, and whether its views are level."""
    return health.health()


@route("GET", "/", public=True, hears=KNOWN, gives=FILES[0])
def get_page(request: http.Request) -> Any:
    """The page."""
    return web.page(request)


@route("GET", "/web/{file}", public=True, hears=KNOWN, gives=FILES, refuses=(errors.NotFound,))
def get_file(request: http.Request, file: web.Name) -> Any:
    """One of the files that the page is made of."""
    return web.file(request, file)


@app.on_kinesis_record(
    stream=STREAM, name="project", batch_size=1000, starting_position="TRIM_HORIZON"
)
def project(event: Any) -> None:
    """A batch of one shard: archived, verified, judged and folded."""
    projector.project(log.decode(event.to_dict()))


@app.on_sqs_message(queue=WORK_QUEUE, name="work", batch_size=1)
def work(event: Any) -> None:
    """A poke: what is owed to the world is done, and its outcome appended."""
    todos.work(event.to_dict())


@app.schedule(Rate(1, unit=Rate.MINUTES), name="sweep")
def sweep(event: Any) -> None:  # noqa: ARG001
    """Each minute: catch up, poke what is owed, notarise what is new, see if anything expired."""
    sweeping.run(replay.sweep, todos.sweep, notary.sweep, unread.sweep)
