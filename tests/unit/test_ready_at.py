"""When an order will be ready: the orders ahead and itself, times how long one takes."""

from __future__ import annotations

import statistics

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from chalicelib import store
from chalicelib.store import Key, Query, Row
from chalicelib.views import queue
from chalicelib.views.queue import FIRST_MS, MINUTE_MS, Line, Made, place_of

LAST = 100_000_000
DUE = st.integers(LAST, 10 * LAST)
TOOK = st.lists(st.integers(0, 3_600_000), max_size=queue.NEWEST)
DUES = st.lists(DUE, min_size=1, max_size=30, unique=True).map(sorted)
SECOND = st.integers(1, 60)


def place(due: int) -> str:
    return place_of(due, f"order/{due}")


def line_of(dues: list[int], took: list[int], last: int = LAST) -> Line:
    """Those wait, and these were made one right after another; `last` was when they were done."""
    return Line([place(due) for due in dues], made_until(last, took))


def made_until(last: int, took: list[int]) -> list[Made]:
    readys = [last - sum(took[number:]) for number in range(1, len(took) + 1)]
    return [Made(ready - ms, ready) for ready, ms in zip(readys, took, strict=True)]


def by_one_barista(dues: list[int], took: list[int]) -> list[Made]:
    """Each is begun once it is due and the one before it is ready."""
    made: list[Made] = []
    for due, ms in zip(dues, took, strict=False):
        made.append(Made(due, max(due, made[-1].ready if made else 0) + ms))
    return made


@given(st.integers(0, 1_000), st.integers(3, 40))
def test_one_a_minute_with_ten_waiting_are_ready_in_one_to_ten_minutes(
    first: int, count: int
) -> None:
    """A steady line: each waited for the nine before it, which makes nobody's making longer."""
    minutes = [MINUTE_MS * (first + number) for number in range(count + 10)]
    made = [Made(due, due + 10 * MINUTE_MS) for due in minutes[:count]]
    line, now = Line([*map(place, minutes[count:])], made), made[-1].ready
    told = [line.ready_at(at, now) - now for at in line.waiting]
    assert told == [MINUTE_MS * number for number in range(1, 11)]


@given(DUES, TOOK)
@example([LAST] * 3, [60_000, 120_000, 180_000])
def test_an_order_took_its_own_making_however_long_it_waited(
    dues: list[int], took: list[int]
) -> None:
    made = by_one_barista(dues, took)
    assert Line((), made).took == took[: len(made)][-queue.NEWEST :]


def test_of_two_that_were_made_at_once_the_second_took_what_it_was_later_by() -> None:
    made = [Made(0, 60_000), Made(0, 60_000), Made(0, 70_000), Made(80_000, 70_000)]
    assert Line((), made).took == [60_000, 0, 10_000, 0]


def test_the_oldest_that_is_read_says_only_when_the_next_was_begun() -> None:
    made = by_one_barista([LAST] * 21, [7_000_000, *[60_000] * 20])
    assert Line((), made).took == [60_000] * 20


def test_the_first_of_a_shop_is_ready_five_minutes_after_it_was_to_be_made() -> None:
    line = line_of([1_000_000], [])
    assert line.ready_at(place(1_000_000), now=1_000_500) == 1_000_000 + 5 * 60_000


@given(DUES, TOOK, DUE)
@example([LAST, 2 * LAST], [60_000] * 2, LAST)
@example([LAST, 2 * LAST], [60_000] * 3, 9 * LAST)
def test_each_takes_its_time_after_the_one_ahead_of_it(
    dues: list[int], took: list[int], last: int
) -> None:
    line, now = line_of(dues, took, last), min(dues)
    pace = int(statistics.median(took)) if len(took) >= 3 else FIRST_MS
    told = [line.ready_at(place(due), now) for due in dues]
    begun = max(dues[0], last if took else 0)
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
    line = line_of([2_000_000], [60_000] * 3, last=500_000)
    assert line.ready_at(place(1_000_000), now=0) == 1_060_000
    gone = line_of([], [60_000] * 3, last=500_000)
    assert gone.ready_at(place(1_000_000), now=0) == 1_060_000


def test_the_median_is_of_the_newest_twenty_and_a_hundred_are_counted_ahead(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked: list[tuple[str, int, bool]] = []

    def page(query: Query, limit: int) -> tuple[list[Row], None]:
        asked.append((query.partition, limit, query.newest_first))
        if query.partition == "queue@1/made":
            newest = [place(7_000_000), place(6_000_000)]
            return [Row(Key(query.partition, at), {"due": 5_000_000}) for at in newest], None
        shift = 1 if query.partition.endswith("paid") else 0
        dues = range(1_000_000 + shift, 1_000_000 + 2 * limit, 2)
        return [Row(Key(query.partition, place(due))) for due in dues], None

    monkeypatch.setattr(store, "page", page)
    line = queue.line()
    assert asked == [
        ("queue@1/barista/placed", 100, False),
        ("queue@1/barista/paid", 100, False),
        ("queue@1/made", 21, True),
    ]
    assert line.waiting == [place(due) for due in range(1_000_000, 1_000_100)]
    assert line.made == [Made(5_000_000, 6_000_000), Made(5_000_000, 7_000_000)]
    assert line.last == 7_000_000
    assert line.ready_at(place(2_000_000), now=0) == 7_000_000 + 101 * FIRST_MS
