"""A product's version is its ETag: a client keeps what it has, and writes on what it has seen."""

from __future__ import annotations

from typing import Any

import pytest
from shopfront import Answer, Shopfront

CUP = {"brand": "B", "name": "Cup", "description": "", "category": "cups"}


@pytest.fixture
def cup(front: Shopfront) -> str:
    return "/products/" + front.product("merchant")


def tag_of(answer: Answer) -> str:
    assert answer.status == 200, answer.body
    return answer.headers["ETag"]


def update(front: Shopfront, path: str, name: str, **headers: str) -> Answer:
    return front.call("PUT", path, CUP | {"name": name}, to="merchant", **headers)


def test_who_has_the_product_is_told_so_without_a_body(front: Shopfront, cup: str) -> None:
    tag = tag_of(front.get(cup))
    for known in (tag, f"W/{tag}", f'"other", {tag}', "*"):
        answer = front.call("GET", cup, If_None_Match=known)
        assert (answer.status, answer.body, answer.headers["ETag"]) == (304, b"", tag)
    assert front.call("GET", cup, If_None_Match='"other"').status == 200


def test_a_product_that_is_not_there_is_404_whatever_the_client_has(front: Shopfront) -> None:
    assert front.call("GET", "/products/nothing", If_None_Match="*").status == 404


def test_the_tag_changes_with_the_product_and_not_with_its_sales(
    front: Shopfront, cup: str
) -> None:
    first = tag_of(front.get(cup))
    assert front.call("POST", f"{cup}/purchases", to="customer").status == 202
    front.settle()
    assert tag_of(front.get(cup)) == first
    assert update(front, cup, "Mug").status == 202
    front.settle()
    assert tag_of(front.get(cup)) != first


def test_an_update_of_what_was_seen_counts_and_a_second_on_the_same_is_412(
    front: Shopfront, cup: str, refused: Any
) -> None:
    tag = tag_of(front.get(cup))
    assert update(front, cup, "Mug", If_Match=tag).status == 202
    front.settle()
    late = refused(412, "PUT", cup, CUP | {"name": "Jug"}, to="merchant", If_Match=tag)
    assert (late.slug, late.fields) == ("changed", {"If-Match"})
    assert front.get(cup).said["name"] == "Mug"


def test_of_two_updates_that_both_pass_the_door_the_later_is_ignored(
    front: Shopfront, cup: str
) -> None:
    tag = tag_of(front.get(cup))
    one, two = (update(front, cup, name, If_Match=tag) for name in ("Mug", "Jug"))
    assert (one.status, two.status) == (202, 202)
    front.settle()
    assert front.get(cup).said["name"] == "Mug"
    verdict = front.call("GET", two.headers["Location"], to="merchant").said
    assert (verdict["verdict"], verdict["reason"]) == ("ignored", "expects")


def test_a_sale_may_ask_for_the_price_that_was_seen(
    front: Shopfront, cup: str, refused: Any
) -> None:
    tag = tag_of(front.get(cup))
    assert front.call("POST", f"{cup}/purchases", to="customer", If_Match=tag).status == 202
    assert update(front, cup, "Dear mug").status == 202
    front.settle()
    refused(412, "POST", f"{cup}/purchases", to="customer", If_Match=tag)


def test_a_command_repeated_under_its_key_is_answered_as_before_though_the_product_moved_on(
    front: Shopfront, cup: str
) -> None:
    headers = {"If_Match": tag_of(front.get(cup)), "Idempotency_Key": f"update-{cup}"}
    first = update(front, cup, "Mug", **headers)
    front.settle()
    again = update(front, cup, "Mug", **headers)
    assert (again.status, again.said) == (202, first.said)


def test_a_write_that_says_if_none_match_is_400(refused: Any, cup: str) -> None:
    answer = refused(400, "PUT", cup, CUP, to="merchant", If_None_Match="*")
    assert answer.fields == {"If-None-Match"}


@pytest.mark.parametrize(
    "tag",
    ["*", "1", '"1"', 'W/"1-catalog@1"', '"1-catalog@1", "2-catalog@1"', '"-1-catalog@1"', ""],
)
def test_a_tag_that_no_answer_gave_is_400(refused: Any, cup: str, tag: str) -> None:
    answer = refused(400, "PUT", cup, CUP, to="merchant", If_Match=tag)
    assert answer.fields == {"If-Match"}
