"""Whom a token names, and what the roles in it may do."""

from __future__ import annotations

import base64
import hashlib
import json
import re
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from joserfc import jwt
from joserfc.jwk import OctKey

from chalicelib import access, config, vault
from chalicelib.access import MAY, ROLES, Caller, guest
from chalicelib.errors import Forbidden, Unauthenticated

MIA = Caller("a-person", frozenset({"merchant", "customer"}))

# DESIGN's "who may what", as far as the routes are built. A route not named here is public.
TABLE = {
    "POST /products": {"merchant"},
    "PUT /products/{id}": {"merchant"},
    "PUT /products/{id}/photo": {"photographer"},
    "POST /products/{id}/views": {"customer"},
    "POST /products/{id}/purchases": {"customer"},
    "POST /photographers": {"photographer"},
    "POST /uploads": {"photographer"},
    "GET /photographers/{id}": {"photographer", "admin"},
    "DELETE /photographers/{id}": {"photographer", "admin"},
    "GET /assignments": {"photographer", "admin"},
    "POST /orders": {"customer"},
    "POST /orders/{id}/payments": {"customer"},
    "POST /orders/{id}/ready": {"barista", "maker"},
    "POST /orders/{id}/collected": {"barista", "maker"},
    "POST /orders/{id}/cancelled": {"customer", "barista", "maker"},
    "POST /orders/{id}/refunds": {"support", "admin"},
    "POST /fulfillments": {"barista", "maker"},
    "POST /deliveries": {"courier"},
    "GET /orders": ROLES - {"merchant", "photographer", "support"},
    "GET /orders/{id}": ROLES - {"merchant", "photographer"},
    "GET /sales": {"merchant", "admin"},
    "GET /customers/me": ROLES,
    "PUT /customers/me": ROLES,
    "DELETE /customers/{id}": ROLES,
    "POST /events": ROLES,
    "POST /events/batch": ROLES,
    "GET /events": ROLES,
    "GET /events/{id}": ROLES,
    "GET /events/{id}/proof": ROLES,
    "GET /views": {"admin"},
}
PUBLIC = {
    "GET /inbox",
    "GET /pictures/{name}",
    "POST /sms",
    "POST /sessions",
    "POST /payments/webhook",
    "GET /products",
    "GET /products/{id}",
    "GET /categories",
    "GET /contributions",
    "GET /scores",
    "GET /",
    "GET /health",
    "GET /openapi.json",
    "GET /docs",
    "GET /tree-head",
    "GET /.well-known/jwks.json",
    "GET /web/{file}",
}
# No token is asked for, and one that is sent is heard: its own handler says who may what.
HEARD = {
    "POST /tickets",
    "GET /tickets",
    "GET /tickets/{id}",
    "PUT /tickets/{id}",
    "GET /tickets/{id}/history",
}


@pytest.fixture(autouse=True)
def stage(monkeypatch: pytest.MonkeyPatch) -> Any:
    names = ("STREAM", "TABLE", "ARCHIVE_BUCKET", "VAULT_BUCKET", "PRODUCER_KEY", "TRUST_ROOT")
    for name in (*names, "WORK_QUEUE", "COURIER_QUEUE"):
        monkeypatch.setenv(name, "unused")
    monkeypatch.setenv("STAGE", "local")
    monkeypatch.setenv("IDENTITY", "local")
    monkeypatch.setattr(vault, "secret", lambda name: hashlib.sha256(name.encode()).digest())
    config.forget()
    access._key.cache_clear()
    yield monkeypatch
    config.forget()
    access._key.cache_clear()


def bearer(token: str) -> str:
    return f"Bearer {token}"


def said(header: dict[str, Any] | None = None, key: OctKey | None = None, **claims: Any) -> str:
    """A token with these claims, None left out, signed as the shop signs."""
    now = int(time.time())
    whole = {"iss": access.ISSUER, "aud": "local", "sub": "a-person", "roles": ["customer"]}
    whole |= {"iat": now, "exp": now + 60, **claims}
    whole = {name: value for name, value in whole.items() if value is not None}
    return bearer(jwt.encode(header or {"alg": "HS256"}, whole, key or access._key()))


def part(value: Any) -> str:
    text = value if isinstance(value, bytes) else json.dumps(value).encode()
    return base64.urlsafe_b64encode(text).decode().rstrip("=")


