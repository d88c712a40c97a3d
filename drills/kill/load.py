"""Hands that say one thing after another to a shop that may be gone, and keep what they are told.

Half of the commands carry an `Idempotency-Key` and are said until they are answered; the others
are said once: if no answer comes, nobody knows. One hand orders by card, about once a second.
"""

from __future__ import annotations

import random
import secrets
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Self

from drills.client import Answer, Client, UnreachableError, session
from drills.loopback import Endpoint

PRODUCTS = 12
BATCH = 5
PAUSE_S = 0.005
ORDER_S = 1.0
PATIENCE_S = 300.0
JOIN_S = 400.0
CARD = "tok_approved"


@dataclass(frozen=True, slots=True)
class Heard:
    """An event that was answered 202."""

    id: str
    position: str


@dataclass(slots=True)
class Load:
    """Hands at a shop, until told to stop; `odd` are answers that no command may have."""

    endpoint: Endpoint
    seed: int
    hands: int
    cards: bool
    heard: list[Heard] = field(default_factory=list)
    orders: list[str] = field(default_factory=list)
    unheard: int = 0
    odd: list[str] = field(default_factory=list)
    customer: dict[str, str] = field(init=False)
    tag: str = field(init=False)
    _over: threading.Event = field(default_factory=threading.Event, init=False)
    _lock: threading.Lock = field(default_factory=threading.Lock, init=False)
    _threads: list[threading.Thread] = field(default_factory=list, init=False)

    def __enter__(self) -> Self:
        self.tag = secrets.token_hex(4)
        with Client(self.endpoint, patience_s=PATIENCE_S) as client:
            self.customer, _ = session(client, f"Customer {self.tag}", "customer")
            self._furnish(client)
        work = [self._hand] * self.hands + [self._buyer] * self.cards
        for number, doing in enumerate(work):
            self._threads.append(threading.Thread(target=doing, args=(number,), daemon=True))
            self._threads[-1].start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def stop(self) -> None:
        """Nobody says anything more; what was being said is answered."""
        self._over.set()
        for thread in self._threads:
            thread.join(JOIN_S)

    def _furnish(self, client: Client) -> None:
        merchant, _ = session(client, f"Merchant {self.tag}", "merchant")
        said = {"brand": "Corner", "name": "Flat white", "description": "", "category": "drills"}
        good = {**said, "price": {"amount": 380, "currency": "EUR"}}
        for product in self._products():
            keyed = merchant | {"Idempotency-Key": product}
            self._note(client.ask("POST", "/products", {"id": product, **good}, headers=keyed))

    def _products(self) -> Iterator[str]:
        return (f"kill-{self.tag}-{number}" for number in range(PRODUCTS))

    def _hand(self, number: int) -> None:
        dice, products = random.Random(f"{self.seed} {number}"), list(self._products())
        with Client(self.endpoint, patience_s=PATIENCE_S) as client:
            while not self._over.wait(PAUSE_S):
                product, keyed = dice.choice(products), dice.random() < 0.5
                if dice.random() < 0.1:
                    events = [_seen(dice.choice(products)) for _ in range(BATCH)]
                    self._say(client, "/events/batch", events, keyed=True)
                else:
                    move = dice.choice(["views", "purchases"])
                    self._say(client, f"/products/{product}/{move}", {}, keyed=keyed)

    def _buyer(self, number: int) -> None:
        dice, products = random.Random(f"{self.seed} {number}"), list(self._products())
        with Client(self.endpoint, patience_s=PATIENCE_S) as client:
            while not self._over.wait(ORDER_S):
                line = {"productId": dice.choice(products), "quantity": 1}
                body = {"lines": [line], "collect": True, "name": "Kim", "payment": {"token": CARD}}
                self._say(client, "/orders", body, keyed=True)

    def _say(self, client: Client, path: str, body: Any, *, keyed: bool) -> None:
        headers, batch = dict(self.customer), isinstance(body, list)
        if keyed and not batch:
            headers["Idempotency-Key"] = secrets.token_hex(8)
        if batch:
            headers["Content-Type"] = "application/cloudevents-batch+json"
        client.patience_s = PATIENCE_S if keyed else 0.0
        try:
            self._note(client.ask("POST", path, body, headers=headers))
        except UnreachableError:
            with self._lock:
                self.unheard += 1
            time.sleep(PAUSE_S)

    def _note(self, answer: Answer) -> None:
        """What was recorded, and where; whatever else a command is answered is odd."""
        batch = isinstance(answer.body, dict) and "items" in answer.body
        told = answer.body["items"] if batch else [{"status": answer.status, **(answer.body or {})}]
        with self._lock:
            for each in told:
                if each["status"] == 202:
                    self.heard.append(Heard(each["id"], each["position"]))
                    kind, _, entity = each["subject"].partition("/")
                    self.orders += [entity] if kind == "order" else []
                elif each["status"] == 503:
                    self.unheard += 1
                else:
                    self.odd.append(f"a command was answered {each}")


def _seen(product: str) -> dict[str, str]:
    return {
        "specversion": "1.0",
        "source": "/drills/kill",
        "id": secrets.token_hex(8),
        "type": "tillstream.product.viewed.v1",
        "subject": f"product/{product}",
    }
