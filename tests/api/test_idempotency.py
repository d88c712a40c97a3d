"""An Idempotency-Key is the event's id: a command that comes again is recorded once."""

from __future__ import annotations

import uuid
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from shopfront import Answer, Shopfront, at, names

CUP = {"brand": "B", "name": "Cup", "description": "", "category": "cups"}


def keyed(front: Shopfront, key: str, path: str, body: Any = None, **more: Any) -> Answer:
    method, to = more.pop("method", "POST"), more.pop("to", "customer")
    return front.call(method, path, body, to=to, Idempotency_Key=key, **more)


@pytest.fixture
def key() -> str:
    return f"key-{next(names)}"


@pytest.fixture
def bought(front: Shopfront) -> str:
    """The way to buy a product of a merchant who has sold nothing yet."""
    return f"/products/{front.product(front.person('merchant'))}/purchases"


def sales(front: Shopfront, path: str) -> int:
    """How often the product was sold: the score of its creator, who has no other."""
    front.settle()
    creator = front.get(path.removesuffix("/purchases")).said["merchant"]
    board = {item["userId"]: item["score"] for item in front.listed("/scores", 100, role="creator")}
    return int(board.get(creator, 0))


def test_an_event_with_a_key_has_a_uuid5_and_one_without_a_uuid7(
    front: Shopfront, bought: str, key: str
) -> None:
    assert uuid.UUID(keyed(front, key, bought).said["id"]).version == 5
    assert uuid.UUID(front.call("POST", bought, to="customer").said["id"]).version == 7


def test_the_same_command_again_has_the_answer_it_had(
    front: Shopfront, bought: str, key: str
) -> None:
    first = keyed(front, key, bought)
    front.settle()
    before = front.records()
    again = keyed(front, key, bought)
    assert (again.status, again.said) == (202, first.said)
    assert again.headers["Location"] == first.headers["Location"]
    assert front.records() == before
    assert sales(front, bought) == 1


def test_a_command_repeated_before_it_is_judged_counts_once(
    front: Shopfront, bought: str, key: str
) -> None:
    answers = [keyed(front, key, bought) for _ in range(3)]
    assert {a.status for a in answers} == {202}
    assert len({a.said["id"] for a in answers}) == 1
    assert sales(front, bought) == 1
    verdicts = [verdict(front, answer)["verdict"] for answer in answers]
    assert verdicts == ["counted", "ignored", "ignored"]
    assert verdict(front, answers[1])["reason"] == "repeat"


def verdict(front: Shopfront, answer: Answer) -> dict[str, Any]:
    said = answer.said
    found = front.call("GET", f"/events/{said['id']}?at={at(answer)}", to="admin")
    assert found.status == 200, found.body
    return dict(found.said)


def test_a_command_sent_by_many_at_once_counts_once(
    front: Shopfront, bought: str, key: str
) -> None:
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: keyed(front, key, bought), range(16)))
    assert {a.status for a in answers} == {202}
    assert len({a.said["id"] for a in answers}) == 1
    assert sales(front, bought) == 1


def test_a_generated_product_id_is_the_same_for_the_same_key(front: Shopfront, key: str) -> None:
    first = keyed(front, key, "/products", CUP, to="merchant").said
    raced = keyed(front, key, "/products", CUP, to="merchant").said
    front.settle()
    later = keyed(front, key, "/products", CUP, to="merchant").said
    assert {(s["id"], s["subject"]) for s in (first, raced, later)} == {
        (first["id"], first["subject"])
    }
    assert front.get("/" + first["subject"].replace("product/", "products/")).status == 200
    other = keyed(front, key + "x", "/products", CUP, to="merchant").said
    assert other["subject"] != first["subject"]


def test_a_key_with_another_command_is_409(front: Shopfront, bought: str, key: str) -> None:
    photo = bought.replace("/purchases", "/photo")
    body = {"image": "https://a.example/1"}
    keyed(front, key, photo, body, method="PUT", to="photographer")
    front.settle()
    before = front.records()
    body = {"image": "https://a.example/2"}
    answer = keyed(front, key, photo, body, method="PUT", to="photographer")
    assert (answer.status, answer.slug) == (409, "key-reused")
    assert answer.fields == {"Idempotency-Key"}
    assert front.records() == before


def test_a_key_that_was_used_for_one_new_product_is_409_for_another(
    front: Shopfront, key: str
) -> None:
    keyed(front, key, "/products", CUP, to="merchant")
    front.settle()
    answer = keyed(front, key, "/products", CUP | {"name": "Mug"}, to="merchant")
    assert (answer.status, answer.slug) == (409, "key-reused")
    entity = f"named-{next(names)}"
    answer = keyed(front, key, "/products", CUP | {"id": entity}, to="merchant")
    assert (answer.status, answer.slug) == (409, "key-reused")


