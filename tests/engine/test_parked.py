"""What cannot be folded stands aside: one subject, in one view; everything else goes on."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import count, pairwise
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from simulator import refusal
from worlds import CODE, START, World, said, simulated

from chalicelib import projector, store
from chalicelib.decisions import DECIDERS
from chalicelib.decisions.product import Product
from chalicelib.errors import CloudFailure
from chalicelib.events import Event, product
from chalicelib.projector import Code
from chalicelib.projector import chunk as chunks
from chalicelib.store import Add, Key, Put, Write
from chalicelib.view import View
from ops import naive

SHARD = "shardId-000000000000"
OTHER = "shardId-000000000001"
Reduce = Callable[[Event, Any, Any], Iterable[Write]]


def own(event: Event, *_: Any) -> Iterator[Write]:
    """What a well-behaved view writes: an own row and a tally."""
    yield Put(Key("rows", event.subject), {"last": event.envelope.id}, listing=("all", event.time))
    yield Add(Key("tally", event.actor), 1, ranking="top")


def view(name: str, reduce: Reduce) -> View:
    """A view of the photographs, over this reducer."""
    return View(name, 1, (product.Photographed,), reduce)


def bad_for(subject: str, reduce: Reduce) -> Reduce:
    """`own`, but for one subject something else."""

    def chosen(event: Event, before: Any, after: Any) -> Iterable[Write]:
        return reduce(event, before, after) if event.subject == subject else own(event)

    return chosen


def explodes(*_: Any) -> Iterable[Write]:
    """What a reducer with a mistake in it does."""
    raise ZeroDivisionError("by this event")


def with_views(*views: View) -> Code:
    """The shop's deciders and these views."""
    return Code(DECIDERS, views)


def photographs(world: World, *subjects: str, shard: str = SHARD) -> None:
    """A photograph of each of the subjects, in this order."""
    for subject in subjects:
        number = 1 + sum(map(len, world.logs.values()))
        now = START + number * 10
        world.say(shard, said("photographed", subject, now, number), now)


def parked(world: World) -> dict[str, list[str]]:
    """Who is parked in which view, by the checkpoints."""
    found: dict[str, list[str]] = {}
    for checkpoint in world.checkpoints().values():
        for name, subjects in checkpoint["parked"].items():
            found[name] = sorted([*found.get(name, []), *subjects])
    return found


def folded(world: World, *cuts: int) -> None:
    """All that lies on the shards, in batches cut here; the rows are the naive fold's."""
    for shard, records in world.logs.items():
        edges = [0, *cuts, len(records)]
        for start, end in pairwise(edges):
            if start < end:
                projector.project(world.batch(shard, start, end), world.code)
    assert world.rows() == world.fold().rows


@pytest.fixture
def world() -> Iterator[World]:
    """A shop with two views, one of which cannot fold product/1."""
    made = World(code=with_views(view("good", own), view("bad", bad_for("product/1", explodes))))
    with simulated(made):
        yield made


def last(world: World, name: str, subject: str) -> str | None:
    """The id of the last event that the view's row of the subject has seen."""
    row = world.rows().get((f"{name}@1/rows", subject))
    return None if row is None else row["body"]["last"]


@pytest.mark.parametrize("cut", [1, 2, 3, 4])
def test_a_poison_event_parks_its_subject_in_one_view_only(world, cut):
    photographs(world, "product/1", "product/2", "product/1", "product/12")
    folded(world, cut)
    assert parked(world) == {"bad@1": ["product/1"]}
    assert last(world, "good", "product/1") == "e3"
    assert last(world, "bad", "product/1") is None
    assert last(world, "bad", "product/2") == "e2"
    assert last(world, "bad", "product/12") == "e4"


def test_the_state_before_the_poison_event_is_kept_and_the_verdict_says_parked(world):
    world.say(SHARD, said("created", "product/1", START, 1), START)
    photographs(world, "product/1", "product/1")
    folded(world)
    row = world.rows()["parked@bad@1/product/1", "product/1"]
    kept = Product.model_validate_json(row["body"]["state"])
    assert (kept.image, kept.creator, row["body"]["version"]) == (None, "ada", 1)
    (verdict,) = [row for key, row in world.rows().items() if key[0].startswith("verdict/")]
    assert verdict["body"]["verdict"] == "parked"
    assert verdict["body"]["views"] == ["bad@1"]


