"""Cards and a cancellation at one moment: paid once at most, and given back if it was for nothing.

    early    the order is cancelled while its card is being charged
    slow     the same, and the bank takes three seconds; another card is offered meanwhile
    cards    the first card is declined, and three others are offered
    change   the same, and the order is cancelled

An order that stays paid is cancelled in the end, so what it cost is given back too.
"""

from __future__ import annotations

import secrets
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from typing import Any

from drills import bank, money
from drills.cafe.script import APPROVED, DECLINED, SLOW
from drills.client import Answer, Client
from drills.loopback import Endpoint
from drills.race.start import Ask, Buyer, SlowError, buyer, path_of

HANDS = 4
EXPECTED = (202, 409)
CANCEL, CARD = "cancelled", "payments"
KINDS = {
    "early": (APPROVED, (CANCEL,)),
    "slow": (SLOW, (CANCEL, CARD)),
    "cards": (DECLINED, (CARD, CARD, CARD)),
    "change": (DECLINED, (CARD, CARD, CANCEL)),
}


@dataclass(frozen=True, slots=True)
class Round:
    """One order: how the race left it, what was charged, what does not hold, what is to come."""

    kind: str
    left: str
    charged: int
    given_back: int
    differences: Sequence[str]
    late: Sequence[str]


@dataclass(frozen=True, slots=True)
class Report:
    """What all rounds came to; `left` counts how races of each kind left their orders.

    `late` names the orders that were not settled in time.
    """

    rounds: int
    left: Mapping[str, int]
    charged: int
    given_back: int
    differences: Sequence[str]
    late: Sequence[str]

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)

    def __str__(self) -> str:
        ways = ", ".join(f"{way} {count}" for way, count in sorted(self.left.items()))
        money = f"{self.charged} charged, {self.given_back} given back"
        return f"{self.rounds} rounds ({ways}): {money}"


def race(shop: Endpoint, at: Endpoint, rounds: int, step: Callable[[], None]) -> Report:
    """So many rounds, a few at a time. Raises UnreachableError."""
    with Client(shop) as client:
        racer = buyer(client)

    def one(number: int) -> Round:
        kind = list(KINDS)[number % len(KINDS)]
        with Client(shop) as client, Client(at) as asked:
            found = _judged(racer, client, asked, kind)
        step()
        return found

    with ThreadPoolExecutor(HANDS) as hands:
        found = list(hands.map(one, range(rounds)))
    return Report(
        rounds=rounds,
        left=dict(Counter(f"{each.kind}: {each.left}" for each in found)),
        charged=sum(each.charged for each in found),
        given_back=sum(each.given_back for each in found),
        differences=[line for each in found for line in each.differences],
        late=[line for each in found for line in each.late],
    )


def _judged(racer: Buyer, client: Client, asked: Client, kind: str) -> Round:
    """One round; of an order that is late, what is wrong at any time."""
    try:
        return _round(racer, client, asked, kind)
    except SlowError as slow:
        books = bank.books(asked, slow.order["id"])
        return Round(
            kind=kind,
            left=slow.order["status"],
            charged=len(books.captured),
            given_back=len(books.refunds),
            differences=_named(list(money.at_any_time(books)), slow.order, kind),
            late=[f"{kind}: {slow}"],
        )


def _round(racer: Buyer, client: Client, asked: Client, kind: str) -> Round:
    card, moves = KINDS[kind]
    placed = racer.say(client, Ask("/orders", racer.cart(card), secrets.token_hex(8)))
    path = path_of(placed)
    if card == DECLINED:
        racer.look(client, path, [placed])
        racer.until(client, path, _is_declined)
    answers = [placed, *racer.at_once([_ask(path, move, placed) for move in moves])]
    racer.look(client, path, answers)
    left = racer.until(client, path, _is_still)
    flaws = list(money.flaws(left, bank.books(asked, left["id"])))
    order = _cancelled(racer, client, path, answers) if left["status"] == "paid" else left
    books = bank.books(asked, order["id"])
    flaws += money.flaws(order, books)
    return Round(
        kind=kind,
        left=left["status"],
        charged=len(books.captured),
        given_back=len(books.refunds),
        differences=[*_differences(order, answers, kind), *_named(flaws, order, kind)],
        late=[],
    )


def _cancelled(racer: Buyer, client: Client, path: str, answers: list[Answer]) -> dict[str, Any]:
    """The order, once it is cancelled too and what was paid is given back."""
    answers.append(racer.say(client, _ask(path, CANCEL, answers[0])))
    racer.look(client, path, answers[-1:])
    return racer.until(client, path, _is_still)


def _ask(path: str, move: str, placed: Answer) -> Ask:
    body = {"token": APPROVED} if move == CARD else {}
    return Ask(f"{path}/{move}", body, secrets.token_hex(8), placed.position)


def _differences(order: dict[str, Any], answers: Sequence[Answer], kind: str) -> Iterator[str]:
    if order["status"] != "cancelled":
        yield from _named([f"it is {order['status']} in the end, not cancelled"], order, kind)
    for answer in answers:
        if answer.status not in EXPECTED:
            said = f"a command was answered {answer.status}: {answer.body}"
            yield from _named([said], order, kind)


def _named(flaws: Sequence[str], order: dict[str, Any], kind: str) -> list[str]:
    return [f"{kind}: order {order['id']}: {flaw}" for flaw in flaws]


def _is_declined(order: dict[str, Any]) -> bool:
    return bool(order["status"] == money.WAITS)


def _is_still(order: dict[str, Any]) -> bool:
    return money.is_still(order, card=True)
