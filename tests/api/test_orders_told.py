"""What is told of an order, to whom: by id with its timeline, and in the list of a role."""

from __future__ import annotations

import itertools
import json
import threading
from dataclasses import replace
from typing import Any

import pytest
from ordering import CARD, COFFEE, came_to, fulfil, go, menu, paid, place, state
from shopfront import PROBLEM, Answer, Shopfront

from chalicelib import personal, read, store
from chalicelib.events import order
from local.gateway import MOST_ANSWER

WISHED = {"productId": "flat-white", "quantity": 2, "options": ["oat milk"], "note": "extra hot"}
CONTACT = {"email": "john@example.com", "phone": "+4915155501234"}
COLLECT: dict[str, Any] = {"lines": [WISHED, COFFEE], "name": "John", "contact": CONTACT}
COLLECT |= {"collect": True}
DELIVER: dict[str, Any] = {"lines": [WISHED], "name": "Jane", "contact": CONTACT}
DELIVER |= {"deliver": {"address": "12 Long Lane"}}
STAFF = ("barista", "maker", "courier", "support", "admin")


@pytest.fixture(autouse=True, scope="module")
def stocked(front: Shopfront) -> None:
    """A menu, and somebody of each role who may look."""
    menu(front)
    for role in STAFF:
        front.person(role, name=role)


@pytest.fixture
def john(front: Shopfront) -> str:
    """A customer of whom the shop knows nothing yet."""
    return front.person("customer")


def told(front: Shopfront, entity: str, to: str) -> dict[str, Any]:
    answer = front.get(f"/orders/{entity}", to=to)
    assert answer.status == 200, answer.body
    found: dict[str, Any] = answer.said
    return found


def listed(front: Shopfront, to: str, **query: Any) -> list[str]:
    """The ids of a list, page by page."""
    items, cursor = [], {}
    while True:
        page = front.get("/orders", to=to, limit=2, **query, **cursor)
        assert page.status == 200, page.body
        items += [item["id"] for item in page.said["items"]]
        if page.said["next"] is None:
            return items
        cursor = {"cursor": page.said["next"]}


def seen(said: dict[str, Any]) -> set[str]:
    """Which personal members stand in what is told."""
    wished = {name for line in said["lines"] for name in line}
    return (
        ({"name", "address"} & said.keys())
        | ({"options", "note"} & wished)
        | said.get("contact", {}).keys()
    )


def test_a_customer_reads_back_what_was_ordered_and_never_the_card(
    front: Shopfront, john: str
) -> None:
    entity = paid(front, COLLECT, john)
    said = told(front, entity, john)
    euros = {"currency": "EUR"}
    item = {"productId": "flat-white", "name": "Flat white", "quantity": 2, "returned": 0}
    item |= {"price": {"amount": 420} | euros}
    assert [step["status"] for step in said.pop("timeline")] == ["placed", "paid"]
    assert said.pop("readyAt")[-1] == "Z"
    assert said == {
        "id": entity,
        "status": "paid",
        "branch": "collect",
        "lines": [item | {"options": ["oat milk"], "note": "extra hot"}, item],
        "total": {"amount": 1680} | euros,
        "byCard": True,
        "paidByCard": True,
        "name": "John",
        "contact": CONTACT,
    }


@pytest.mark.parametrize(
    ("body", "sights"),
    [
        (
            COLLECT,
            {
                "barista": {"name", "options", "note"},
                "maker": set(),
                "courier": set(),
                "support": set(),
                "admin": {"name", "options", "note", "email", "phone"},
            },
        ),
        (
            DELIVER,
            {
                "barista": set(),
                "maker": {"name", "options", "note", "address"},
                "courier": set(),
                "support": set(),
                "admin": {"name", "options", "note", "address", "email", "phone"},
            },
        ),
    ],
    ids=["collect", "deliver"],
)
def test_each_role_sees_of_a_person_what_it_works_with(
    front: Shopfront, john: str, body: Any, sights: dict[str, set[str]]
) -> None:
    entity = place(front, body | CARD, john)
    for role, names in sights.items():
        answer = front.get(f"/orders/{entity}", to=role)
        assert seen(answer.said) == names, role
        assert b"tok_approved" not in answer.body
        assert state(entity).pii.encode() not in answer.body
    assert b"tok_approved" not in front.get(f"/orders/{entity}", to=john).body


