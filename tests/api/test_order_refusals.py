"""What is wrong with an order is a 4xx that names it: nothing is charged, nothing is lost."""

from __future__ import annotations

from typing import Any

import pytest
from ordering import (
    CAKES,
    CARD,
    CART,
    COFFEE,
    HOME,
    LEGAL,
    came_to,
    declined,
    fulfilled,
    go,
    menu,
    paid,
    place,
    readied,
    state,
)
from shopfront import Shopfront

from chalicelib import config, personal
from chalicelib.events import order

TINY, HUGE = [0, -1, 1 - 2**53, 0.5, 2.0, True, None, "2", "", [], {}], [1000, 2**31, 2**53 - 1]


@pytest.fixture(scope="module", autouse=True)
def _menu(front: Shopfront) -> None:
    menu(front)


def lines(*given: Any) -> dict[str, Any]:
    return CART | {"lines": list(given)}


def line(**changes: Any) -> dict[str, Any]:
    return lines(COFFEE | changes)


class TestPlacing:
    def test_the_catalog_has_no_such_product(self, refused: Any) -> None:
        cart = lines(COFFEE, {"productId": "nothing-here", "quantity": 1}, COFFEE)
        answer = refused(422, "POST", "/orders", cart, to="customer")
        assert (answer.slug, answer.fields) == ("unknown-product", {"lines.1.productId"})
        cakes = CAKES | {"productId": "nothing-here"}
        answer = refused(422, "POST", "/orders", cakes, to="customer")
        assert (answer.slug, answer.fields) == ("unknown-product", {"productId"})

    def test_a_product_that_was_sold_before_it_was_listed_is_not_on_the_menu(
        self, front: Shopfront, refused: Any
    ) -> None:
        front.call("POST", "/products/orphan-cup/purchases", to="customer")
        front.settle()
        cart = lines({"productId": "orphan-cup", "quantity": 1})
        assert refused(422, "POST", "/orders", cart, to="customer").slug == "unknown-product"

    def test_a_product_without_a_price_cannot_be_ordered(self, refused: Any) -> None:
        secret = {"productId": "secret-dish", "quantity": 1}
        answer = refused(422, "POST", "/orders", lines(secret, COFFEE, secret), to="customer")
        assert answer.slug == "no-price"
        assert answer.fields == {"lines.0.productId", "lines.2.productId"}

    def test_two_currencies_are_not_one_order(self, refused: Any) -> None:
        cart = lines(COFFEE, {"productId": "dollar-pie", "quantity": 1})
        answer = refused(422, "POST", "/orders", cart, to="customer")
        assert (answer.slug, answer.fields) == ("mixed-currencies", {"lines.1.productId"})

    @pytest.mark.parametrize("quantity", TINY + HUGE, ids=str)
    def test_a_quantity_is_a_whole_number_from_1_to_999(self, refused: Any, quantity: Any) -> None:
        answer = refused(422, "POST", "/orders", line(quantity=quantity), to="customer")
        assert answer.fields == {"lines.0.quantity"}

    @pytest.mark.parametrize(
        "quantity",
        ["0", "-1", "1.5", "1e2", "1000", " 1", "1 ", "+1", "01", "", "ten", "١٠", "1\n", 10, None],
        ids=repr,
    )
    def test_the_cake_shops_quantity_is_such_a_number_as_text(
        self, refused: Any, quantity: Any
    ) -> None:
        cakes = CAKES | {"quantity": quantity}
        assert refused(422, "POST", "/orders", cakes, to="customer").fields == {"quantity"}

    def test_a_cart_has_1_to_20_lines(self, refused: Any) -> None:
        for given in ([], [COFFEE] * 21):
            assert refused(422, "POST", "/orders", lines(*given), to="customer").fields == {"lines"}

    def test_a_total_beyond_what_an_amount_can_be_is_422(
        self, front: Shopfront, refused: Any
    ) -> None:
        gold = front.product("merchant", price={"amount": 10**12, "currency": "EUR"})
        most = lines({"productId": gold, "quantity": 1})
        assert state(place(front, most)).total.amount == 10**12
        more = lines({"productId": gold, "quantity": 999})
        assert refused(422, "POST", "/orders", more, to="customer").fields == {"lines"}

    @pytest.mark.parametrize(
        ("changes", "field"),
        [
            ({"price": {"amount": 1, "currency": "EUR"}}, "lines.0.price"),
            ({"amount": 1}, "lines.0.amount"),
            ({"name": "Cheap"}, "lines.0.name"),
            ({"creator": "me"}, "lines.0.creator"),
            ({"options": ["x"] * 11}, "lines.0.options"),
            ({"options": ["x" * 61]}, "lines.0.options.0"),
            ({"options": ["a\nb"]}, "lines.0.options.0"),
            ({"options": [" "]}, "lines.0.options.0"),
            ({"options": "oat"}, "lines.0.options"),
            ({"note": "x" * 281}, "lines.0.note"),
            ({"note": "\x07"}, "lines.0.note"),
            ({"productId": "a/b"}, "lines.0.productId"),
            ({"productId": 7}, "lines.0.productId"),
            ({"productId": None}, "lines.0.productId"),
        ],
    )
    def test_a_line_says_its_product_its_quantity_and_wishes(
        self, refused: Any, changes: dict[str, Any], field: str
    ) -> None:
        assert refused(422, "POST", "/orders", line(**changes), to="customer").fields == {field}

    @pytest.mark.parametrize(
        ("changes", "field"),
        [
            ({"total": {"amount": 1, "currency": "EUR"}}, "total"),
            ({"status": "paid"}, "status"),
            ({"customer": "somebody"}, "customer"),
            ({"id": "mine"}, "id"),
            ({"card": False}, "card"),
            ({"pii": "a..b.c.d"}, "pii"),
            ({"name": ""}, "name"),
            ({"name": " "}, "name"),
            ({"name": "\u200b"}, "name"),
            ({"name": "\u202e\u2800"}, "name"),
            ({"name": "x" * 81}, "name"),
            ({"name": "John\r\nBcc: everybody@example.com"}, "name"),
            ({"name": None}, "name"),
            ({"collect": False}, "collect"),
            ({"collect": 1}, "collect"),
            ({"collect": "yes"}, "collect"),
            ({"contact": {"email": "john"}}, "contact.email"),
            ({"contact": {"email": "john@example.com\nBcc: all@example.com"}}, "contact.email"),
            ({"contact": {"email": "a@b"}}, "contact.email"),
            ({"contact": {"email": "John <john@example.com>"}}, "contact.email"),
            ({"contact": {"phone": "0151 555"}}, "contact.phone"),
            ({"contact": {"phone": "+49"}}, "contact.phone"),
            ({"contact": {"fax": "+4915155501234"}}, "contact.fax"),
            ({"contact": "john@example.com"}, "contact"),
            ({"payment": {"token": ""}}, "payment.token"),
            ({"payment": {"token": "a b"}}, "payment.token"),
            ({"payment": {"token": "t", "amount": 1}}, "payment.amount"),
            ({"payment": "tok_approved"}, "payment"),
        ],
        ids=str,
    )
    def test_a_member_that_cannot_be_is_named(
        self, refused: Any, changes: dict[str, Any], field: str
    ) -> None:
        assert refused(422, "POST", "/orders", CART | changes, to="customer").fields == {field}

    @pytest.mark.parametrize(
        "place", [{}, {"address": ""}, {"address": " \n"}, {"address": "x" * 501}, {"address": 5}]
    )
    def test_an_address_is_1_to_500_characters(self, refused: Any, place: Any) -> None:
        body = HOME | {"deliver": place}
        assert refused(422, "POST", "/orders", body, to="customer").fields == {"deliver.address"}

    def test_an_order_goes_one_way(self, refused: Any) -> None:
        both = HOME | {"collect": True}
        assert refused(422, "POST", "/orders", both, to="customer").fields == {"collect"}
        neither = {name: value for name, value in CART.items() if name != "collect"}
        assert refused(422, "POST", "/orders", neither, to="customer").fields == {"collect"}
        cakes = CAKES | {"lines": [COFFEE]}
        assert refused(422, "POST", "/orders", cakes, to="customer").fields == {"lines"}

    def test_where_no_cards_are_taken_an_order_with_one_is_422(
        self, front: Shopfront, refused: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        entity = declined(front)
        monkeypatch.setenv("PAYMENTS", "")
        config.settings.cache_clear()
        try:
            answer = refused(422, "POST", "/orders", CART | CARD, to="customer")
            assert (answer.slug, answer.fields) == ("no-cards", {"payment"})
            offer = {"token": "tok_approved"}
            answer = refused(422, "POST", f"/orders/{entity}/payments", offer, to="customer")
            assert (answer.slug, answer.fields) == ("no-cards", {"token"})
            place(front)
        finally:
            monkeypatch.undo()
            config.settings.cache_clear()

    def test_wishes_that_no_event_can_hold_are_413(self, refused: Any) -> None:
        wishes = COFFEE | {"options": ["ⓦ" * 60] * 10}
        raw = lines(*[wishes] * 20)
        assert refused(413, "POST", "/orders", raw, to="customer").fields == {"body"}

    def test_who_was_erased_orders_and_pays_nothing(self, front: Shopfront, refused: Any) -> None:
        gone = front.person("customer")
        entity = declined(front, to=gone)
        personal.destroy(state(entity).customer)
        assert refused(410, "POST", "/orders", CART, to=gone).slug == "erased"
        path = f"/orders/{entity}/payments"
        assert refused(410, "POST", path, {"token": "t"}, to=gone).slug == "erased"


MOVES = {
    "payments": ("customer", {"token": "tok_approved"}),
    "ready": ("barista", {}),
    "collected": ("barista", {}),
    "cancelled": ("customer", {}),
    "refunds": ("support", {"lines": [{"line": 0, "quantity": 1}]}),
}
AT_ONES_OWN = ("payments", "cancelled")


class TestMoving:
    @pytest.mark.parametrize("move", MOVES)
    def test_an_order_that_is_not_there_is_404(self, refused: Any, move: str) -> None:
        to, body = MOVES[move]
        answer = refused(404, "POST", f"/orders/nowhere/{move}", body, to=to)
        assert (answer.slug, answer.fields) == ("unknown-order", {"id"})

    @pytest.mark.parametrize(
        ("path", "to", "body"),
        [
            ("/fulfillments", "maker", {"fulfillmentId": "CakeProducer1"}),
            ("/deliveries", "courier", {"deliveryCompanyId": "CakeCourier1"}),
        ],
    )
    def test_so_is_one_that_a_body_names(self, refused: Any, path: str, to: str, body: Any) -> None:
        answer = refused(404, "POST", path, {"orderId": "nowhere"} | body, to=to)
        assert answer.slug == "unknown-order"
        for name in ("orderId", *body):
            whole = {"orderId": "nowhere"} | body
            for bad in ("", "a b", "x" * 65, "../x", 5, None):
                assert refused(422, "POST", path, whole | {name: bad}, to=to).fields == {name}

    @pytest.mark.parametrize("move", AT_ONES_OWN)
    def test_another_customers_order_is_as_if_it_were_not_there(
        self, front: Shopfront, refused: Any, move: str
    ) -> None:
        stranger, (_, body) = front.person("customer"), MOVES[move]
        path = f"/orders/{{}}/{move}"
        mine, nowhere = (
            refused(404, "POST", path.format(entity), body, to=stranger)
            for entity in (declined(front), "nowhere")
        )
        assert mine.said == nowhere.said

    def test_a_barista_offers_no_card_for_somebody_else(
        self, front: Shopfront, refused: Any
    ) -> None:
        both = front.person("customer", "barista", "admin")
        body = {"token": "tok_approved"}
        assert refused(404, "POST", f"/orders/{declined(front)}/payments", body, to=both)

    @pytest.mark.parametrize("move", MOVES)
    @pytest.mark.parametrize("entity", ["%20", "a%2Fb", "%00", ".a", "x" * 65, "%C3%A9"])
    def test_an_id_that_no_order_can_have_is_422(
        self, refused: Any, move: str, entity: str
    ) -> None:
        to, body = MOVES[move]
        assert refused(422, "POST", f"/orders/{entity}/{move}", body, to=to).fields == {"id"}

    @pytest.mark.parametrize(
        "back",
        [
            [],
            [{"line": 0, "quantity": 1}] * 21,
            [{"line": -1, "quantity": 1}],
            [{"line": 20, "quantity": 1}],
            [{"line": 0.0, "quantity": 1}],
            *([{"line": 0, "quantity": quantity}] for quantity in TINY + HUGE),
            [{"line": 0, "quantity": 1, "amount": 1_000_000}],
            [{"line": 0}],
            [0],
            {},
            None,
        ],
        ids=str,
    )
    def test_a_refund_names_lines_and_quantities(self, refused: Any, back: Any) -> None:
        answer = refused(422, "POST", "/orders/nowhere/refunds", {"lines": back}, to="support")
        assert all(field.startswith("lines") for field in answer.fields)

    @pytest.mark.parametrize(
        "back",
        [
            [{"line": 0, "quantity": 3}],
            [{"line": 1, "quantity": 1}],
            [{"line": 0, "quantity": 2}, {"line": 0, "quantity": 1}],
        ],
    )
    def test_no_more_is_given_back_than_was_bought(
        self, front: Shopfront, refused: Any, back: Any
    ) -> None:
        entity = paid(front)
        path = f"/orders/{entity}/refunds"
        answer = refused(409, "POST", path, {"lines": back}, to="support")
        assert answer.slug == "refund-too-large"
        assert state(entity).returned == [0]

    def test_nothing_is_given_back_twice_or_without_a_payment(
        self, front: Shopfront, refused: Any
    ) -> None:
        entity, whole = paid(front), {"lines": [{"line": 0, "quantity": 2}]}
        path = f"/orders/{entity}/refunds"
        assert front.call("POST", path, whole, to="support").status == 202
        front.settle()
        assert refused(409, "POST", path, whole, to="admin").slug == "refund-too-large"
        path = f"/orders/{readied(front, 'customer')}/refunds"
        assert refused(409, "POST", path, whole, to="admin").slug == "refund-too-large"


def delivered(front: Shopfront) -> str:
    entity = fulfilled(front, "customer")
    body = {"orderId": entity, "deliveryCompanyId": "CakeCourier1"}
    assert front.call("POST", "/deliveries", body, to="courier").status == 202
    front.settle()
    return entity


def moved(front: Shopfront, entity: str, move: str, to: str) -> str:
    assert go(front, entity, move, to=to).status == 202
    return entity


def expired(front: Shopfront) -> str:
    entity = declined(front)
    came_to(front, entity, order.Expired)
    return entity


def dispatched(front: Shopfront) -> str:
    entity = fulfilled(front, "customer")
    came_to(front, entity, order.Dispatched)
    return entity


# Where an order stands, and every way there; what is legal from there, by the design's §6.
STANDS: dict[str, Any] = {
    "placed": (lambda front: place(front, CART | CARD), {"cancelled"}),
    "unpaid": (place, {"ready", "cancelled"}),
    "unpaid to deliver": (lambda front: place(front, HOME), {"fulfillments", "cancelled"}),
    "payment-declined": (declined, {"payments", "cancelled"}),
    "paid": (paid, {"ready", "cancelled", "refunds"}),
    "paid to deliver": (
        lambda front: paid(front, HOME),
        {"fulfillments", "cancelled", "refunds"},
    ),
    "ready": (lambda front: readied(front, "customer"), {"collected"}),
    "collected": (
        lambda front: moved(front, readied(front, "customer"), "collected", "barista"),
        set(),
    ),
    "fulfilled": (lambda front: fulfilled(front, "customer"), {"deliveries"}),
    "dispatched": (dispatched, {"deliveries"}),
    "delivered": (delivered, set()),
    "cancelled": (lambda front: moved(front, place(front), "cancelled", "customer"), set()),
    "expired": (expired, set()),
}


def every_move(front: Shopfront, entity: str) -> dict[str, tuple[str, Any, str]]:
    """Path, body and who, of each move on this order."""
    found = {name: (f"/orders/{entity}/{name}", body, to) for name, (to, body) in MOVES.items()}
    made = {"orderId": entity, "fulfillmentId": "CakeProducer1"}
    brought = {"orderId": entity, "deliveryCompanyId": "CakeCourier1"}
    return found | {
        "fulfillments": ("/fulfillments", made, "maker"),
        "deliveries": ("/deliveries", brought, "courier"),
    }


@pytest.mark.parametrize("stands", STANDS)
def test_a_move_that_the_status_does_not_allow_is_409_and_names_it(
    front: Shopfront, refused: Any, stands: str
) -> None:
    arrive, legal = STANDS[stands]
    entity = arrive(front)
    before = state(entity)
    for name, (path, body, to) in every_move(front, entity).items():
        if name in legal or (name == "refunds" and stands in SETTLED_WITHOUT_CARD):
            continue
        answer = refused(409, "POST", path, body, to=to)
        assert answer.slug == "illegal-move", name
        named = before.status, f"to {before.branch}"
        assert any(name in answer.said["detail"] for name in named)
    front.settle()
    assert state(entity) == before


# From here a refund is legal, but of nothing: `refund-too-large` says so.
SETTLED_WITHOUT_CARD = {"ready", "collected", "fulfilled", "dispatched", "delivered"}


@pytest.mark.parametrize("stands", STANDS)
def test_and_one_that_it_allows_is_taken(front: Shopfront, stands: str) -> None:
    arrive, legal = STANDS[stands]
    for name in sorted(legal):
        path, body, to = every_move(front, arrive(front))[name]
        assert front.call("POST", path, body, to=to).status == 202, name


def test_a_person_says_no_order_event_to_the_event_writer(front: Shopfront, refused: Any) -> None:
    everyone = front.person("customer", "barista", "maker", "courier", "support", "admin")
    event = {"specversion": "1.0", "id": "1", "source": "/me"}
    for move in ("placed", "paid", "ready", "delivered", "refunded", "cancelled"):
        said = event | {"type": f"tillstream.order.{move}.v1", "subject": "order/nowhere"}
        answer = refused(
            422, "POST", "/events", said, to=everyone, Content_Type="application/cloudevents+json"
        )
        assert (answer.slug, answer.fields) == ("unknown-type", {"type"})


def test_every_route_that_moves_an_order_is_tried_here() -> None:
    others = ("/tickets/", "/photographers/")
    routes = {path.rpartition("/")[2] for path in LEGAL if not path.startswith(others)}
    assert routes == {*MOVES, "fulfillments", "deliveries"}
