"""A CloudEvent of ours is read strictly: each member at fault is named, its names are not kept."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib import access
from chalicelib.errors import Invalid, Problem
from chalicelib.events import FACTS, cloudevents, product
from chalicelib.events.customer import RoleClaimed
from chalicelib.events.envelope import Claimed
from chalicelib.events.told import Converted

CUP = {"brand": "B", "name": "Cup", "description": "", "category": "cups"}
DATA: dict[str, dict[str, Any]] = {
    "product.created": CUP,
    "product.updated": CUP,
    "product.photographed": {"image": "https://a.example/p"},
    "product.viewed": {},
    "product.purchased": {},
    "customer.role-claimed": {"role": "merchant"},
}


def event(move: str = "product.created", **changes: Any) -> dict[str, Any]:
    """A CloudEvent; a change to `...` leaves the attribute out."""
    whole = {
        "specversion": "1.0",
        "id": "7",
        "source": "/till/3",
        "type": f"tillstream.{move}.v1",
        "subject": f"{move.partition('.')[0]}/cup-1",
        "data": DATA.get(move, {}),
    }
    return {name: value for name, value in (whole | changes).items() if value is not ...}


def refused(document: Any) -> Invalid:
    with pytest.raises(Invalid) as refusal:
        cloudevents.convert(document)
    return refusal.value


def wrong(document: Any) -> set[str]:
    return {error["field"] for error in refused(document).errors}


@pytest.mark.parametrize("move", DATA)
def test_each_type_that_may_be_told_is_read_as_its_model_has_it(move: str) -> None:
    found = cloudevents.convert(event(move))
    assert type(found.fact).type == f"tillstream.{move}.v1"
    assert found.fact.model_dump(exclude_none=True) == DATA[move]
    assert found.subject == f"{move.partition('.')[0]}/cup-1"
    assert (found.actor, found.claimed, found.named) == (None, None, "id")


def test_what_may_be_told_is_what_a_role_may_say_and_is_not_personal() -> None:
    assert {f"tillstream.{move}.v1" for move in DATA} == cloudevents.TYPES.keys()
    personal = {kind for kind in access.MAY_SAY if "pii" in FACTS[kind].model_fields}
    assert personal == {
        "tillstream.customer.updated.v1",
        "tillstream.desk.photographer-registered.v1",
    }
    assert access.MAY_SAY.keys() == cloudevents.TYPES.keys() | personal


def test_the_pair_of_source_and_id_is_the_key() -> None:
    keys = {
        cloudevents.convert(event(source=source, id=name)).key
        for source, name in (("/a", "1"), ("/a", "2"), ("/a/1", "2"), ("/a", "/1 2"), ("/a", " 1"))
    }
    assert len(keys) == 5
    assert cloudevents.convert(event()).key == cloudevents.convert(event(time=None)).key


@given(st.tuples(st.text("ab/ ", min_size=1), st.text("ab/ ", min_size=1)))
def test_two_pairs_never_have_one_key(pair: tuple[str, str]) -> None:
    source, name = pair[0].replace(" ", "/"), pair[1]
    key = cloudevents.convert(event(source=source, id=name)).key
    assert key is not None
    assert (source, name) == tuple(key.split(" ", 1))


@pytest.mark.parametrize(
    ("said", "kept"),
    [
        ("2026-11-21T01:31:19Z", "2026-11-21T01:31:19.000Z"),
        ("2026-11-21T01:31:19.123456789Z", "2026-11-21T01:31:19.123Z"),
        ("2026-11-21T02:31:19.5+01:00", "2026-11-21T01:31:19.500Z"),
        ("1987-01-01T00:00:00Z", "1987-01-01T00:00:00.000Z"),
    ],
)
def test_time_is_a_claim_in_utc(said: str, kept: str) -> None:
    assert cloudevents.convert(event(time=said)).claimed == Claimed(time_origin=kept)


@pytest.mark.parametrize(
    "time",
    [
        "",
        "now",
        "2026-11-21",
        "2026-11-21T01:31:19",
        "2026-02-30T01:31:19Z",
        "2026-11-21T25:00:00Z",
        "2026-11-21 01:31:19Z",
        "2026-11-21T01:31:19Z jo@canary.example",
        1795224679,
        ["2026-11-21T01:31:19Z"],
    ],
    ids=str,
)
def test_a_time_that_is_none_is_named(time: Any) -> None:
    assert wrong(event(time=time)) == {"time"}


@pytest.mark.parametrize("name", ["specversion", "id", "source", "type", "subject"])
def test_an_attribute_that_must_be_there_is_named(name: str) -> None:
    assert wrong(event(**{name: ...})) == {name}
    assert wrong(event(**{name: None})) == {name}
    for value in ("", 7, ["x"], {"x": 1}, True):
        assert wrong(event(**{name: value})) == {name}, value


@pytest.mark.parametrize("version", ["1", "0.3", "1.1", "1.0 ", 1.0])
def test_another_specversion_is_named(version: Any) -> None:
    assert wrong(event(specversion=version)) == {"specversion"}


@pytest.mark.parametrize(
    "name",
    [
        "actor",
        "stream",
        "dataschema",
        "data_base64",
        "traceparent",
        "customeremail",
        "Time",
        "expects",
    ],
)
def test_an_attribute_that_is_not_taken_is_named(name: str) -> None:
    assert wrong(event(**{name: "jo@canary.example"})) == {name}


def test_what_is_null_is_not_there() -> None:
    document = event(time=None, datacontenttype=None)
    assert cloudevents.convert(document) == cloudevents.convert(event())
    assert cloudevents.convert(event("product.viewed", data=...)).fact == product.Viewed()


@pytest.mark.parametrize("kind", ["text/plain", "application/json; charset=utf-8", "", 5])
def test_data_is_json(kind: Any) -> None:
    assert wrong(event(datacontenttype=kind)) == {"datacontenttype"}
    assert cloudevents.convert(event(datacontenttype="application/json"))


@pytest.mark.parametrize(
    "kind",
    [
        "tillstream.product.created",
        "tillstream.product.created.v2",
        "tillstream.product.create.v1",
        "tillstream.customer.registered.v1",
        "com.nordstrom/product/create/1-0-0",
        "Tillstream.product.created.v1",
    ],
)
def test_another_type_is_named_with_those_there_are(kind: str) -> None:
    refusal = refused(event(type=kind))
    assert (refusal.slug, refusal.errors[0]["field"]) == ("unknown-type", "type")
    assert refusal.extra["known"] == list(cloudevents.TYPES)


@pytest.mark.parametrize(
    "subject",
    ["cup-1", "product/", "customer/cup-1", "product/a/b", "product/jo@x", "product/a\n", "/a"],
)
def test_a_subject_of_another_kind_or_with_another_id_is_named(subject: str) -> None:
    assert wrong(event(subject=subject)) == {"subject"}


@pytest.mark.parametrize(
    ("data", "field"),
    [
        (CUP | {"name": ""}, "data.name"),
        (CUP | {"email": "jo@canary.example"}, "data.email"),
        ({}, "data.brand"),
        (CUP | {"price": {"amount": 1.5, "currency": "EUR"}}, "data.price.amount"),
        (CUP | {"claimed": {"origin": "4915155501234"}}, "data.claimed"),
        (CUP | {"claimed": None}, "data.claimed"),
        ([], "data"),
        ("{}", "data"),
        (None, "data"),
    ],
    ids=str,
)
def test_what_is_wrong_in_data_is_named(data: Any, field: str) -> None:
    assert field in wrong(event(data=data))


@pytest.mark.parametrize("source", ["a b", "/ä", "<x>", "/a\n", "x" * 513])
def test_a_source_is_a_uri_reference(source: str) -> None:
    assert wrong(event(source=source)) == {"source"}


@pytest.mark.parametrize("document", [None, [], "x", 5, [event()]])
def test_what_is_no_object_is_wrong_as_a_whole(document: Any) -> None:
    assert wrong(document) == {"body"}


def test_nothing_of_id_and_source_and_of_a_refused_value_is_told() -> None:
    person = "jo@canary.example"
    found = cloudevents.convert(
        event("customer.role-claimed", id=person, source=f"mailto:{person}")
    )
    assert found.fact == RoleClaimed(role="merchant")
    assert person not in repr((found.subject, found.fact, found.claimed))
    for name in event() | {"time": 1}:
        refusal = refused(event(**{name: person})) if name not in ("id", "source") else None
        assert person not in repr(refusal and (refusal.detail, refusal.errors, refusal.extra))


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=5,
)


@given(st.sampled_from([*event(), "time", "datacontenttype", "extra"]), JSON)
def test_whatever_stands_in_a_member_is_read_or_refused(name: str, value: Any) -> None:
    try:
        found: object = cloudevents.convert(event(**{name: value}))
    except Problem as refusal:
        found = refusal.status
    assert found == 422 or isinstance(found, Converted)
