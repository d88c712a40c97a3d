"""Of every route, every answer that it has in common with others: each is met, as declared.

What is met is held against the contract by `contract`, wherever a request is sent. What a route
answers of its own is met in the tests of that route; `conftest` says what was met nowhere.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from canaries import examples
from drawn import picture
from ordering import stage
from shopfront import Answer, Shopfront
from uploading import uploaded

import app
from chalicelib import access, http
from chalicelib.access import Caller
from chalicelib.errors import CloudFailure
from chalicelib.openapi import Route

ROUTES = app.contract.routes
every_route = pytest.mark.parametrize("route", ROUTES, ids=lambda route: " ".join(route[:2]))


@pytest.fixture(scope="module")
def somebody(front: Shopfront) -> str:
    """Somebody who has every role."""
    return front.person(*sorted(access.ROLES))


def bodies(route: Route) -> Iterator[tuple[str, Any]]:
    """The bodies that the contract gives as examples, each with its type."""
    return examples(route.method, route.path)


def ask(front: Shopfront, route: Route, query: str = "", **given: Any) -> Answer:
    """The route, with the first of its examples."""
    path = route.path.replace("{id}", "any-id").replace("{file}", "none.css") + query
    for kind, body in bodies(route):
        given = {"body": body, "Content_Type": kind} | given
        break
    return front.call(route.method, path, **given)


@every_route
class TestEveryRoute:
    def test_refuses_a_query_parameter_that_it_does_not_have(
        self, front: Shopfront, somebody: str, route: Route
    ) -> None:
        answer = ask(front, route, "?nonsense=1", to=somebody)
        assert (answer.status, answer.fields) == (400, {"nonsense"})

    def test_refuses_a_content_type_that_it_does_not_take(
        self, front: Shopfront, somebody: str, route: Route
    ) -> None:
        answer = ask(front, route, to=somebody, Content_Type="text/plain")
        assert (answer.status, answer.fields) == (415, {"Content-Type"})

    def test_refuses_what_is_too_large(self, front: Shopfront, somebody: str, route: Route) -> None:
        body = {"body": None, "Content_Length": str(11 * 1024 * 1024)}
        assert ask(front, route, to=somebody, **body).status == 413
        assert ask(front, route, "?" + "x" * 9_000, to=somebody).status == 414
        assert ask(front, route, to=somebody, X="y" * 11_000).status == 431

    def test_tells_nothing_of_a_fault_of_ours(
        self, front: Shopfront, somebody: str, route: Route, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(http, "known_arguments", _fail_with(RuntimeError("hunter2")))
        answer = ask(front, route, to=somebody)
        assert answer.status == 500
        assert b"hunter2" not in answer.body

    def test_that_answers_more_than_lambda_may_is_502(
        self, front: Shopfront, somebody: str, route: Route, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(http, "answer", lambda _: http.Answer(200, "x" * 7_000_000))
        assert ask(front, route, to=somebody).status == 502


@pytest.mark.parametrize(
    "route", [r for r in ROUTES if not r.public], ids=lambda route: " ".join(route[:2])
)
def test_a_guarded_route_asks_for_a_token_and_then_for_a_role(
    front: Shopfront, route: Route
) -> None:
    assert ask(front, route).status == 401
    nobody = access.issue(Caller("nobody", frozenset()))
    assert ask(front, route, Authorization=f"Bearer {nobody}").status == 403


@pytest.mark.parametrize(
    "route",
    [r for r in ROUTES if any(way.slug == "throttled" for way in r.refusals)],
    ids=lambda route: " ".join(route[:2]),
)
def test_a_cloud_that_fails_is_503(
    front: Shopfront, somebody: str, route: Route, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(http, "known_arguments", _fail_with(CloudFailure("at 10.0.0.7")))
    answer = ask(front, route, to=somebody)
    assert (answer.status, answer.slug) == (503, "throttled")
    assert b"10.0.0.7" not in answer.body


@pytest.mark.parametrize(
    "route", [r for r in ROUTES if "If-Match" in r.hears], ids=lambda route: " ".join(route[:2])
)
def test_a_move_on_what_has_changed_since_is_412(front: Shopfront, route: Route) -> None:
    somebody = front.person(*sorted(access.ROLES))
    path, named = stage(front, route, somebody)
    body = next((body | named for _, body in bodies(route)), None)
    stale = {"If_Match": '"77-catalog@1"'}
    answer = front.call(route.method, path, body, to=somebody, **stale)
    assert (answer.status, answer.slug) == (412, "changed")


@pytest.mark.parametrize(
    "route",
    [r for r in ROUTES if any(way.slug == "key-reused" for way in r.refusals)],
    ids=lambda route: " ".join(route[:2]),
)
def test_a_key_that_stood_for_another_command_is_409(front: Shopfront, route: Route) -> None:
    somebody = front.person(*sorted(access.ROLES))
    path, named = stage(front, route, somebody)
    (_, body), *_ = bodies(route)
    send = lambda body: front.call(  # noqa: E731
        route.method, path, body, to=somebody, Idempotency_Key="k"
    )
    assert send(body | named).status == 202
    front.settle()
    answer = send(_other(body) | named)
    assert (answer.status, answer.slug) == (409, "key-reused")


SIGNED = {"Stripe-Signature", "X-Twilio-Signature"}


def uploaded_by(front: Shopfront, somebody: str) -> str:
    place = front.call("POST", "/uploads", {"contentType": "image/jpeg"}, to=somebody).said
    assert uploaded(place, picture()) < 300
    return str(place["upload"])


@pytest.mark.parametrize(
    "route",
    [r for r in ROUTES if any(bodies(r)) and not SIGNED & {*r.hears}],  # signed: tests of their own
    ids=lambda route: " ".join(route[:2]),
)
def test_every_example_is_taken(front: Shopfront, route: Route) -> None:
    somebody = front.person(*sorted(access.ROLES))
    for kind, body in bodies(route):
        path, named = stage(front, route, somebody)
        named = {name: value for name, value in named.items() if name != "id"}
        named |= {"upload": uploaded_by(front, somebody)} if "upload" in body else {}
        answer = front.call(route.method, path, body | named, to=somebody, Content_Type=kind)
        assert answer.status in (200, 202, 409), answer.body


def _other(body: dict[str, Any]) -> dict[str, Any]:
    """Another command of the same form."""
    changes: dict[str, Any] = {
        "image": "https://pictures.example/another.jpg",
        "name": "Another",
        "token": "tok_another",
        "lines": [{"line": 0, "quantity": 2}],
        "fulfillmentId": "Another",
        "deliveryCompanyId": "Another",
        "text": "Another",
        "schema": body.get("schema"),
    }
    name = next(name for name in changes if name in body)
    return body | ({"origin": "hello-retail/web"} if name == "schema" else {name: changes[name]})


def _fail_with(failure: Exception) -> Any:
    def fail(*_: object) -> None:
        raise failure

    return fail
