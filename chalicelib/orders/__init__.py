"""Orders: what is asked of them, from the cart to the doorstep, each a command to its subject.

    body       what is sent to order something
    quotation  what the lines cost, and whom they credit

What is personal is encrypted before there is a command, so nothing after it can let it slip; a
person's first key is the one thing that is written beside the event.
"""

from __future__ import annotations

from chalicelib import access, config, customers, door, http, personal, read
from chalicelib.decisions import order
from chalicelib.decisions.order import Order
from chalicelib.decisions.order.commands import Cancel, Deliver, Fulfil, Offer, Place
from chalicelib.errors import NoCards, UnknownOrder
from chalicelib.events import Model
from chalicelib.events.envelope import example
from chalicelib.events.order import Id
from chalicelib.events.person import Card
from chalicelib.http import Answer, Request
from chalicelib.orders import body, quotation
from chalicelib.orders.body import Body, Wanted

__all__ = ["Body", "Delivery", "Fulfillment", "cancel", "deliver", "fulfil", "move", "pay", "place"]

SEED = "2da50640-357c-11ed-beb7-6f2a7fcdf059"


class Fulfillment(Model):
    """The maker made an order, as the cake shop says it."""

    model_config = example(orderId=SEED, fulfillmentId="CakeProducer1")

    order_id: Id
    fulfillment_id: Id


class Delivery(Model):
    """The courier brought an order, as the cake shop says it."""

    model_config = example(orderId=SEED, deliveryCompanyId="CakeCourier1")

    order_id: Id
    delivery_company_id: Id


def place(request: Request) -> Answer:
    """Order what is wanted, under a new id."""
    wanted, once = body.read(request), door.keyed(request)
    entity = door.new_id(once)

    def placing(_: Order | None) -> Place:
        return _place(request, _subject(entity), wanted)

    return door.decided(request, _subject(entity), placing, once)


def pay(request: Request, entity: str) -> Answer:
    """Offer another card, for an order of one's own."""
    card, named = http.parse(request, Card), http.entity(entity)

    def offering(state: Order | None) -> Offer:
        _own(state, request.actor)
        _takes_cards("token")
        customers.refuse_erased(*read.rows(request, customers.key(request.actor)))
        members = {"payment": card.model_dump()}
        return Offer(pii=personal.encrypt(request.actor, _subject(named), members))

    return door.decided(request, _subject(named), offering, door.keyed(request))


def cancel(request: Request, entity: str) -> Answer:
    """Do without an order: one's own, or any for those who make them."""
    command, named = http.parse(request, Cancel), http.entity(entity)

    def cancelling(state: Order | None) -> Cancel:
        if not request.roles & access.MAKERS:
            _own(state, request.actor)
        return command

    return door.decided(request, _subject(named), cancelling, door.keyed(request))


def move(request: Request, entity: str, command: type[Model]) -> Answer:
    """One of the moves of those who work here: the command is the body."""
    named, parsed = http.entity(entity), http.parse(request, command)
    return door.submit(request, order.KIND, named, parsed, door.keyed(request))


def fulfil(request: Request) -> Answer:
    """The order that the body names is made."""
    said = http.parse(request, Fulfillment)
    made = Fulfil(fulfillment_id=said.fulfillment_id)
    return door.submit(request, order.KIND, said.order_id, made, door.keyed(request))


def deliver(request: Request) -> Answer:
    """The order that the body names was handed over at its door."""
    said = http.parse(request, Delivery)
    brought = Deliver(delivery_company_id=said.delivery_company_id)
    return door.submit(request, order.KIND, said.order_id, brought, door.keyed(request))


def _subject(entity: str) -> str:
    return f"{order.KIND}/{entity}"


def _own(state: Order | None, actor: str) -> None:
    """Raises UnknownOrder: somebody else's is as if it were not there."""
    if state is None or state.customer != actor:
        raise UnknownOrder("there is no order with this id", field="id")


def _takes_cards(member: str) -> None:
    if not config.settings().payments:
        raise NoCards("this shop takes no cards: pay where it is handed over", field=member)


def _place(request: Request, subject: str, wanted: Wanted) -> Place:
    """The command, with its lines as the catalog has them now. Raises Erased."""
    if wanted.payment:
        _takes_cards("payment")
    who, *goods = read.rows(request, customers.key(request.actor), *quotation.keys(wanted))
    customers.refuse_erased(who)
    items = quotation.items(wanted, goods)
    total = quotation.total(items)
    card = wanted.payment is not None and total.amount > 0
    return Place(
        branch=wanted.branch,
        lines=items,
        total=total,
        card=card,
        channels=wanted.channels,
        pii=personal.encrypt(request.actor, subject, wanted.personal(card=card)),
    )
