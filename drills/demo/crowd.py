"""A busy crowd: customers come in, look, buy, and go, until they are told to stop.

What they do is drawn from a seed; how fast, from the clock. A few products sell most, and which
ones changes every while, so that the board has something to tell. Some are impatient and press
twice: the same key, so it counts once, and the log says of the second that it was a repeat.
"""

from __future__ import annotations

import itertools
import random
import secrets
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Self

from drills.client import Client, UnreachableError, session
from drills.demo.goods import Good
from drills.loopback import Endpoint

NAMES = (
    "Ada Ben Cleo Dina Emil Fay Gus June Kai Lena Milo Nora Otto Pia Quin Rosa Tomás Uma Vera Wim"
)
HANDS = 3
PAUSE_S = 0.25
FASHION = 150  # visits for which a taste lasts
IMPATIENT = 12  # one purchase in so many is sent twice


@dataclass(slots=True)
class Crowd:
    """Customers in a shop. A context: who leaves it has stopped them."""

    endpoint: Endpoint
    goods: Sequence[Good]
    seed: int = 7
    over: threading.Event = field(default_factory=threading.Event)
    _threads: list[threading.Thread] = field(default_factory=list)

    def __enter__(self) -> Self:
        for number in range(HANDS):
            chance = random.Random(f"{self.seed}-{number}")
            thread = threading.Thread(target=self._visit, args=(chance,), daemon=True)
            self._threads.append(thread)
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.over.set()
        for thread in self._threads:
            thread.join()

    def _visit(self, chance: random.Random) -> None:
        """Visit after visit; a shop that is away for a while is visited again later."""
        weights: list[float] = []
        for number in itertools.count():
            if self.over.is_set():
                return
            if number % FASHION == 0:
                weights = _taste(chance, len(self.goods))
            wanted = chance.choices(self.goods, weights, k=chance.randrange(1, 4))
            try:
                with Client(self.endpoint, patience_s=2.0) as client:
                    self._shop(client, chance, wanted)
            except UnreachableError:
                self.over.wait(1.0)

    def _shop(self, client: Client, chance: random.Random, wanted: Sequence[Good]) -> None:
        customer, _ = session(client, chance.choice(NAMES.split()), "customer")
        for good in wanted:
            path = f"/products/{good.id}"
            client.ask("POST", f"{path}/views", headers=customer)
            keyed = customer | {"Idempotency-Key": secrets.token_hex(12)}
            for _ in range(2 if chance.randrange(IMPATIENT) == 0 else 1):
                client.ask("POST", f"{path}/purchases", headers=keyed)
            if self.over.wait(chance.random() * 2 * PAUSE_S):
                return


def _taste(chance: random.Random, size: int) -> list[float]:
    """Zipf's law over the goods, in an order of its own."""
    weights = [1 / rank for rank in range(1, size + 1)]
    chance.shuffle(weights)
    return weights
