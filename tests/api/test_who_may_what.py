"""Each role reaches its routes and no others; a token that does not hold reaches none."""

from __future__ import annotations

import base64
import json
import time
from typing import Any

import pytest
from joserfc import jwt
from joserfc.jwk import OctKey
from ordering import CART, menu
from shopfront import PROBLEM, Answer, Shopfront

from chalicelib import access, config

CUP = {"brand": "B", "name": "Cup", "description": "", "category": "cups"}
BACK = {"lines": [{"line": 0, "quantity": 1}]}
MADE = {"orderId": "nowhere", "fulfillmentId": "CakeProducer1"}
BROUGHT = {"orderId": "nowhere", "deliveryCompanyId": "CakeCourier1"}
ALL = {"merchant", "photographer", "customer", "barista", "maker", "courier", "support", "admin"}

# The design's table, route by route: who may, with what, and what the answer is then.
ROUTES: list[tuple[str, str, set[str], Any, int]] = [
    ("POST", "/products", {"merchant"}, CUP, 202),
    ("PUT", "/products/nowhere", {"merchant"}, CUP, 404),
    ("PUT", "/products/guarded/photo", {"photographer"}, {"image": "https://a.example/p"}, 202),
    ("POST", "/products/guarded/views", {"customer"}, {}, 202),
    ("POST", "/products/guarded/purchases", {"customer"}, {}, 202),
    ("POST", "/photographers", {"photographer"}, {"phone": "+49 151 5550199"}, 202),
    ("GET", "/photographers/some-body", {"photographer", "admin"}, None, 404),
    ("DELETE", "/photographers/some-body", {"photographer", "admin"}, None, 404),
    ("GET", "/assignments", {"photographer", "admin"}, None, 200),
    ("POST", "/orders", {"customer"}, CART, 202),
    ("POST", "/orders/nowhere/payments", {"customer"}, {"token": "tok_approved"}, 404),
    ("POST", "/orders/nowhere/ready", {"barista", "maker"}, {}, 404),
    ("POST", "/orders/nowhere/collected", {"barista", "maker"}, {}, 404),
    ("POST", "/orders/nowhere/cancelled", {"customer", "barista", "maker"}, {}, 404),
    ("POST", "/orders/nowhere/refunds", {"support", "admin"}, BACK, 404),
    ("POST", "/fulfillments", {"barista", "maker"}, MADE, 404),
    ("POST", "/deliveries", {"courier"}, BROUGHT, 404),
    ("GET", "/customers/me", ALL, None, 200),
    ("PUT", "/customers/me", ALL, {"contact": {"email": "someone@example.com"}}, 202),
    ("DELETE", "/customers/some-body", {"admin"}, None, 202),
    ("GET", "/orders", ALL - {"merchant", "photographer", "support"}, None, 200),
    ("GET", "/orders/nowhere", ALL - {"merchant", "photographer"}, None, 404),
    ("GET", "/sales?by=hour", {"merchant", "admin"}, None, 200),
    ("GET", "/events", ALL, None, 200),
    ("GET", "/events/some-event", ALL, None, 404),
    ("GET", "/events/some-event/proof", ALL, None, 404),
    ("GET", "/views", {"admin"}, None, 200),
]
OPEN = [
    "/products",
    "/categories",
    "/contributions",
    "/scores?role=creator",
    "/health",
    "/openapi.json",
    "/docs",
    "/tree-head",
    "/.well-known/jwks.json",
]


@pytest.fixture(scope="module")
def people(front: Shopfront) -> dict[str, str]:
    """One person of each role, and something to order."""
    menu(front)
    front.sweep()
    return {role: front.person(role) for role in sorted(ALL)}


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: " ".join(route[:2]))
def test_a_role_may_what_the_table_says_and_nothing_else(
    front: Shopfront, people: dict[str, str], route: Any
) -> None:
    method, path, may, body, status = route
    for role, person in people.items():
        before = front.records()
        answer = front.call(method, path, body, to=person)
        assert answer.status == (status if role in may else 403), role
        assert (answer.headers["Content-Type"] == PROBLEM) == (answer.status >= 400)
        assert front.records() == before + (answer.status == 202), role


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: " ".join(route[:2]))
def test_without_a_token_a_guarded_route_is_401(front: Shopfront, route: Any) -> None:
    before = front.records()
    unauthenticated(front.call(*route[:2], route[3]))
    assert front.records() == before


def unauthenticated(answer: Answer) -> None:
    assert answer.status == 401, answer.body
    assert answer.slug == "unauthenticated"
    assert answer.headers["Content-Type"] == PROBLEM
    assert answer.headers["WWW-Authenticate"] == "Bearer"


@pytest.mark.parametrize("path", OPEN)
@pytest.mark.usefixtures("people")
def test_what_is_public_asks_for_no_token_and_minds_no_bad_one(front: Shopfront, path: str) -> None:
    assert front.call("GET", path).status == 200
    assert front.call("GET", path, Authorization="Bearer nonsense").status == 200


