"""`ops rebuild` over several shards: side by side, told as it comes further, every row paced."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest
from worlds import START, World, said, simulated

from chalicelib import checkpoint, projector, register, replay
from chalicelib.replay import Pace, candidate
from chalicelib.views import scores
from ops import naive
from ops import rebuild as rebuilding
from ops.rebuild import Progress

FIRST, SECOND, CHILD = (f"shardId-{number:012d}" for number in range(3))
EVENTS = 40
PATIENCE_S = 60


@pytest.fixture
def world():
    """Two siblings, a child of one of them, and purchases on each; all of it is folded."""
    made = World({FIRST: [], SECOND: [], CHILD: [FIRST]})
    with simulated(made):
        for number in range(EVENTS):
            now = START + number * 1000
            for shard in (FIRST, SECOND):
                made.say(shard, said("purchased", f"product/{shard[-1]}", now, number), now)
        for number in range(EVENTS):
            now = START + (EVENTS + number) * 1000
            made.say(CHILD, said("purchased", "product/0", now, EVENTS + number), now)
        for shard in made.parents:
            for at in range(0, EVENTS, 10):
                projector.project(made.batch(shard, at, at + 10), made.code)
        assert checkpoint.is_ready()
        yield made


def test_siblings_are_built_at_once_and_a_child_after_its_parent(world, monkeypatch):
    """Neither sibling goes on until both have begun: one after the other they never would."""
    both, begun, step = threading.Barrier(2), [], candidate._step

    def meets(shard, **given):
        begun.append(shard.id)
        if shard.id in (FIRST, SECOND) and begun.count(shard.id) == 1:
            both.wait(PATIENCE_S)
        step(shard, **given)
        begun.append(f"{shard.id} done")

    monkeypatch.setattr(candidate, "_step", meets)
    monkeypatch.setattr(candidate, "ThreadPoolExecutor", ThreadPoolExecutor)
    found = rebuilding.rebuild(scores.VIEW, 1e9, Progress())
    assert (found.read, found.differences) == ("scores@2.1", [])
    assert begun.index(CHILD) > begun.index(f"{FIRST} done")


def test_every_row_that_a_candidate_writes_is_paced(world, monkeypatch):
    """Its first checkpoint of each shard, and its joining there, are all that is not."""
    written, told = [], []

    def noted(when, service, operation, request):
        if (when, operation) == ("after", "transact_write_items"):
            first, *more = request["TransactItems"]
            put = first["Put"]
            mine = put["Item"]["pk"]["S"] == "checkpoint/scores@2.1"
            if mine and put["ConditionExpression"] != "attribute_not_exists(pk)":
                written.append(1 + len(more))

    monkeypatch.setattr(world.cloud, "around", noted)
    monkeypatch.setattr(Pace, "__call__", lambda _, rows: told.append(rows))
    assert rebuilding.rebuild(scores.VIEW, None, Progress()).differences == []
    assert sum(written) > 3 * EVENTS / 5
    assert told == written


def test_to_compare_it_holds_the_rows_of_the_version_and_no_others(world, monkeypatch):
    """Of those that are read, and of those that the log comes to."""
    held, made = [], naive.table.rows_for

    def told(only):
        held.append(made(only))
        return held[-1]

    monkeypatch.setattr(naive, "rows_for", told)
    monkeypatch.setattr(naive.table, "rows_for", told)
    assert rebuilding.rebuild(scores.VIEW, 1e9, Progress()).differences == []
    assert held[0] == held[1]
    assert {pk for pk, _ in held[0]} == {"scores@2.1/creator", "scores@2.1/photographer"}
    assert len(held[0]) == 2
    assert len(world.rows()) > len(held[0])


def test_what_is_told_never_goes_back_and_ends_at_a_hundred(world):
    """The candidate comes five records a call further; what is done is told after each."""
    told, steps = [], []
    progress, named = Progress(lambda: steps.append(1)), register.read()
    register.change(named, "scores", replay.begun(scores.VIEW, named.entry("scores"), 2))
    version = register.read().entry("scores").next
    own = replace(world.code, views=[world.code.view(version)], whose=version)
    for shard in world.parents:
        for _ in range(EVENTS // 5):
            projector.catch_up(world.shard(shard), 0.0, own)
            progress.built(version)
            told.append(len(steps))
    assert told == sorted(told)
    assert len(set(told)) > 10
    assert 0 < told[0] < told[-1] == 100
    progress.whole()
    assert len(steps) == 100, "and no more than that"
