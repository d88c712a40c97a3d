"""A changed view is built beside the live one, joins it and is read: whatever the schedule."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from schedules import PerProcess, Schedule
from stories import Told, plans, served, sizes, worlds
from worlds import START, World, said, simulated

from chalicelib import archive, checkpoint, projector, read, register, replay, store
from chalicelib.errors import CatchingUp
from chalicelib.events import Event, product
from chalicelib.http import Request
from chalicelib.projector import Code, chunk
from chalicelib.register import Entry, Register
from chalicelib.replay import candidate, sources
from chalicelib.store import Add, Key, Put, Write
from chalicelib.view import View
from chalicelib.views import scores
from ops import naive


def twice(event: Event, before: Any, after: Any) -> Iterator[Write]:
    """The scores, each sale twice."""
    for write in scores.reduce(event, before, after):
        assert isinstance(write, Add)
        yield replace(write, amount=2 * write.amount)


def looks(event: Event, *_: Any) -> Iterator[Write]:
    """A view that nobody had."""
    yield Put(Key(f"products/{event.entity}", event.subject), {"at": event.clock})
    yield Add(Key("looks", event.actor), 1, ranking="looks")


SCORES = replace(scores.VIEW, version=3, reduce=twice, older=(scores.VIEW,))
LOOKS = View("looks", 1, (product.Viewed, product.Purchased), looks)


# What the changed views are fed with, mostly as it should be, and often under a key.
bought = st.builds(
    Told,
    st.integers(0, 3),
    st.integers(0, 2),
    st.sampled_from([0, 2, 3, 4, 4]),
    st.sampled_from(["none"] * 6 + ["keyed"] * 5 + ["again"] * 2 + ["unknown", "expects"]),
    st.sampled_from([1, 40, 900, 14_000, 91_000]),
    st.integers(0, 3),
)


def deployed(before: Code) -> Code:
    """The next release: the scores are changed, and there is a new view."""
    views = [SCORES if view.name == "scores" else view for view in before.views]
    return replace(before, views=[*views, LOOKS])


def named(world: World) -> Register:
    """What the register says."""
    row = register.read()
    assert row is not None
    return row


def folded(world: World) -> dict[str, View]:
    """The versions that the live set folds on every shard where events still arrive."""
    shards = replay.Shards.now()
    versions = {version for found in shards.live.values() for version in found.views}
    known = {version: world.code.view(version) for version in versions if shards.whole(version)}
    return {version: view for version, view in known.items() if view is not None}


def rows_of(rows: naive.Rows, version: str) -> naive.Rows:
    """A version's rows."""
    return {key: row for key, row in rows.items() if key[0].startswith(f"{version}/")}


def expected(world: World, view: View) -> naive.Rows:
    """The view's rows, by the naive fold up to where the live set stands, of this view alone."""
    upto = {shard: naive.Reach.of(found) for shard, found in world.checkpoints().items()}
    code, world.code = world.code, replace(world.code, views=[view])
    rows = world.fold(upto).rows
    world.code = code
    return rows_of(rows, str(view))


def holds(world: World) -> None:
    """Each version that is folded has the rows that the log comes to."""
    rows = world.rows()
    for version, view in folded(world).items():
        if not store.get(checkpoint.left_key(version)):
            assert rows_of(rows, version) == expected(world, view), version


def quiet(world: World, sweeps: int = 8) -> None:
    """Nobody else is there: the sweep alone, each minute."""
    world.cloud.around = lambda *_: None
    world.create()
    archive._tails.clear()
    for _ in range(sweeps):
        replay.sweep(world.code)


