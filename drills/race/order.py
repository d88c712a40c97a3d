"""One cart, sent many times at one moment under one Idempotency-Key: one order, and one charge."""

from __future__ import annotations

import secrets
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from drills import bank, money
from drills.cafe.script import APPROVED
from drills.client import Answer, Client
from drills.loopback import Endpoint
from drills.race.start import Ask, buyer, path_of


@dataclass(frozen=True, slots=True)
class Report:
    """What the race came to."""

    sent: int
    answers: Mapping[str, int]
    orders: int
    charges: int
    differences: Sequence[str]

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)

    def __str__(self) -> str:
        return f"{self.sent} identical orders at once: {self.orders} order, {self.charges} charge"


def race(shop: Endpoint, at: Endpoint, count: int) -> Report:
    """So many at once. Raises UnreachableError."""
    with Client(shop) as client, Client(at) as asked:
        racer = buyer(client)
        one = Ask("/orders", racer.cart(APPROVED), secrets.token_hex(8))
        answers = racer.at_once([one] * count)
        paths = sorted({path_of(each) for each in answers if each.position})
        found = racer.look(client, "/orders", answers)["items"]
        orders = [racer.until(client, path, _is_charged) for path in paths]
        books = [bank.books(asked, order["id"]) for order in orders]
    flaws = [flaw for pair in zip(orders, books, strict=True) for flaw in money.flaws(*pair)]
    charges = sum(len(each.charges) for each in books)
    return Report(
        sent=count,
        answers=dict(Counter(str(each.status) for each in answers)),
        orders=len(found),
        charges=charges,
        differences=[*_differences(answers, len(found), charges), *flaws],
    )


def _is_charged(order: dict[str, Any]) -> bool:
    return money.is_still(order, card=True)


def _differences(answers: Sequence[Answer], orders: int, charges: int) -> Iterator[str]:
    refused = [each for each in answers if each.position is None]
    if refused:
        yield f"{len(refused)} were not recorded: {refused[0].status} {refused[0].body}"
    said = {(each.body["id"], each.body["subject"]) for each in answers if each.position}
    if len(said) != 1:
        yield f"{len(said)} different ids were answered"
    if orders != 1:
        yield f"the customer has {orders} orders"
    if charges != 1:
        yield f"the bank was asked for {charges} charges"
