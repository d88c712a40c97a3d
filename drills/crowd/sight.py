"""How long until a recorded move can be read: from its sending to the first 200 that knows it.

Lookers have connections of their own and ask with `Read-After` until they are answered. They look
at few moves, and at none while all of them are busy, so that looking disturbs nobody.
"""

from __future__ import annotations

import queue
import threading
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Self

from drills.client import Answer, Client, UnreachableError

if TYPE_CHECKING:
    from types import TracebackType

    from drills.crowd.script import Move
    from drills.loopback import Endpoint

GIVE_UP_S = 30.0


@dataclass(slots=True)
class Sight:
    """Looks at one move in `every`: `seconds` it saw, the positions `unseen` it did not."""

    endpoint: Endpoint
    every: int
    lookers: int = 2
    seconds: list[float] = field(default_factory=list)
    unseen: list[str] = field(default_factory=list)
    _offered: queue.Queue[tuple[float, str, str] | None] = field(init=False)
    _threads: list[threading.Thread] = field(default_factory=list)
    _idle: threading.Semaphore = field(init=False)

    def __post_init__(self) -> None:
        self._offered = queue.Queue()
        self._idle = threading.Semaphore(self.lookers)

    def __enter__(self) -> Self:
        self._threads = [
            threading.Thread(target=self._look, daemon=True) for _ in range(self.lookers)
        ]
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        for _ in self._threads:
            self._offered.put(None)
        for thread in self._threads:
            thread.join()

    def offer(self, move: Move, answer: Answer) -> None:
        """Look at this move, if it is one of those to look at and somebody is free to."""
        chosen = self.every and move.number % self.every == 0 and move.is_listed
        if not chosen or answer.position is None or answer.before:
            return
        sent = time.monotonic() - answer.seconds
        if self._idle.acquire(blocking=False):
            self._offered.put((sent, answer.position, move.product))

    def _look(self) -> None:
        with Client(self.endpoint) as client:
            while (offered := self._offered.get()) is not None:
                sent, position, product = offered
                if _is_seen(client, position, product):
                    self.seconds.append(time.monotonic() - sent)
                else:
                    self.unseen.append(position)
                self._idle.release()


def _is_seen(client: Client, position: str, product: str) -> bool:
    """Whether a read after the position was answered before we gave up."""
    until = time.monotonic() + GIVE_UP_S
    while time.monotonic() < until:
        try:
            answer = client.ask(
                "GET", f"/products/{product}", headers={"Read-After": position}, patient=False
            )
        except UnreachableError:
            return False
        if answer.status != 503:
            return answer.status == 200
    return False