def test_every_declared_route_has_the_roles_that_the_design_gives_it() -> None:
    import app  # noqa: PLC0415

    declared = {
        f"{method} {path}": entry.authorizer is not None
        for path, methods in app.app.routes.items()
        for method, entry in methods.items()
    }
    assert {name for name, guarded in declared.items() if not guarded} == PUBLIC | HEARD
    heard = {f"{r.method} {r.path}" for r in app.contract.routes if "Authorization" in r.hears}
    assert heard == HEARD
    assert {name for name, guarded in declared.items() if guarded} == TABLE.keys()
    assert {f"{method} {path}": set(roles) for (method, path), roles in MAY.items()} == TABLE


def test_a_token_names_the_person_it_was_issued_to() -> None:
    assert access.caller(bearer(access.issue(MIA))) == MIA


def test_the_scheme_is_read_in_any_case_and_with_spaces_around_the_token() -> None:
    token = access.issue(MIA)
    assert access.caller(f"bearer  {token} ") == MIA
    assert access.caller(f"BEARER {token}") == MIA


@pytest.mark.parametrize("scheme", ["", "Basic ", "Token ", "Bearer", "Bearer\t"])
def test_a_token_without_the_scheme_bearer_names_nobody(scheme: str) -> None:
    assert access.caller(scheme + access.issue(MIA)) is None


def test_where_a_token_is_heard_none_is_nobody_and_one_that_does_not_hold_is_refused() -> None:
    said = f"Bearer {access.issue(MIA)}"
    assert access.heard({"authorization": said, "cookie": "token=x"}) == MIA
    assert access.heard({"cookie": said}) == Caller("", frozenset())
    for bad in ("", "Bearer", "Bearer x.y.z", said[:-2], said.removeprefix("Bearer ")):
        with pytest.raises(Unauthenticated):
            access.heard({"authorization": bad})


def test_a_guests_ticket_has_a_key_and_a_person_that_no_other_has() -> None:
    tickets = [f"0199-{number}" for number in range(200)]
    assert len({guest.key(each) for each in tickets}) == len(tickets)
    assert len({guest.person(each) for each in tickets}) == len(tickets)
    for each in tickets:
        assert re.fullmatch(guest.KEY, guest.key(each))
        assert guest.holds(each, guest.key(each))
        assert not guest.holds(each, guest.key(each + "x"))
        assert guest.key(each)[:8] not in guest.person(each)


def test_a_token_says_no_more_than_an_id_and_roles() -> None:
    _, payload, _ = access.issue(MIA).split(".")
    claims = json.loads(base64.urlsafe_b64decode(payload + "=="))
    assert claims.keys() == {"iss", "aud", "sub", "roles", "iat", "exp"}


def test_an_expired_token_names_nobody(stage: pytest.MonkeyPatch) -> None:
    token = bearer(access.issue(MIA))
    now = time.time()
    stage.setattr(time, "time", lambda: now + access.LIFE_S - 5)
    assert access.caller(token) == MIA
    stage.setattr(time, "time", lambda: now + access.LIFE_S + 5)
    assert access.caller(token) is None


def test_the_token_of_another_stage_names_nobody(stage: pytest.MonkeyPatch) -> None:
    token = bearer(access.issue(MIA))
    stage.setenv("STAGE", "prod")
    config.forget()
    assert access.caller(token) is None


@pytest.mark.parametrize("identity", ["", "cognito", "LOCAL"])
def test_a_shop_that_opens_no_sessions_takes_none_of_their_tokens(
    stage: pytest.MonkeyPatch, identity: str
) -> None:
    token = bearer(access.issue(MIA))
    stage.setenv("IDENTITY", identity)
    config.forget()
    assert access.caller(token) is None


@pytest.mark.parametrize("claim", ["iss", "aud", "sub", "exp", "roles"])
def test_a_token_that_lacks_a_claim_names_nobody(claim: str) -> None:
    assert access.caller(said()) is not None
    assert access.caller(said(**{claim: None})) is None


@pytest.mark.parametrize(
    ("claim", "value"),
    [
        ("iss", "someone-else"),
        ("aud", "prod"),
        ("sub", ""),
        ("sub", 5),
        ("sub", ["a-person"]),
        ("sub", "Mía"),
        ("sub", "a" * 65),
        ("exp", "tomorrow"),
        ("exp", 0),
        ("roles", "admin"),
        ("roles", {"admin": True}),
        ("roles", 7),
    ],
)
def test_a_token_with_a_claim_that_cannot_be_names_nobody(claim: str, value: Any) -> None:
    assert access.caller(said(**{claim: value})) is None


