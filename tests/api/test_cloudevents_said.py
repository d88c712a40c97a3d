"""`POST /events` with a CloudEvent: said by a person, by the role of the matching route, once."""

from __future__ import annotations

import json
from typing import Any

import pytest
from shopfront import Answer, Shopfront, names

KIND = "application/cloudevents+json"
CUP = {"brand": "B", "name": "Cup", "description": "", "category": "cups"}
ROLES = {
    "created": ("merchant", CUP),
    "updated": ("merchant", CUP | {"name": "Mug"}),
    "photographed": ("photographer", {"image": "https://a.example/p"}),
    "viewed": ("customer", {}),
    "purchased": ("customer", {}),
}


def event(move: str, entity: str, **changes: Any) -> dict[str, Any]:
    whole = {
        "specversion": "1.0",
        "id": f"e{next(names)}",
        "source": "https://till.example/3",
        "type": f"tillstream.product.{move}.v1",
        "subject": f"product/{entity}",
        "time": "2026-11-20T10:00:00+01:00",
        "datacontenttype": "application/json",
        "data": ROLES[move][1],
    }
    return whole | changes


def say(front: Shopfront, document: Any, to: str, **headers: str) -> Answer:
    return front.call("POST", "/events", document, to=to, **{"Content_Type": KIND} | headers)


def told(front: Shopfront, answer: Answer) -> dict[str, Any]:
    assert answer.status == 202, answer.body
    front.settle()
    return dict(
        front.get(f"/events/{answer.said['id']}", at=answer.said["position"], to="admin").said
    )


@pytest.fixture
def entity() -> str:
    return f"ce-{next(names)}"


def test_a_product_is_told_from_its_creation_to_its_sale(front: Shopfront, entity: str) -> None:
    for move, (role, data) in ROLES.items():
        found = told(front, say(front, event(move, entity), role))
        assert (found["verdict"], found["subject"]) == ("counted", f"product/{entity}")
        assert found["type"] == f"tillstream.product.{move}.v1"
        claimed = {"claimed": {"timeOrigin": "2026-11-20T09:00:00.000Z"}}
        assert found["data"] == data | claimed
    product = front.get(f"/products/{entity}").said
    assert (product["name"], product["image"]) == ("Mug", "https://a.example/p")


def test_the_event_is_the_shops_own_and_the_callers(front: Shopfront, entity: str) -> None:
    me = front.call("POST", "/sessions", {"name": "merchant", "roles": ["merchant"]}).said["userId"]
    found = told(front, say(front, event("created", entity), "merchant"))
    assert "till.example" not in json.dumps(found)
    assert front.get(f"/products/{entity}").said["merchant"] == me


@pytest.mark.parametrize("move", ROLES)
def test_each_event_needs_the_role_of_its_route(front: Shopfront, refused: Any, move: str) -> None:
    for other in {"merchant", "photographer", "customer", "admin"} - {ROLES[move][0]}:
        body = event(move, "nobodys")
        refused(403, "POST", "/events", body, to=other, Content_Type=KIND)


def test_an_update_is_for_who_listed_it(front: Shopfront, refused: Any, entity: str) -> None:
    update = event("updated", entity)
    kind = {"Content_Type": KIND}
    assert refused(404, "POST", "/events", update, to="merchant", **kind).slug == "unknown-product"
    front.product("merchant", id=entity)
    other = front.person("merchant")
    assert refused(403, "POST", "/events", update, to=other, **kind).slug == "not-yours"
    again = event("created", entity)
    assert refused(409, "POST", "/events", again, to="merchant", **kind).slug == "exists"


def test_the_same_pair_is_the_same_event(front: Shopfront, entity: str) -> None:
    bought = event("purchased", entity)
    first, raced = say(front, bought, "customer"), say(front, bought, "customer")
    assert first.said["id"] == raced.said["id"]
    assert told(front, first)["verdict"] == "counted"
    assert told(front, raced)["reason"] == "repeat"
    before = front.records()
    again = say(front, bought, "customer")
    assert (again.status, again.said) == (202, first.said)
    assert again.headers["Location"] == f"/events/{first.said['id']}?at={first.said['position']}"
    assert front.records() == before
    elsewhere = say(front, bought | {"source": "/other"}, "customer")
    other = say(front, bought, front.person("customer"))
    assert len({first.said["id"], elsewhere.said["id"], other.said["id"]}) == 3


@pytest.mark.parametrize(
    "changes",
    [
        {"subject": "product/another"},
        {"time": "2026-11-20T10:00:01Z"},
        {"type": "tillstream.product.viewed.v1"},
    ],
    ids=str,
)
def test_the_same_pair_with_another_event_is_409(
    front: Shopfront, refused: Any, entity: str, changes: dict[str, Any]
) -> None:
    bought = event("purchased", entity)
    told(front, say(front, bought, "customer"))
    body = bought | changes
    answer = refused(409, "POST", "/events", body, to="customer", Content_Type=KIND)
    assert (answer.slug, answer.fields) == ("key-reused", {"id"})


def test_a_key_beside_an_event_that_has_one_is_400(refused: Any, entity: str) -> None:
    given = {"Content_Type": KIND, "Idempotency_Key": "k"}
    body = event("viewed", entity)
    assert refused(400, "POST", "/events", body, to="customer", **given).fields == {
        "Idempotency-Key"
    }


@pytest.mark.parametrize(
    "kind",
    [KIND, f"{KIND}; charset=utf-8", f"{KIND};charset=UTF-8", "Application/CloudEvents+JSON"],
)
def test_the_type_may_have_parameters_and_any_case(
    front: Shopfront, entity: str, kind: str
) -> None:
    assert say(front, event("viewed", entity), "customer", Content_Type=kind).status == 202


@pytest.mark.parametrize(
    "kind",
    [
        "application/cloudevents-batch+json",
        "application/cloudevents",
        "application/cloudevents+xml",
        "text/plain",
        "*/*",
        "text/plain; application/json",
        "image/png",
        "application/octet-stream",
    ],
)
def test_any_other_type_is_415_and_names_those_there_are(
    refused: Any, entity: str, kind: str
) -> None:
    body = event("viewed", entity)
    answer = refused(415, "POST", "/events", body, to="customer", Content_Type=kind)
    assert answer.fields == {"Content-Type"}
    for taken in ("application/json", KIND, "application/jose"):
        assert taken in answer.said["detail"]


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"specversion": "0.3"}, "specversion"),
        ({"type": "tillstream.product.sold.v1"}, "type"),
        ({"subject": "customer/x"}, "subject"),
        ({"time": "yesterday"}, "time"),
        ({"email": "jo@canary.example"}, "email"),
        ({"data": {"email": 1}}, "data.email"),
    ],
)
def test_a_member_at_fault_is_named(
    refused: Any, entity: str, changes: dict[str, Any], field: str
) -> None:
    body = event("viewed", entity) | changes
    answer = refused(422, "POST", "/events", body, to="customer", Content_Type=KIND)
    assert answer.fields == {field}


def test_it_waits_for_no_older_state_than_it_is_told_to(front: Shopfront, entity: str) -> None:
    made = say(front, event("created", entity), "merchant")
    update = event("updated", entity)
    waited = say(front, update, "merchant", Read_After=made.said["position"])
    assert (waited.status, waited.slug) == (503, "not-yet")
    front.settle()
    assert say(front, update, "merchant", Read_After=made.said["position"]).status == 202