def test_a_courier_sees_whom_to_bring_it_to_once_it_is_made(front: Shopfront, john: str) -> None:
    entity = paid(front, DELIVER, john)
    assert seen(told(front, entity, "courier")) == set()
    assert fulfil(front, entity).status == 202
    for status in ("fulfilled", "dispatched", "delivered"):
        said = told(front, entity, "courier")
        assert (said["status"], seen(said)) == (status, {"name", "address", "phone"})
        if status == "fulfilled":
            came_to(front, entity, order.Dispatched)
        if status == "dispatched":
            body = {"orderId": entity, "deliveryCompanyId": "CakeCourier1"}
            assert front.call("POST", "/deliveries", body, to="courier").status == 202
            front.settle()


def test_a_foreign_order_is_as_if_it_were_not_there(
    front: Shopfront, john: str, refused: Any
) -> None:
    entity = place(front, COLLECT, john)
    other = front.person("customer")
    answers = [
        refused(404, "GET", f"/orders/{name}", to=other).said for name in (entity, "nothing")
    ]
    assert answers[0] == answers[1]
    assert answers[0]["type"] == "/problems/unknown-order"
    assert listed(front, other) == []
    assert listed(front, john) == [entity]


def test_one_who_works_here_and_orders_too_sees_both(front: Shopfront, john: str) -> None:
    both = front.person("customer", "barista")
    own, foreign = place(front, COLLECT, both), place(front, COLLECT, john)
    assert "contact" in told(front, own, both)
    assert seen(told(front, foreign, both)) == {"name", "options", "note"}
    assert listed(front, both) == [own]
    assert {own, foreign} <= set(listed(front, both, **{"as": "barista"}))


def test_after_an_erase_nobody_reads_who_it_was_and_the_tag_says_that_it_changed(
    front: Shopfront, john: str
) -> None:
    entity = place(front, DELIVER, john)
    path = f"/orders/{entity}"
    tag = front.get(path, to="maker").headers["ETag"]
    personal.destroy(state(entity).customer)
    answer = front.call("GET", path, to="maker", If_None_Match=tag)
    assert answer.status == 200
    for role in ("maker", "admin", john):
        said = told(front, entity, role)
        assert (said["erased"], seen(said)) == (True, set())
    (item,) = front.get("/orders", to=john).said["items"]
    assert (item["erased"], seen(item)) == (True, set())
    assert fulfil(front, entity).status == 202
    said = told(front, entity, "courier")
    assert (said["status"], said["erased"], seen(said)) == ("fulfilled", True, set())


