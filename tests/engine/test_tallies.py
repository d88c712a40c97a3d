"""A tally is written once a group: until then the checkpoint keeps what is added to it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from simulator import refusal
from test_misfits import INVALID, refuses
from test_parked import SHARD, own, parked, photographs, view, with_views
from worlds import World, simulated

from chalicelib import checkpoint, projector, store
from chalicelib.errors import CloudFailure
from chalicelib.events import Event
from chalicelib.store import Add, Key, Put, Write

ROOM = 10
TALLY = "good@1/tally", "ada"
Transaction = list[tuple[str, tuple[str, str]]]


@pytest.fixture
def world() -> Iterator[World]:
    """A shop with one view; ten rows a transaction, one group a batch."""
    made = World(code=with_views(view("good", own)))
    with simulated(made) as patch:
        patch.setattr(store, "MOST_ROWS", ROOM)
        patch.setattr(projector, "GROUP", 1000)
        yield made


def transactions(world: World, *, fail_at: int | None = None) -> list[Transaction]:
    """What each transaction does to which row; the one at `fail_at` meets a failing cloud."""
    made: list[Transaction] = []

    def around(when: str, service: str, operation: str, request: Any) -> None:
        if when != "before" or operation != "transact_write_items":
            return
        if len(made) == fail_at:
            raise refusal("TransactWriteItems", "InternalServerError", 500)
        made.append([_told(entry) for entry in request["TransactItems"]])

    world.cloud.around = around
    return made


def _told(entry: dict[str, Any]) -> tuple[str, tuple[str, str]]:
    ((kind, action),) = entry.items()
    key = action.get("Item") or action["Key"]
    return kind, (key["pk"]["S"], key["sk"]["S"])


def ahead(world: World) -> Any:
    (found,) = world.checkpoints().values()
    return found["ahead"]


def everyone(count: int = 12) -> list[str]:
    return [f"product/{number:02d}" for number in range(count)]


def test_a_tally_is_written_once_a_group_by_its_last_transaction(world):
    photographs(world, *everyone(), *everyone())
    made = transactions(world)
    projector.project(world.batch(SHARD), world.code)
    assert len(made) > 3
    assert [("Update", TALLY) in each for each in made] == [False] * (len(made) - 1) + [True]
    assert world.rows() == world.fold().rows
    assert world.rows()[TALLY]["rank"] == 24


def test_until_then_the_checkpoint_keeps_it_and_nothing_of_the_group_is_passed(world):
    photographs(world, *everyone())
    transactions(world, fail_at=2)
    with pytest.raises(CloudFailure):
        projector.project(world.batch(SHARD), world.code)
    found = checkpoint.read(world.shard(SHARD))
    assert found is not None
    assert found.waiting == (Add(Key(*TALLY), 4, "good@1/top"),)
    assert found.position == 0
    assert TALLY not in world.items
    assert world.rows() == world.explained()


@pytest.mark.parametrize("end", [*range(1, 13)])
@pytest.mark.parametrize("fail_at", [2, 3])
def test_whoever_goes_on_with_the_group_writes_it_however_the_group_is_cut(world, fail_at, end):
    photographs(world, *everyone())
    transactions(world, fail_at=fail_at)
    with pytest.raises(CloudFailure):
        projector.project(world.batch(SHARD), world.code)
    transactions(world)
    projector.project(world.batch(SHARD, 0, end), world.code)
    projector.sweep(world.code)
    assert world.rows() == world.fold().rows
    assert world.items[TALLY]["rank"] == {"N": "12"}
    assert ahead(world) is None


def test_where_the_tallies_find_no_room_beside_the_last_rows_they_come_after_them(
    world, monkeypatch
):
    monkeypatch.setattr(store, "MOST_ROWS", 9)
    photographs(world, *everyone(4))
    made = transactions(world)
    projector.project(world.batch(SHARD), world.code)
    _, rows, tallies = made
    assert len(rows) == 9
    assert tallies == [("Put", (checkpoint.PK, str(world.shard(SHARD)))), ("Update", TALLY)]
    assert world.rows() == world.fold().rows


def spread(event: Event, *_: Any) -> Iterator[Write]:
    """An own row, and tallies of which each subject has its own."""
    yield Put(Key("rows", event.subject), {"last": event.envelope.id})
    for number in range(4):
        yield Add(Key(f"tally {number}", event.entity), 1)


@given(st.lists(st.integers(1, 9), min_size=1, max_size=20), st.integers(1, 12))
@settings(max_examples=60)
def test_no_more_tallies_wait_than_one_transaction_takes(subjects, room):
    world = World(code=with_views(view("wide", spread), view("good", own)))
    photographs(world, *(f"product/{number}" for number in subjects))
    with simulated(world) as patch:
        patch.setattr(store, "MOST_ROWS", room)
        patch.setattr(projector, "GROUP", 1000)
        made = transactions(world)
        projector.project(world.batch(SHARD), world.code)
        assert world.rows() == world.fold().rows
        assert max(map(len, made)) <= max(room, 1 + 2 + 2 * 2 + 4), "or one event's"


def test_the_checkpoint_in_which_many_large_tallies_wait_is_no_large_row(world, monkeypatch):
    monkeypatch.setattr(store, "MOST_ROWS", 100)

    def large(event: Event, *_: Any) -> Iterator[Write]:
        yield Put(Key("rows", event.subject), {})
        yield Add(Key("\x00" * 80, f"{event.entity:>080}"), 10**15 - 1, ranking="\x01" * 40)

    world.code = with_views(view("wide", large))
    photographs(world, *everyone(70))
    transactions(world, fail_at=2)
    with pytest.raises(CloudFailure):
        projector.project(world.batch(SHARD), world.code)
    (row,) = [item for key, item in world.items.items() if key[0] == checkpoint.PK]
    assert len(ahead(world)[-1]) == 49
    assert 40_000 < len(row["body"]["S"]) < 50_000
    assert world.rows() == world.explained()


@pytest.mark.parametrize("at", range(12))
def test_what_waits_is_written_before_a_refused_row_is_looked_for(world, at):
    world.code = with_views(view("good", own), view("bad", own))
    photographs(world, *everyone())
    refuses(world, everyone()[at], "bad", INVALID)
    projector.project(world.batch(SHARD), world.code)
    assert parked(world) == {"bad@1": [everyone()[at]]}
    tallies = {key: row["rank"] for key, row in world.rows().items() if "rank" in row}
    assert tallies == {TALLY: 12, ("bad@1/tally", "ada"): 11}
    assert ahead(world) is None


def test_however_much_waits_a_refused_row_parks_its_own_subject_only(world, monkeypatch):
    monkeypatch.setattr(store, "MOST_ROWS", 100)

    def wide(event: Event, *_: Any) -> Iterator[Write]:
        yield Put(Key("rows", event.subject), {"last": event.envelope.id})
        for number in range(3):
            yield Add(Key(f"tally {number}", str(int(event.entity) % 32)), 1)

    world.code = with_views(view("good", own), view("bad", own), view("wide", wide))
    photographs(world, *everyone(50))
    refuses(world, "product/49", "bad", INVALID)
    projector.project(world.batch(SHARD), world.code)
    assert parked(world) == {"bad@1": ["product/49"]}
    assert world.items[TALLY]["rank"] == {"N": "50"}


def mixed(event: Event, *_: Any) -> Sequence[Write]:
    """One key for an own row and a tally, which no view may."""
    key = Key("rows", event.subject)
    return (Add(key, 1), Put(key, {"last": event.envelope.id}))


def test_a_view_that_owns_a_row_and_adds_to_it_blocks_nothing(world):
    world.code = with_views(view("mixed", mixed), view("good", own))
    photographs(world, *everyone(), *everyone())
    projector.project(world.batch(SHARD), world.code)
    assert world.items[TALLY]["rank"] == {"N": "24"}
    assert ahead(world) is None


def test_tallies_that_come_to_nothing_are_rows_all_the_same(world):
    def back(event: Event, *_: Any) -> Iterator[Write]:
        yield from own(event)
        yield Add(Key("back", "and forth"), 1 if event.entity < "06" else -1)

    world.code = with_views(view("good", back))
    photographs(world, *everyone())
    projector.project(world.batch(SHARD), world.code)
    assert world.items["good@1/back", "and forth"]["rank"] == {"N": "0"}
    assert world.rows() == world.fold().rows
