"""Orders as they are recorded: quoted from the catalog, who ordered encrypted, moves by role."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from ordering import (
    CAKES,
    CARD,
    CART,
    came_to,
    declined,
    fulfil,
    go,
    menu,
    paid,
    place,
    state,
)
from shopfront import Answer, Shopfront, at, names

from chalicelib import personal
from chalicelib.decisions.subject import Keyed
from chalicelib.events import order


@pytest.fixture(scope="module", autouse=True)
def _menu(front: Shopfront) -> None:
    menu(front)


def told(front: Shopfront, answer: Answer) -> dict[str, Any]:
    """What became of the event that the answer is about."""
    front.settle()
    return dict(front.call("GET", f"/events/{answer.said['id']}?at={at(answer)}", to="admin").said)


def opened(entity: str) -> dict[str, Any]:
    """What is personal of the order."""
    found = state(entity)
    members = personal.decrypt(found.customer, f"order/{entity}", found.pii)
    assert members is not None
    return members


def test_an_order_is_told_by_its_subject_and_priced_from_the_catalog(front: Shopfront) -> None:
    answer = front.call("POST", "/orders", CART, to="customer")
    assert (answer.status, answer.said["type"]) == (202, "tillstream.order.placed.v1")
    found = told(front, answer)
    assert found["verdict"] == "counted"
    (line,) = found["data"]["lines"]
    merchant = front.get("/products/flat-white").said["merchant"]
    assert line == {
        "productId": "flat-white",
        "name": "Flat white",
        "quantity": 2,
        "price": {"amount": 420, "currency": "EUR"},
        "creator": merchant,
        "photographer": "UNKNOWN",
    }
    assert found["data"]["total"] == {"amount": 840, "currency": "EUR"}
    assert (found["data"]["branch"], found["data"]["card"]) == ("collect", False)


def test_what_is_personal_is_in_the_ciphertext_and_nowhere_else(front: Shopfront) -> None:
    wished = {
        "lines": [
            {"productId": "flat-white", "quantity": 1, "options": ["oat milk"], "note": "très hot"},
            {"productId": "tap-water", "quantity": 1},
        ],
        "name": "Ünique Náme",
        "deliver": {"address": "12 Long Lane\n3rd floor"},
        "contact": {"email": "john@example.com", "phone": "+4915155501234"},
        "payment": {"token": "tok_approved"},
    }
    answer = front.call("POST", "/orders", wished, to="customer")
    data = told(front, answer)["data"]
    assert data["channels"] == ["email", "phone"]
    assert data["card"] is True
    public = json.dumps(data, ensure_ascii=False)
    for text in ("Ünique", "Lane", "john@", "+49", "tok_", "oat", "très"):
        assert text not in public
    assert opened(answer.said["subject"].removeprefix("order/")) == {
        "name": "Ünique Náme",
        "contact": {"email": "john@example.com", "phone": "+4915155501234"},
        "address": "12 Long Lane\n3rd floor",
        "lines": [{"options": ["oat milk"], "note": "très hot"}, {}],
        "payment": {"token": "tok_approved"},
    }


def test_the_cake_shops_order_is_one_line_to_deliver(front: Shopfront) -> None:
    entity = place(front, CAKES)
    found = state(entity)
    assert (found.branch, found.status, found.total.amount) == ("deliver", "placed", 19_000)
    assert [(line.product_id, line.quantity) for line in found.lines] == [("productId11", 10)]
    members = {"name": "marcia", "address": "somewhere", "contact": {}, "lines": [{}]}
    assert opened(entity) == members


def test_what_costs_nothing_is_charged_to_no_card(front: Shopfront) -> None:
    entity = place(front, CART | CARD | {"lines": [{"productId": "tap-water", "quantity": 3}]})
    assert state(entity).todos == {}
    assert "payment" not in opened(entity)


def test_a_price_that_changes_later_changes_no_order(front: Shopfront) -> None:
    product = front.product("merchant", price={"amount": 100, "currency": "EUR"})
    cart = CART | {"lines": [{"productId": product, "quantity": 1}]}
    entity = place(front, cart)
    cup = {"brand": "B", "name": "Dear", "description": "", "category": "cups"}
    cup |= {"price": {"amount": 9_900, "currency": "CHF"}}
    assert front.call("PUT", f"/products/{product}", cup, to="merchant").status == 202
    front.settle()
    assert (state(entity).total.amount, state(entity).lines[0].name) == (100, "Cup")
    assert state(place(front, cart)).total.currency == "CHF"


def test_a_photographer_earns_from_the_photograph_on(front: Shopfront) -> None:
    product = front.product("merchant", price={"amount": 100, "currency": "EUR"})
    cart = CART | {"lines": [{"productId": product, "quantity": 1}]}
    before = place(front, cart)
    image = {"image": "https://a.example/1"}
    front.call("PUT", f"/products/{product}/photo", image, to="photographer")
    front.settle()
    after = place(front, cart)
    photographers = [state(entity).lines[0].photographer for entity in (before, after)]
    (shared,) = [
        each for each in front.listed("/contributions", 100) if each["productId"] == product
    ]
    assert photographers == ["UNKNOWN", shared["photographer"]]


def test_a_cart_may_have_twenty_lines_some_of_one_product(front: Shopfront) -> None:
    line = {"productId": "flat-white", "quantity": 1, "options": ["oat milk"] * 10}
    entity = place(front, CART | {"lines": [line] * 20})
    assert state(entity).total.amount == 20 * 420


class TestMoves:
    def test_a_coffee_is_made_and_collected(self, front: Shopfront) -> None:
        entity = place(front)
        assert go(front, entity, "ready").status == 202
        assert go(front, entity, "collected", to="maker").status == 202
        assert state(entity).status == "collected"

    def test_a_cake_is_made_dispatched_and_delivered(self, front: Shopfront) -> None:
        entity = place(front, CAKES)
        assert fulfil(front, entity).status == 202
        came_to(front, entity, order.Dispatched)
        body = {"orderId": entity, "deliveryCompanyId": "CakeCourier1"}
        answer = front.call("POST", "/deliveries", body, to="courier")
        assert told(front, answer)["data"] == {"deliveryCompanyId": "CakeCourier1"}
        assert state(entity).status == "delivered"

    def test_another_card_is_offered_for_a_declined_one(self, front: Shopfront) -> None:
        entity = declined(front)
        assert go(front, entity, "payments", {"token": "tok_2"}, to="customer").status == 202
        found = state(entity)
        assert found.status == "payment-offered"
        offer = personal.decrypt(found.customer, f"order/{entity}", found.offer)
        assert offer == {"payment": {"token": "tok_2"}}

    @pytest.mark.parametrize("who", ["customer", "barista", "maker"])
    def test_an_order_is_cancelled_by_its_customer_or_who_makes_it(
        self, front: Shopfront, who: str
    ) -> None:
        entity = place(front)
        assert go(front, entity, "cancelled", to=who).status == 202
        assert state(entity).status == "cancelled"

    def test_a_barista_who_orders_may_cancel_any(self, front: Shopfront) -> None:
        entity, both = place(front), front.person("customer", "barista")
        assert go(front, entity, "cancelled", to=both).status == 202

    @pytest.mark.parametrize("who", ["support", "admin"])
    def test_a_line_is_given_back(self, front: Shopfront, who: str) -> None:
        entity = paid(front)
        back = {"lines": [{"line": 0, "quantity": 1}]}
        assert go(front, entity, "refunds", back, to=who).status == 202
        assert state(entity).returned == [1]

    def test_a_move_hears_the_version_that_it_is_meant_for(self, front: Shopfront) -> None:
        entity = place(front)
        stale = front.call("POST", f"/orders/{entity}/ready", to="barista", If_Match='"7-orders@1"')
        assert stale.status == 412
        fresh = front.call("POST", f"/orders/{entity}/ready", to="barista", If_Match='"1-orders@1"')
        assert told(front, fresh)["verdict"] == "counted"

    def test_of_two_moves_that_race_past_the_door_the_later_is_ignored(
        self, front: Shopfront
    ) -> None:
        entity = place(front)
        ready = front.call("POST", f"/orders/{entity}/ready", to="barista")
        cancelled = front.call("POST", f"/orders/{entity}/cancelled", to="customer")
        assert (ready.status, cancelled.status) == (202, 202)
        assert told(front, ready)["verdict"] == "counted"
        found = told(front, cancelled)
        assert (found["verdict"], found["reason"]) == ("ignored", "illegal-move")
        assert state(entity).status == "ready"


class TestOneKeyOneOrder:
    def test_a_hundred_at_once_are_one_order(self, front: Shopfront) -> None:
        key = f"order-{next(names)}"
        send = lambda _: front.call(  # noqa: E731
            "POST", "/orders", CART | CARD, to="customer", Idempotency_Key=key
        )
        with ThreadPoolExecutor(16) as pool:
            answers = list(pool.map(send, range(100)))
        assert {answer.status for answer in answers} == {202}
        assert len({(answer.said["id"], answer.said["subject"]) for answer in answers}) == 1
        front.settle()
        said = {answer.said["position"]: answer for answer in answers}.values()
        verdicts = [told(front, answer)["verdict"] for answer in said]
        assert verdicts.count("counted") == 1
        assert set(verdicts) <= {"counted", "ignored"}
        entity = answers[0].said["subject"].removeprefix("order/")
        assert [todo.kind for todo in state(entity).todos.values()] == ["charge"]
        assert send(0).said["subject"] == f"order/{entity}"

    def test_its_answer_stays_though_the_product_is_not_sold_any_more(
        self, front: Shopfront
    ) -> None:
        product = front.product("merchant", price={"amount": 100, "currency": "EUR"})
        cart = CART | {"lines": [{"productId": product, "quantity": 1}]}
        key = f"stays-{next(names)}"
        first = front.call("POST", "/orders", cart, to="customer", Idempotency_Key=key)
        cup = {"brand": "B", "name": "Cup", "description": "", "category": "cups"}
        front.call("PUT", f"/products/{product}", cup, to="merchant")
        front.settle()
        assert front.call("POST", "/orders", cart, to="customer").slug == "no-price"
        again = front.call("POST", "/orders", cart, to="customer", Idempotency_Key=key)
        assert (again.status, again.said) == (202, first.said)

    def test_after_a_day_its_order_is_there_already(
        self, front: Shopfront, refused: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        key = f"yesterday-{next(names)}"
        front.call("POST", "/orders", CART, to="customer", Idempotency_Key=key)
        front.settle()
        monkeypatch.setattr(Keyed, "lapsed", lambda *_: True)
        answer = refused(409, "POST", "/orders", CART, to="customer", Idempotency_Key=key)
        assert (answer.slug, answer.fields) == ("exists", {"id"})

    def test_an_order_without_a_key_is_a_new_one_each_time(self, front: Shopfront) -> None:
        assert place(front) != place(front)

    def test_the_same_key_of_another_customer_is_another_order(self, front: Shopfront) -> None:
        other, key = front.person("customer"), f"mine-{next(names)}"
        subjects = {
            front.call("POST", "/orders", CART, to=who, Idempotency_Key=key).said["subject"]
            for who in ("customer", other)
        }
        assert len(subjects) == 2

    def test_a_move_repeated_under_its_key_is_the_move_it_was(self, front: Shopfront) -> None:
        entity, key = place(front), f"ready-{next(names)}"
        ready = lambda: front.call(  # noqa: E731
            "POST", f"/orders/{entity}/ready", to="barista", Idempotency_Key=key
        )
        first = ready()
        front.settle()
        assert (ready().status, ready().said) == (202, first.said)
        assert go(front, entity, "ready").slug == "illegal-move"


def test_orders_that_wait_for_each_other_use_the_position_of_the_one_before(
    front: Shopfront,
) -> None:
    placed = front.call("POST", "/orders", CART, to="customer")
    entity = placed.said["subject"].removeprefix("order/")
    path = f"/orders/{entity}/cancelled"
    early = front.call("POST", path, to="customer", Read_After=placed.said["position"])
    assert (early.status, early.slug) == (503, "not-yet")
    front.settle()
    assert front.call("POST", path, to="customer", Read_After=placed.said["position"]).status == 202