def test_roles_that_the_shop_does_not_know_are_dropped() -> None:
    found = access.caller(
        said(roles=["customer", "root", "customer", "", ["admin"], {"admin": 1}, None])
    )
    assert found == Caller("a-person", frozenset({"customer"}))
    assert access.routes(found.roles).keys() == {
        "/products/*/views",
        "/products/*/purchases",
        "/orders",
        "/orders/*",
        "/orders/*/payments",
        "/orders/*/cancelled",
        "/customers/me",
        "/customers/*",
        "/events",
        "/events/batch",
        "/events/*",
        "/events/*/proof",
    }


def test_a_token_under_another_key_names_nobody() -> None:
    assert access.caller(said(key=OctKey.import_key(b"x" * 32))) is None


@pytest.mark.parametrize("alg", ["none", "None", "HS384", "HS512", "RS256", "EdDSA", "", 5, None])
def test_only_the_one_algorithm_is_taken(alg: Any) -> None:
    _, payload, signature = access.issue(MIA).split(".")
    for end in (signature, ""):
        header = part({"alg": alg, "typ": "JWT"})
        assert access.caller(bearer(f"{header}.{payload}.{end}")) is None


def test_a_longer_mac_under_the_right_key_is_not_taken_either() -> None:
    key = OctKey.import_key(vault.secret("sessions") * 2)
    assert access.caller(said({"alg": "HS256"}, key)) is None


def test_every_changed_character_of_a_token_makes_it_name_nobody() -> None:
    token = access.issue(MIA)
    for at, letter in enumerate(token[:-1]):  # the last one has bits that nothing reads
        other = "A" if letter != "A" else "B"
        assert access.caller(bearer(token[:at] + other + token[at + 1 :])) is None, at


@given(st.text(max_size=400))
def test_no_text_makes_the_authorizer_raise(text: str) -> None:
    assert access.caller(text) is None
    assert access.caller(bearer(text)) is None


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=8,
)


@given(header=JSON, claims=JSON)
def test_no_header_and_no_claims_make_the_authorizer_raise(header: Any, claims: Any) -> None:
    assert access.caller(bearer(f"{part(header)}.{part(claims)}.e30")) is None


@pytest.mark.parametrize(
    "token",
    [
        "a" * 200_000,
        "." * 60_000,
        part(b"[" * 40_000) + ".e30.e30",
        part(b'{"alg":' * 9_000) + ".e30.e30",
        part({"alg": "HS256", "crit": ["x"]}) + ".e30.e30",
        part({"alg": "HS256", "crit": 5}) + ".e30.e30",
        part({"alg": "HS256", "crit": [["x"]]}) + ".e30.e30",
        part("alg") + ".e30.e30",
        part({"alg": "HS256", "b64": False, "crit": ["b64"]}) + ".e30.e30",
        "é.é.é",
        "\x00",
    ],
    ids=str.__len__,
)
def test_a_monstrous_token_names_nobody_and_breaks_nothing(token: str) -> None:
    assert access.caller(bearer(token)) is None


def test_the_policy_of_all_roles_stays_far_below_8_kb() -> None:
    arn = "arn:aws:execute-api:eu-central-1:123456789012:abcdefghij/api/"
    statements = [
        f"{arn}{method}{path}"
        for path, methods in access.routes(ROLES).items()
        for method in methods
    ]
    assert len(json.dumps(statements)) < 6_000


def test_no_role_opens_no_route() -> None:
    assert access.routes([]) == {}
    assert access.routes(["root", ""]) == {}


@pytest.mark.parametrize("route", MAY, ids=" ".join)
def test_each_role_may_call_what_the_table_names_and_nothing_else(route: tuple[str, str]) -> None:
    method, path = route
    for role in ROLES:
        allowed = role in TABLE[f"{method} {path}"]
        try:
            access.require(method, path, frozenset({role}))
        except Forbidden:
            assert not allowed
        else:
            assert allowed
        pattern = path.replace("{id}", "*")
        assert (method in access.routes([role]).get(pattern, [])) == allowed


def test_require_refuses_someone_without_any_role() -> None:
    for method, path in MAY:
        with pytest.raises(Forbidden):
            access.require(method, path, frozenset())


def test_require_knows_no_route_that_the_table_does_not_name() -> None:
    with pytest.raises(KeyError):
        access.require("DELETE", "/products/{id}", ROLES)
