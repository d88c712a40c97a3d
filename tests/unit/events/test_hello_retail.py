"""hello-retail's events come in as ours: who may say them, what is kept, what is dropped."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.errors import Forbidden, Invalid, Problem
from chalicelib.events import hello_retail, product
from chalicelib.events.customer import RoleClaimed, Updated
from chalicelib.events.desk import PhotographerRegistered, Registration
from chalicelib.events.envelope import Claimed
from chalicelib.events.hello_retail.origin import MOST_DIGITS
from chalicelib.events.told import Converted

PREFIX, VERSION = "com.nordstrom/", "/1-0-0"
SHARD = "shardId-000000000002:49571669009522853278119462494300940056686602130905104418"
MERCHANT, ADMIN = frozenset({"merchant"}), frozenset({"admin"})
ORIGIN = "hello-retail/web-client-create-product/jo@canary.example/Jo Canary"


def named(schema: str) -> str:
    return f"{PREFIX}{schema}{VERSION}"


def alias(person: str) -> str:
    """Stands for the shop's secret: equal for equal people, and tells nobody who."""
    return hashlib.sha256(b"secret" + person.encode()).hexdigest()[:32]


EVENTS: dict[str, dict[str, Any]] = {
    "product/create": {
        "id": "4579874",
        "brand": "POLO",
        "name": "3-Pack Socks",
        "description": "PAGE:/s/3-pack-socks/4579874",
        "category": "Socks for Men",
    },
    "product/purchase": {"id": "7749361"},
    "product/image": {"id": "4579874", "image": "erik.hello-retail.biz/i/p/4579874"},
    "user-info/add-role": {"id": "amzn1.account.AHMNGKV", "role": "merchant"},
    "user-info/login": {"id": "amzn1.account.AHMNGKV", "name": "Ann O'Ther"},
    "user-info/update-phone": {"id": "amzn1.account.AHMNGKV", "phone": "5551231234"},
}
FORMS = ("bare", "ingress", "egress")


def event(kind: str, **members: Any) -> dict[str, Any]:
    return {"schema": named(kind), **EVENTS[kind], **members}


def put(form: str, said: dict[str, Any], origin: str = ORIGIN, **around: Any) -> dict[str, Any]:
    """The event as its client posts it, as the stream takes it, or as the stream gives it."""
    if form == "bare":
        return {**said, "origin": origin, **around}
    envelope = {
        "schema": named(f"retail-stream-{form}"),
        "origin": origin,
        "timeOrigin": "2017-03-28T23:29:23.160Z",
        "data": said,
    }
    if form == "egress":
        envelope |= {
            "eventId": SHARD,
            "timeIngest": "2017-03-28T23:29:23.262Z",
            "timeProcess": "2017-03-28T23:29:29.720Z",
        }
    return envelope | around


def convert(document: Any, roles: frozenset[str] = ADMIN) -> Converted:
    return hello_retail.convert(document, roles, alias)


def refused(document: Any, roles: frozenset[str] = ADMIN) -> Invalid:
    with pytest.raises(Invalid) as refusal:
        convert(document, roles)
    return refusal.value


def wrong(document: Any, roles: frozenset[str] = ADMIN) -> set[str]:
    return {error["field"] for error in refused(document, roles).errors}


@pytest.mark.parametrize("form", FORMS)
def test_a_product_created_there_is_created_here(form: str) -> None:
    found = convert(put(form, event("product/create")))
    members = EVENTS["product/create"]
    assert found.subject == "product/4579874"
    assert found.fact == product.Created(**{k: v for k, v in members.items() if k != "id"})


@pytest.mark.parametrize("form", FORMS)
def test_a_purchase_there_is_a_purchase_here(form: str) -> None:
    found = convert(put(form, event("product/purchase")))
    assert (found.subject, found.fact) == ("product/7749361", product.Purchased())


