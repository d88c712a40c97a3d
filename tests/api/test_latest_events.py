"""`GET /events`: what happened last, of all shards, each with its verdict and nothing private."""

from __future__ import annotations

from typing import Any

import pytest
from shopfront import Shopfront, names

from chalicelib import archive, config, latest, log
from chalicelib.errors import Behind

CUP = {"brand": "B", "name": "Cup", "description": "a text", "category": "cups"}
MEMBERS = {"position", "arrived", "id", "type", "subject", "verdict"}


def newest(front: Shopfront, **query: Any) -> list[dict[str, Any]]:
    page = front.get("/events", to="customer", **query)
    assert page.status == 200, page.body
    assert page.said.keys() == {"items", "next"}
    assert page.said["next"] is None
    return list(page.said["items"])


@pytest.fixture
def entity() -> str:
    return f"latest-{next(names)}"


def test_what_was_just_judged_stands_first(front: Shopfront, entity: str) -> None:
    made = front.call("POST", "/products", CUP | {"id": entity}, to="merchant").said
    front.settle()
    (first,) = newest(front, limit=1)
    assert first.keys() == MEMBERS
    assert first | made == first
    assert first["verdict"] == "counted"
    assert first["arrived"].endswith("Z")


def test_what_was_ignored_says_why(front: Shopfront, entity: str) -> None:
    for _ in range(2):  # the second is past the door before the first is judged
        assert front.call("POST", "/products", CUP | {"id": entity}, to="merchant").status == 202
    front.settle()
    second, first = newest(front, limit=2)
    assert (first["verdict"], second["verdict"]) == ("counted", "ignored")
    assert second["reason"] == "exists"


def test_of_what_is_not_believed_only_the_place_and_the_reason_are_told(front: Shopfront) -> None:
    position = str(log.append("product/forged", "no.such.token"))
    front.settle()
    (first,) = newest(front, limit=1)
    assert first.pop("arrived")
    assert first == {"position": position, "verdict": "quarantined", "reason": "Malformed"}


def test_neither_data_nor_actor_is_ever_told(front: Shopfront, entity: str) -> None:
    front.product("merchant", id=entity)
    assert all(item.keys() <= MEMBERS | {"reason"} for item in newest(front, limit=100))


def test_what_is_not_judged_yet_is_left_out(front: Shopfront, entity: str) -> None:
    front.product("merchant", id=entity)
    before = newest(front, limit=100)
    recorded = front.call("POST", f"/products/{entity}/views", to="customer")
    assert newest(front, limit=100) == before
    early = front.get("/events", to="customer", after=recorded.said["position"])
    assert (early.status, early.slug) == (503, "not-yet")
    front.settle()
    assert [item["position"] for item in newest(front, limit=1)] == [recorded.said["position"]]


def test_all_shards_are_in_it_by_the_time_of_arrival(front: Shopfront) -> None:
    recorded = [
        front.call("POST", f"/products/spread-{number}/views", to="customer").said["position"]
        for number in range(12)
    ]
    front.settle()
    found = [item["position"] for item in newest(front, limit=12)]
    assert sorted(found) == sorted(recorded)
    assert len({position.partition(":")[0] for position in found}) > 1
    arrivals = [item["arrived"] for item in newest(front, limit=100)]
    assert arrivals == sorted(arrivals, reverse=True)


def test_while_an_emptied_table_is_filled_it_is_503_and_then_the_same_again(
    front: Shopfront, entity: str
) -> None:
    front.product("merchant", id=entity)
    before = newest(front, limit=100)
    front.empty_table()
    answer = front.get("/events", to="customer")
    assert (answer.status, answer.slug) == (503, "catching-up")
    front.sweep()
    assert newest(front, limit=100) == before


def test_a_second_call_reads_nothing_that_the_first_has_read(front: Shopfront, entity: str) -> None:
    front.product("merchant", id=entity)
    newest(front)
    calls: list[str] = []
    config.client("s3").meta.events.register(
        "before-call.s3", lambda model, **_: calls.append(model.name), unique_id="counting"
    )
    try:
        newest(front)
        assert calls == []
        front.call("POST", f"/products/{entity}/views", to="customer")
        front.settle()
        calls.clear()
        newest(front)
    finally:
        config.client("s3").meta.events.unregister("before-call.s3", unique_id="counting")
    assert sorted(calls) == ["GetObject", "ListObjectsV2"]


def test_a_damaged_segment_is_503_and_not_a_fault(
    front: Shopfront, entity: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    front.product("merchant", id=entity)
    viewed = front.call("POST", f"/products/{entity}/views", to="customer")
    front.settle()
    latest._end_of.cache_clear()
    monkeypatch.setattr(archive, "get", _damaged)
    for path in ("/events", viewed.headers["Location"]):
        answer = front.get(path, to="customer")
        assert (answer.status, answer.slug) == (503, "unavailable")


def _damaged(*_: object) -> None:
    raise Behind("rot")


@pytest.mark.parametrize("limit", ["0", "101", "-1", "x", "", "1.5"])
def test_a_limit_is_a_number_from_1_to_100(refused: Any, limit: str) -> None:
    assert refused(400, "GET", f"/events?limit={limit}", to="admin").fields == {"limit"}


@pytest.mark.parametrize("name", ["cursor", "at", "category"])
def test_it_takes_no_other_parameter(refused: Any, name: str) -> None:
    assert refused(400, "GET", f"/events?{name}=x", to="admin").fields == {name}
