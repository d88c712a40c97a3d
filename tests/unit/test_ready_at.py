"""When an order will be ready: the orders ahead and itself, times how long one takes."""

from __future__ import annotations

import statistics

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from chalicelib import store
from chalicelib.store import Key, Query, Row
from chalicelib.views import queue
from chalicelib.views.queue import FIRST_MS, MINUTE_MS, Line, place_of

DUE = st.integers(1_000_000, 1_000_000_000)
TOOK = st.lists(st.integers(0, 3_600_000), max_size=queue.NEWEST)
DUES = st.lists(DUE, min_size=1, max_size=30, unique=True).map(sorted)
SECOND = st.integers(1, 60)


def place(due: int) -> str:
    return place_of(due, f"order/{due}")


def line_of(dues: list[int], took: list[int], last: int = 0) -> Line:
    return Line([place(due) for due in dues], took, last)


def test_the_first_of_a_shop_is_ready_five_minutes_after_it_was_to_be_made() -> None:
    line = line_of([1_000_000], [])
    assert line.ready_at(place(1_000_000), now=1_000_500) == 1_000_000 + 5 * 60_000


@given(DUES, TOOK, DUE)
@example([1_000_000, 2_000_000], [60_000] * 2, 1_000_000)
@example([1_000_000, 2_000_000], [60_000] * 3, 9_000_000)
def test_each_takes_its_time_after_the_one_ahead_of_it(
    dues: list[int], took: list[int], last: int
) -> None:
    line, now = line_of(dues, took, last), min(dues)
    pace = int(statistics.median(took)) if len(took) >= 3 else FIRST_MS
    told = [line.ready_at(place(due), now) for due in dues]
    begun = max(dues[0], last)
    assert told == [begun + pace * number for number in range(1, len(dues) + 1)]


@given(DUES, TOOK, DUE, st.integers(0, 2_000_000_000))
def test_what_is_said_is_never_over(dues: list[int], took: list[int], last: int, now: int) -> None:
    line = line_of(dues, took, last)
    assert all(line.ready_at(place(due), now) >= now for due in dues)


@given(DUES, TOOK, st.integers(20_000, 30_000), st.tuples(SECOND, SECOND))
def test_of_a_line_that_is_late_the_same_is_said_for_a_minute(
    dues: list[int], took: list[int], minute: int, seconds: tuple[int, int]
) -> None:
    line = line_of(dues, took)
    first, second = (minute * MINUTE_MS + second * 1000 for second in seconds)
    for due in dues:
        assert line.ready_at(place(due), first) == line.ready_at(place(due), second)


@given(DUES, TOOK, DUE, st.integers(0, 2_000_000_000), DUE)
def test_who_comes_later_changes_nothing_for_who_was_there(
    dues: list[int], took: list[int], now: int, last: int, later: int
) -> None:
    mine, more = dues[-1], sorted({*dues, dues[-1] + later})
    before = line_of(dues, took, last).ready_at(place(mine), now)
    assert line_of(more, took, last).ready_at(place(mine), now) == before


def test_an_order_that_has_left_the_line_meanwhile_is_counted_as_in_it() -> None:
    line = line_of([2_000_000], [60_000] * 3)
    assert line.ready_at(place(1_000_000), now=0) == 1_060_000
    assert line_of([], [60_000] * 3).ready_at(place(1_000_000), now=0) == 1_060_000


def test_the_median_is_of_the_newest_twenty_and_a_hundred_are_counted_ahead(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked: list[tuple[str, int, bool]] = []

    def page(query: Query, limit: int) -> tuple[list[Row], None]:
        asked.append((query.partition, limit, query.newest_first))
        if query.partition == "queue@1/made":
            return [Row(Key(query.partition, place(7_000_000)), {"took": 9})], None
        shift = 1 if query.partition.endswith("paid") else 0
        dues = range(1_000_000 + shift, 1_000_000 + 2 * limit, 2)
        return [Row(Key(query.partition, place(due))) for due in dues], None

    monkeypatch.setattr(store, "page", page)
    line = queue.line()
    assert asked == [
        ("queue@1/barista/placed", 100, False),
        ("queue@1/barista/paid", 100, False),
        ("queue@1/made", 20, True),
    ]
    assert line.waiting == [place(due) for due in range(1_000_000, 1_000_100)]
    assert (line.took, line.last) == ([9], 7_000_000)
    assert line.ready_at(place(2_000_000), now=0) == 7_000_000 + 101 * FIRST_MS