@pytest.mark.parametrize(
    ("said", "image"),
    [
        ("erik.hello-retail.biz/i/p/4579874", "https://erik.hello-retail.biz/i/p/4579874"),
        ("//erik.hello-retail.biz/i/p/1", "https://erik.hello-retail.biz/i/p/1"),
        ("s3.example:8443/p.jpg", "https://s3.example:8443/p.jpg"),
        ("http://pictures.example/p.jpg", "http://pictures.example/p.jpg"),
    ],
)
@pytest.mark.parametrize("form", FORMS)
def test_a_picture_has_an_address_with_its_scheme(form: str, said: str, image: str) -> None:
    found = convert(put(form, event("product/image", image=said)))
    assert (found.subject, found.fact) == ("product/4579874", product.Photographed(image=image))


@pytest.mark.parametrize(
    "image",
    [
        "data:image/png;base64,iVBORw0KGgo=",
        "iVBORw0KGgoAAAANSUhEUgAAAAEAAAAB/BAYAAAAfFcSJ=",
        "/9j/4AAQSkZJRgABAQAAAQABAAD/2wBDAAgGBg==",
        "javascript:alert(1)",
        "jo@canary.example/p.jpg",
        "canary.example/%2B44%2020%207946%200958.jpg",
        "",
        7,
    ],
)
def test_data_and_what_shows_a_person_are_no_picture(image: Any) -> None:
    assert wrong(put("bare", event("product/image", image=image))) == {"image"}
    assert wrong(put("ingress", event("product/image", image=image))) == {"data.image"}


@pytest.mark.parametrize("form", FORMS)
def test_a_role_is_a_fact_about_an_alias_of_the_person(form: str) -> None:
    found = convert(put(form, event("user-info/add-role")))
    assert found.subject == f"customer/{alias('amzn1.account.AHMNGKV')}"
    assert found.fact == RoleClaimed(role="merchant")


def test_whose_role_is_added_is_who_speaks_elsewhere_under_that_id() -> None:
    role = convert(put("bare", event("user-info/add-role", id=" jo@canary.example")))
    speech = convert(put("bare", event("product/purchase")))
    assert role.subject == f"customer/{speech.actor}"


@pytest.mark.parametrize("form", FORMS[:2])
def test_a_role_is_added_by_an_admin_alone(form: str) -> None:
    with pytest.raises(Forbidden, match="admin"):
        convert(put(form, event("user-info/add-role")), MERCHANT)


@pytest.mark.parametrize("form", FORMS)
def test_a_login_is_an_update_of_the_person_and_their_name_is_told_apart(form: str) -> None:
    found = convert(put(form, event("user-info/login")))
    assert found.subject == f"customer/{alias('amzn1.account.AHMNGKV')}"
    assert found.fact == Updated()
    assert found.personal == {"name": "Ann O'Ther"}


@pytest.mark.parametrize("origin", [ORIGIN, "hello-retail/web-client-login-user", "scraper"])
def test_who_logs_in_is_who_speaks_whatever_the_origin_says(origin: str) -> None:
    found = convert(put("bare", event("user-info/login"), origin))
    assert f"customer/{found.actor}" == found.subject
    bare = convert(event("user-info/login"))
    assert f"customer/{bare.actor}" == bare.subject


def test_who_does_not_import_logs_in_as_themselves() -> None:
    found = hello_retail.convert(event("user-info/login"), MERCHANT, lambda _: "me")
    assert (found.subject, found.actor) == ("customer/me", None)


@pytest.mark.parametrize("kind", [kind for kind in EVENTS if kind != "user-info/login"])
def test_of_no_other_event_anything_is_personal(kind: str) -> None:
    assert convert(event(kind)).personal is None


@pytest.mark.parametrize("form", FORMS)
def test_a_photographer_with_a_telephone_registers_at_the_desk(form: str) -> None:
    found = convert(put(form, event("user-info/update-phone")))
    assert (found.subject, found.fact) == ("desk/photos", Registration(phone="+15551231234"))
    assert found.kind == PhotographerRegistered.type
    assert found.actor == alias("amzn1.account.AHMNGKV")


def test_who_does_not_import_registers_themselves() -> None:
    said = event("user-info/update-phone")
    found = hello_retail.convert(said, frozenset({"photographer"}), lambda _: "me")
    assert (found.subject, found.actor) == ("desk/photos", None)


