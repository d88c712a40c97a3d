"""A product to order, and many hands that let go together.

Raises UnreachableError.
"""

from __future__ import annotations

import secrets
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from drills.client import Answer, Client, UnreachableError, session
from drills.loopback import Endpoint

LOOK_S = 0.1
GIVE_UP_S = 90.0  # of who is to begin
SETTLED_S = 90.0  # for an order's money


class SlowError(Exception):
    """An order, as it is now, whose money was not settled in time."""

    def __init__(self, order: dict[str, Any]) -> None:
        said = f"order {order['id']}: not settled within {SETTLED_S:g} s: slow, not wrong so far"
        super().__init__(said)
        self.order = order


@dataclass(frozen=True, slots=True)
class Ask:
    """One command, under a key of its own; it is decided after what lies at `after`."""

    path: str
    body: Any
    key: str
    after: str | None = None


@dataclass(frozen=True, slots=True)
class Buyer:
    """Somebody at a shop with a product to order; nobody was there before."""

    endpoint: Endpoint
    who: Mapping[str, str]
    product: str

    def cart(self, card: str) -> dict[str, Any]:
        """One of it, paid by that card."""
        lines = [{"productId": self.product, "quantity": 1}]
        return {"lines": lines, "collect": True, "name": "Racer", "payment": {"token": card}}

    def say(self, client: Client, ask: Ask) -> Answer:
        after = {"Read-After": ask.after} if ask.after else {}
        headers = {**self.who, **after, "Idempotency-Key": ask.key}
        return client.ask("POST", ask.path, ask.body, headers=headers)

    def at_once(self, asks: Sequence[Ask]) -> list[Answer]:
        """All of it at one moment, each by a connection that is open already."""
        line = threading.Barrier(len(asks))

        def one(ask: Ask) -> Answer:
            with Client(self.endpoint) as client:
                client.ask("GET", "/health")
                line.wait(GIVE_UP_S)
                return self.say(client, ask)

        with ThreadPoolExecutor(len(asks)) as hands:
            return list(hands.map(one, asks))

    def look(self, client: Client, path: str, after: Sequence[Answer] = ()) -> Any:
        """What is there, once all those commands are judged."""
        for position in [each.position for each in after if each.position]:
            client.ask("GET", path, headers={**self.who, "Read-After": position})
        answer = client.ask("GET", path, headers=self.who)
        if answer.status != 200:
            raise UnreachableError(f"GET {path} is answered {answer.status}: {answer.body}")
        return answer.body

    def until(
        self, client: Client, path: str, holds: Callable[[dict[str, Any]], bool]
    ) -> dict[str, Any]:
        """The order once it is so. Raises SlowError where that takes too long."""
        given_up = time.monotonic() + SETTLED_S
        while True:
            order: dict[str, Any] = self.look(client, path)
            if holds(order):
                return order
            if time.monotonic() > given_up:
                raise SlowError(order)
            time.sleep(LOOK_S)


def buyer(client: Client) -> Buyer:
    """A new customer, and a new product that can be ordered."""
    tag = secrets.token_hex(4)
    merchant, _ = session(client, f"Merchant {tag}", "merchant")
    good = {
        "id": f"race-{tag}",
        "brand": "Corner",
        "name": "Flat white",
        "description": "",
        "category": "races",
        "price": {"amount": 380, "currency": "EUR"},
    }
    listed = client.ask("POST", "/products", good, headers=merchant)
    if listed.position is None:
        raise UnreachableError(f"a product is answered {listed.status}: {listed.body}")
    client.ask("GET", f"/products/{good['id']}", headers={"Read-After": listed.position})
    who, _ = session(client, f"Racer {tag}", "customer")
    return Buyer(client.endpoint, who, str(good["id"]))


def path_of(answer: Answer) -> str:
    """The order that an answer tells of. Raises UnreachableError where it was not recorded."""
    if answer.position is None:
        raise UnreachableError(f"an order is answered {answer.status}: {answer.body}")
    return f"/orders/{str(answer.body['subject']).partition('/')[2]}"