def test_a_view_that_fails_in_the_middle_of_its_rows_writes_none_of_them(world):
    def half(event: Event, *_: Any) -> Iterator[Write]:
        yield from own(event)
        raise ZeroDivisionError

    world.code = with_views(view("bad", half), view("good", own))
    photographs(world, "product/1")
    folded(world)
    assert not [key for key in world.rows() if key[0].startswith("bad@1/")]


def evolving(evolve: Callable[[Any, Event], Any]) -> Code:
    """The shop, but products evolve in another way."""
    decider = replace(DECIDERS["product"], evolve=evolve)
    return replace(CODE, deciders={**DECIDERS, "product": decider})


def test_a_decider_that_raises_parks_its_subject_for_all_views_and_keeps_its_state(world):
    def evolve(state: Any, event: Event) -> Any:
        if event.envelope.id == "e2":
            raise ZeroDivisionError
        return DECIDERS["product"].evolve(state, event)

    world.code = evolving(evolve)
    for number, subject in enumerate(["product/1", "product/1", "product/1", "product/2"], 1):
        move = "created" if number in (1, 4) else "photographed"
        world.say(SHARD, said(move, subject, START, number), START)
    folded(world)
    assert parked(world) == {"*": ["product/1"]}
    row = json.loads(world.rows()["subject@2/product/1", "product/1"]["body"]["state"])
    assert "image" not in row or row["image"] is None
    assert ("catalog@1/products/2", "product/2") in world.rows()


@pytest.mark.parametrize(
    "changes",
    [
        {"type": "tillstream.product.photographed.v2"},
        {"type": "tillstream.product.eaten.v1"},
    ],
)
def test_a_type_or_version_that_this_code_does_not_know_parks_its_subject_for_all(world, changes):
    world.say(SHARD, said("photographed", "product/1", START, 1, **changes), START)
    photographs(world, "product/1", "product/2")
    folded(world)
    assert parked(world) == {"*": ["product/1"]}
    assert last(world, "good", "product/2")


def test_data_that_the_model_refuses_is_quarantined_and_parks_nobody(world):
    world.say(SHARD, said("photographed", "product/2", START, 1, data={"image": 7}), START)
    photographs(world, "product/2")
    folded(world)
    assert parked(world) == {}
    assert last(world, "good", "product/2") == "e2"
    (row,) = [row for key, row in world.rows().items() if key[0].startswith("verdict/")]
    assert row["body"]["reason"] == "InvalidData"


def test_a_view_that_parks_more_than_a_hundred_leaves_the_live_set_and_the_others_go_on(world):
    world.code = with_views(view("bad", explodes), view("good", own))
    photographs(world, *(f"product/{number}" for number in range(103)))
    folded(world, 50, 100)
    (checkpoint,) = world.checkpoints().values()
    assert checkpoint["views"] == ["good@1"]
    assert checkpoint["parked"] == {}
    assert ("left/bad@1", "live") in world.rows()
    assert last(world, "good", "product/102")


def test_a_hundred_parked_are_not_too_many(world):
    world.code = with_views(view("bad", explodes), view("good", own))
    photographs(world, *(f"product/{number}" for number in range(100)))
    folded(world)
    (checkpoint,) = world.checkpoints().values()
    assert checkpoint["views"] == ["bad@1", "good@1"]
    assert len(checkpoint["parked"]["bad@1"]) == 100


@pytest.mark.parametrize("order", [[SHARD, OTHER], [OTHER, SHARD]])
def test_two_shards_that_a_view_leaves_leave_the_same_rows_in_any_order(monkeypatch, order):
    monkeypatch.setattr(chunks, "MOST_PARKED", 2)
    world = World({SHARD: [], OTHER: []}, code=with_views(view("bad", explodes)))
    photographs(world, *(f"product/{number}" for number in range(3)))
    photographs(world, *(f"product/{number}" for number in range(3, 6)), shard=OTHER)
    with simulated(world):
        for shard in order:
            projector.project(world.batch(shard), world.code)
        assert world.rows()["left/bad@1", "live"] == {"body": {"view": "bad@1"}}


def test_a_view_that_left_in_a_parent_is_not_live_in_its_child(monkeypatch):
    monkeypatch.setattr(chunks, "MOST_PARKED", 2)
    world = World({SHARD: [], OTHER: [SHARD]}, code=with_views(view("bad", explodes)))
    photographs(world, *(f"product/{number}" for number in range(3)))
    photographs(world, "product/3", shard=OTHER)
    with simulated(world):
        for shard in (SHARD, OTHER):
            projector.project(world.batch(shard), world.code)
        assert [found["views"] for found in world.checkpoints().values()] == [[], []]


