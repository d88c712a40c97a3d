"""The worker killed, or failed by the cloud, before and after each of its calls: one effect.

The calls are written down: a call that is not in this record fails the test, and so does one that
is no longer made. Whatever happens to two workers, the sweep, the consumer and the table at any
moment, a provider that knows its keys charges once, and one outcome of each to-do counts.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from owing import PLACED, Till, owing, poked
from schedules import Crash, PerProcess, Schedule
from simulator import refusal
from stories import actions

from chalicelib import archive, projector, todos
from chalicelib.errors import CloudFailure, TryAgain
from chalicelib.todos import Owed

CALLS = [
    "dynamodb get_item",  # whether the table was ever level
    *["s3 list_objects_v2"] * 4,  # the shards, and how far the archive of each goes
    "dynamodb transact_get_items",  # how far the rows are
    "dynamodb transact_get_items",  # the subject, in a table that is that one still
    "s3 get_object",  # what it came to, if it was done
    "dynamodb get_item",  # who is at it
    "dynamodb transact_write_items",  # we are
    "provider charge",
    "s3 put_object",  # what it came to
    "kinesis put_record",  # said
]
EFFECT = CALLS.index("provider charge")
REFUSED = CALLS.index("s3 get_object"), "after"  # it is answered by an error: nothing comes after
MOMENTS = [(at, when) for at in range(len(CALLS)) for when in ("before", "after")]
MOMENTS.remove(REFUSED)


@pytest.fixture
def till() -> Iterator[Till]:
    """A level shop that owes one charge, which is poked."""
    with owing() as made:
        open_shop(made)
        made.say("placed", "order/1", PLACED)
        made.deliver()
        yield made


def open_shop(till: Till) -> None:
    """Both shards have something, and all is level."""
    for subject in ("product/1", "product/2"):
        till.say("viewed", subject, {})
    till.deliver()
    projector.sweep()
    till.later(1000)


class Calls:
    """The worker's calls in order; at one of them something happens, before it or after."""

    def __init__(self, at: int = -1, when: str = "", what: BaseException | None = None) -> None:
        self.at, self.when, self.what = at, when, what
        self.made: list[str] = []

    def __call__(self, when: str, service: str, operation: str, _: Any) -> None:
        if when == "before":
            self.made.append(f"{service} {operation}")
        if self.what is not None and when == self.when and len(self.made) - 1 == self.at:
            raise self.what


def test_the_worker_makes_the_calls_that_are_written_here_and_no_others(till):
    calls = till.world.cloud.around = Calls()
    till.work()
    assert calls.made == CALLS


FLAWS: dict[str, Callable[[], BaseException]] = {
    "killed": Crash,
    "failed": lambda: refusal("Any", "InternalServerError", 500),
}


@pytest.mark.parametrize("flaw", FLAWS)
@pytest.mark.parametrize(("at", "when"), MOMENTS)
def test_the_worker_may_be_killed_or_failed_at_any_call(till, at, when, flaw):
    (todo,), (body,) = till.open(), till.pokes
    till.world.cloud.around = Calls(at, when, FLAWS[flaw]())
    try:
        till.work()
    except (Crash, CloudFailure):
        till.pokes.append(body)  # the queue shows it again
    begun = at > EFFECT or (at == EFFECT and when == "after")
    assert till.provider.effects.total() == begun
    till.settle()
    assert till.provider.effects == till.outcomes() == {todo: 1}
    assert till.order().status == "paid"


@pytest.mark.parametrize(("at", "when"), MOMENTS[MOMENTS.index((EFFECT, "after")) + 1 :])
def test_killed_past_the_effect_a_later_worker_says_it_though_the_table_is_gone(till, at, when):
    """And though the provider has forgotten its key, once the outcome was kept."""
    (todo,) = till.open()
    till.world.cloud.around = Calls(at, when, Crash())
    with pytest.raises(Crash):
        till.work()
    if (at, when) != (EFFECT + 1, "before"):
        till.provider.forget()
    till.world.drop()
    till.settle()
    assert till.provider.effects == till.outcomes() == {todo: 1}


