"""How fast a candidate writes: half of what the live set used, and 200, or what was asked for."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.checkpoint import Checkpoint
from chalicelib.events import Shard
from chalicelib.replay import pace
from chalicelib.replay.pace import BESIDE, LOOK_S, Pace, allowed
from chalicelib.store.used import NOTHING, Used

SHARDS = [Shard("tillstream-test-1", f"shardId-{number:012d}") for number in range(2)]


class Clock:
    """A clock that moves when somebody sleeps, and when the test lets time pass."""

    def __init__(self):
        self.now = 1000.0

    def monotonic(self):
        return self.now

    def sleep(self, seconds):
        assert seconds >= 0
        self.now += seconds


@pytest.fixture
def live(monkeypatch):
    """What the two shards' checkpoints say was used, in the minute 70 of the clock."""
    used = [NOTHING, NOTHING]
    found = {shard: Checkpoint(shard) for shard in SHARDS}
    monkeypatch.setattr(pace.archive, "shards", lambda: SHARDS)
    monkeypatch.setattr(pace, "minute", lambda: 70)
    monkeypatch.setattr(
        pace.checkpoint,
        "all_of",
        lambda shards: {s: replace(found[s], used=u) for s, u in zip(shards, used, strict=True)},
    )
    return used


class TestUsed:
    """Rows by the minute of the clock."""

    def test_of_the_minute_that_is_over(self):
        assert Used(70, rows=40, before=90).of_last(70) == 90
        assert Used(70, rows=40, before=90).of_last(71) == 40

    def test_of_this_minute_where_it_has_more_by_now(self):
        assert Used(70, rows=140, before=90).of_last(70) == 140

    def test_nothing_where_nobody_wrote_for_a_minute(self):
        assert Used(70, rows=40, before=90).of_last(72) == 0
        assert NOTHING.of_last(70) == 0

    @given(st.lists(st.tuples(st.integers(0, 3), st.integers(1, 99)), max_size=20))
    def test_whatever_was_written_it_is_the_larger_of_two_minutes(self, written):
        used, now, by_minute = NOTHING, 70, {}
        for passed, rows in written:
            now += passed
            used = used.more(rows, now)
            by_minute[now] = by_minute.get(now, 0) + rows
        for at in range(now, now + 3):
            assert used.of_last(at) == max(by_minute.get(at - 1, 0), by_minute.get(at, 0))


def test_allowed_is_half_of_the_last_minutes_units_and_200(live):
    assert allowed() == BESIDE == 200
    live[:] = Used(70, rows=0, before=6000), Used(69, rows=600)
    assert allowed() == 200 + (6600 * 2 / 60) / 2


commits = st.lists(st.tuples(st.integers(1, 100), st.floats(0, 60)), min_size=1, max_size=30)


@given(commits, st.sampled_from([1.0, 7.5, 200.0, 5000.0]))
def test_over_no_stretch_is_more_written_than_the_rate_has_it_whatever_pauses_come_between(
    commits, rate
):
    """Who waited saves nothing up, and who is slower than the rate never waits for it."""
    clock = Clock()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pace, "time", clock)
        patch.setattr(pace, "allowed", lambda: pytest.fail("the rate was given"))
        wait, told = Pace(rate), []
        for rows, pause in commits:
            clock.now += pause
            before = clock.now
            wait(rows)
            assert clock.now - before == pytest.approx(rows * 2 / rate)
            told.append((before, clock.now, rows * 2))
    for at, (begun, _, _) in enumerate(told):
        units = 0
        for _, ended, more in told[at:]:
            units += more
            assert units <= rate * (ended - begun) * (1 + 1e-6)


def test_without_a_rate_it_looks_every_ten_seconds_what_the_live_set_uses(live, monkeypatch):
    clock, wait = Clock(), Pace()
    monkeypatch.setattr(pace, "time", clock)

    def took(rows):
        before = clock.now
        wait(rows)
        return clock.now - before

    assert took(100) == pytest.approx(1)
    live[:] = Used(70, before=60_000), NOTHING
    assert took(100) == pytest.approx(1), "as it was when it looked"
    clock.now += LOOK_S
    assert took(100) == pytest.approx(200 / 1200)
    live[:] = NOTHING, NOTHING
    clock.now += LOOK_S
    assert took(100) == pytest.approx(1)


def test_all_threads_together_write_no_more_than_that(monkeypatch):
    """Each reserves its time behind the others: who is asked while another sleeps waits longer."""
    clock, wait, waits = Clock(), Pace(200), []
    monkeypatch.setattr(pace, "time", clock)
    monkeypatch.setattr(clock, "sleep", waits.append)
    for _ in range(3):
        wait(100)
    assert waits == pytest.approx([1, 2, 3])