def test_what_happens_while_an_order_is_read_is_in_its_status_and_in_its_timeline(
    front: Shopfront, john: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    entity, page = place(front, COLLECT, john), store.page

    def meanwhile(*asked: Any) -> Any:
        monkeypatch.setattr(store, "page", page)
        assert go(front, entity, "ready").status == 202
        front.settle()
        return page(*asked)

    monkeypatch.setattr(store, "page", meanwhile)
    said = told(front, entity, john)
    assert (said["status"], said["timeline"][-1]["status"]) == ("ready", "ready")


def test_an_order_that_never_rests_is_503_and_not_read_for_ever(
    front: Shopfront, john: str, refused: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    entity, snapshot, looks = place(front, COLLECT, john), store.snapshot, itertools.count()

    def ever_another(*places: store.Key) -> Any:
        found = snapshot(*places)
        is_order = found[0] is not None and found[0].key.sk == f"order/{entity}"
        return (
            [replace(found[0], body=found[0].body | {"n": next(looks)}), *found[1:]]
            if is_order
            else found
        )

    monkeypatch.setattr(store, "snapshot", ever_another)
    answer = refused(503, "GET", f"/orders/{entity}", to=john)
    assert (answer.slug, answer.headers["Retry-After"]) == ("unavailable", "1")
    assert next(looks) == 10


def test_the_timeline_tells_all_that_happened_in_order(front: Shopfront, john: str) -> None:
    entity = paid(front, COLLECT, john)
    assert go(front, entity, "ready").status == 202
    assert go(front, entity, "collected").status == 202
    back = {"lines": [{"line": 0, "quantity": 1}]}
    assert go(front, entity, "refunds", back, "support").status == 202
    price = state(entity).lines[0].price
    came_to(front, entity, order.Refunded, refund="re_1", amount=price)
    said = told(front, entity, john)
    words = ["placed", "paid", "ready", "collected", "refund-requested", "refunded"]
    assert [step["status"] for step in said["timeline"]] == words
    times = [step["at"] for step in said["timeline"]]
    assert times == sorted(times)
    assert said["refunded"] == {"amount": 420, "currency": "EUR"}
    assert [line["returned"] for line in said["lines"]] == [1, 0]
    assert (said["status"], "readyAt" in said) == ("collected", False)


class TestPolling:
    @pytest.fixture(autouse=True)
    def clock_stands_still(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """`readyAt` of a line that is late moves on with the minute, and the tag with it."""
        now = read.now_ms()
        monkeypatch.setattr(read, "now_ms", lambda: now)

    def test_who_has_the_order_is_told_so_until_it_moves(self, front: Shopfront, john: str) -> None:
        entity = place(front, COLLECT, john)
        path = f"/orders/{entity}"
        first = front.get(path, to=john)
        assert first.headers["Cache-Control"] == "private, no-cache"
        tag = first.headers["ETag"]
        again = front.call("GET", path, to=john, If_None_Match=tag)
        assert (again.status, again.body, again.headers["ETag"]) == (304, b"", tag)
        assert again.headers["Cache-Control"] == "private, no-cache"
        assert go(front, entity, "ready").status == 202
        moved = front.call("GET", path, to=john, If_None_Match=tag)
        assert (moved.status, moved.said["status"]) == (200, "ready")

    def test_the_tag_changes_with_when_it_will_be_ready(self, front: Shopfront, john: str) -> None:
        first, second = place(front, COLLECT, john), place(front, COLLECT, john)
        before = front.get(f"/orders/{second}", to=john)
        assert go(front, first, "cancelled", to=john).status == 202
        after = front.call(
            "GET", f"/orders/{second}", to=john, If_None_Match=before.headers["ETag"]
        )
        assert after.status == 200
        assert after.said["readyAt"] < before.said["readyAt"]

    def test_no_two_roles_share_a_tag(self, front: Shopfront, john: str) -> None:
        entity = place(front, COLLECT, john)
        tags = {
            role: front.get(f"/orders/{entity}", to=role).headers["ETag"] for role in (john, *STAFF)
        }
        assert tags[john] == tags["admin"] != tags["barista"] != tags["courier"]

    def test_a_move_counts_on_what_was_seen_by_whom_it_was_seen(
        self, front: Shopfront, john: str, refused: Any
    ) -> None:
        entity = place(front, COLLECT, john)
        tag = front.get(f"/orders/{entity}", to="barista").headers["ETag"]
        path = f"/orders/{entity}/ready"
        assert front.call("POST", path, {}, to="barista", If_Match=tag).status == 202
        front.settle()
        late = refused(412, "POST", f"/orders/{entity}/collected", {}, to="barista", If_Match=tag)
        assert late.fields == {"If-Match"}

    def test_a_list_is_told_once_until_something_in_it_changes(
        self, front: Shopfront, john: str
    ) -> None:
        entity = place(front, COLLECT, john)
        for role, path in ((john, "/orders"), ("barista", "/orders?limit=100")):
            first = front.get(path, to=role)
            tag = first.headers["ETag"]
            again = front.call("GET", path, to=role, If_None_Match=tag)
            assert (again.status, again.body, again.headers["ETag"]) == (304, b"", tag)
            assert first.headers["Cache-Control"] == "private, no-cache"
        tag = front.get("/orders", to=john).headers["ETag"]
        assert go(front, entity, "ready").status == 202
        moved = front.call("GET", "/orders", to=john, If_None_Match=tag)
        assert (moved.status, moved.said["items"][0]["status"]) == (200, "ready")


class TestLists:
    def test_ones_own_come_newest_first_and_by_status(self, front: Shopfront, john: str) -> None:
        made = [place(front, COLLECT, john) for _ in range(3)]
        assert go(front, made[1], "ready").status == 202
        assert listed(front, john) == made[::-1]
        assert listed(front, john, status="ready") == [made[1]]
        assert listed(front, john, status="placed") == [made[2], made[0]]
        assert listed(front, john, status="delivered") == []

    def test_the_barista_has_what_is_to_be_made_or_handed_over_oldest_first(
        self, front: Shopfront, john: str
    ) -> None:
        waits = place(front, COLLECT | CARD, john)
        home = place(front, DELIVER, john)
        made = [
            paid(front, COLLECT, john),
            place(front, COLLECT, john),
            place(front, COLLECT, john),
        ]
        assert go(front, made[1], "ready").status == 202
        assert go(front, made[2], "ready").status == 202
        assert go(front, made[2], "collected").status == 202
        queue = listed(front, "barista")
        assert [entity for entity in queue if entity in made] == made[:2]
        assert not {waits, home} & set(queue)
        assert made[1] in listed(front, "barista", status="ready")
        assert made[1] not in listed(front, "barista", status="paid")
        amount = state(waits).total
        came_to(front, waits, order.Paid, payment="ch_2", amount=amount)
        assert listed(front, "barista")[-1] == waits, "its place is from when it was to be made"

    def test_an_order_goes_from_the_makers_list_to_the_couriers(
        self, front: Shopfront, john: str
    ) -> None:
        entity = place(front, DELIVER, john)
        lists = lambda: [entity in listed(front, role) for role in ("maker", "courier", "barista")]  # noqa: E731
        assert lists() == [True, False, False]
        assert fulfil(front, entity).status == 202
        assert lists() == [False, True, False]
        came_to(front, entity, order.Dispatched)
        assert lists() == [False, True, False]
        assert listed(front, "courier", status="dispatched")[-1] == entity
        body = {"orderId": entity, "deliveryCompanyId": "CakeCourier1"}
        assert front.call("POST", "/deliveries", body, to="courier").status == 202
        front.settle()
        assert lists() == [False, False, False]

    def test_the_admin_has_all_newest_first(self, front: Shopfront, john: str) -> None:
        made = [place(front, COLLECT, john), place(front, DELIVER, john)]
        assert listed(front, "admin")[:2] == made[::-1]
        assert listed(front, "admin", status="placed")[:2] == made[::-1]

    def test_an_item_is_the_order_without_its_timeline(self, front: Shopfront, john: str) -> None:
        entity = place(front, COLLECT, john)
        whole = told(front, entity, john)
        (item,) = front.get("/orders", to=john).said["items"]
        assert item == {name: whole[name] for name in whole if name != "timeline"}

    def test_orders_of_one_person_ask_the_vault_for_one_key_and_not_again(
        self, front: Shopfront, john: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        for _ in range(3):
            place(front, COLLECT, john)
        asked: list[str] = []
        find = personal.vault.read
        monkeypatch.setattr(personal.vault, "read", lambda key: asked.append(key) or find(key))
        personal.forget()
        for _ in range(3):
            assert len(front.get("/orders", to=john).said["items"]) == 3
        assert len([key for key in asked if key.startswith("people/")]) <= 2  # a window of 5 s ends

    def test_the_keys_of_many_people_are_asked_for_at_once(
        self, front: Shopfront, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        people = [front.person("customer") for _ in range(3)]
        ours = {state(place(front, COLLECT, person)).customer for person in people}
        meeting, find = threading.Barrier(3, timeout=10), personal.vault.read

        def wait(key: str) -> Any:
            if key.removeprefix("people/") in ours:
                meeting.wait()
            return find(key)

        monkeypatch.setattr(personal.vault, "read", wait)
        personal.forget()
        items = front.get("/orders?as=barista&limit=100", to="barista").said["items"]
        assert [item["name"] for item in items[-3:]] == ["John"] * 3

    def test_fifty_orders_fit_an_answer_whatever_was_wished(
        self, front: Shopfront, john: str
    ) -> None:
        line = {"productId": "flat-white", "quantity": 1, "options": ["😀" * 60] * 4}
        line |= {"note": '"' * 280}
        body = COLLECT | {"lines": [line] * 15}
        raw = json.dumps(body, ensure_ascii=False).encode()
        assert front.call("POST", "/orders", raw=raw, to=john).status == 202
        line["options"] = ["😀" * 60] * 5
        raw = json.dumps(body | {"lines": [line] * 15}, ensure_ascii=False).encode()
        assert front.call("POST", "/orders", raw=raw, to=john).status == 413
        front.settle()
        told = front.get("/orders", to=john).body.decode()
        assert len(json.dumps(told)) > 50_000, "as Lambda wraps it"
        assert 50 * len(json.dumps(told)) < MOST_ANSWER

    def test_a_page_has_fifty_orders_at_most(self, front: Shopfront, john: str) -> None:
        for _ in range(51):
            assert front.call("POST", "/orders", COLLECT, to=john).status == 202
        front.settle()
        page = front.get("/orders", to=john, limit=100).said
        assert len(page["items"]) == 50
        rest = front.get("/orders", to=john, limit=100, cursor=page["next"]).said
        assert (len(rest["items"]), rest["next"]) == (1, None)


class TestRefused:
    @pytest.mark.parametrize("status", ["", "unpaid", "Paid", "paid,ready", "%00"])
    def test_a_status_that_no_order_has(self, refused: Any, john: str, status: str) -> None:
        assert refused(400, "GET", f"/orders?status={status}", to=john).fields == {"status"}

    @pytest.mark.parametrize("role", ["", "support", "merchant", "Admin", "customer,barista"])
    def test_a_list_of_no_role(self, refused: Any, john: str, role: str) -> None:
        assert refused(400, "GET", f"/orders?as={role}", to=john).fields == {"as"}

    def test_a_role_that_the_token_has_not(self, refused: Any, john: str) -> None:
        answer = refused(403, "GET", "/orders?as=admin", to=john)
        assert (answer.fields, answer.headers["Content-Type"]) == ({"as"}, PROBLEM)

    def test_a_cursor_of_another_persons_list(
        self, front: Shopfront, john: str, refused: Any
    ) -> None:
        other = front.person("customer")
        for _ in range(2):
            place(front, COLLECT, john)
        cursor = front.get("/orders", to=john, limit=1).said["next"]
        assert refused(400, "GET", f"/orders?cursor={cursor}", to=other).fields == {"cursor"}


def test_a_late_order_is_ready_by_the_coming_minute(
    front: Shopfront, john: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    entity = place(front, COLLECT, john)
    late = read.now_ms() + 3_600_000
    monkeypatch.setattr(read, "now_ms", lambda: late)
    assert told(front, entity, john)["readyAt"] > read.stamp(late)


def test_an_order_recorded_is_read_after_its_position(front: Shopfront, john: str) -> None:
    made: Answer = front.call("POST", "/orders", COLLECT, to=john)
    entity = made.said["subject"].removeprefix("order/")
    front.settle()
    answer = front.get(f"/orders/{entity}", to=john, after=made.said["position"])
    assert answer.said["status"] == "placed"
