"""The money of the orders that were placed meanwhile: each is charged once, as the bank says."""

from __future__ import annotations

import time
from typing import Any

from drills import bank, money
from drills.client import Client, UnreachableError
from drills.kill.load import Load
from drills.own import Steps

SETTLED_S = 480.0  # a lease whose worker died lapses after 5 minutes, then a sweep pokes anew
LOOK_S = 1.0


def settle(load: Load, steps: Steps) -> tuple[list[str], list[str]]:
    """The orders whose money was not settled in time, and what is wrong with any.

    Raises UnreachableError.
    """
    late: list[str] = []
    flaws: list[str] = []
    until = time.monotonic() + SETTLED_S
    with (
        Client(load.endpoint) as client,
        Client(bank.bank()) as asked,
        steps("orders", max(1, len(load.orders))) as step,
    ):
        for entity in load.orders:
            order = _when_still(client, load, entity, until)
            is_late = not money.is_still(order, card=True)
            books = bank.books(asked, entity)
            wrong = money.at_any_time(books) if is_late else money.flaws(order, books)
            late += [f"order {entity}: its money is not settled yet"] * is_late
            flaws += [f"order {entity}: {flaw}" for flaw in wrong]
            step()
    return late, flaws


def _when_still(client: Client, load: Load, entity: str, until: float) -> dict[str, Any]:
    """The order once no money is on its way, or as it is when time is over."""
    while True:
        answer = client.ask("GET", f"/orders/{entity}", headers=load.customer)
        if answer.status != 200:
            raise UnreachableError(f"one's own order is answered {answer.status}: {answer.body}")
        order: dict[str, Any] = answer.body
        if money.is_still(order, card=True) or time.monotonic() > until:
            return order
        time.sleep(LOOK_S)
