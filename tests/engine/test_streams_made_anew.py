"""What a shard comes after when its stream has forgotten it, or is another of the same name."""

from __future__ import annotations

import json

import pytest
from stories import NAMES
from worlds import START, STREAM, World, said, simulated

from chalicelib import archive, config, log, projector
from chalicelib.errors import AnotherStream
from chalicelib.events import Batch, Record, Shard
from local import provision

ZERO, ONE, TWO, THREE = NAMES[:4]


def written(world: World, shard: str, *moves: str) -> None:
    """One product's next events, on the shard."""
    for move in moves:
        now = START + world.number
        event = said(move, "product/1", now, world.number, stream=world.shard(shard).stream)
        world.say(shard, event, now)


def folded(world: World, shard: str) -> None:
    archive._tails.clear()
    projector.project(world.batch(shard), world.code)


def forgotten(world: World, *names: str) -> None:
    """The stream no longer lists them: they were closed a retention ago."""
    for name in names:
        world.cloud["kinesis"].streams[STREAM].pop(name)


def first_parents(world: World, shard: str) -> tuple[str, ...]:
    return archive.get(world.shard(shard), 0).parents


def test_a_child_that_was_idle_until_its_parent_was_forgotten_comes_after_it_all_the_same():
    world = World({ZERO: [], ONE: [ZERO]})
    with simulated(world):
        written(world, ZERO, "created", "purchased")
        folded(world, ZERO)
        forgotten(world, ZERO)
        written(world, ONE, "purchased")
        folded(world, ONE)
        assert first_parents(world, ONE) == (str(world.shard(ZERO)),)
        assert world.rows() == world.fold().rows


def test_so_does_the_child_of_an_empty_shard_that_was_forgotten_with_all_before_it():
    world = World({ZERO: [], ONE: [ZERO], TWO: [ONE], THREE: [TWO]})
    with simulated(world):
        written(world, ZERO, "created")
        folded(world, ZERO)
        written(world, ONE, "purchased")
        folded(world, ONE)
        forgotten(world, ZERO, ONE, TWO)
        written(world, THREE, "purchased")
        folded(world, THREE)
        assert first_parents(world, THREE) == (str(world.shard(ONE)),)
        world.drop()
        world.create()
        folded(world, THREE)
        assert len(world.checkpoints()) == 3, "what came before was folded first"
        world.parents[THREE] = [ONE]
        assert world.rows() == world.fold().rows


def test_a_merged_shard_comes_after_what_was_behind_its_empty_parent_that_was_forgotten():
    world = World({ZERO: [], ONE: [], TWO: [ONE], THREE: [ZERO, TWO]})
    with simulated(world):
        for shard in (ZERO, ONE):
            written(world, shard, "created")
            folded(world, shard)
        forgotten(world, ONE, TWO)
        written(world, THREE, "purchased")
        folded(world, THREE)
        assert set(first_parents(world, THREE)) == {str(world.shard(each)) for each in (ZERO, ONE)}


def test_the_second_shard_of_a_stream_comes_after_no_shard_that_is_listed():
    world = World({ZERO: [], ONE: []})
    with simulated(world):
        for shard in (ZERO, ONE):
            written(world, shard, "created")
            folded(world, shard)
        assert first_parents(world, ONE) == ()


def begins_anew(world: World, *names: str) -> None:
    """The stream is deleted, and another one of its name begins after all that was said."""
    world.cloud["kinesis"].begins = dict.fromkeys(names, world.number + 1)
    archive._tails.clear()


@pytest.mark.parametrize("shard", [ZERO, ONE], ids=["archived", "never seen before"])
def test_a_shard_of_a_stream_made_anew_under_an_old_name_is_refused_and_nothing_is_dropped(
    capsys, shard
):
    world = World({ZERO: [], ONE: []})
    with simulated(world):
        written(world, ZERO, "created", "purchased")
        folded(world, ZERO)
        before, kept = world.rows(), dict(world.cloud["s3"].buckets["archive"])
        begins_anew(world, ZERO, ONE)
        written(world, shard, "purchased")
        for _ in range(2):
            with pytest.raises(AnotherStream, match="made anew under an old name"):
                projector.project(world.batch(shard, -1), world.code)
            archive._tails.clear()
        assert world.rows() == before
        assert world.cloud["s3"].buckets["archive"] == kept
        lines = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
        assert [line["what"] for line in lines] == ["another-stream"] * 2
        assert lines[0]["shard"] == str(world.shard(ZERO))
        world.cloud["kinesis"].begins = {}
        projector.project(world.batch(shard, -1), world.code)
        assert world.rows() == world.fold().rows, "whose it is, is read"


def test_a_stream_made_anew_is_refused_although_its_shard_splits():
    world = World({ZERO: [], ONE: [ZERO]})
    with simulated(world):
        written(world, ZERO, "created")
        folded(world, ZERO)
        begins_anew(world, ZERO, ONE)
        written(world, ZERO, "purchased")
        with pytest.raises(AnotherStream):
            folded(world, ZERO)


def test_a_process_that_knows_the_shard_asks_the_stream_no_more(monkeypatch):
    world = World({ZERO: []})
    with simulated(world):
        written(world, ZERO, "created")
        folded(world, ZERO)
        monkeypatch.setattr(log, "listed", None)
        written(world, ZERO, "purchased")
        projector.project(world.batch(ZERO), world.code)
        assert world.rows() == world.fold().rows


def test_over_the_wire_too_a_stream_that_was_deleted_and_made_again_is_refused(shop):
    shard = Shard(shop.stream, ZERO)
    first, later = (Record(log.listed(shop.stream)[shard] + n, START, "k", b"") for n in (1, 2))
    projector.project(Batch(shard, (first,)))
    archive._tails.clear()
    projector.project(Batch(shard, (first, later)))
    config.client("kinesis").delete_stream(StreamName=shop.stream)
    provision.make_stream(shop.stream, 1)
    archive._tails.clear()
    with pytest.raises(AnotherStream):
        projector.project(Batch(shard, (Record(log.listed(shop.stream)[shard], START, "k", b""),)))
    assert archive.tail(shard).last == later.sequence
