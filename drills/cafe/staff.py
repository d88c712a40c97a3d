"""Those who work in the café: each goes through a list, the oldest first, and does what is next.

They touch the morning's own orders only. Two baristas may reach for the same cup: then the shop
says 409 to one of them, or ignores the later.
"""

from __future__ import annotations

import random
import threading
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from drills.client import Client, UnreachableError, session

REST_S = 0.2
READY, COLLECTED = "ready", "collected"


@dataclass(slots=True)
class Worker:
    """Somebody at work in one role until it is `over`; `answers` counts what the shop said."""

    client: Client
    tag: str
    name: str
    role: str
    orders: set[str]
    over: threading.Event
    answers: Counter[int] = field(default_factory=Counter)
    _done: set[tuple[str, str]] = field(default_factory=set)

    def work(self) -> None:
        """Until it is over. Raises UnreachableError."""
        who, _ = session(self.client, f"{self.name} {self.tag}", self.role)
        pace = random.Random(self.name)
        while not self.over.is_set():
            for order in list(self._list(who)):
                self._do(order, who)
                self.over.wait(pace.uniform(0, REST_S))
            self.over.wait(REST_S)

    def _list(self, who: dict[str, str]) -> Iterator[dict[str, Any]]:
        """What is on the list and not done by this one already."""
        cursor: str | None = ""
        while cursor is not None:
            after = f"&cursor={cursor}" if cursor else ""
            page = self.client.ask("GET", f"/orders?as={self.role}{after}", headers=who)
            if page.status != 200:
                raise UnreachableError(
                    f"the {self.role}'s list is answered {page.status}: {page.body}"
                )
            for order in page.body["items"]:
                if (
                    order["id"] in self.orders
                    and (order["id"], self._next(order)) not in self._done
                ):
                    yield order
            cursor = page.body["next"]

    def _next(self, order: dict[str, Any]) -> str:
        """What this role does next to an order on its list."""
        if self.role == "barista":
            return COLLECTED if order["status"] == READY else READY
        return {"maker": "fulfilled", "courier": "delivered"}[self.role]

    def _do(self, order: dict[str, Any], who: dict[str, str]) -> None:
        move = self._next(order)
        self._done.add((order["id"], move))
        path, body = _asked(order["id"], move)
        keyed = {"Idempotency-Key": f"{order['id']}-{move}"}
        self.answers[self.client.ask("POST", path, body, headers=who | keyed).status] += 1


def _asked(entity: str, move: str) -> tuple[str, dict[str, str]]:
    match move:
        case "fulfilled":
            return "/fulfillments", {"orderId": entity, "fulfillmentId": f"made-{entity}"[:64]}
        case "delivered":
            return "/deliveries", {"orderId": entity, "deliveryCompanyId": "CakeCourier1"}
        case _:
            return f"/orders/{entity}/{move}", {}