@pytest.mark.parametrize(
    ("phone", "dialled"),
    [
        ("1234567890", "+11234567890"),
        ("425-555-2603", "+14255552603"),
        ("(425) 555-2603", "+14255552603"),
        ("425.555.2603", "+14255552603"),
        ("+14255552603", "+14255552603"),
        ("+1 (425) 555-2603", "+14255552603"),
        ("+49 151 5550123", "+491515550123"),
        ("+999999999999999", "+999999999999999"),
    ],
)
def test_ten_digits_are_americas_and_every_number_becomes_e164(phone: str, dialled: str) -> None:
    found = convert(event("user-info/update-phone", phone=phone))
    assert found.fact == Registration(phone=dialled)


SPOILT = [
    (kind, member, value)
    for kind, member, values in [
        ("product/create", "id", ["", "a b", "-1", "é", "x" * 65, "x\n", "4/5", 4579874, None]),
        ("product/create", "brand", ["", "  ", "a\nb", "x" * 201, 1, None]),
        ("product/create", "name", ["", "  ", "a\nb", "x" * 201, 1, None]),
        ("product/create", "description", ["\0", "x" * 4001, 1, None]),
        ("product/create", "category", ["", "  ", "a\nb", "x" * 101, 1, None]),
        ("product/create", "price", ["1.00"]),
        ("product/purchase", "id", ["", "a b", 1, None, []]),
        ("product/purchase", "quantity", [1]),
        ("product/image", "id", ["", "a b", 1, None, {}]),
        ("product/image", "colour", ["red"]),
        ("user-info/add-role", "id", ["", " ", "a\nb", "x" * 129, 1, None]),
        ("user-info/add-role", "role", ["admin", "photographer|merchant", "", 1, None]),
        ("user-info/add-role", "phone", ["4255552603"]),
        ("user-info/login", "id", ["", " ", "a\nb", "x" * 129, 1, None]),
        ("user-info/login", "name", ["", " ", "a\nb", "x" * 81, 1, None, ["Jo"]]),
        ("user-info/login", "email", ["jo@canary.example"]),
        ("user-info/update-phone", "id", ["", " ", "a\nb", "x" * 129, 1, None]),
        (
            "user-info/update-phone",
            "phone",
            [
                *("", " ", "phone", "12345", "123456789", "12345678901", "14255552603", "+"),
                *("+0151555012", "+123456", "+1234567890123456", "425  5552603\n", "425555260x"),
                *("tel:4255552603", "004915155501", "٤٢٥٥٥٥٢٦٠٣", "+1 425 5", 4255552603, None),
            ],
        ),
        ("user-info/update-phone", "name", ["Ann"]),
    ]
    for value in values
]


@pytest.mark.parametrize(("kind", "member", "value"), SPOILT)
def test_a_member_that_is_wrong_is_named(kind: str, member: str, value: Any) -> None:
    spoilt = event(kind, **{member: value})
    assert wrong(put("bare", spoilt)) == {member}
    assert wrong(put("ingress", spoilt)) == {f"data.{member}"}
    assert wrong(put("egress", spoilt)) == {f"data.{member}"}


@pytest.mark.parametrize(("kind", "member"), [(k, m) for k, e in EVENTS.items() for m in e])
def test_a_member_that_is_missing_is_named(kind: str, member: str) -> None:
    said = {name: value for name, value in event(kind).items() if name != member}
    assert wrong(put("bare", said)) == {member}
    assert wrong(put("egress", said)) == {f"data.{member}"}


def test_every_wrong_member_is_named_at_once() -> None:
    assert wrong(event("product/create", id=1, brand="", colour="red")) == {"id", "brand", "colour"}


@pytest.mark.parametrize(
    "id_", ["0", "4579874", "0123", "9" * 64, "018f2d3c-7b1a-7c3e-9d2f-1a2b3c4d5e6f", "SKU_7.b~1"]
)
def test_an_id_that_ours_can_be_stays_as_it_is(id_: str) -> None:
    assert convert(event("product/purchase", id=id_)).subject == f"product/{id_}"