def test_a_child_inherits_who_is_parked(world):
    world = World({SHARD: [], OTHER: [SHARD]}, code=world.code)
    with simulated(world):
        photographs(world, "product/1")
        photographs(world, "product/1", "product/2", shard=OTHER)
        folded(world)
        assert world.checkpoints()[f"tillstream-test-1/{OTHER}"]["parked"].keys() == {"bad@1"}


def test_when_most_cannot_be_folded_at_all_the_shard_waits_and_a_mended_code_heals_it(
    world, monkeypatch
):
    monkeypatch.setattr(store, "MOST_ROWS", 100)

    def evolve(state: Any, event: Event) -> Any:
        raise ZeroDivisionError

    mended, world.code = world.code, evolving(evolve)
    photographs(world, *(f"product/{number}" for number in range(2, 104)))
    projector.project(world.batch(SHARD), world.code)
    assert len(parked(world)["*"]) == 100
    assert world.rows() == world.explained(), "what waits has no rows yet"
    world.code = mended
    projector.sweep(world.code)
    for record in world.logs[SHARD][100:]:
        position = f"tillstream-test-1/{SHARD}:{record.sequence}"
        assert (f"verdict/{position}", "verdict") not in world.rows()


def test_a_table_emptied_while_a_refused_row_is_looked_for_loses_nothing(world, monkeypatch):
    """Singly means after the checkpoint that the chunk stood on, not after any that is found."""
    monkeypatch.setattr(projector, "GROUP", 2)
    world.code = with_views(view("good", own))
    photographs(world, *(f"product/{number}" for number in range(6)))
    for start in (0, 2):
        projector.project(world.batch(SHARD, start, start + 2), world.code)
    writes = count()

    def around(when: str, service: str, operation: str, request: Any) -> None:
        if when != "before" or operation != "transact_write_items":
            return
        match next(writes):
            case 0:  # the last chunk's: meanwhile the table is emptied and filled in part
                world.drop()
                world.create()
                with pytest.raises(CloudFailure):
                    projector.project(world.batch(SHARD, 4, 6), world.code)
                raise refusal("TransactWriteItems", "ValidationException")
            case 3:  # the refill's: it has created the checkpoint and folded the first segment
                raise refusal("TransactWriteItems", "InternalServerError", 500)

    world.cloud.around = around
    projector.project(world.batch(SHARD, 4, 6), world.code)
    assert next(writes) > 4
    projector.sweep(world.code)
    assert world.rows() == world.fold().rows


many = st.lists(st.integers(1, 12), min_size=1, max_size=20)


@given(many, st.lists(st.integers(1, 9), min_size=1, max_size=4), st.integers(1, 12))
@example([9, 8, 7, 6, 5, 4, 3, 2, 1], [1], 9)
@example([9, 8, 7, 6, 5, 4, 3, 2, 1], [9], 9)
def test_a_view_leaves_at_the_same_record_wherever_the_batches_are_cut(subjects, cuts, room):
    world = World(code=with_views(view("bad", explodes), view("good", own)))
    photographs(world, *(f"product/{number}" for number in subjects))
    delivered_in(world, cuts, room)


@given(many, st.lists(st.integers(1, 9), min_size=1, max_size=4), st.integers(1, 12))
@example([9, 8, 7, 6, 5, 4, 3, 2, 1], [9], 9)
def test_a_shard_stops_at_the_same_record_wherever_the_batches_are_cut(subjects, cuts, room):
    def evolve(state: Any, event: Event) -> Any:
        if event.entity in {"1", "2", "3", "7", "9"}:
            raise ZeroDivisionError
        return DECIDERS["product"].evolve(state, event)

    world = World(code=Code(evolving(evolve).deciders, [view("good", own)]))
    photographs(world, *(f"product/{number}" for number in subjects))
    delivered_in(world, cuts, room)


def delivered_in(world: World, cuts: Sequence[int], room: int) -> None:
    """All records in batches of these sizes; few may be parked, and few rows fit in a commit."""
    records = len(world.logs[SHARD])
    with simulated(world) as patch:
        patch.setattr(chunks, "MOST_PARKED", 3)
        patch.setattr(naive, "MOST_PARKED", 3)
        patch.setattr(store, "MOST_ROWS", room)
        start = 0
        while start < records:
            end = start + cuts[start % len(cuts)]
            projector.project(world.batch(SHARD, start, end), world.code)
            start = end
        assert world.rows() == world.fold().rows
