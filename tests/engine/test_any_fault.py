"""Thousands of schedules, each of a seed; and faults planted in the engine, which they find.

SEED=4000 SCHEDULES=20000 python -m pytest tests/engine/test_any_fault.py    more of them
SEED=4711 SCHEDULES=1 python -m pytest tests/engine/test_any_fault.py        one again
"""

from __future__ import annotations

import os
from collections import Counter

import pytest
from planted import PLANTS
from seeded import play

from drills.faults.plan import Fault

FIRST = int(os.environ.get("SEED", "0"))
SCHEDULES = int(os.environ.get("SCHEDULES", "1000"))
SOON = 1000


def test_whatever_goes_wrong_at_whichever_call_the_rows_and_the_archive_are_the_logs():
    drawn: Counter[Fault] = Counter()
    for seed in range(FIRST, FIRST + SCHEDULES):
        try:
            drawn += play(seed).plan.drawn
        except Exception as failure:
            again = f"SEED={seed} SCHEDULES=1 python -m pytest tests/engine/test_any_fault.py"
            raise AssertionError(f"seed {seed} fails; again: {again}") from failure
    assert set(drawn) == set(Fault) or SCHEDULES < SOON


@pytest.mark.parametrize("seed", [3, 11])
def test_a_seed_makes_the_same_calls_and_the_same_faults_again(seed):
    assert play(seed).trace == play(seed).trace


@pytest.mark.parametrize("plant", PLANTS)
def test_a_rule_of_the_engine_that_is_left_out_is_found(plant):
    for seed in range(SOON):
        try:
            play(seed, plant)
        except Exception:
            return
    pytest.fail(f"{SOON} schedules do not find that the engine is {plant}")
