"""A deterministic scheduler: consumers that lose the turn, crash or meet a failing cloud.

Each consumer runs in a thread of its own, but only the one that has the turn runs; it comes up for
the turn before and after every cloud call. A plan says what happens at which of these moments:
`(turns, action)` means: let so many moments pass, then do this. With no plan left, everyone runs
to the end. A plan is plain data, so hypothesis shrinks it.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, MutableMapping, Sequence
from functools import partial
from typing import Any

from simulator import refusal
from worlds import World

from chalicelib import archive, checkpoint, projector, replay
from chalicelib.errors import CloudFailure

MOST_MOMENTS = 20_000


class Crash(BaseException):
    """The process ends here and now."""


class PerProcess(MutableMapping[Any, Any]):
    """A module's global as every consumer, a process of its own, sees it."""

    def __init__(self) -> None:
        self.local = threading.local()

    @property
    def mine(self) -> dict[Any, Any]:
        """What this consumer remembers."""
        return self.local.__dict__.setdefault("mine", {})

    def __getitem__(self, key: Any) -> Any:
        return self.mine[key]

    def __setitem__(self, key: Any, value: Any) -> None:
        self.mine[key] = value

    def __delitem__(self, key: Any) -> None:
        del self.mine[key]

    def __iter__(self) -> Iterator[Any]:
        return iter(self.mine)

    def __len__(self) -> int:
        return len(self.mine)


class Consumer(threading.Thread):
    """A thread that runs only while it has the turn."""

    def __init__(self, schedule: Schedule, script: Callable[[], None]) -> None:
        super().__init__(daemon=True)
        self.schedule, self.script = schedule, script
        self.turn = threading.Semaphore(0)
        self.over = False
        self.strike: BaseException | None = None
        self.failure: BaseException | None = None

    def run(self) -> None:
        """The script, from its first turn on."""
        self.turn.acquire()
        try:
            self.script()
        except BaseException as failure:  # told to the test by the scheduler
            self.failure = failure
        self.over = True
        self.schedule.back.release()

    def moment(self) -> None:
        """Give the turn back, and meet what happens meanwhile."""
        self.schedule.back.release()
        self.turn.acquire()
        strike, self.strike = self.strike, None
        if strike is not None:
            raise strike


class Schedule:
    """Who has the turn, and what befalls whom when."""

    def __init__(self, world: World, plan: Sequence[tuple[int, str]]) -> None:
        self.world = world
        self.back = threading.Semaphore(0)
        self.plan = list(plan)
        self.consumers: list[Consumer] = []
        self.done: dict[str, int] = dict.fromkeys(world.parents, 0)
        self.on_moment: Callable[[], None] = lambda: None
        world.cloud.around = self._around

    def _around(self, *_: Any) -> None:
        current = threading.current_thread()
        if isinstance(current, Consumer):
            current.moment()

    def add(self, script: Callable[[], None]) -> None:
        """One more consumer."""
        self.consumers.append(Consumer(self, script))

    def run(self) -> None:
        """Everyone, to the end of their scripts."""
        for consumer in self.consumers:
            consumer.start()
        self.current, moments = 0, 0
        while alive := [c for c in self.consumers if not c.over]:
            moments += 1
            assert moments < MOST_MOMENTS, "nobody gets any further"
            if not self.plan:
                self.world.create()
            self._next_action()
            consumer = alive[self.current % len(alive)]
            consumer.turn.release()
            self.back.acquire()
            self.on_moment()
            if consumer.failure is not None:
                raise consumer.failure
            if not self.plan and moments % 50 == 0:
                self.current += 1

    def _next_action(self) -> None:
        if not self.plan:
            return
        wait, action = self.plan[0]
        if wait > 0:
            self.plan[0] = (wait - 1, action)
            return
        self.plan.pop(0)
        alive = [c for c in self.consumers if not c.over]
        victim = alive[self.current % len(alive)]
        match action:
            case "turn":
                self.current += 1
            case "crash":
                victim.strike = Crash()
            case "fail":
                victim.strike = refusal("Any", "InternalServerError", 500)
            case "conflict":
                reasons = [{"Code": "TransactionConflict"}]
                victim.strike = refusal(
                    "Any", "TransactionCanceledException", CancellationReasons=reasons
                )
            case "empty":
                self.world.drop()
                self.world.create()
            case "drop":
                self.world.drop()
            case "create":
                self.world.create()

    def attempt(self, work: Callable[[], None]) -> bool:
        """Whether it got to its end; a crash takes what the process remembered with it."""
        try:
            work()
        except Crash:
            archive._tails.clear()
            return False
        except CloudFailure:
            return False
        return True

    def deliver(self, shard: str, sizes: Sequence[int]) -> Callable[[], None]:
        """A mapping: batch after batch of the shard, each again until it succeeds."""
        ancestors = _ancestors(self.world, shard)

        def script() -> None:
            records, tries = self.world.logs[shard], 0
            while any(self.done[each] < len(self.world.logs[each]) for each in ancestors):
                self._wait()
            while self.done[shard] < len(records):
                size = sizes[tries % len(sizes)]
                start = self.done[shard]
                batch = self.world.batch(shard, start, start + size)
                tries += 1
                if self.attempt(lambda batch=batch: projector.project(batch, self.world.code)):
                    self.done[shard] = start + len(batch.records)
                else:
                    self._wait()

        return script

    def zombie(self, shard: str, back: int, size: int) -> Callable[[], None]:
        """A consumer that was thought dead: records that were delivered before, cut in any way."""

        def script() -> None:
            for _ in range(40):
                if self.done[shard]:
                    start = max(0, self.done[shard] - back)
                    batch = self.world.batch(shard, start, start + size)
                    self.attempt(partial(projector.project, batch, self.world.code))
                    return
                self._wait()

        return script

    def sweeper(self, times: int) -> Callable[[], None]:
        """The sweep, now and then."""

        def script() -> None:
            for _ in range(times):
                self.attempt(lambda: projector.sweep(self.world.code))
                self._wait()

        return script

    def rebuilder(self, times: int) -> Callable[[], None]:
        """The sweep as it is deployed: candidates too."""

        def script() -> None:
            for _ in range(times):
                self.attempt(lambda: replay.sweep(self.world.code))
                self._wait()

        return script

    def asker(self, times: int) -> Callable[[], None]:
        """A route that asks whether the table may be read."""

        def script() -> None:
            for _ in range(times):
                self.attempt(lambda: checkpoint.is_ready() and None)
                self._wait()

        return script

    def _wait(self) -> None:
        """Nothing to do for a moment: the next consumer's turn."""
        current = threading.current_thread()
        assert isinstance(current, Consumer)
        if not self.plan:
            self.current += 1
        try:
            current.moment()
        except Crash:
            archive._tails.clear()
        except Exception:
            pass


def _ancestors(world: World, shard: str) -> list[str]:
    found = []
    for parent in world.before(shard):
        found += [parent, *_ancestors(world, parent)]
    return found
