"""What stood still goes on once the code is mended: the rows are those of a table filled anew."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import count
from typing import Any

import pytest
from schedules import Crash
from simulator import refusal
from stories import BRITTLE, BROKEN, MENDED, STUMBLING, sturdy
from worlds import START, World, commandhash, said, simulated

from chalicelib import archive, checkpoint, projector, register, replay, store
from chalicelib.decisions import DECIDERS
from chalicelib.errors import Behind
from chalicelib.events import SYSTEM
from chalicelib.projector import Code
from chalicelib.projector import chunk as chunks
from chalicelib.replay import redrive as redriving
from chalicelib.replay.redrive import Place, Redriven, places, redrive
from chalicelib.views import VIEWS

SHARD, LEFT, RIGHT, MERGED = (f"shardId-{number:012d}" for number in range(4))
CUP = "product/1"


BREAKS_VIEW = {"move": "photographed", "actor": "cyd"}
BREAKS_ALL = {"move": "viewed", "actor": "bob"}


class Shop:
    """A world with broken code, told a line at a time."""

    def __init__(self, world: World) -> None:
        self.world, self.number, self.now = world, 0, START

    def say(
        self, move: str, subject: str = CUP, shard: str = SHARD, gap: int = 10, **more: Any
    ) -> None:
        self.number, self.now = self.number + 1, self.now + gap
        event = said(move, subject, self.now, self.number, **more)
        self.world.say(shard, event, self.now)

    def fold(self, *shards: str) -> None:
        for shard in shards or (SHARD,):
            projector.project(self.world.batch(shard), self.world.code)

    def mend(self) -> None:
        self.world.code = MENDED

    @property
    def parked(self) -> dict[str, set[str]]:
        """Who stands still in which view, by the checkpoints."""
        found: dict[str, set[str]] = {}
        for reached in self.world.checkpoints().values():
            for view, subjects in reached["parked"].items():
                found.setdefault(view, set()).update(subjects)
        return found

    def redrive(self) -> list[Redriven]:
        """Everything that stands still."""
        code = self.world.code
        return [redrive(s, place) for s in redriving.subjects(code) for place in places(s, code)]

    def holds(self) -> None:
        """Nothing stands still, and the rows are those of a table filled anew."""
        assert self.parked == {}
        assert self.world.rows() == self.world.fold().rows


def shop_of(parents: dict[str, list[str]]) -> Iterator[Shop]:
    world = World(parents, code=BROKEN)
    with simulated(world):
        yield Shop(world)


@pytest.fixture
def shop() -> Iterator[Shop]:
    """One shard."""
    yield from shop_of({SHARD: []})


@pytest.fixture
def split() -> Iterator[Shop]:
    """A shard that splits, and whose halves merge again."""
    yield from shop_of({SHARD: [], LEFT: [SHARD], RIGHT: [SHARD], MERGED: [LEFT, RIGHT]})


def eventful(shop: Shop, shard: str = SHARD, again: str = "e1") -> None:
    """Of everything that may become of an event, one; and another subject, which goes on."""
    shop.say("photographed", shard=shard)
    shop.say("purchased", shard=shard, id="k", commandhash=commandhash("buy"))
    shop.say("purchased", shard=shard, id="k", commandhash=commandhash("buy"))
    shop.say("created", shard=shard, id=again, gap=91_000)
    shop.say("updated", shard=shard, expects=77)
    shop.say("photographed", shard=shard, data={"image": 7})
    shop.say("purchased", shard=shard, subject="product/2")
    shop.say("purchased", shard=shard)


def broken(shop: Shop, how: dict[str, str], shard: str = SHARD, **more: Any) -> None:
    shop.say(how["move"], shard=shard, actor=how["actor"], **more)


HOWS = pytest.mark.parametrize("how", [BREAKS_VIEW, BREAKS_ALL], ids=["one view", "all views"])


@HOWS
@pytest.mark.parametrize("room", [3, 9, 100])
def test_it_and_what_waited_are_folded_as_if_it_had_never_stood_still(shop, how, room, monkeypatch):
    monkeypatch.setattr(store, "MOST_ROWS", room)
    shop.say("created")
    broken(shop, how)
    eventful(shop)
    shop.fold()
    assert shop.parked.keys() == {"*" if how is BREAKS_ALL else "brittle@1"}
    shop.mend()
    (done,) = shop.redrive()
    assert (done.since, done.events > 3) == (None, True)
    shop.holds()
    broken(shop, how)
    shop.fold()
    shop.holds()


def test_who_stands_still_in_a_view_and_then_in_all_goes_on_in_both(shop):
    shop.say("created")
    broken(shop, BREAKS_VIEW)
    shop.say("purchased")
    broken(shop, BREAKS_ALL)
    eventful(shop)
    shop.fold()
    shop.mend()
    code = shop.world.code
    one = Place(code, "brittle@1")
    assert redrive(CUP, one) == Redriven("brittle@1", 2, None), "up to where all stand still"
    shop.redrive()
    shop.holds()


@HOWS
def test_what_an_id_is_told_first_is_what_a_fold_from_the_beginning_tells(shop, how):
    shop.say("created")
    broken(shop, how, id="twice")
    shop.say("created", id="twice", gap=91_000)
    shop.say("created", id="twice", gap=91_000)
    shop.fold()
    shop.mend()
    shop.redrive()
    shop.holds()


def test_a_keyed_event_at_which_a_view_stood_still_is_told_as_counted(shop):
    broken(shop, BREAKS_VIEW, id="k", commandhash=commandhash("photograph"))
    shop.fold()
    shop.mend()
    shop.redrive()
    shop.holds()
    assert shop.world.rows()["event/k", f"{CUP} {SYSTEM}"]["body"]["verdict"] == "counted"


@HOWS
def test_it_is_read_through_closed_shards_into_those_that_came_of_them(split, how):
    shop = split
    shop.say("created")
    broken(shop, how)
    eventful(shop, again="a")
    eventful(shop, RIGHT, again="b")
    shop.say("viewed", "product/2", LEFT)
    eventful(shop, MERGED, again="c")
    shop.fold(SHARD, LEFT, RIGHT)
    shop.fold(MERGED)
    shop.mend()
    shop.redrive()
    shop.holds()


@HOWS
def test_code_that_is_not_mended_leaves_it_where_it_is_and_what_goes_on_stops_at_the_next(
    shop, how, monkeypatch
):
    shop.say("created")
    broken(shop, how)
    shop.fold()
    before = shop.world.rows()
    (done,) = shop.redrive()
    assert (done.events, done.since) == (0, "tillstream-test-1/shardId-000000000000:14")
    assert shop.world.rows() == before == shop.world.fold().rows
    shop.say("photographed")
    shop.say("transmogrified")
    shop.say("viewed")
    shop.fold()
    shop.mend()
    shop.redrive()
    assert shop.parked == {"*": {CUP}}, "the code does not know the type"
    assert shop.world.rows() == shop.world.fold().rows


def every_call(shop: Shop) -> Iterator[None]:
    """A redrive that dies at its first moment before or after a call, at its second, and so on."""
    table = dict(shop.world.items)
    for dies_at in count():
        shop.world.items.clear()
        shop.world.items.update(table)
        moments = count()

        def dies(*_: Any, moments: Iterator[int] = moments, dies_at: int = dies_at) -> None:
            if next(moments) == dies_at:
                raise Crash

        shop.world.cloud.around = dies
        try:
            shop.redrive()
        except Crash:
            shop.world.cloud.around = lambda *_: None
            yield
        else:
            return


@HOWS
def test_whoever_dies_before_or_after_any_call_goes_on_where_it_stood(how, split, monkeypatch):
    monkeypatch.setattr(store, "MOST_ROWS", 5)
    shop, deaths, rows = split, 0, None
    broken(shop, how)
    shop.say("photographed")
    shop.say("purchased", shard=LEFT, id="k", commandhash=commandhash("buy"))
    shop.fold(SHARD, LEFT)
    shop.mend()
    for _ in every_call(shop):
        shop.redrive()
        rows = rows or shop.world.fold().rows
        assert (shop.parked, shop.world.rows()) == ({}, rows)
        deaths += 1
    assert deaths > 30


def meanwhile(shop: Shop, operation: str, act: Callable[[int], None], when: str = "before") -> None:
    """Before (or after) each call of this operation that the redrive makes, something happens."""
    calls = count()

    def around(moment: str, service: str, called: str, request: Any) -> None:
        if (moment, called) == (when, operation):
            shop.world.cloud.around = lambda *_: None
            act(next(calls))
            shop.world.cloud.around = around

    shop.world.cloud.around = around


@HOWS
@pytest.mark.parametrize("when", ["before", "after"])
def test_what_arrives_before_each_commit_is_folded_too_by_whoever_comes_to_it(shop, how, when):
    broken(shop, how)
    shop.say("photographed")
    shop.fold()
    shop.mend()

    def more(call: int) -> None:
        if call < 12:
            eventful(shop, again=f"again-{call}")
            shop.fold()

    meanwhile(shop, "transact_write_items", more, when)
    shop.redrive()
    shop.world.cloud.around = lambda *_: None
    shop.holds()


@HOWS
@pytest.mark.parametrize(
    "operation", ["transact_get_items", "batch_get_item", "transact_write_items"]
)
def test_a_shard_that_splits_meanwhile_leaves_no_child_with_whom_it_stands_still(
    split, how, operation
):
    shop = split
    broken(shop, how)
    shop.fold()
    shop.mend()

    def halves(call: int) -> None:
        if call < 2:
            shard = (LEFT, RIGHT)[call]
            shop.say("photographed", "product/2" if call == 0 else CUP, shard)
            shop.fold(shard)

    meanwhile(shop, operation, halves)
    shop.redrive()
    shop.world.cloud.around = lambda *_: None
    shop.holds()


@HOWS
@pytest.mark.parametrize("when", ["before", "after"])
def test_two_at_once_and_a_table_emptied_in_between_fold_nothing_twice(shop, how, when):
    broken(shop, how)
    eventful(shop)
    shop.fold()
    shop.mend()

    def other(call: int) -> None:
        if call == 0:
            shop.redrive()
        elif call == 2:
            shop.world.drop()
            shop.world.create()
            shop.world.code = BROKEN
            projector.sweep(BROKEN)
            shop.mend()

    meanwhile(shop, "transact_write_items", other, when)
    shop.redrive()
    shop.world.cloud.around = lambda *_: None
    shop.redrive()
    shop.holds()


def purchases_meanwhile(shop: Shop, *operations: str) -> None:
    """Before each of these calls somebody buys another product, and the consumer commits."""

    def around(moment: str, service: str, called: str, request: Any) -> None:
        if moment == "before" and called in operations:
            shop.world.cloud.around = lambda *_: None
            shop.say("purchased", "product/2")
            shop.fold()
            shop.world.cloud.around = around

    shop.world.cloud.around = around


def several(shop: Shop, how: dict[str, str]) -> None:
    """One stands still, and three events wait behind it."""
    broken(shop, how)
    for _ in range(3):
        shop.say("photographed")
    shop.fold()
    shop.mend()


@HOWS
def test_a_consumer_that_commits_at_every_listing_of_the_archive_does_not_hold_it_up(
    shop, how, monkeypatch
):
    monkeypatch.setattr(store, "MOST_ROWS", 5)
    several(shop, how)
    (place,) = places(CUP, MENDED)
    purchases_meanwhile(shop, "list_objects_v2")
    assert redrive(CUP, place) == Redriven(place.view, 4, None)
    shop.world.cloud.around = lambda *_: None
    shop.holds()


@HOWS
def test_while_a_consumer_commits_at_every_read_of_the_archive_all_but_the_last_is_folded(
    shop, how, monkeypatch
):
    monkeypatch.setattr(redriving, "MOST_LOST", 5)
    monkeypatch.setattr(archive, "HELD_NAMES", 1000)
    several(shop, how)
    (place,) = places(CUP, MENDED)
    purchases_meanwhile(shop, "list_objects_v2", "get_object")
    with pytest.raises(Behind, match="the consumer was faster 5 times in a row; product/1 goes"):
        redrive(CUP, place)
    shop.world.cloud.around = lambda *_: None
    assert shop.parked == {place.view: {CUP}}
    assert [done.events for done in shop.redrive()] == [1]
    shop.holds()


@HOWS
def test_who_loses_each_commit_says_so_in_the_end_and_has_changed_nothing(shop, how, monkeypatch):
    monkeypatch.setattr(redriving, "MOST_LOST", 20)
    several(shop, how)
    (place,) = places(CUP, MENDED)
    purchases_meanwhile(shop, "transact_write_items")
    with pytest.raises(Behind, match="the consumer was faster 20 times in a row"):
        redrive(CUP, place)
    shop.world.cloud.around = lambda *_: None
    assert [done.events for done in shop.redrive()] == [4]
    shop.holds()


@HOWS
def test_who_is_overtaken_between_two_reads_reads_again(shop, how):
    broken(shop, how)
    shop.say("photographed")
    shop.fold()
    shop.mend()
    (place,) = places(CUP, MENDED)

    def other(call: int) -> None:
        if call == 0:
            shop.redrive()

    meanwhile(shop, "batch_get_item", other)
    assert redrive(CUP, place).since is None
    shop.world.cloud.around = lambda *_: None
    shop.holds()


def test_whose_row_is_lost_is_told_and_nothing_is_changed(shop):
    broken(shop, BREAKS_VIEW)
    shop.fold()
    shop.mend()
    del shop.world.items["parked@brittle@1/product/1", CUP]
    before = dict(shop.world.items)
    with pytest.raises(Behind, match="is lost; `ops rebuild` makes it good"):
        shop.redrive()
    assert shop.world.items == before


@HOWS
@pytest.mark.parametrize("at", range(8))
def test_in_the_middle_of_a_begun_group_nothing_is_folded_twice_and_nothing_lost(
    shop, how, at, monkeypatch
):
    """Of a group that is folded subject by subject, some have passed the event, and some not."""
    monkeypatch.setattr(store, "MOST_ROWS", 3)
    broken(shop, how)
    shop.fold()
    for subject in ("product/0", CUP, "product/2"):
        shop.say("purchased", subject)
    shop.say("updated", expects=77)
    shop.say("purchased")
    shop.mend()

    def everything(call: int) -> None:
        if call == at:
            shop.redrive()

    meanwhile(shop, "transact_write_items", everything)
    shop.fold()
    shop.world.cloud.around = lambda *_: None
    shop.redrive()
    shop.holds()


@HOWS
def test_what_is_archived_and_not_folded_yet_is_left_to_the_consumer(shop, how):
    broken(shop, how)
    shop.say("photographed")
    shop.fold()
    shop.say("photographed")
    archive.append(shop.world.batch(SHARD), lambda _: [])
    shop.mend()
    assert [done.events for done in shop.redrive()] == [2]
    shop.fold()
    shop.holds()


@HOWS
def test_what_was_read_before_the_table_was_emptied_is_not_folded_before_its_turn(
    shop, how, monkeypatch
):
    monkeypatch.setattr(projector, "GROUP", 1)
    broken(shop, how)
    shop.fold()
    shop.say("photographed")
    shop.fold()
    shop.mend()

    def filled_to_the_first(call: int) -> None:
        if call == 0:
            shop.world.drop()
            shop.world.create()
            projector.catch_up(shop.world.shard(SHARD), 0.0, BROKEN)

    meanwhile(shop, "transact_write_items", filled_to_the_first)
    assert [done.events for done in shop.redrive()] == [1]
    shop.world.cloud.around = lambda *_: None
    projector.sweep(MENDED)
    shop.holds()


@HOWS
def test_a_row_that_dynamodb_alone_refuses_leaves_it_at_that_event(shop, how):
    broken(shop, how)
    shop.say("photographed")
    shop.say("photographed", id="refused")
    shop.fold()
    shop.mend()

    def refuses(moment: str, service: str, operation: str, request: Any) -> None:
        rows = str(request) if operation == "transact_write_items" else ""
        if moment == "before" and '"last":"refused"' in rows.replace("\\", ""):
            raise refusal("TransactWriteItems", "ValidationException")

    shop.world.cloud.around = refuses
    shop.redrive()
    assert shop.parked == {"brittle@1": {CUP}}
    row = shop.world.items["parked@brittle@1/product/1", CUP]
    assert "dynamodb refused a row of brittle@1" in row["body"]["S"]
    shop.world.cloud.around = lambda *_: None
    shop.redrive()
    shop.holds()


def test_whom_dynamodb_refuses_whatever_is_left_out_stands_still_for_all(shop):
    broken(shop, BREAKS_ALL)
    shop.say("photographed", id="refused")
    shop.fold()
    shop.mend()

    def refuses(moment: str, service: str, operation: str, request: Any) -> None:
        if moment == "before" and operation == "transact_write_items":
            puts = [w["Put"]["Item"] for w in request["TransactItems"] if "Put" in w]
            if any(item["pk"]["S"] == f"subject@2/{CUP}" for item in puts):
                raise refusal("TransactWriteItems", "ValidationException")

    shop.world.cloud.around = refuses
    (done,) = shop.redrive()
    assert (done.events, shop.parked) == (0, {"*": {CUP}})
    shop.world.cloud.around = lambda *_: None
    shop.redrive()
    shop.holds()


def test_an_event_for_which_one_transaction_is_too_small_is_told_and_nothing_is_changed(
    shop, monkeypatch
):
    broken(shop, BREAKS_ALL)
    shop.fold()
    shop.mend()
    monkeypatch.setattr(redriving, "MOST_TOGETHER", 2)
    before = dict(shop.world.items)
    with pytest.raises(Behind, match="more than one transaction takes"):
        shop.redrive()
    assert shop.world.items == before


def test_code_that_lacks_a_version_which_is_folded_redrives_nothing(shop):
    broken(shop, BREAKS_ALL)
    shop.fold()
    shop.world.code = replace(MENDED, views=VIEWS)
    with pytest.raises(Behind, match="does not have all of"):
        shop.redrive()


def test_a_view_that_stands_still_anew_in_too_many_leaves_the_live_set(shop, monkeypatch):
    monkeypatch.setattr(chunks, "MOST_PARKED", 1)
    broken(shop, BREAKS_VIEW, subject="product/2")
    broken(shop, BREAKS_ALL)
    broken(shop, BREAKS_VIEW)
    shop.fold()
    shop.world.code = replace(BROKEN, deciders=DECIDERS)
    (place, *_) = places(CUP, shop.world.code)
    assert redrive(CUP, place) == Redriven("*", 2, None)
    (found,) = shop.world.checkpoints().values()
    assert "brittle@1" not in found["views"]
    assert found["parked"] == {}
    told = store.get(checkpoint.left_key("brittle@1"))
    assert told is not None
    assert f"; the last was {CUP}: " in told.body["detail"]


NEXT = [*VIEWS, replace(BRITTLE, version=2, reduce=sturdy, older=(MENDED.views[-1],))]


def crash(*_: Any) -> None:
    raise Crash


def holds_in_both(shop: Shop) -> None:
    """Nobody stands still, and both versions have the rows of a fold from the beginning."""
    assert shop.parked == {}
    for view in (MENDED.views[-1], replace(NEXT[-1], build=1)):
        shop.world.code = Code(DECIDERS, [view])
        rows, wanted = shop.world.rows(), shop.world.fold().rows
        own = {key: row for key, row in rows.items() if key[0].startswith(f"{view}/")}
        assert own == {key: row for key, row in wanted.items() if key[0].startswith(f"{view}/")}


def test_a_candidate_that_has_it_parked_too_joins_once_it_is_redriven(shop):
    shop.say("photographed")
    shop.fold()
    assert checkpoint.is_ready()
    broken(shop, BREAKS_ALL)
    shop.say("photographed")
    shop.fold()
    shop.world.code = Code(STUMBLING, NEXT)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(checkpoint, "join", crash)
        with pytest.raises(Crash):
            replay.sweep(shop.world.code)
    shop.world.code = Code(DECIDERS, NEXT)
    shop.redrive()
    replay.sweep(shop.world.code)
    assert register.read().entry("brittle").read == "brittle@2.1"
    holds_in_both(shop)


def test_what_a_candidate_parked_before_it_joined_is_redriven_in_the_live_set_where_it_joined(
    split,
):
    """In a shard that was closed before, the live set never had it."""
    shop = split
    shop.say("photographed")
    shop.fold()
    assert checkpoint.is_ready()
    broken(shop, BREAKS_ALL)
    shop.say("photographed")
    shop.fold()
    for shard in (LEFT, RIGHT):
        shop.say("photographed", CUP if shard == LEFT else "product/2", shard)
        shop.fold(shard)
    shop.world.code, join = Code(STUMBLING, NEXT), checkpoint.join
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(checkpoint, "join", lambda *both: (join(*both), crash()))
        with pytest.raises(Crash):
            replay.sweep(shop.world.code)
    shop.world.code = Code(DECIDERS, NEXT)
    with pytest.raises(Behind, match=r"brittle@2\.1 is joining the live set"):
        shop.redrive()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(replay, "promote", crash)
        with pytest.raises(Crash):
            replay.sweep(shop.world.code)
    assert [done.events for done in shop.redrive()] == [3], "once, by the live set"
    assert places(CUP, shop.world.code) == []
    replay.sweep(shop.world.code)
    assert register.read().entry("brittle").read == "brittle@2.1"
    holds_in_both(shop)
