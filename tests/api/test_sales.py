"""Credit and sales of orders: what is sold, to whose credit, and what is taken back."""

from __future__ import annotations

from typing import Any

import pytest
from ordering import CARD, CART, HOME, came_to, fulfil, go, menu, paid, place, state
from shopfront import Shopfront, names

from chalicelib.events import order


@pytest.fixture
def coffee(front: Shopfront) -> dict[str, Any]:
    """A cart of three of a product that is new, and so are its merchant and its photographer."""
    for role in ("barista", "maker", "courier", "support"):
        if role not in front.tokens:
            front.person(role, name=role)
    merchant, photographer = front.person("merchant"), front.person("photographer")
    price = {"amount": 420, "currency": "EUR"}
    entity = front.product(merchant, id=f"sold-{next(names)}", price=price)
    photo = {"image": "https://a.example/1"}
    assert front.call("PUT", f"/products/{entity}/photo", photo, to=photographer).status == 202
    front.settle()
    menu(front)
    return CART | {"lines": [{"productId": entity, "quantity": 3}]}


def sold(front: Shopfront, cart: Any) -> tuple[int, int, int]:
    """The pieces of the product: by product, and to its creator's and photographer's credit."""
    entity = cart["lines"][0]["productId"]
    best = front.get("/sales", to="admin", by="product", limit=100).said["items"]
    pieces = {item["productId"]: item["quantity"] for item in best}
    who = next(item for item in front.listed("/contributions", 100) if item["productId"] == entity)
    found = [pieces.get(entity, 0)]
    for role in ("creator", "photographer"):
        board = {item["userId"]: item["score"] for item in front.listed("/scores", 100, role=role)}
        found.append(board.get(who[role], 0))
    return found[0], found[1], found[2]


def hours(front: Shopfront) -> int:
    """All pieces of all hours."""
    page = front.get("/sales", to="merchant", by="hour").said
    return sum(item["quantity"] for item in page["items"])


def refund(front: Shopfront, entity: str) -> None:
    """The order's open refund is given back."""
    (todo,) = [todo for todo in state(entity).todos.values() if todo.kind == "refund"]
    came_to(front, entity, order.Refunded, refund="re_1", amount=state(entity).price(todo.amount))


def test_a_paid_order_sells_and_a_refund_takes_back(front: Shopfront, coffee: Any) -> None:
    before = hours(front)
    entity = place(front, coffee | CARD)
    assert sold(front, coffee) == (0, 0, 0)
    came_to(front, entity, order.Paid, payment="ch_1", amount=state(entity).total)
    assert sold(front, coffee) == (3, 3, 3)
    for move in ("ready", "collected"):
        assert go(front, entity, move).status == 202
    assert sold(front, coffee) == (3, 3, 3)
    lines = {"lines": [{"line": 0, "quantity": 1}]}
    assert go(front, entity, "refunds", lines, "support").status == 202
    assert sold(front, coffee) == (3, 3, 3)
    refund(front, entity)
    assert sold(front, coffee) == (2, 2, 2)
    assert hours(front) == before + 2


def test_a_payment_after_the_cancelling_comes_to_nothing(front: Shopfront, coffee: Any) -> None:
    entity = place(front, coffee | CARD)
    assert go(front, entity, "cancelled", to="customer").status == 202
    came_to(front, entity, order.Paid, payment="ch_1", amount=state(entity).total)
    assert sold(front, coffee) == (3, 3, 3)
    refund(front, entity)
    assert sold(front, coffee) == (0, 0, 0)


def test_what_is_paid_by_hand_sells_when_it_is_handed_over(front: Shopfront, coffee: Any) -> None:
    entity = place(front, coffee)
    assert go(front, entity, "ready").status == 202
    assert sold(front, coffee) == (0, 0, 0)
    assert go(front, entity, "collected").status == 202
    assert sold(front, coffee) == (3, 3, 3)
    home = {name: member for name, member in HOME.items() if name != "lines"}
    brought = place(front, home | {"lines": coffee["lines"]})
    assert fulfil(front, brought).status == 202
    body = {"orderId": brought, "deliveryCompanyId": "CakeCourier1"}
    assert front.call("POST", "/deliveries", body, to="courier").status == 202
    front.settle()
    assert sold(front, coffee) == (6, 6, 6)


def test_an_order_cancelled_before_it_was_paid_sells_nothing(front: Shopfront, coffee: Any) -> None:
    entity = place(front, coffee)
    assert go(front, entity, "cancelled", to="customer").status == 202
    assert sold(front, coffee) == (0, 0, 0)


def test_the_credit_of_a_line_is_of_the_moment_of_the_order(front: Shopfront, coffee: Any) -> None:
    entity = place(front, coffee | CARD)
    later = front.person("photographer")
    photo = {"image": "https://a.example/2"}
    path = f"/products/{coffee['lines'][0]['productId']}/photo"
    assert front.call("PUT", path, photo, to=later).status == 202
    came_to(front, entity, order.Paid, payment="ch_1", amount=state(entity).total)
    assert sold(front, coffee) == (3, 3, 0)


def test_sales_are_the_same_after_the_table_was_made_anew(front: Shopfront, coffee: Any) -> None:
    paid(front, coffee)
    before = front.get("/sales", to="admin", by="product", limit=100).said["items"]
    hourly = front.get("/sales", to="admin", by="hour").said["items"]
    front.empty_table()
    front.sweep()
    assert front.get("/sales", to="admin", by="product", limit=100).said["items"] == before
    assert front.get("/sales", to="admin", by="hour").said["items"] == hourly


def test_the_best_comes_first_page_by_page(front: Shopfront, coffee: Any) -> None:
    for cart in (coffee, CART):
        paid(front, cart)
    whole = front.get("/sales", to="merchant", by="product", limit=100).said
    assert "asOf" in whole
    quantities = [item["quantity"] for item in whole["items"]]
    assert quantities == sorted(quantities, reverse=True)
    first = front.get("/sales", to="merchant", by="product", limit=1).said
    more = {"limit": 1, "cursor": first["next"]}
    second = front.get("/sales", to="merchant", by="product", **more).said
    assert first["items"] + second["items"] == whole["items"][:2]
