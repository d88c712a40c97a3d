"""The rounds: at a moment of the seed the shop, or one part of it, is struck, and comes back.

Of several kinds of strikes each round takes the next. One strike in three of the whole shop falls
while it is still coming up. The seed gives the moments and the commands; what the processes do in
between is their own affair.
"""

from __future__ import annotations

import itertools
import random
import signal
import time
from collections.abc import Sequence
from typing import NamedTuple

from drills.kill.judge import judge
from drills.kill.load import Load
from drills.kill.report import Report
from drills.own import PARTS, Own, Steps, folder, keep

ALL, ANY = "all", "any"
HANDS = 4
MOMENT_S = 2.0
SIGNALS = {"KILL": signal.SIGKILL, "TERM": signal.SIGTERM}


class Strike(NamedTuple):
    """The part that is struck, or ALL, or ANY; and the name of the signal."""

    part: str
    how: str

    def __str__(self) -> str:
        return f"SIG{self.how} to {self.part}"


def play(*, rounds: int, strikes: Sequence[Strike], seed: int, cards: bool, steps: Steps) -> Report:
    """So many rounds on a shop of its own. Raises UnreachableError."""
    what = f"{rounds} rounds of {', '.join(map(str, strikes))}"
    with folder() as place, Own(place) as shop:
        shop.come_back()
        with Load(shop.endpoint, seed, HANDS, cards) as load:
            with steps("rounds", rounds) as step:
                for number, strike in zip(range(rounds), itertools.cycle(strikes), strict=False):
                    _round(shop, strike, random.Random(f"{seed} {number}"))
                    step()
            shop.come_back()
        told = judge(shop, load, what=what, seed=seed, steps=steps)
        if told.differences:
            keep(place)
    return told


def _round(shop: Own, strike: Strike, dice: random.Random) -> None:
    """One strike at a moment of the dice; the shop is there again after it, or is coming up."""
    part, how = strike.part, SIGNALS[strike.how]
    moment, early = dice.uniform(0.0, MOMENT_S), dice.random() < 1 / 3
    if part != ALL or not early:
        shop.come_back()
    time.sleep(moment)
    if part == ALL:
        shop.end(how)
        shop.start()
    else:
        struck = shop.strike(how, [dice.choice(PARTS) if part == ANY else part])
        shop.come_back(struck)