class Racing(Schedule):
    """A schedule in which time goes by, and pokes are lost or doubled."""

    def __init__(self, till: Till, plan: Sequence[tuple[int, str]]) -> None:
        super().__init__(till.world, plan)
        self.till = till

    def _next_action(self) -> None:
        if self.plan and self.plan[0][0] == 0:
            match self.plan[0][1]:
                case "later":
                    self.till.later()
                case "lose":
                    self.till.pokes.clear()
                case "retry":
                    self.attempt(self.till.retry)
                case "double":
                    self.till.pokes.extend(list(self.till.pokes))
        super()._next_action()

    def worker(self, times: int) -> Callable[[], None]:
        """It takes a poke at a time; one that it does not get done the queue shows again."""

        def script() -> None:
            for _ in range(times):
                if not self.till.pokes:
                    self._wait()
                    continue
                body = self.till.pokes.pop(0)
                if not self.attempt(lambda body=body: todos.work(poked(body))):
                    self.till.pokes.append(body)
                    self._wait()

        return script

    def sweeps(self, times: int) -> Callable[[], None]:
        """The whole sweep, as it is scheduled."""

        def script() -> None:
            for _ in range(times):
                self.attempt(projector.sweep)
                self.attempt(todos.sweep)
                self._wait()

        return script

    def consumer(self, times: int) -> Callable[[], None]:
        """It has what is on the log, and what comes."""

        def script() -> None:
            for _ in range(times):
                self.attempt(self.till.deliver)
                self._wait()

        return script


todo_actions = st.one_of(actions, st.sampled_from(["later", "lose", "double", "retry"]))
plans = st.lists(st.tuples(st.integers(0, 30), todo_actions), max_size=25)


def race(till: Till, plan: Sequence[tuple[int, str]]) -> None:
    schedule = Racing(till, plan)
    for script in (schedule.worker(8), schedule.worker(8), schedule.sweeps(3)):
        schedule.add(script)
    schedule.add(schedule.consumer(6))
    schedule.run()


def losing(till: Till, answers: int) -> None:
    """The provider charges, and so many of its answers are lost."""
    honest, lost = till.kinds["charge"], iter(range(answers))

    def charge(owed: Owed) -> Any:
        paid = honest(owed)
        if next(lost, None) is not None:
            raise TryAgain("the answer is lost")
        return paid

    till.kinds["charge"] = charge


@given(plans, plans, st.booleans(), st.sampled_from([0, 1, 3, 8]))
@settings(max_examples=100)
def test_whatever_happens_when_each_is_charged_once_and_one_outcome_counts(
    first, second, cancels, lost
):
    """Where an answer is lost the charge is given up; an operator says `retry` at any moment."""
    with owing() as till, pytest.MonkeyPatch.context() as patch:
        patch.setattr(archive, "_tails", PerProcess())
        patch.setattr(todos, "ATTEMPTS", 1 if lost else todos.ATTEMPTS)
        losing(till, lost)
        open_shop(till)
        for subject in ("order/1", "order/2", "order/3"):
            till.say("placed", subject, PLACED)
        if cancels:
            till.say("cancelled", "order/2", {})
        race(till, first)
        till.settle()
        while till.given_up():
            till.retry()
            till.settle()
        assert set(till.provider.effects.values()) <= {1}
        effects, outcomes = dict(till.provider.effects), till.outcomes()
        assert set(outcomes.values()) == {1}
        assert len(outcomes) >= 3
        assert set(till.given_ups().values()) <= {1}
        assert till.open() == till.given_up() == []

        till.provider.forget()
        till.pokes[:] = [
            f'{{"todo": "{todo}", "subject": "order/{n}"}}' for todo in outcomes for n in (1, 2, 3)
        ]
        till.world.drop()
        race(till, second)
        till.settle()
        assert dict(till.provider.effects) == effects, "an emptied table sends nothing again"
        assert till.outcomes() == outcomes
        assert till.world.rows() == till.world.fold().rows
