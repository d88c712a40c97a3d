"""Who comes into the café, when, and what they want: the same numbers give the same morning.

Six in ten come in the rush, which is the middle fifth of the time. The tag of a morning names its
people, products and keys, so that two mornings never meet, and the same one played again within a
day says nothing new.
"""

from __future__ import annotations

import hashlib
import random
from dataclasses import dataclass
from typing import Any

MENU = (("espresso", 220), ("flat-white", 380), ("cinnamon-bun", 310), ("plum-cake", 2400))
OPTIONS = ("oat milk", "decaf", "extra hot")
NAMES = "Ada Ben Cleo Dina Emil Fay Gus Hana Ivo June Kai Lena Milo Nora Otto Pia Quin Rosa Sam"
APPROVED, DECLINED, POOR = "tok_approved", "tok_declined", "tok_insufficient_funds"
SLOW, ERROR_AFTER = "tok_slow", "tok_error_after"


@dataclass(frozen=True, slots=True)
class Visit:
    """One customer, who comes in `at` seconds after the doors are opened.

    `card` is given with the order, `second` when that one is declined; `patience` is after how
    many seconds they want nothing any more.
    """

    at: float
    name: str
    key: str
    lines: tuple[tuple[str, int], ...]
    wish: str
    delivered: bool
    card: str | None
    second: str | None
    patience: float | None

    @property
    def body(self) -> dict[str, Any]:
        """What is sent to order it."""
        lines = [
            {"productId": product, "quantity": quantity, "options": [self.wish]}
            for product, quantity in self.lines
        ]
        way = {"deliver": {"address": "12 Long Lane"}} if self.delivered else {"collect": True}
        paid = {"payment": {"token": self.card}} if self.card else {}
        return {"lines": lines, "name": self.name, **way, **paid}


@dataclass(frozen=True, slots=True)
class Morning:
    """A morning's goods, which a merchant lists first, and its visits in the order of coming."""

    tag: str
    goods: tuple[dict[str, Any], ...]
    visits: tuple[Visit, ...]


def write(*, customers: int, seconds: float, seed: int) -> Morning:
    """The script of a morning."""
    numbers = ("cafe", customers, seconds, seed)
    tag = hashlib.sha256(repr(numbers).encode()).hexdigest()[:6]
    chance = random.Random(repr(numbers))
    coming = sorted(_arrival(chance, seconds) for _ in range(customers))
    visits = tuple(_visit(tag, chance, number, at) for number, at in enumerate(coming))
    return Morning(tag, tuple(_good(tag, *good) for good in MENU), visits)


def _arrival(chance: random.Random, seconds: float) -> float:
    rush = chance.random() < 0.6
    return seconds * (chance.uniform(0.4, 0.6) if rush else chance.random())


def _visit(tag: str, chance: random.Random, number: int, at: float) -> Visit:
    wanted = chance.choices(MENU, (3, 8, 4, 1), k=chance.randint(1, 2))
    lines = {f"{tag}-{name}": chance.randint(1, 3) for name, _ in wanted}
    card = chance.choices(
        (APPROVED, None, DECLINED, POOR, SLOW, ERROR_AFTER), (60, 15, 9, 5, 5, 6)
    )[0]
    return Visit(
        at=at,
        name=f"{chance.choice(NAMES.split())} {number} {tag}",
        key=f"{tag}-{number}",
        lines=tuple(lines.items()),
        wish=chance.choice(OPTIONS),
        delivered=f"{tag}-plum-cake" in lines,
        card=card,
        second=chance.choices((APPROVED, DECLINED, None), (6, 1, 3))[0],
        patience=chance.uniform(0, 2) if chance.random() < 0.12 else None,
    )


def _good(tag: str, name: str, amount: int) -> dict[str, Any]:
    return {
        "id": f"{tag}-{name}",
        "brand": "Corner",
        "name": name.replace("-", " "),
        "description": "",
        "category": "café",
        "price": {"amount": amount, "currency": "EUR"},
    }
