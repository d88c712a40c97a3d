"""The table may be missing or empty at any moment; it fills again, by batches or by the sweep."""

from __future__ import annotations

import gzip
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from simulator import refusal
from test_any_schedule import Watch
from worlds import START, World, said, simulated

from chalicelib import archive, checkpoint, projector, read
from chalicelib.decisions import DECIDERS
from chalicelib.errors import CatchingUp, CloudFailure
from chalicelib.http import Request
from chalicelib.projector import Code
from chalicelib.views import VIEWS

BUSY, IDLE, CLOSED, OLD = (f"shardId-{number:012d}" for number in range(4))
CHILD = "shardId-000000000004"


@pytest.fixture
def world() -> Iterator[World]:
    """A shop with a busy shard, an idle one, a closed one with a child, and an older stream."""
    parents: dict[str, list[str]] = {BUSY: [], IDLE: [], CLOSED: [], OLD: [], CHILD: [CLOSED]}
    made = World(parents, {name: "tillstream-test-2" for name in parents if name != OLD})
    order = [OLD, CLOSED, BUSY, IDLE, CHILD]
    moves = ["created", "purchased", "photographed", "purchased"]
    for at, shard in enumerate(order):
        for number, move in enumerate(moves, 10 * at):
            family = "heirs" if shard in (OLD, CLOSED, CHILD) else shard
            subject, now = f"product/{family}{number % 2}", START + number * 1000
            stream = made.shard(shard).stream
            made.say(shard, said(move, subject, now, number, stream=stream), now)
    with simulated(made):
        for shard in order:
            projector.project(made.batch(shard))
        assert checkpoint.is_ready()
        yield made


def empty(world: World) -> None:
    world.drop()
    world.create()
    archive._tails.clear()


def test_one_sweep_fills_an_emptied_table_again_idle_and_closed_shards_and_all(world):
    before = world.rows()
    empty(world)
    projector.sweep()
    assert world.rows() == before == world.fold().rows
    assert ("ready", "live") in world.items, "and whoever asks is answered"


def test_a_view_answers_once_the_table_was_filled_for_it(world):
    newer, request = replace(VIEWS[0], version=99), Request("GET", "/")
    read.rows(request, view=VIEWS[0])
    with pytest.raises(CatchingUp):
        read.rows(request, view=newer)
    empty(world)
    projector.sweep(Code(DECIDERS, [*VIEWS, newer]))
    read.rows(request, view=newer)


def test_a_batch_of_one_shard_fills_that_shard_and_what_it_came_from(world):
    empty(world)
    world.say(
        CHILD,
        said("viewed", "product/heirs1", START + 99_000, 99, stream="tillstream-test-2"),
        START + 99_000,
    )
    projector.project(world.batch(CHILD, 4))
    filled = {shard.rpartition("/")[2] for shard in world.checkpoints()}
    assert filled == {OLD, CLOSED, CHILD}
    assert world.rows() == world.explained()
    assert not checkpoint.is_ready(), "the idle shards are not filled yet"
    projector.sweep()
    assert checkpoint.is_ready()
    assert world.rows() == world.fold().rows


def test_while_the_table_is_missing_batches_fail_and_their_records_are_archived(world):
    world.drop()
    now = START + 99_000
    world.say(IDLE, said("viewed", f"product/{IDLE}1", now, 99, stream="tillstream-test-2"), now)
    with pytest.raises(CloudFailure):
        projector.project(world.batch(IDLE, 4))
    with pytest.raises(CloudFailure):
        projector.sweep()
    with pytest.raises(CloudFailure):
        checkpoint.is_ready()
    assert archive.head(world.shard(IDLE)) == world.logs[IDLE][3].sequence
    world.create()
    projector.sweep()
    assert world.rows() == world.fold().rows


def test_an_emptied_table_is_not_ready_until_every_shard_is_level(world):
    watch = Watch(world)
    empty(world)
    watch.look()
    for shard in (OLD, CLOSED, BUSY, IDLE):
        projector.catch_up(world.shard(shard), float("inf"))
        assert not checkpoint.is_ready()
        watch.look()
    projector.catch_up(world.shard(CHILD), float("inf"))
    assert checkpoint.is_ready()
    watch.look()


def test_ready_stays_when_the_shop_is_behind_again(world):
    now = START + 99_000
    world.say(IDLE, said("viewed", f"product/{IDLE}1", now, 99, stream="tillstream-test-2"), now)
    archive.append(world.batch(IDLE, 4), lambda _: [])
    assert not checkpoint.is_level(world.shard(IDLE), checkpoint.read(world.shard(IDLE)))
    assert checkpoint.is_ready()


def test_a_shop_without_segments_is_ready_and_writes_no_row():
    world = World()
    with simulated(world):
        assert checkpoint.is_ready()
        assert not world.items


def test_a_batch_that_comes_far_behind_is_archived_and_folds_as_far_as_its_time_goes(
    world, monkeypatch
):
    for number in range(30):
        now = START + 100_000 + number
        event = said("viewed", f"product/{BUSY}1", now, 200 + number, stream="tillstream-test-2")
        world.say(BUSY, event, now)
    empty(world)
    for number in range(4, 33):
        archive.append(world.batch(BUSY, number, number + 1), lambda _: [])
    monkeypatch.setattr(projector, "CATCH_UP_S", 0.0)
    projector.project(world.batch(BUSY, 33, 34))
    reached = world.checkpoints()[str(world.shard(BUSY))]
    assert 0 < int(reached["position"]) < world.logs[BUSY][-1].sequence
    assert archive.head(world.shard(BUSY)) == world.logs[BUSY][-2].sequence
    assert world.rows() == world.explained()
    monkeypatch.setattr(projector, "CATCH_UP_S", 60.0)
    projector.sweep()
    assert world.rows() == world.fold().rows


def spoilt(body: bytes, old: bytes, new: bytes) -> bytes:
    text = gzip.decompress(body)
    assert old in text
    return gzip.compress(text.replace(old, new, 1))


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"{", b"damaged"),
        (b'"clock":', b'"clock":"x","was":'),
        (b',"product/', b'.5,"product/'),
        (b"{", b"[" * 100_000),
    ],
)
def test_a_damaged_segment_stops_its_shard_alone_and_is_told(world, capsys, old, new):
    kept = world.cloud["s3"].buckets["archive"]
    name = next(name for name in kept if f"/{BUSY}/" in name)
    kept[name] = spoilt(kept[name], old, new)
    empty(world)
    projector.sweep()
    assert "is damaged" in capsys.readouterr().err
    filled = {shard.rpartition("/")[2] for shard in world.checkpoints()}
    assert {OLD, IDLE, CLOSED, CHILD} <= filled
    assert not checkpoint.is_ready()


def test_a_shard_for_which_the_cloud_fails_does_not_keep_the_sweep_from_the_others(world):
    empty(world)

    def around(when: str, service: str, operation: str, request: Any) -> None:
        if f"/{BUSY}" in str(request):
            raise refusal(operation, "InternalServerError", 500)

    world.cloud.around = around
    with pytest.raises(CloudFailure):
        projector.sweep()
    filled = {shard.rpartition("/")[2] for shard in world.checkpoints()}
    assert filled == {OLD, IDLE, CLOSED, CHILD}
