"""`POST /events` takes hello-retail's events; whoever sold or photographed is scored as ever."""

from __future__ import annotations

from typing import Any

import pytest
from shopfront import Answer, Shopfront, at, names

SHARD = "shardId-000000000002:"
CLIENT = "hello-retail/web-client-create-product/jo@canary.example/Jo Canary"
SELLER = "hello-retail/product-producer-creator/seller@canary.example/Sel Canary"
PHOTO = "product-photos/Photographer/+14255552603/Pho Canary"


def event(kind: str, **members: Any) -> dict[str, Any]:
    return {"schema": f"com.nordstrom/{kind}/1-0-0", **members}


def create(entity: str) -> dict[str, Any]:
    named = {"brand": "B", "name": "Sock", "description": "PAGE:/s", "category": "socks"}
    return event("product/create", id=entity, **named)


def exported(said: dict[str, Any], origin: str, number: int) -> dict[str, Any]:
    when = "2017-03-28T23:29:23.160Z"
    around = {"origin": origin, "timeOrigin": when, "timeIngest": when, "timeProcess": when}
    return event("retail-stream-egress", eventId=f"{SHARD}{number}", data=said, **around)


def say(front: Shopfront, document: Any, to: str) -> Answer:
    return front.call("POST", "/events", document, to=to)


@pytest.fixture
def entity() -> str:
    return f"{next(names)}"


@pytest.fixture
def people(front: Shopfront) -> dict[str, str]:
    """Everyone's opaque id, by the name that `to` takes."""
    opened = {
        name: front.call("POST", "/sessions", {"name": name, "roles": ["customer"]})
        for name in front.tokens
    }
    return {name: answer.said["userId"] for name, answer in opened.items()}


def told(front: Shopfront, answer: Answer) -> dict[str, Any]:
    assert answer.status == 202, answer.body
    front.settle()
    path = f"/events/{answer.said['id']}?at={at(answer)}"
    return dict(front.call("GET", path, to="admin").said)


def test_who_says_it_bare_is_who_listed_it(
    front: Shopfront, people: dict[str, str], entity: str
) -> None:
    answer = say(front, {**create(entity), "origin": CLIENT}, "merchant")
    found = told(front, answer)
    assert found["data"]["claimed"] == {"origin": "hello-retail/web-client-create-product"}
    (item,) = [i for i in front.listed("/contributions", 50) if i["productId"] == entity]
    assert item["creator"] == people["merchant"]


def test_an_imported_log_scores_those_it_names(
    front: Shopfront, people: dict[str, str], entity: str
) -> None:
    log = [
        exported(create(entity), SELLER, 10),
        exported(event("product/image", id=entity, image="a.hello-retail.biz/i/p/1"), PHOTO, 11),
        exported(event("product/purchase", id=entity), CLIENT, 12),
    ]
    for said in log:
        assert told(front, say(front, said, "admin"))["verdict"] == "counted"
    again = say(front, log[2], "admin")
    assert again.status == 202
    front.settle()
    assert front.get(f"/products/{entity}").said["image"] == "https://a.hello-retail.biz/i/p/1"
    (item,) = [i for i in front.listed("/contributions", 50) if i["productId"] == entity]
    for role in ("creator", "photographer"):
        scores = {s["userId"]: s["score"] for s in front.listed("/scores", 50, role=role)}
        assert scores[item[role]] == 1
        assert item[role] not in (people["admin"], "UNKNOWN")


def test_a_role_is_a_fact_that_grants_nothing(front: Shopfront) -> None:
    said = event("user-info/add-role", id="jo@canary.example", role="merchant")
    found = told(front, say(front, said, "admin"))
    assert found["verdict"] == "counted"
    assert "canary" not in repr(found)
    assert say(front, said, "merchant").status == 403


@pytest.mark.parametrize("to", ["photographer", "customer"])
def test_each_event_needs_the_role_of_its_route(front: Shopfront, to: str, entity: str) -> None:
    assert say(front, create(entity), to).status == 403
    assert say(front, {**create(entity), "origin": CLIENT}, to).status == 403


def test_logins_are_not_taken_yet(front: Shopfront) -> None:
    answer = say(front, event("user-info/login", id="a", name="Jo"), "customer")
    assert (answer.status, answer.slug) == (422, "not-supported-yet")
