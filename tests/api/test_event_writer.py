"""`POST /events` takes hello-retail's events; whoever sold or photographed is scored as ever."""

from __future__ import annotations

from typing import Any

import pytest
from shopfront import Answer, Shopfront, at, names

from chalicelib import personal
from chalicelib.errors import CloudFailure

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


def test_a_login_is_kept_as_who_the_person_is_under_their_own_key(
    front: Shopfront, people: dict[str, str]
) -> None:
    known = {"name": "Jo", "contact": {"email": "jo@canary.example"}}
    assert front.call("PUT", "/customers/me", known, to="customer").status == 202
    front.settle()
    login = event("user-info/login", id="amzn1.account.CANARY", name="Jo Canary", origin=CLIENT)
    answer = say(front, login, "customer")
    found = told(front, answer)
    assert (found["verdict"], found["subject"]) == ("counted", f"customer/{people['customer']}")
    assert "canary" not in repr(found).lower().replace("claimed", "")
    me = front.get("/customers/me", to="customer").said
    assert (me["name"], me["contact"]) == ("Jo Canary", known["contact"])


def test_a_login_that_races_with_what_is_said_of_oneself_loses_none_of_it(front: Shopfront) -> None:
    """Alone and in a batch: it is made of what is known, and counts on nothing else."""
    who, known = front.person("customer"), {"name": "Jo", "contact": {"phone": "+4915155501234"}}
    front.settle()
    login = event("user-info/login", id="x", name="Jo Late")
    saved = front.call("PUT", "/customers/me", known, to=who).said
    (listed,) = front.call("POST", "/events/batch", [login], to=who).said["items"]
    alone = say(front, login, who).said
    front.settle()
    for late in (listed, alone):
        found = front.get(f"/events/{late['id']}", at=late["position"], to="admin").said
        assert (found["verdict"], found["reason"]) == ("ignored", "expects")
    me = front.get("/customers/me", to=who, after=saved["position"]).said
    assert {name: me[name] for name in known} == known
    after = {"Read_After": saved["position"]}
    assert (
        told(front, front.call("POST", "/events", login, to=who, **after))["verdict"] == "counted"
    )
    assert front.get("/customers/me", to=who).said["contact"] == known["contact"]


def test_of_the_logins_in_a_batch_each_is_made_of_the_one_before(front: Shopfront) -> None:
    who, contact = front.person("customer"), {"phone": "+4915155501234"}
    front.call("PUT", "/customers/me", {"contact": contact}, to=who)
    front.settle()
    logins = [event("user-info/login", id="x", name=name) for name in ("One", "Two")]
    items = front.call("POST", "/events/batch", logins, to=who).said["items"]
    front.settle()
    for item in items:
        found = front.get(f"/events/{item['id']}", at=item["position"], to=who).said
        assert found["verdict"] == "counted"
    me = front.get("/customers/me", to=who).said
    assert (me["name"], me["contact"]) == ("Two", contact)


def test_a_login_in_a_batch_while_no_key_can_be_had_is_503_and_so_is_all_after_it_of_its_person(
    front: Shopfront, monkeypatch: pytest.MonkeyPatch
) -> None:
    who = front.person("customer", "merchant")
    front.settle()

    def fail(*_: Any) -> str:
        raise CloudFailure("no vault")

    monkeypatch.setattr(personal, "encrypt", fail)
    login, other = event("user-info/login", id="x", name="Jo"), create(f"sock-{next(names)}")
    items = front.call("POST", "/events/batch", [login, other, login], to=who).said["items"]
    assert [item["status"] for item in items] == [503, 202, 503]


def test_an_importer_logs_others_in_alone_and_in_a_batch(front: Shopfront) -> None:
    logins = [
        exported(event("user-info/login", id=f"{who}@canary.example", name=who), CLIENT, number)
        for number, who in enumerate(("Ann", "Ben", "Ann"), 50)
    ]
    items = front.call("POST", "/events/batch", logins, to="admin").said["items"]
    alone = say(front, logins[0], "admin")
    front.settle()
    assert [item["status"] for item in items] == [202] * 3
    ann, ben, again = (item["subject"] for item in items)
    assert ann == again == alone.said["subject"] != ben
    for item in items:
        found = front.get(f"/events/{item['id']}", at=item["position"], to="admin").said
        assert found["verdict"] == "counted"
        person = found["subject"].partition("/")[2]
        members = personal.decrypt(person, found["subject"], found["data"]["pii"])
        assert members == {"name": "Ben" if found["subject"] == ben else "Ann", "contact": {}}


def test_who_was_erased_logs_in_no_more(front: Shopfront, refused: Any) -> None:
    gone = front.person("customer")
    front.settle()
    person = front.get("/customers/me", to=gone).said["id"]
    assert front.call("DELETE", f"/customers/{person}", to=gone).status == 202
    front.settle()
    login = event("user-info/login", id="x", name="Jo")
    assert refused(410, "POST", "/events", login, to=gone).slug == "erased"
    (item,) = front.call("POST", "/events/batch", [login], to=gone).said["items"]
    assert (item["status"], item["type"]) == (410, "/problems/erased")
