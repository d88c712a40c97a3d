"""A consumer pauses at each of its calls, and meanwhile anything happens: also half of it.

The rare races of the engine (a token met again, a parent emptied away, `ready` put too late) need
two things at once: somebody who stands still at one call, and a refill that stops at another. So
each pair of calls is tried.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import count
from typing import Any

import pytest
from schedules import Consumer, Crash, PerProcess, Schedule
from test_any_schedule import Watch
from worlds import IMAGE, START, World, said, simulated

from chalicelib import archive, checkpoint, projector

PARENT, CHILD, LATER = (f"shardId-{number:012d}" for number in range(3))
Work = Callable[[World], None]


def story() -> World:
    """Six events in the parent, six in its child; what lies in one order counts in that only."""
    world = World({PARENT: [], CHILD: [PARENT]})
    moves = ["created", "purchased", "photographed", "purchased", "viewed", "created"]
    for number, move in enumerate(moves * 2):
        shard, now = (PARENT if number < 6 else CHILD), START + number * 900
        subject, actor = f"product/{number % 2}", f"p{number}"
        data: Any = {"data": dict(IMAGE)} if move == "photographed" else {}
        world.say(shard, said(move, subject, now, number, actor=actor, **data), now)
    return world


STORY = story()


def fresh() -> World:
    """The same log, and nothing consumed of it."""
    world = World(dict(STORY.parents))
    world.logs = STORY.logs
    return world


def deliver(shard: str, start: int, end: int) -> Work:
    """A batch."""
    return lambda world: projector.project(world.batch(shard, start, end), world.code)


def sweep(world: World) -> None:
    """The sweep."""
    projector.sweep(world.code)


def empty(world: World) -> None:
    """The table is deleted and made anew."""
    world.drop()
    world.create()


def ask(_: World) -> None:
    """A route asks whether the table may be read."""
    checkpoint.is_ready()


def forgetful(work: Work) -> Work:
    """The work in a new process."""

    def anew(world: World) -> None:
        archive._tails.clear()
        work(world)

    return anew


# What came before, who pauses, and what is done meanwhile (its last part also by half).
P1, P2, P3 = deliver(PARENT, 0, 2), deliver(PARENT, 2, 4), deliver(PARENT, 4, 6)
C1, C2 = deliver(CHILD, 0, 3), deliver(CHILD, 3, 6)
CASES: dict[str, tuple[list[Work], Work, list[Work]]] = {
    "redelivery": ([P1], P2, [P2]),
    "a longer redelivery": ([P1], P2, [deliver(PARENT, 0, 6)]),
    "a first redelivery cut elsewhere": ([], P1, [deliver(PARENT, 0, 5)]),
    "emptied and swept": ([P1], P2, [empty, sweep]),
    "emptied and brought again": ([P1, P2], P3, [empty, P3]),
    "emptied twice": ([P1, P2, P3], sweep, [empty, sweep]),
    "the sweep, and the next batch": ([P1], sweep, [P2]),
    "the sweep of an empty table": ([P1, P2, empty], sweep, [P3]),
    "two sweeps": ([P1, P2, P3, C1, empty], sweep, [sweep]),
    "a child's first, emptied": ([P1, P2, P3], C1, [empty, sweep]),
    "a child's first, brought twice": ([P1, P2, P3], C1, [C1, C2]),
    "a child in an emptied table": ([P1, P2, P3, C1, empty], C2, [sweep]),
    "a child swept, emptied": ([P1, P2, P3, C1, empty], sweep, [empty, sweep]),
    "an asker, emptied": ([P1, P2], ask, [P3, empty, sweep]),
    "an asker of an empty table": ([P1, empty], ask, [P2, empty, sweep]),
    "an asker and a child": ([P1, P2, P3, empty], ask, [C1, empty, sweep]),
}


class Pause:
    """A consumer that stands still after its n-th call; the rest of its calls follow later."""

    def __init__(self, world: World, work: Work, calls: int) -> None:
        self.schedule = Schedule(world, [])
        self.consumer = Consumer(self.schedule, lambda: self.schedule.attempt(lambda: work(world)))
        self.consumer.start()
        self.calls = calls
        for _ in range(2 * calls + 1):
            self._turn()

    def _turn(self) -> None:
        if not self.consumer.over:
            self.consumer.turn.release()
            self.schedule.back.acquire()

    def go_on(self) -> None:
        """To its end."""
        while not self.consumer.over:
            self._turn()
        if self.consumer.failure:
            raise self.consumer.failure


def halfway(world: World, work: Work, writes: int, watch: Watch) -> bool:
    """Whether the work got to its end with so many writes; before one more it crashes."""
    left, others = count(writes, -1), world.cloud.around

    def around(when: str, service: str, operation: str, request: Any) -> None:
        others(when, service, operation, request)
        watch.look()
        writing = operation in ("put_object", "transact_write_items")
        if when == "before" and writing and next(left) == 0:
            raise Crash

    world.cloud.around = around
    try:
        work(world)
    except Crash:
        return False
    finally:
        world.cloud.around = others
    return True


def pairs(name: str) -> Iterator[tuple[int, int]]:
    """A call of the one who pauses, a write of the one who crashes meanwhile.

    As on one colour of a chessboard: so every call comes, and every write.
    """
    before, paused, meanwhile = CASES[name]
    for first in count():
        for second in count(first % 2, 2):
            world = fresh()
            watch = Watch(world)
            archive._tails.clear()
            with simulated(world) as patch:
                patch.setattr(archive, "_tails", PerProcess())
                patch.setattr(projector, "GROUP", 2)
                for work in before:
                    work(world)
                pause = Pause(world, paused, first)
                over = pause.consumer.over
                for work in meanwhile[:-1]:
                    forgetful(work)(world)
                    watch.look()
                whole = halfway(world, forgetful(meanwhile[-1]), second, watch)
                watch.look()
                pause.go_on()
                watch.look()
                yield first, second
                check(world, watch)
            if whole:
                break
        if over:
            break


def check(world: World, watch: Watch) -> None:
    """The rows are right now, and once all is delivered and swept."""
    assert world.rows() == world.explained()
    for work in CASES_END:
        forgetful(work)(world)
    watch.look()
    assert world.rows() == world.fold().rows


CASES_END = [deliver(PARENT, 0, 6), deliver(CHILD, 0, 6), sweep]


@pytest.mark.parametrize("name", CASES)
def test_at_every_call_a_consumer_may_pause_while_anything_else_happens_or_half_happens(name):
    tried = list(pairs(name))
    assert len(tried) > 10, tried