@pytest.mark.parametrize(
    "schema",
    [
        None,
        7,
        [],
        {},
        "",
        "product/create",
        "com.nordstrom/product/create/1-0-1",
        "com.nordstrom/cart/add/1-0-0",
    ],
)
def test_an_unknown_schema_is_answered_with_the_known_ones(schema: Any) -> None:
    events = [named(kind) for kind in EVENTS]
    outer = refused({"schema": schema, "id": "1"})
    assert (outer.status, outer.slug) == (422, "unknown-schema")
    assert outer.errors[0]["field"] == "schema"
    assert outer.extra["known"] == [*events, *(named(f"retail-stream-{f}") for f in FORMS[1:])]
    inner = refused(put("ingress", {"schema": schema, "id": "1"}))
    assert inner.errors[0]["field"] == "data.schema"
    assert inner.extra["known"] == events


def test_an_envelope_holds_no_envelope() -> None:
    assert wrong(put("ingress", put("ingress", event("product/purchase")))) == {"data.schema"}


@pytest.mark.parametrize("document", [None, 1, "a", [], [{}], True])
def test_what_is_no_object_is_no_event(document: Any) -> None:
    assert wrong(document) == {"body"}
    assert wrong(put("ingress", document)) == {"data"}


@pytest.mark.parametrize(
    ("member", "values"),
    [
        ("origin", ["", " ", "/", "//", " / / ", "a\nb", "x" * 516, 7, None]),
        (
            "timeOrigin",
            [
                "",
                "yesterday",
                "2017-03-28",
                "2017-02-30T00:00:00Z",
                "2017-03-28T23:29:23",
                "0001-01-01T00:00:00+01:00",
                "9999-12-31T23:59:59-01:00",
                "2017-W13-2T00:00:00Z",
                7,
                None,
            ],
        ),
        ("followsFrom", ["", "jo@canary.example", "shardId-1:2", 7]),
        ("data", [None, 7, "{}"]),
        ("colour", ["red"]),
    ],
)
@pytest.mark.parametrize("form", FORMS[1:])
def test_an_envelopes_wrong_member_is_named(form: str, member: str, values: list[Any]) -> None:
    for value in values:
        assert wrong(put(form, event("product/purchase"), **{member: value})) == {member}


@pytest.mark.parametrize("form", FORMS[1:])
def test_an_envelopes_missing_member_is_named(form: str) -> None:
    envelope = put(form, event("product/purchase"))
    for member in envelope:
        left = {name: value for name, value in envelope.items() if name != member}
        assert wrong(left) == {member}


@pytest.mark.parametrize("member", ["eventId", "timeIngest", "timeProcess"])
def test_what_the_stream_adds_is_checked_and_stands_in_egress_alone(member: str) -> None:
    whole = put("egress", event("product/purchase"))
    assert wrong(whole | {member: "jo@canary.example"}) == {member}
    assert wrong(put("ingress", event("product/purchase"), **{member: whole[member]})) == {member}


def test_a_bare_event_has_no_time_of_its_own() -> None:
    assert wrong(event("product/purchase", timeOrigin="2017-03-28T23:29:23.160Z")) == {"timeOrigin"}


def test_an_origin_inside_an_envelope_is_beside_the_event() -> None:
    assert wrong(put("ingress", event("product/purchase", origin=ORIGIN))) == {"data.origin"}


@pytest.mark.parametrize("roles", [MERCHANT, frozenset[str]()])
def test_an_exported_log_is_imported_by_an_admin_alone(roles: frozenset[str]) -> None:
    with pytest.raises(Forbidden, match="admin"):
        convert(put("egress", event("product/create")), roles)


@pytest.mark.parametrize("form", FORMS[:2])
def test_everyone_but_an_admin_speaks_for_themselves(form: str) -> None:
    assert convert(put(form, event("product/create")), MERCHANT).actor is None


@pytest.mark.parametrize("form", FORMS)
def test_an_admin_speaks_for_whom_the_origin_names(form: str) -> None:
    assert convert(put(form, event("product/create"))).actor == alias("jo@canary.example")


def test_an_admin_whose_event_has_no_origin_speaks_for_themselves() -> None:
    assert convert(event("product/create")).actor is None


@pytest.mark.parametrize(
    ("origin", "who"),
    [
        ("hello-retail/product-scraper", "product-scraper"),
        ("hello-retail/product-scraper//Jo", "product-scraper"),
        ("hello-retail/web-client/ jo /Jo", "jo"),
        ("hello-retail/web-client/jo/Jo/Canary", "jo"),
        ("hello-retail/web-client/jo", "jo"),
        ("scraper", "scraper"),
    ],
)
def test_who_spoke_is_the_third_part_or_the_program(origin: str, who: str) -> None:
    assert convert(put("bare", event("product/create"), origin)).actor == alias(who)


