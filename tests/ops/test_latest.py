"""The newest events of many shards and small segments: bounded GETs, and never a hole."""

import random

import pytest
from logbook import Logbook

from chalicelib import archive, checkpoint, latest
from chalicelib.http import Request


@pytest.fixture(autouse=True)
def _unsplit(unsplit, monkeypatch):
    monkeypatch.setattr("chalicelib.log.listed", lambda _: {})


@pytest.fixture
def gets(monkeypatch):
    """The segments that were read."""
    read, real = [], archive.get
    monkeypatch.setattr(archive, "get", lambda *what: read.append(what) or real(*what))
    return read


def told(limit):
    """The ids that the route would tell."""
    assert checkpoint.is_ready()
    request = Request("GET", "/events", query={"limit": str(limit)})
    return [item["id"] for item in latest.events(request)["items"]]


def scattered(shop, shards, segments, seed):
    """Small segments on many shards, at times that mix; ids of all events, newest first."""
    dice, arrivals = random.Random(seed), []
    for book in [Logbook(shop, number) for number in range(shards)]:
        at = 0
        for _ in range(segments):
            records = []
            for _ in range(dice.randrange(1, 4)):
                at += dice.randrange(0, 60)
                records.append(book.record(at=at))
                arrivals.append((records[-1].arrival, book.shard, book.last))
            book.fold(*records)
    return [f"event-{shard.id[-1]}-{last}" for _, shard, last in sorted(arrivals, reverse=True)]


@pytest.mark.parametrize("seed", range(3))
def test_what_is_told_is_exactly_the_newest_with_no_hole(shop, gets, seed):
    whole = scattered(shop, shards=4, segments=14, seed=seed)
    gets.clear()
    for limit in (1, 5, 20, 100):
        found = told(limit)
        assert found == whole[: len(found)]
        assert len(found) == limit or limit > 20
        assert len(gets) <= latest.GETS
        latest._end_of.cache_clear()
        gets.clear()


def test_the_bound_holds_and_what_is_known_already_is_not_read_again(shop, gets):
    whole = scattered(shop, shards=2, segments=40, seed=9)
    gets.clear()
    first = told(100)
    assert len(gets) == latest.GETS
    assert first == whole[: len(first)]
    assert len(first) >= latest.GETS / 2
    gets.clear()
    assert told(10) == whole[:10]
    assert gets == []


def test_a_shard_that_has_long_been_idle_hides_nothing_and_is_not_read_through(shop, gets):
    idle, busy = Logbook(shop), Logbook(shop, 1)
    for _ in range(5):
        idle.fold(idle.record())
    for _ in range(5):
        busy.fold(*(busy.record(at=60_000) for _ in range(4)))
    gets.clear()
    assert told(8) == [f"event-1-{number}" for number in range(20, 12, -1)]
    assert [shard for shard, _ in gets].count(idle.shard) == 2


def test_of_a_segment_that_is_judged_in_part_only_that_part_is_told(shop):
    book = Logbook(shop)
    book.fold(book.record(), book.record(), book.record())
    assert len(told(10)) == 3
    (whole,) = checkpoint.newest(1)
    half = whole.moved(position=2, segment=0)
    checkpoint.commit(whole, half, [])
    assert told(10) == ["event-0-2", "event-0-1"]


def test_an_empty_shop_has_no_events(shop):
    assert told(10) == []


def test_what_is_parked_says_so(shop):
    book = Logbook(shop)
    book.fold(book.record(), book.record("transmogrified", "lamp"), book.record("viewed", "lamp"))
    assert checkpoint.is_ready()
    items = latest.events(Request("GET", "/events"))["items"]
    assert [item["verdict"] for item in items] == ["parked", "parked", "counted"]
