"""One customer, from the door to the end of the order, or as long as anybody would wait."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from drills import money
from drills.cafe.script import Visit
from drills.client import Answer, Client, UnreachableError, session

LOOK_S = 0.25
GIVE_UP_S = 90.0


@dataclass(slots=True)
class Went:
    """How a visit went: the order as it was last seen, and every answer to a command.

    `accepted` and `visible` are seconds from the sending of the order; `in_time` says that it was
    settled before anybody would have given up.
    """

    visit: Visit
    order: dict[str, Any] = field(default_factory=dict)
    answers: list[Answer] = field(default_factory=list)
    accepted: float = 0.0
    visible: float = 0.0
    in_time: bool = False

    @property
    def id(self) -> str:
        """The order's id; of an order that was refused, the key under which it was asked for."""
        return str(self.order.get("id", self.visit.key))


@dataclass(slots=True)
class Customer:
    """Who goes to the café. `placed` is called with the order's id."""

    client: Client
    visit: Visit
    placed: Callable[[str], None]
    went: Went = field(init=False)
    who: dict[str, str] = field(init=False)
    path: str = field(init=False)
    last: dict[str, str] = field(default_factory=dict, init=False)

    def go(self) -> Went:
        """The whole visit. Raises UnreachableError."""
        self.went = Went(self.visit)
        self.who, _ = session(self.client, self.visit.name, "customer")
        if self._placed():
            self._wait()
        return self.went

    def _placed(self) -> bool:
        answer = self._say("/orders", self.visit.body, "order")
        sent = time.monotonic() - answer.seconds
        if answer.position is None:
            return False
        entity = str(answer.body["subject"]).partition("/")[2]
        self.path = f"/orders/{entity}"
        self.placed(entity)
        self._look()
        self.went.accepted, self.went.visible = answer.seconds, time.monotonic() - sent
        return True

    def _wait(self) -> None:
        """Until all is settled; a declined card is replaced once, and patience ends once."""
        begun, visit = time.monotonic(), self.visit
        second, patience = visit.second, visit.patience
        while time.monotonic() < begun + GIVE_UP_S:
            order = self._look()
            if patience is not None and time.monotonic() > begun + patience:
                self._say(f"{self.path}/cancelled", {}, "cancel")
                patience = None
            elif order["status"] == money.WAITS and second is not None:
                self._say(f"{self.path}/payments", {"token": second}, "second")
                second = None
            elif money.is_at_end(order) and money.is_still(order, card=visit.card is not None):
                self.went.in_time = True
                return
            else:
                time.sleep(LOOK_S)

    def _look(self) -> dict[str, Any]:
        """The order as it is now, after what was last said; what is known is not sent again."""
        answer = self.client.ask("GET", self.path, headers=self.who | self.last)
        if answer.status == 200:
            self.went.order = answer.body
            self.last["If-None-Match"] = answer.headers["ETag"]
        elif answer.status != 304:
            raise UnreachableError(f"one's own order is answered {answer.status}: {answer.body}")
        return self.went.order

    def _say(self, path: str, body: Any, what: str) -> Answer:
        keyed = {"Idempotency-Key": f"{self.visit.key}-{what}"}
        answer = self.client.ask("POST", path, body, headers=self.who | keyed)
        self.went.answers.append(answer)
        if answer.position is not None:
            self.last = {"Read-After": answer.position}
        return answer