@pytest.mark.parametrize("form", FORMS)
def test_only_an_exported_event_has_a_key_and_always_the_same(form: str) -> None:
    found = convert(put(form, event("product/purchase")))
    assert found.key == (SHARD if form == "egress" else None)


@pytest.mark.parametrize(
    ("origin", "kept"),
    [
        (ORIGIN, "hello-retail/web-client-create-product"),
        ("product-photos/Photographer/+14255552603/Jo", "product-photos/Photographer"),
        ("hello-retail/product-scraper", "hello-retail/product-scraper"),
        ("hello-retail", "hello-retail"),
        ("hello-retail/e2e-test-login-user/1/Jo", "hello-retail/e2e-test-login-user"),
        ("hello-retail/jo@canary.example/1/Jo", "hello-retail"),
        ("hello-retail/Jo Canary/1/Jo", "hello-retail"),
        ("hello-retail/Jo/1/Jo", "hello-retail"),
        ("hello-retail/amzn1.account.AHMNGKV/1/Jo", "hello-retail"),
        ("hello-retail/+14255552603/1/Jo", "hello-retail"),
        ("hello-retail/call-425-555-2603/1/Jo", "hello-retail"),
        (f"hello-retail/{'x' * 65}/1/Jo", "hello-retail"),
        ("hello-retail/scraper\u00e9/1/Jo", "hello-retail"),
        ("Jo Canary/web-client/1/Jo", None),
    ],
)
def test_of_an_origin_what_names_a_program_is_kept(origin: str, kept: str | None) -> None:
    found = convert(put("bare", event("product/purchase"), origin), MERCHANT)
    assert found.claimed == (kept and Claimed(origin=kept))


@pytest.mark.parametrize(
    ("said", "kept"),
    [
        ("2017-03-28T23:29:23.160Z", "2017-03-28T23:29:23.160Z"),
        ("2017-03-28T23:29:23Z", "2017-03-28T23:29:23.000Z"),
        ("2017-03-29T01:29:23.1609999+02:00", "2017-03-28T23:29:23.160Z"),
    ],
)
def test_the_claimed_time_is_kept_in_our_form(said: str, kept: str) -> None:
    found = convert(put("ingress", event("product/purchase"), "Jo Canary", timeOrigin=said))
    assert found.claimed == Claimed(time_origin=kept)


def test_without_an_envelope_and_an_origin_nothing_is_claimed() -> None:
    assert convert(event("product/purchase")).claimed is None


def everything(found: Converted) -> str:
    facts = {"fact": found.fact.model_dump_json(), "claimed": repr(found.claimed)}
    return json.dumps(asdict(found) | facts, default=repr) + repr(found)


CANARIES = ("jo@canary.example", "Jo Canary", "+14255552603", "amzn1.account.CANARY")


@pytest.mark.parametrize("canary", CANARIES)
@pytest.mark.parametrize("kind", EVENTS)
@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("part", range(5))
def test_a_person_in_any_part_of_an_origin_is_nowhere_after(
    part: int, form: str, kind: str, canary: str
) -> None:
    parts = ["hello-retail", "web-client-create-product", "7", "Friend", "more"][: max(part + 1, 4)]
    parts[part] = canary
    found = convert(
        put(form, event(kind), "/".join(parts), followsFrom=SHARD)
        if form != "bare"
        else put(form, event(kind), "/".join(parts))
    )
    assert canary.lower() not in everything(found).lower()


@pytest.mark.parametrize("canary", CANARIES)
@pytest.mark.parametrize(
    "member", ["followsFrom", "eventId", "timeIngest", "timeProcess", "stages"]
)
def test_a_person_in_an_exported_envelope_is_refused_and_not_repeated(
    member: str, canary: str
) -> None:
    refusal = refused(put("egress", event("product/create"), **{member: canary}))
    assert canary not in repr((refusal.args, refusal.detail, refusal.errors, refusal.extra))


