"""Orders for the tests of the routes: placed over HTTP, and brought to where a move is legal.

No worker runs beside these shops: what a to-do came to is said here as a worker would say it.
"""

from __future__ import annotations

from typing import Any

from photographing import number, registered
from shopfront import Answer, Shopfront, names

from chalicelib import door, store
from chalicelib.decisions import DECIDERS
from chalicelib.decisions.order import Order
from chalicelib.events import Outcome, order
from chalicelib.openapi import Route
from chalicelib.subjects import subject_key, subject_of

MENU: dict[str, Any] = {
    "flat-white": {"name": "Flat white", "price": {"amount": 420, "currency": "EUR"}},
    "productId11": {"name": "Cake", "price": {"amount": 1900, "currency": "EUR"}},
    "dollar-pie": {"name": "Pie", "price": {"amount": 300, "currency": "USD"}},
    "tap-water": {"name": "Water", "price": {"amount": 0, "currency": "EUR"}},
    "secret-dish": {"name": "Secret"},
}
COFFEE = {"productId": "flat-white", "quantity": 2}
CART: dict[str, Any] = {"lines": [COFFEE], "name": "John", "collect": True}
HOME: dict[str, Any] = {"lines": [COFFEE], "name": "John", "deliver": {"address": "12 Long Lane"}}
CARD = {"payment": {"token": "tok_approved"}}
CAKES = {"name": "marcia", "address": "somewhere", "productId": "productId11", "quantity": "10"}


def menu(front: Shopfront) -> None:
    """What is on the menu, listed by its merchant and photographed, unless it is there already."""
    for name, members in MENU.items():
        if front.get(f"/products/{name}").status == 404:
            front.product("merchant", id=name, **members)
    front.settle()


def place(front: Shopfront, body: Any = CART, to: str = "customer") -> str:
    """An order that is placed and judged; its id."""
    answer = front.call("POST", "/orders", body, to=to)
    assert answer.status == 202, answer.body
    front.settle()
    return str(answer.said["subject"]).removeprefix("order/")


def go(front: Shopfront, entity: str, move: str, body: Any = None, to: str = "barista") -> Answer:
    """One move of an order, judged."""
    answer = front.call("POST", f"/orders/{entity}/{move}", body, to=to)
    front.settle()
    return answer


def fulfil(front: Shopfront, entity: str) -> Answer:
    body = {"orderId": entity, "fulfillmentId": "CakeProducer1"}
    answer = front.call("POST", "/fulfillments", body, to="maker")
    front.settle()
    return answer


def state(entity: str) -> Order:
    """The order as its subject's row has it."""
    decider = DECIDERS["order"]
    row = store.get(subject_key(decider, f"order/{entity}"))
    found: Order = subject_of(decider, row).state
    return found


def came_to(front: Shopfront, entity: str, fact: type[Outcome], **members: Any) -> None:
    """The order's open to-do of the kind that this settles came to this."""
    open_ = state(entity).todos
    (todo,) = [name for name, todo in open_.items() if todo.kind == SETTLED_BY[fact]]
    said = door.envelope(fact(todo=todo, **members), f"order/{entity}", "system", None)
    door.record(said)
    front.settle()


SETTLED_BY: dict[type[Outcome], str] = {
    order.Paid: "charge",
    order.PaymentDeclined: "charge",
    order.Expired: "expire",
    order.Refunded: "refund",
    order.Dispatched: "courier",
}


def paid(front: Shopfront, body: Any = CART, to: str = "customer") -> str:
    """An order that is paid by card."""
    entity = place(front, body | CARD, to)
    came_to(front, entity, order.Paid, payment="ch_1", amount=state(entity).total)
    return entity


def declined(front: Shopfront, body: Any = CART, to: str = "customer") -> str:
    """An order whose card was declined."""
    entity = place(front, body | CARD, to)
    came_to(front, entity, order.PaymentDeclined, reason="declined")
    return entity


def readied(front: Shopfront, to: str) -> str:
    entity = place(front, CART, to)
    assert go(front, entity, "ready").status == 202
    return entity


def fulfilled(front: Shopfront, to: str) -> str:
    entity = place(front, HOME, to)
    assert fulfil(front, entity).status == 202
    return entity


def ticket(front: Shopfront, to: str) -> str:
    """A ticket that is opened and judged; its id."""
    answer = front.call("POST", "/tickets", {"text": "The cup came without its handle."}, to=to)
    assert answer.status == 202, answer.body
    front.settle()
    return str(answer.said["subject"]).removeprefix("ticket/")


# An order, or a ticket, on which the route's move is legal.
LEGAL: dict[str, Any] = {
    "/orders/{id}/payments": lambda front, to: declined(front, CART, to),
    "/orders/{id}/ready": lambda front, to: place(front, CART, to),
    "/orders/{id}/collected": readied,
    "/orders/{id}/cancelled": lambda front, to: place(front, CART, to),
    "/orders/{id}/refunds": lambda front, to: paid(front, CART, to),
    "/fulfillments": lambda front, to: place(front, HOME, to),
    "/deliveries": fulfilled,
    "/tickets/{id}": ticket,
    "/photographers/{id}": registered,
}


def stage(front: Shopfront, route: Route, to: str) -> tuple[str, dict[str, Any]]:
    """Where the route's command is legal: its path, and what its body must say to mean that."""
    menu(front)
    if route.path in LEGAL:
        entity = LEGAL[route.path](front, to)
        named = {} if "{id}" in route.path else {"orderId": entity}
        return route.path.replace("{id}", entity), named
    entity = front.product(to, id=f"staged-{next(names)}")
    fresh = {"id": f"fresh-{next(names)}"} if route.path in ("/products", "/events") else {}
    fresh = {"phone": number()} if route.path == "/photographers" else fresh
    return route.path.replace("{id}", entity), fresh
