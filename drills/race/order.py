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
from drills.race.start import Ask, Buyer, SlowError, buyer, path_of


@dataclass(frozen=True, slots=True)
class Report:
    """What the race came to; `late` names what was not settled in time."""

    sent: int
    answers: Mapping[str, int]
    orders: int
    charges: int
    differences: Sequence[str]
    late: Sequence[str]

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)

    def __str__(self) -> str:
        return f"{self.sent} identical orders at once: {self.orders} order, {self.charges} charge"


@dataclass(frozen=True, slots=True)
class Settled:
    """What came of one order's money: what is wrong with it, and whether more is to come."""

    charges: int
    flaws: Sequence[str]
    late: Sequence[str]


def race(shop: Endpoint, at: Endpoint, count: int) -> Report:
    """So many at once. Raises UnreachableError."""
    with Client(shop) as client, Client(at) as asked:
        racer = buyer(client)
        one = Ask("/orders", racer.cart(APPROVED), secrets.token_hex(8))
        answers = racer.at_once([one] * count)
        paths = sorted({path_of(each) for each in answers if each.position})
        found = racer.look(client, "/orders", answers)["items"]
        settled = [_settled(racer, client, asked, path) for path in paths]
    charges = sum(each.charges for each in settled)
    late = [line for each in settled for line in each.late]
    flaws = [line for each in settled for line in each.flaws]
    return Report(
        sent=count,
        answers=dict(Counter(str(each.status) for each in answers)),
        orders=len(found),
        charges=charges,
        differences=[*_differences(answers, len(found), charges, is_late=bool(late)), *flaws],
        late=late,
    )


def _settled(racer: Buyer, client: Client, asked: Client, path: str) -> Settled:
    """The order's money, once it is settled or that takes too long."""
    try:
        order = racer.until(client, path, _is_charged)
    except SlowError as slow:
        books = bank.books(asked, slow.order["id"])
        return Settled(len(books.charges), list(money.at_any_time(books)), [str(slow)])
    books = bank.books(asked, order["id"])
    return Settled(len(books.charges), list(money.flaws(order, books)), [])


def _is_charged(order: dict[str, Any]) -> bool:
    return money.is_still(order, card=True)


def _differences(
    answers: Sequence[Answer], orders: int, charges: int, *, is_late: bool
) -> Iterator[str]:
    refused = [each for each in answers if each.position is None]
    if refused:
        yield f"{len(refused)} were not recorded: {refused[0].status} {refused[0].body}"
    said = {(each.body["id"], each.body["subject"]) for each in answers if each.position}
    if len(said) != 1:
        yield f"{len(said)} different ids were answered"
    if orders != 1:
        yield f"the customer has {orders} orders"
    if charges > 1 or (charges == 0 and not is_late):
        yield f"the bank was asked for {charges} charges"