@pytest.mark.parametrize("canary", CANARIES)
def test_whose_role_is_added_is_nowhere_after(canary: str) -> None:
    found = convert(put("egress", event("user-info/add-role", id=canary)))
    assert canary.lower() not in everything(found).lower()


def test_what_was_converted_can_be_read_back_as_the_same_facts() -> None:
    for form in FORMS:
        for kind in EVENTS:
            found = convert(put(form, event(kind)))
            for model in (found.fact, found.claimed):
                wire = json.loads(model.model_dump_json(by_alias=True, exclude_none=True))
                assert type(model).model_validate(wire) == model


def test_claims_go_on_the_wire_under_the_names_they_came_with() -> None:
    found = convert(put("egress", event("product/purchase"))).claimed
    assert found is not None
    assert found.model_dump(by_alias=True, exclude_none=True) == {
        "origin": "hello-retail/web-client-create-product",
        "timeOrigin": "2017-03-28T23:29:23.160Z",
    }


def test_the_same_event_says_the_same_in_every_form() -> None:
    for kind in EVENTS:
        found = [convert(put(form, event(kind))) for form in FORMS]
        assert len({(f.subject, f.fact.model_dump_json(), f.actor) for f in found}) == 1


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3)
    ),
    max_leaves=8,
)
ANYTHING = JSON | st.text(
    st.characters(categories=["Lu", "Ll", "Nd", "Zs", "Cc", "Cs", "Po", "Sm"]), max_size=30
)
ROLES = st.frozensets(st.sampled_from(["admin", "merchant", "photographer", "customer"]))


@st.composite
def documents(draw: st.DrawFn) -> Any:
    """Events and envelopes with members lost, changed and added."""
    said = _spoilt(draw, event(draw(st.sampled_from([*EVENTS]))))
    return _spoilt(draw, put(draw(st.sampled_from(FORMS)), said))


def _spoilt(draw: st.DrawFn, document: dict[str, Any]) -> dict[str, Any]:
    lost = draw(st.sets(st.sampled_from(sorted(document)), max_size=1))
    names = st.sampled_from(sorted(document)) | st.text(max_size=8)
    changed = draw(st.dictionaries(names, ANYTHING, max_size=2))
    return {name: value for name, value in document.items() if name not in lost} | changed


@given(document=documents() | JSON, roles=ROLES)
def test_nothing_makes_it_raise_but_a_problem_of_the_callers(
    document: Any, roles: frozenset[str]
) -> None:
    try:
        found = convert(document, roles)
    except Problem as problem:
        assert problem.status in (403, 422)  # noqa: PT017
        assert problem.errors  # noqa: PT017
    else:
        assert (found.actor is None) or "admin" in roles
        wire = json.loads(found.fact.model_dump_json(by_alias=True, exclude_none=True))
        assert type(found.fact).model_validate(wire) == found.fact


TEXT = st.text(st.characters(exclude_categories=["Cc", "Cs", "Zl", "Zp"]), max_size=40)


@given(parts=st.lists(TEXT, min_size=1, max_size=6), roles=ROLES)
def test_of_any_origin_at_most_two_names_of_programs_are_kept(
    parts: list[str], roles: frozenset[str]
) -> None:
    origin = "/".join(parts)
    try:
        found = convert(put("bare", event("product/purchase"), origin), roles)
    except Invalid:
        return
    if found.claimed is not None:
        kept = found.claimed.origin
        assert kept is not None
        assert origin.startswith(kept)
        assert len(kept.split("/")) <= 2
        assert sum(map(str.isdigit, kept)) <= 2 * MOST_DIGITS
    assert bool(found.actor) == ("admin" in roles)


@given(moment=st.datetimes(timezones=st.timezones() | st.none()))
def test_any_moment_is_kept_or_refused_by_name(moment: Any) -> None:
    text = moment.isoformat() + ("" if moment.tzinfo else "Z")
    try:
        found = convert(put("ingress", event("product/purchase"), timeOrigin=text))
    except Invalid as refusal:
        assert {error["field"] for error in refusal.errors} == {"timeOrigin"}  # noqa: PT017
    else:
        assert found.claimed is not None
        assert found.claimed.time_origin is not None
