"""Thousands of schedules, each of a seed; and faults planted in the engine, which they find.

SEED=4000 SCHEDULES=20000 python -m pytest tests/engine/test_any_fault.py    more of them

One that fails says the command that plays it again, and it alone.
"""

from __future__ import annotations

import math
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import seeded_owing
import seeded_rebuild
import seeded_redrive
from owing import charge
from planted import PLANTS
from seeded import play

from drills.faults.plan import Fault

MANY = "2000"
PER_OWING = 6  # so many of the log for one of what is owed, which takes longer
PER_REDRIVE = 25  # the same, of what stands still
PER_REBUILD = 50  # and of views that are built anew
SOON = 1000
HERE = Path(__file__)
Tried = Callable[..., Iterator[Any]]


def seeds(one_in: int = 1) -> range:
    """Those that are asked for; of a slower kind fewer, but one."""
    first, count = (int(os.environ.get(n, d)) for n, d in (("SEED", "0"), ("SCHEDULES", MANY)))
    return range(first, first + math.ceil(count / one_in))


@pytest.fixture
def tried(request: pytest.FixtureRequest) -> Tried:
    """Plays each; of one that fails it is told how this test plays it again."""
    return partial(_tried, f"python -m pytest {request.node.nodeid}")


def _tried(again: str, play: Callable[[int], Any], seeds: range) -> Iterator[Any]:
    for seed in seeds:
        try:
            yield play(seed)
        except Exception as failure:
            told = f"seed {seed} fails; again: SEED={seed} SCHEDULES=1 {again}"
            raise AssertionError(told) from failure


def test_whatever_goes_wrong_at_whichever_call_the_rows_and_the_archive_are_the_logs(tried):
    drawn: Counter[Fault] = Counter()
    for schedule in tried(play, seeds()):
        drawn += schedule.plan.drawn
    assert set(drawn) == set(Fault) or len(seeds()) < SOON


def test_whatever_goes_wrong_what_is_owed_is_done_once_and_one_outcome_counts(tried):
    assert all(tried(seeded_owing.play, seeds(PER_OWING)))


def test_whatever_goes_wrong_what_stood_still_is_redriven_to_the_rows_of_a_fresh_table(tried):
    assert all(tried(seeded_redrive.play, seeds(PER_REDRIVE)))


def test_whatever_goes_wrong_a_view_built_beside_ends_up_read_with_the_rows_of_the_log(
    tried,
):
    assert all(tried(seeded_rebuild.play, seeds(PER_REBUILD)))


def test_a_seed_that_fails_is_told_with_the_command_that_plays_it_and_no_other(tried, monkeypatch):
    def fails(seed: int) -> int:
        assert seed != 4711, "a row is missing"
        return seed

    with pytest.raises(AssertionError) as told:
        list(tried(fails, range(4700, 4720)))
    file = f"tests/engine/{HERE.name}"
    test = "test_a_seed_that_fails_is_told_with_the_command_that_plays_it_and_no_other"
    command = f"SEED=4711 SCHEDULES=1 python -m pytest {file}::{test}"
    assert str(told.value) == f"seed 4711 fails; again: {command}"
    assert "a row is missing" in str(told.value.__cause__)
    monkeypatch.setenv("SEED", "4711")
    monkeypatch.setenv("SCHEDULES", "1")
    assert [*seeds()] == [*seeds(PER_OWING)] == [*seeds(PER_REDRIVE)] == [4711]


def test_a_seed_makes_the_same_calls_and_faults_in_another_process_after_other_seeds():
    some = [str(seed) for seed in range(20, 40, 2)]
    first, second = traced("1", some), traced("2", some[::-1])
    assert len(first) == 4 * len(some)
    assert sorted(first) == sorted(second)


def traced(hashes: str, some: list[str]) -> list[str]:
    """What a process of its own says of these seeds; `hashes` is the order that its sets have."""
    around = os.environ | {"PYTHONHASHSEED": hashes, "PYTHONPATH": str(HERE.parents[2])}
    script = [sys.executable, str(HERE.with_name("traces.py")), *some]
    ran = subprocess.run(script, env=around, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr
    return ran.stdout.splitlines()


@pytest.mark.parametrize("plant", seeded_redrive.PLANTS)
def test_a_rule_of_the_redrive_that_is_left_out_is_found(plant):
    assert is_found(lambda seed: seeded_redrive.play(seed, seeded_redrive.PLANTS[plant]))


def test_a_candidate_that_joins_wherever_the_live_set_stands_is_found():
    plant = seeded_rebuild.joined_where_it_stands
    assert is_found(lambda seed: seeded_rebuild.play(seed, plant))


def test_a_charge_that_is_tried_again_under_another_key_is_found():
    def careless():
        tries = Counter()

        def again(owed):
            tries[owed.id] += 1
            key = owed.id if tries[owed.id] == 1 else f"{owed.id}-{tries[owed.id]}"
            return charge(replace(owed, id=key)).model_copy(update={"todo": owed.id})

        return again

    assert is_found(lambda seed: seeded_owing.play(seed, careless()))


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