@given(
    worlds(steps=bought, least=6) | worlds() | worlds(steps=served),
    plans,
    sizes,
    st.integers(0, 20),
    st.sampled_from([2, 100]),
    st.sampled_from([3, 9]),
)
@settings(max_examples=40)
def test_whatever_the_schedule_the_changed_view_ends_up_read_with_the_rows_of_the_log(
    world, plan, cuts, already, most_parked, room
):
    with simulated(world) as patch:
        patch.setattr(chunk, "MOST_PARKED", most_parked)
        patch.setattr(naive, "MOST_PARKED", most_parked)
        patch.setattr(store, "MOST_ROWS", room)
        patch.setattr(archive, "_tails", PerProcess())
        schedule = Schedule(world, plan)
        deliver_first(world, schedule, already)
        world.code = deployed(world.code)
        for shard in world.parents:
            schedule.add(schedule.deliver(shard, cuts))
        for _ in range(2):
            schedule.add(schedule.rebuilder(3))
        schedule.run()
        quiet(world)
        holds(world)
        if not any("*" in found["parked"] for found in world.checkpoints().values()):
            assert_read(world)


def deliver_first(world: World, schedule: Schedule, already: int) -> None:
    """So many records of each shard are folded by the release before; parents are, to their end."""
    around, world.cloud.around = world.cloud.around, lambda *_: None
    for shard, records in world.logs.items():
        whole = all(
            schedule.done[parent] == len(world.logs[parent]) for parent in world.before(shard)
        )
        end = min(already, len(records)) if whole else 0
        if end:
            projector.project(world.batch(shard, 0, end), world.code)
        schedule.done[shard] = end
    checkpoint.is_ready()
    world.cloud.around = around


def assert_read(world: World) -> None:
    if register.read() is None:  # nothing was ever said
        return
    for name, number in (("scores", 3), ("looks", 1)):
        entry = named(world).entry(name)
        assert register.number_of(entry.read) == number
        assert entry.next is None


def test_a_view_that_parks_too_much_answers_503_and_comes_back_whole_once_its_code_is_mended(
    monkeypatch,
):
    def explodes(*_: Any) -> Iterator[Write]:
        raise ZeroDivisionError

    monkeypatch.setattr(chunk, "MOST_PARKED", 2)
    world, shard, request = World(), "shardId-000000000000", Request("GET", "/")
    broken = replace(LOOKS, reduce=explodes)
    world.code = replace(world.code, views=[*world.code.views, broken])
    with simulated(world):
        for number in range(8):
            now = START + number * 10
            world.say(shard, said("viewed", f"product/{number}", now, number), now)
        projector.project(world.batch(shard, 0, 1), world.code)
        assert checkpoint.is_ready()
        read.settled(lambda: read.rows(request, view=broken))
        projector.project(world.batch(shard, 1, 6), world.code)
        with pytest.raises(CatchingUp):
            read.settled(lambda: read.rows(request, view=broken))
        for _ in range(3):
            replay.sweep(world.code)
        wanted = Entry("looks@1", next="looks@1.1", builds=1, by=sources.digest())
        assert named(world).entry("looks") == wanted
        waiting = checkpoint.read(world.shard(shard), "looks@1.1")
        assert waiting is not None
        assert len(waiting.parked["looks@1.1"]) == 2, "it waits before the third"
        world.code = replace(world.code, views=[*world.code.views[:-1], LOOKS])
        monkeypatch.setattr(replay, "digest", lambda: "mended")
        projector.project(world.batch(shard, 6), world.code)
        replay.sweep(world.code)
        assert named(world).entry("looks").read == "looks@1.2"
        read.settled(lambda: read.rows(request, view=LOOKS))
        looked = rows_of(world.rows(), "looks@1.2")
        assert looked["looks@1.2/looks", "ada"]["rank"] == 8, "nobody stands still in it"
        assert looked == expected(world, replace(LOOKS, build=2))


