"""Thousands of schedules, each of a seed; and faults planted in the engine, which they find.

SEED=4000 SCHEDULES=20000 python -m pytest tests/engine/test_any_fault.py    more of them
SEED=4711 SCHEDULES=1 python -m pytest tests/engine/test_any_fault.py        one again
"""

from __future__ import annotations

import math
import os
from collections import Counter
from dataclasses import replace

import pytest
import seeded_owing
import seeded_redrive
from owing import charge
from planted import PLANTS
from seeded import play

from drills.faults.plan import Fault

FIRST = int(os.environ.get("SEED", "0"))
SCHEDULES = int(os.environ.get("SCHEDULES", "2000"))
PER_OWING = 6  # so many of the log for one of what is owed, which takes longer
PER_REDRIVE = 25  # the same, of what stands still
SOON = 1000
HERE = "python -m pytest tests/engine/test_any_fault.py"


def test_whatever_goes_wrong_at_whichever_call_the_rows_and_the_archive_are_the_logs():
    drawn: Counter[Fault] = Counter()
    for seed in range(FIRST, FIRST + SCHEDULES):
        try:
            drawn += play(seed).plan.drawn
        except Exception as failure:
            again = f"SEED={seed} SCHEDULES=1 {HERE}"
            raise AssertionError(f"seed {seed} fails; again: {again}") from failure
    assert set(drawn) == set(Fault) or SCHEDULES < SOON


def test_whatever_goes_wrong_what_is_owed_is_done_once_and_one_outcome_counts():
    for seed in range(FIRST, FIRST + math.ceil(SCHEDULES / PER_OWING)):
        try:
            seeded_owing.play(seed)
        except Exception as failure:
            again = f"SEED={seed} SCHEDULES=1 {HERE} -k owed"
            raise AssertionError(f"seed {seed} fails; again: {again}") from failure


def test_whatever_goes_wrong_what_stood_still_is_redriven_to_the_rows_of_a_fresh_table():
    for seed in range(FIRST, FIRST + math.ceil(SCHEDULES / PER_REDRIVE)):
        try:
            seeded_redrive.play(seed)
        except Exception as failure:
            again = f"SEED={seed} SCHEDULES=1 {HERE} -k redriven"
            raise AssertionError(f"seed {seed} fails; again: {again}") from failure


@pytest.mark.parametrize("plant", seeded_redrive.PLANTS)
def test_a_rule_of_the_redrive_that_is_left_out_is_found(plant):
    assert is_found(lambda seed: seeded_redrive.play(seed, seeded_redrive.PLANTS[plant]))


def test_a_charge_that_is_tried_again_under_another_key_is_found():
    def careless():
        tries = Counter()

        def again(owed):
            tries[owed.id] += 1
            key = owed.id if tries[owed.id] == 1 else f"{owed.id}-{tries[owed.id]}"
            return charge(replace(owed, id=key)).model_copy(update={"todo": owed.id})

        return again

    assert is_found(lambda seed: seeded_owing.play(seed, careless()))


@pytest.mark.parametrize("seed", [3, 11])
def test_a_seed_makes_the_same_calls_and_the_same_faults_again(seed):
    assert play(seed).trace == play(seed).trace


@pytest.mark.parametrize("plant", PLANTS)
def test_a_rule_of_the_engine_that_is_left_out_is_found(plant):
    assert is_found(lambda seed: play(seed, PLANTS[plant]))


def is_found(played):
    """Whether one of a thousand schedules ends otherwise than it must."""
    for seed in range(SOON):
        try:
            played(seed)
        except Exception:
            return True
    return False
