"""A product that stood still goes on, by the operator's verb, while people go on buying it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from shopfront import Answer, Shopfront

from chalicelib import projector
from chalicelib.decisions import DECIDERS
from chalicelib.errors import CloudFailure
from chalicelib.events import Event, product
from chalicelib.projector import Code
from chalicelib.views import VIEWS
from ops import parked, verify

ROOT = Path(__file__).parents[2]
PATIENCE_S = 120


def cannot_sell(state: Any, event: Event) -> Any:
    """The decider of products, with a mistake in it."""
    if isinstance(event.data, product.Purchased):
        raise ZeroDivisionError
    return DECIDERS["product"].evolve(state, event)


def settled(front: Shopfront) -> None:
    """As Lambda has it: what the cloud fails comes again."""
    while True:
        try:
            front.settle()
        except CloudFailure:
            continue
        return


class Buyer:
    """Buys until told to stop; everything is taken."""

    def __init__(self, front: Shopfront, path: str) -> None:
        self.front, self.path = front, path
        self.answers: list[Answer] = []
        self.some, self.over = threading.Event(), threading.Event()

    def buy(self) -> None:
        while not self.over.is_set():
            self.answers.append(self.front.call("POST", self.path, to="customer"))
            settled(self.front)
            if len(self.answers) > 3:
                self.some.set()


@contextmanager
def buying(front: Shopfront, path: str) -> Iterator[Buyer]:
    buyer = Buyer(front, path)
    thread = threading.Thread(target=buyer.buy)
    thread.start()
    try:
        assert buyer.some.wait(PATIENCE_S)
        yield buyer
    finally:
        buyer.over.set()
        thread.join(PATIENCE_S)
    assert not thread.is_alive()


def redrive(subject: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "ops", "redrive", subject, "--json"],
        cwd=ROOT,
        env=dict(os.environ),
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=False,
    )


def test_what_was_bought_before_and_while_it_is_redriven_counts_once(
    front: Shopfront, monkeypatch: pytest.MonkeyPatch
) -> None:
    cup = front.product("merchant")
    path = f"/products/{cup}/purchases"
    decider = replace(DECIDERS["product"], evolve=cannot_sell)
    broken = Code({**DECIDERS, "product": decider}, VIEWS)
    with monkeypatch.context() as patch:
        patch.setattr(projector.project, "__defaults__", (broken,))
        first = front.call("POST", path, to="customer").said
        settled(front)
    where = {"at": first["position"]}
    assert front.get(f"/events/{first['id']}", to="customer", **where).said["verdict"] == "parked"
    with buying(front, path) as buyer:
        assert [each.subject for each in parked.state().subjects] == [f"product/{cup}"]
        ran = redrive(f"product/{cup}")
    assert (ran.returncode, ran.stderr.count("ops:")) == (0, 0), ran.stderr
    (told,) = json.loads(ran.stdout)["redriven"]
    assert (told["view"], told["since"], told["events"] > 3) == ("*", None, True)
    assert {each.status for each in buyer.answers} == {202}
    settled(front)
    assert front.get(f"/events/{first['id']}", to="customer", **where).said["verdict"] == "counted"
    (score,) = front.get("/scores", role="creator").said["items"]
    assert score["score"] == 1 + len(buyer.answers)
    assert (parked.state().subjects, verify.verify().differences) == ([], [])