@pytest.mark.parametrize("explodes_at", ["product/1", "nobody"])
@pytest.mark.parametrize("same", [True, False])
def test_a_candidate_that_other_code_began_goes_on_unless_somebody_stands_still_in_it(
    monkeypatch, explodes_at, same
):
    def explodes(event: Event, *state: Any) -> Iterator[Write]:
        if event.subject == explodes_at:
            raise ZeroDivisionError
        yield from looks(event, *state)

    world, shard = World(), "shardId-000000000000"
    with simulated(world):
        for number in range(4):
            now = START + number * 10
            world.say(shard, said("viewed", f"product/{number}", now, number), now)
        projector.project(world.batch(shard, 0, 3), world.code)
        assert checkpoint.is_ready()
        broken = replace(LOOKS, reduce=explodes)
        world.code = replace(world.code, views=[*world.code.views, broken])
        with monkeypatch.context() as stopped:
            stopped.setattr(candidate, "_joined", lambda *_: True)  # the process ended before
            replay.sweep(world.code)
        assert named(world).entry("looks").next == "looks@1.1"
        folded_to = [checkpoint.read(world.shard(shard), of) for of in ("live", "looks@1.1")]
        assert len({found.position for found in folded_to if found}) == 1
        world.code = replace(world.code, views=[*world.code.views[:-1], LOOKS])
        if not same:
            monkeypatch.setattr(replay, "digest", lambda: "mended")
        replay.sweep(world.code)
        anew = explodes_at != "nobody" and not same
        read_now = named(world).entry("looks").read
        assert read_now == ("looks@1.2" if anew else "looks@1.1")
        whole = explodes_at == "nobody" or anew
        assert rows_of(world.rows(), read_now)[f"{read_now}/looks", "ada"]["rank"] == 2 + whole


def test_who_stands_still_by_the_code_that_last_went_on_is_whole_by_the_code_that_began(
    monkeypatch,
):
    def explodes(event: Event, *state: Any) -> Iterator[Write]:
        if event.subject == "product/3":
            raise ZeroDivisionError
        yield from looks(event, *state)

    world, shard = World(), "shardId-000000000000"
    with simulated(world):
        for number in range(4):
            now = START + number * 10
            world.say(shard, said("viewed", f"product/{number}", now, number), now)
        projector.project(world.batch(shard, 0, 3), world.code)
        assert checkpoint.is_ready()
        mended = replace(world.code, views=[*world.code.views, LOOKS])
        broken = replace(mended, views=[*world.code.views, replace(LOOKS, reduce=explodes)])
        with monkeypatch.context() as stopped:
            stopped.setattr(candidate, "_joined", lambda *_: True)
            replay.sweep(mended)
            stopped.setattr(replay, "digest", lambda: "broken")
            projector.project(world.batch(shard, 3), broken)
            replay.sweep(broken)
        assert replay.standing_in("looks@1.1", replay.Shards.now()) == {"product/3"}
        replay.sweep(mended)
        assert named(world).entry("looks").read == "looks@1.2"
        assert world.rows()["looks@1.2/looks", "ada"]["rank"] == 4


def test_a_version_that_the_code_lacks_leaves_with_a_word_and_the_next_is_built(monkeypatch):
    world, shard, request = World(), "shardId-000000000000", Request("GET", "/")
    with simulated(world):
        for number in range(4):
            now = START + number * 10
            world.say(shard, said("purchased", "product/1", now, number), now)
        projector.project(world.batch(shard, 0, 2), world.code)
        assert checkpoint.is_ready()
        bare = replace(SCORES, older=())
        world.code = replace(world.code, views=[bare])
        projector.project(world.batch(shard, 2, 3), world.code)
        told = store.get(checkpoint.left_key("scores@2"))
        assert told is not None
        assert told.body["detail"] == "the code that ran then did not have it"
        with pytest.raises(CatchingUp):
            read.settled(lambda: read.rows(request, view=bare))
        replay.sweep(world.code)
        projector.project(world.batch(shard, 3), world.code)
        read.settled(lambda: read.rows(request, view=bare))
        assert named(world).entry("scores").read == "scores@3.1"
        holds(world)
