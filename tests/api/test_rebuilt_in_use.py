"""A view is rebuilt, promoted, rolled back and dropped while people buy and read: all is well."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from ordering import menu, place
from shopfront import Shopfront

from chalicelib import work
from chalicelib.views import catalog, orders, scores
from ops import rebuild as rebuilding
from ops import verify

FAST = 1e6
PATIENCE_S = 120


class Buyer:
    """Buys, and reads after each: what was bought is there, and no score ever falls."""

    def __init__(self, front: Shopfront, product: str) -> None:
        self.front, self.product = front, product
        self.bought = self.scored = self.read = 0
        self.wrong: list[Any] = []
        self.over = threading.Event()

    def buy(self) -> None:
        while not self.over.is_set():
            path = f"/products/{self.product}/purchases"
            said = self.front.call("POST", path, to="customer").said
            self.front.settle()
            self.bought += 1
            self.look(after=said["position"])

    def look(self, **asked: Any) -> None:
        found = self.front.get("/scores", role="photographer", **asked)
        if found.status != 200:
            self.wrong.append(found.body)
            return
        (score,) = [item["score"] for item in found.said["items"]]
        if not score >= max(self.scored, self.bought if asked else 0):
            self.wrong.append((score, self.scored, self.bought))
        self.scored, self.read = max(self.scored, score), self.read + 1

    def leaf(self) -> None:
        """Pages of lists, one item each: cursors outlive promotions."""
        while not self.over.is_set():
            items = self.front.listed("/products", 1)
            if self.product not in {item["id"] for item in items}:
                self.wrong.append(items)
            one = self.front.get(f"/products/{self.product}")
            if one.status != 200:
                self.wrong.append(one.body)
            self.read += 1


@contextmanager
def traffic(buyer: Buyer) -> Iterator[None]:
    threads = [threading.Thread(target=each) for each in (buyer.buy, buyer.leaf)]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        buyer.over.set()
        for thread in threads:
            thread.join(PATIENCE_S)
    assert not any(thread.is_alive() for thread in threads)


def test_who_reads_and_buys_meanwhile_meets_no_error_no_gap_and_no_step_back(
    front: Shopfront, monkeypatch: pytest.MonkeyPatch
) -> None:
    menu(front)
    place(front)
    product = front.product("merchant")
    photo = {"image": "https://pictures.example/1.png"}
    front.call("PUT", f"/products/{product}/photo", photo, to="photographer")
    front.call("POST", f"/products/{product}/purchases", to="customer")
    front.settle()
    pokers, poke = [], work.poke
    buyer = Buyer(front, product)
    with traffic(buyer):
        with monkeypatch.context() as patch:
            patch.setattr(work, "poke", lambda pokes, *more: pokers.append(list(pokes)))
            for view in (scores.VIEW, catalog.VIEW, orders.VIEW):
                assert rebuilding.rebuild(view, FAST, rebuilding.Progress()).differences == []
        rebuilding.roll_back(scores.VIEW)
        rebuilding.rebuild(scores.VIEW, FAST, rebuilding.Progress())
        for view in (scores.VIEW, catalog.VIEW, orders.VIEW):
            rebuilding.drop(view)
    assert work.poke is poke
    assert not any(pokers), "the order's mails and charge are the consumer's alone"
    assert buyer.wrong == []
    assert min(buyer.bought, buyer.read) > 3
    assert verify.verify().differences == []
