"""The same of what is owed: workers, sweeps, pokes and a provider of charges, and everything fails.

A provider that knows its keys must have charged each order once, whatever its answers were, and
one outcome of each to-do must count.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable

import pytest
from faulty import Faulty
from owing import PLACED, Till, charge, owing
from schedules import Crash
from test_todos_crash import open_shop
from worlds import cheaply_signed

from chalicelib import archive, config, projector, todos
from chalicelib.errors import CloudFailure
from chalicelib.todos import Kind
from drills.faults.plan import Plan

DEEPEST = 2
CRASH, OTHERS = 0.01, 0.03
MOST_RETRIES = 5
ORDERS = ("order/1", "order/2", "order/3")


class Schedule:
    """What one seed does to a shop that owes."""

    def __init__(self, seed: int, till: Till) -> None:
        self.dice, self.till, self.depth = random.Random(f"owing {seed}"), till, 0
        self.plan = Plan(f"faults of owing {seed}", self.dice.choice([0.02, 0.06, 0.15]))
        self.placed = ORDERS[: self.dice.randint(1, len(ORDERS))]
        self.trace: list[str] = []
        self.cloud = Faulty(till.world.cloud, self.plan, self._meanwhile, self.trace)

    def run(self) -> None:
        """Orders are placed, everybody has a turn now and then; in the end all goes well."""
        for subject in self.placed:
            self.till.say("placed", subject, PLACED)
        if self.dice.random() < 0.5:
            self.till.say("cancelled", ORDERS[0], {})
        for _ in range(self.dice.randint(4, 12)):
            self.turn()
        self.plan.stop()
        self.till.settle()
        for _ in range(MOST_RETRIES):
            if self.till.given_up():
                self.till.retry()
                self.till.settle()

    def turn(self) -> None:
        """Somebody does something."""
        works: list[Callable[[], object]] = [self.till.deliver, self.till.deliver, self.till.work]
        works += [self.till.work, self._sweep, self.till.later, self._lose, self._empty]
        work = self.dice.choice(works)
        self.trace.append(f"{self.depth} {work.__name__}")
        self.depth += 1
        try:
            work()
        except (Crash, CloudFailure):
            archive._tails.clear()
        finally:
            self.depth -= 1

    def _sweep(self) -> None:
        projector.sweep()
        todos.sweep()

    def _lose(self) -> None:
        """Pokes are lost, or come twice."""
        pokes = self.till.pokes
        pokes[:] = self.dice.choice([[], [*pokes, *pokes]])

    def _empty(self) -> None:
        self.till.world.drop()
        self.till.world.create()

    def _meanwhile(self, when: str) -> None:
        if not 0 < self.depth <= DEEPEST or not self.plan.rate:
            return
        at = self.dice.random()
        if at < CRASH:
            raise Crash
        if at < CRASH + OTHERS or when == "slow":
            self.turn()


def play(seed: int, charge: Kind = charge) -> Schedule:
    """The schedule of this seed, to its end. Raises AssertionError where something is wrong."""
    with owing() as till, pytest.MonkeyPatch.context() as patch:
        cheaply_signed(patch)
        till.kinds["charge"] = charge
        open_shop(till)
        schedule = Schedule(seed, till)
        patch.setattr(config, "client", schedule.cloud.client)
        patch.setattr(time, "sleep", lambda _: None)
        schedule.run()
        check(till, len(schedule.placed))
    return schedule


def check(till: Till, placed: int) -> None:
    """Each was charged once, and nothing is owed any more."""
    assert set(till.provider.effects.values()) == {1}
    assert set(till.outcomes().values()) == {1}
    assert till.provider.effects.keys() == till.outcomes().keys()
    assert len(till.outcomes()) >= placed
    assert till.open() == till.given_up() == []
    assert till.world.rows() == till.world.fold().rows