def test_several_roles_may_what_each_of_them_may(front: Shopfront) -> None:
    both = front.person("merchant", "customer")
    assert front.call("POST", "/products", CUP, to=both).status == 202
    assert front.call("POST", "/products/guarded/views", {}, to=both).status == 202
    assert front.call("PUT", "/products/guarded/photo", {}, to=both).status == 403


@pytest.mark.parametrize(
    "path",
    [
        "/products/x/photo",
        "/products/x/photo/",
        "/products/x%2Fphoto",
        "/products/x%2fphoto",
        "/products/x/..%2fphoto",
        "/products//photo",
        "/products/x/./photo",
        "//products/x/photo",
    ],
)
def test_a_merchant_does_not_reach_the_photographers_route_by_the_policys_wildcard(
    front: Shopfront, people: dict[str, str], path: str
) -> None:
    before = front.records()
    answer = front.call("PUT", path, {"image": "https://a.example/p"}, to=people["merchant"])
    assert answer.status in (403, 404, 422), answer.body
    assert front.records() == before


@pytest.mark.parametrize("path", ["/products/x/views", "/products/x/purchases"])
def test_a_merchant_does_not_reach_the_customers_routes(
    front: Shopfront, people: dict[str, str], path: str
) -> None:
    assert front.call("POST", path, {}, to=people["merchant"]).status == 403
    assert front.call("PUT", path, CUP, to=people["merchant"]).status in (403, 405)


def forged(**changes: Any) -> str:
    """A token that the shop would take but for the changes."""
    now = int(time.time())
    claims = {"iss": access.ISSUER, "aud": config.settings().stage, "sub": "someone"}
    claims |= {"roles": ["merchant"], "iat": now, "exp": now + 60}
    key = changes.pop("key", None) or access._key()
    return jwt.encode({"alg": "HS256"}, claims | changes, key)


def unsigned(alg: str) -> str:
    """The claims of a good token, under no signature at all."""
    header = base64.urlsafe_b64encode(json.dumps({"alg": alg}).encode()).decode().rstrip("=")
    return f"{header}.{forged().split('.')[1]}."


def test_the_tokens_that_these_tests_spoil_are_good_otherwise(front: Shopfront) -> None:
    assert front.call("POST", "/products", CUP, Authorization=f"Bearer {forged()}").status == 202


def test_a_token_that_does_not_hold_reaches_nothing(front: Shopfront) -> None:
    good = forged()
    header, payload, signature = good.split(".")
    bad = {
        "expired": f"Bearer {forged(exp=int(time.time()) - 1)}",
        "of another stage": f"Bearer {forged(aud='prod')}",
        "of another issuer": f"Bearer {forged(iss='https://issuer.example')}",
        "of another key": f"Bearer {forged(key=OctKey.import_key(b'k' * 32))}",
        "without roles": f"Bearer {forged(roles=None)}",
        "alg none": f"Bearer {unsigned('none')}",
        "alg None": f"Bearer {unsigned('None')}",
        "alg HS256 and no signature": f"Bearer {unsigned('HS256')}",
        "a changed payload": f"Bearer {header}.{payload[:-2]}AA.{signature}",
        "without Bearer": good,
        "Basic": f"Basic {good}",
        "twice": f"Bearer {good}, Bearer {good}",
        "garbage": "Bearer garbage",
        "nothing": "Bearer ",
        "only a word": "Bearer",
        "dots": "Bearer ..",
        "huge": "Bearer " + "a" * 40_000,
        "deep": "Bearer " + base64.urlsafe_b64encode(b"[" * 30_000).decode() + ".e30.e30",
        "not ascii": "Bearer é.é.é",
        "a header that is text": f"Bearer ImFsZyI.{payload}.{signature}",
        "a crit that is none": f"Bearer eyJhbGciOiJIUzI1NiIsImNyaXQiOjV9.{payload}.{signature}",
    }
    before = front.records()
    for what, authorization in bad.items():
        answer = front.call("POST", "/products", CUP, Authorization=authorization)
        assert answer.status in (401, 431), (what, answer.body)
        assert answer.headers["Content-Type"] == PROBLEM, what
    assert front.records() == before


@pytest.mark.parametrize("roles", [[], ["root", "Merchant", "merchant "]])
def test_a_token_without_a_role_of_ours_may_nothing(front: Shopfront, roles: list[str]) -> None:
    answer = front.call("POST", "/products", CUP, Authorization=f"Bearer {forged(roles=roles)}")
    assert (answer.status, answer.slug) == (403, "forbidden")


def test_where_the_shop_opens_no_sessions_there_are_none_and_no_token_of_theirs_holds(
    front: Shopfront, monkeypatch: pytest.MonkeyPatch
) -> None:
    token = f"Bearer {forged()}"
    before = front.records()
    for identity in ("cognito", ""):
        monkeypatch.setenv("IDENTITY", identity)
        config.settings.cache_clear()
        try:
            opened = front.call("POST", "/sessions", {"name": "Mia", "roles": ["merchant"]})
            assert (opened.status, opened.slug) == (404, "not-found")
            assert front.call("POST", "/sessions", raw=b"{").status == 404
            unauthenticated(front.call("POST", "/products", CUP, Authorization=token))
        finally:
            monkeypatch.undo()
            config.settings.cache_clear()
    assert front.records() == before
