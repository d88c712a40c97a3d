"""What holds the answers against the contract can fail: it does, for each thing undeclared."""

from __future__ import annotations

import json
from typing import Any

import contract
import pytest

HEALTH = ("GET", "/health", None, {})
JSON = {"Content-Type": "application/json"}
OK = b'{"status": "ok"}'
RECORDED = {"id": "i", "type": "t", "subject": "product/mug", "position": "p"}
MADE = (202, JSON | {"Location": "/events/i?at=p"}, json.dumps(RECORDED).encode())


@pytest.fixture(autouse=True)
def alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is made up here was not met."""
    monkeypatch.setattr(contract, "seen", set())
    monkeypatch.setattr(contract, "slugs", set())


def test_what_is_declared_is_held_and_remembered() -> None:
    contract.held(HEALTH, (200, JSON, OK))
    contract.held(("POST", "/products/mug/views", b"{}", {}), MADE)
    assert contract.seen == {("GET", "/health", 200), ("POST", "/products/{id}/views", 202)}


def refusal(slug: str, status: int, **more: Any) -> tuple[int, dict[str, str], bytes]:
    said = {"type": f"/problems/{slug}", "title": "T", "status": status, "detail": "d"} | more
    return status, {"Content-Type": contract.PROBLEM}, json.dumps(said).encode()


@pytest.mark.parametrize(
    "answer",
    [
        (201, JSON, OK),
        refusal("not-found", 404),
        refusal("invalid", 400),
        refusal("bad-request", 400, hint="an undeclared member"),
        (200, JSON, b'{"status": "ok", "more": 1}'),
        (200, JSON, b'{"status": "fine"}'),
        (200, JSON, b"{}"),
        (200, {"Content-Type": "text/plain"}, OK),
        (200, JSON | {"X-Powered-By": "hope"}, OK),
    ],
)
def test_what_is_not_declared_fails(answer: Any) -> None:
    with pytest.raises(AssertionError, match="GET /health answered"):
        contract.held(HEALTH, answer)


def test_a_declared_header_may_not_be_missing() -> None:
    with pytest.raises(AssertionError, match="location"):
        contract.held(("POST", "/products/mug/views", b"{}", {}), (202, JSON, MADE[2]))


@pytest.mark.parametrize(
    ("body", "headers"),
    [
        (b'{"colour": "red"}', {}),
        (b"{}", {"Idempotency-Key": "two words"}),
        (b"{}", {"Content-Type": "text/plain"}),
    ],
)
def test_what_is_taken_though_it_is_not_declared_fails(
    body: bytes, headers: dict[str, str]
) -> None:
    with pytest.raises(AssertionError, match="it took"):
        contract.held(("POST", "/products/mug/views", body, headers), MADE)


def test_a_path_without_a_route_may_only_be_refused() -> None:
    contract.held(("GET", "/nowhere", None, {}), refusal("not-found", 404))
    with pytest.raises(AssertionError, match="no such route"):
        contract.held(("GET", "/nowhere", None, {}), (200, JSON, OK))


def test_what_nobody_met_is_told() -> None:
    contract.held(HEALTH, (200, JSON, OK))
    left = set(contract.missing())
    assert "GET /health 200" not in left
    assert {"GET /health 500", "POST /products 202"} <= left
    assert "GET /health 504" not in left
