"""A person is erased in a whole shop: its worker destroys the key, and nothing tells of them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from whole_shop import ROOT, Shop

ROLES = ["merchant", "customer", "admin"]
CUP = {"id": "cup", "brand": "B", "name": "Cup", "description": "", "category": "cups"}
PRICE = {"price": {"amount": 300, "currency": "EUR"}}
ANN = {"name": "Ann Other", "contact": {"email": "ann@example.com"}}
ORDER = ANN | {"lines": [{"productId": "cup", "quantity": 1}], "deliver": {"address": "1 Lane"}}


@pytest.fixture
def running(tmp_path: Path) -> Iterator[Shop]:
    shop = Shop(tmp_path / "state", ROLES)
    yield shop
    shop.stop()


def ops(shop: Shop, *words: str) -> Any:
    return subprocess.run(
        [sys.executable, "-m", "ops", *words, "--json"],
        cwd=ROOT,
        env=os.environ | {"STATE": str(shop.state)},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def said(shop: Shop, method: str, path: str, body: Any = None) -> Any:
    """What is answered, once what it needs is judged."""
    for _ in range(100):
        status, answer = shop.send(method, path, body)
        told = json.loads(answer)
        if status == 202:
            shop.send("GET", "/customers/me", Read_After=told["position"])
        if status not in (404, 422, 503):
            return told
        time.sleep(0.1)
    raise AssertionError(told)


def test_erased_by_an_operator_they_are_nowhere_and_their_order_stands(running: Shop) -> None:
    said(running, "POST", "/products", CUP | PRICE)
    said(running, "PUT", "/customers/me", ANN)
    order = said(running, "POST", "/orders", ORDER)["subject"].partition("/")[2]
    assert said(running, "GET", f"/orders/{order}")["name"] == "Ann Other"
    ticket = said(running, "POST", "/tickets", {"text": "Ann asks"})["subject"].partition("/")[2]
    assert said(running, "GET", f"/tickets/{ticket}")["text"] == "Ann asks"
    person = said(running, "GET", "/customers/me")["id"]

    ran = ops(running, "erase", person)
    assert ran.returncode == 0, (ran.stdout, ran.stderr)
    found = json.loads(ran.stdout)
    assert (found["destroyed"], found["given_up"]) == (True, [])
    assert (found["orders"], found["tickets"]) == (1, 1)

    assert said(running, "GET", "/customers/me")["type"] == "/problems/erased"
    told = said(running, "GET", f"/orders/{order}")
    for _ in range(100):  # a process may keep the key for 5 s
        if told.get("erased"):
            break
        time.sleep(0.1)
        told = said(running, "GET", f"/orders/{order}")
    assert told["erased"]
    assert "Ann" not in json.dumps(told)
    asked = said(running, "GET", f"/tickets/{ticket}")
    assert (asked["erased"], "text" in asked) == (True, False)

    again = ops(running, "erase", person)
    assert (again.returncode, json.loads(again.stdout)["said"]) == (0, None)
    verified = ops(running, "verify")
    assert verified.returncode == 0, verified.stdout