def test_two_commands_that_race_past_the_door_with_one_key_count_as_the_first(
    front: Shopfront, bought: str, key: str
) -> None:
    photo = bought.replace("/purchases", "/photo")
    answers = [
        keyed(front, key, photo, {"image": f"https://a.example/{n}"}, method="PUT", to=who)
        for n, who in ((1, "photographer"), (2, "photographer"))
    ]
    front.settle()
    assert verdict(front, answers[0])["verdict"] == "counted"
    second = verdict(front, answers[1])
    assert (second["verdict"], second["reason"]) == ("ignored", "key-reused")
    product = front.get(photo.removesuffix("/photo")).said
    assert product["image"] == "https://a.example/1"


def test_a_key_that_raced_onto_two_products_still_answers_each_of_its_commands(
    front: Shopfront, key: str
) -> None:
    bodies = [CUP | {"id": f"{letter}-{next(names)}"} for letter in "ab"]
    first = [keyed(front, key, "/products", body, to="merchant").said for body in bodies]
    front.settle()
    again = [keyed(front, key, "/products", body, to="merchant") for body in bodies]
    assert [answer.status for answer in again] == [202, 202]
    assert [answer.said["subject"] for answer in again] == [said["subject"] for said in first]
    third = keyed(front, key, "/products", CUP | {"id": "c-other"}, to="merchant")
    assert third.status == 409


def test_the_same_text_is_the_same_command_however_it_is_written(
    front: Shopfront, bought: str, key: str
) -> None:
    photo = bought.replace("/purchases", "/photo")
    said = [
        keyed(front, key, photo, raw=raw, method="PUT", to="photographer").said["id"]
        for raw in (
            b'{"image":"https://a.example/1"}',
            b' { "image" : "https:\\/\\/a.example/1" } ',
        )
    ]
    front.settle()
    raw = b'{"image": "\\u0068ttps://a.example/1"}'
    answer = keyed(front, key, photo, raw=raw, method="PUT", to="photographer")
    assert (answer.status, {answer.said["id"]}) == (202, set(said))


def test_the_same_product_is_the_same_however_its_id_is_escaped(
    front: Shopfront, bought: str, key: str
) -> None:
    escaped = bought.replace("/products/p", "/products/%70")
    assert escaped != bought
    said = [keyed(front, key, path).said for path in (bought, escaped)]
    assert said[0]["id"] == said[1]["id"]
    assert said[0]["subject"] == said[1]["subject"]
    assert sales(front, bought) == 1
    assert front.get(escaped.removesuffix("/purchases")).status == 200


def test_a_key_is_ones_own(front: Shopfront, bought: str, key: str) -> None:
    other = front.person("customer")
    ids = {keyed(front, key, bought, to=who).said["id"] for who in ("customer", other)}
    assert len(ids) == 2
    assert sales(front, bought) == 2


def test_a_key_is_of_one_route_and_one_product(front: Shopfront, bought: str, key: str) -> None:
    elsewhere = f"/products/{front.product(front.person('merchant'))}/purchases"
    paths = [bought, bought.replace("purchases", "views"), elsewhere]
    for _ in "before it is judged", "and after":
        answers = [keyed(front, key, path).said for path in paths]
        assert len({said["id"] for said in answers}) == 3
        assert [f"/{said['subject']}" for said in answers] == [
            path.replace("products", "product").rpartition("/")[0] for path in paths
        ]
        assert sales(front, bought) == sales(front, elsewhere) == 1


def test_keys_differ_by_every_character(front: Shopfront, bought: str) -> None:
    keys = ["k", "K", "k.", "!" * 255, "~", '"k"']
    assert len({keyed(front, key, bought).said["id"] for key in keys}) == len(keys)
    assert sales(front, bought) == len(keys)


def test_without_a_key_each_command_counts(front: Shopfront, bought: str) -> None:
    for _ in range(3):
        front.call("POST", bought, to="customer")
    assert sales(front, bought) == 3


def test_a_refused_command_does_not_use_up_its_key(front: Shopfront, key: str) -> None:
    entity = f"later-{next(names)}"
    update = f"/products/{entity}"
    assert keyed(front, key, update, CUP, method="PUT", to="merchant").status == 404
    front.product("merchant", id=entity)
    assert keyed(front, key, update, CUP, method="PUT", to="merchant").status == 202
