"""A schedule made of a seed: a shop's log, several processes at it, and everything that goes wrong.

One thread, so it costs milliseconds: at any call of one process another may have its whole turn
(a consumer, one that was thought dead, a sweep, a notary, a route that asks), the table may be
emptied, and the process may end. In the end all goes well for a while: then the archive must be the
log, the rows the naive fold's, and the audit of some finds nothing wrong. The same seed makes the
same calls and the same faults on any day.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from functools import partial
from typing import Any

import order_moves
import pytest
from faulty import Faulty
from planted import Plant
from schedules import Crash
from stories import CODES, FLAWS, GAPS, LAYOUTS, NAMES, STREAMS, SUBJECTS, Told, build
from test_any_schedule import Watch
from worlds import KEY, SETTINGS, START, Promptly, cheaply_signed, said, simulated, unsealed

from chalicelib import archive, checkpoint, config, log, notary, projector, store
from chalicelib.errors import CloudFailure
from chalicelib.events import Record, Shard
from chalicelib.notary import kept
from chalicelib.projector import chunk
from chalicelib.signing import seal
from drills.faults.plan import Plan
from ops import naive
from ops.audit import audit, records, tree

DEEPEST = 2  # who stands still while another stands still
TURNS = 12  # after so many, ever less goes wrong
RATES = (0.02, 0.06, 0.15)
CRASH, OTHERS = 0.005, 0.02  # at each moment
AUDITED = 4  # one in so many ends with the audit
LENGTHS = (3, 3, 6)  # short ones find as much a second, long ones what takes so many records
CASTS = (1, 2, 2, 3)
SAYINGS = (1, 1, 2)
EMPTIES = (0, 1, 1, 2)  # an emptied table is filled anew: that also mends what went wrong in it
SMALL = ["one", "two", "split"] * 2
FIRST_SAID = 1000
MOST_MOVES = len(order_moves.MOVES)


class Schedule:
    """The world of one seed, and what its processes have done."""

    def __init__(self, seed: int) -> None:
        self.dice, self.audited = random.Random(f"schedule {seed}"), seed % AUDITED == 0
        self.layout = self.dice.choice([*LAYOUTS, *SMALL])
        self.world = build(self.layout, self._story())
        self.world.code = self.dice.choice(CODES)
        self.plan = Plan(f"faults {seed}", self.dice.choice(RATES))
        self.watch = Watch(self.world)
        self.before = {shard: self.world.before(shard) for shard in self.world.parents}
        self.done = dict.fromkeys(self.world.parents, 0)
        self.now = START + max(r.arrival - START for s in self.world.logs.values() for r in s)
        self.heard: list[tuple[str, bytes]] = []
        self.depth = self.said = 0
        self.shown: bytes | None = None
        self.sayings = 0 if self.layout in STREAMS else self.dice.choice(SAYINGS)
        self.empties = self.dice.choice(EMPTIES)
        self.trace: list[str] = []
        self.cloud = Faulty(self.world.cloud, self.plan, self._meanwhile, self.trace)
        self.world.cloud["kinesis"].put_records = self._put_records

    def tune(self, patch: pytest.MonkeyPatch) -> None:
        """This cloud, no waiting, and bounds that a short story reaches."""
        self._bound(patch)
        patch.setattr(config, "client", self.cloud.client)
        patch.setattr(time, "sleep", lambda _: None)
        patch.setattr(records, "unseal", unsealed)
        for room in (records, tree):
            patch.setattr(room, "ThreadPoolExecutor", Promptly)
        patch.setattr(store, "MOST_ROWS", self.dice.choice([3, 9, 9]))
        patch.setattr(projector, "GROUP", self.dice.choice([2, 5]))

    def _bound(self, patch: pytest.MonkeyPatch) -> None:
        most_parked = self.dice.choice([1, 2, 100])
        patch.setattr(chunk, "MOST_PARKED", most_parked)
        patch.setattr(naive, "MOST_PARKED", most_parked)

    def run(self) -> None:
        """To the end, and then the comparison."""
        turns = 0
        while self._goes_on():
            turns += 1
            self.plan.rate *= 1 if turns < TURNS else 0.6
            self._turn()
        self._end()

    def _story(self) -> list[Told]:
        return _steps(self.dice)

    def _goes_on(self) -> bool:
        return self.said < self.sayings or any(map(self._is_behind, self.world.parents))

    def _is_behind(self, shard: str) -> bool:
        return self.done[shard] < len(self.world.logs[shard])

    def _turn(self) -> None:
        """One process does one thing; a crash takes what it remembered with it."""
        what, work = self.dice.choice(self._choices())
        self.trace.append(f"{self.depth} {what}")
        ours = archive._tails
        if self.depth:
            archive._tails = self.dice.choice([{}, dict(ours)])
        self.depth += 1
        try:
            work()
        except Crash:
            archive._tails = {}
        except CloudFailure as failure:
            self.trace.append(type(failure).__name__)
        finally:
            self.depth -= 1
        if self.depth:
            archive._tails = ours

    def _choices(self) -> list[tuple[str, Callable[[], object]]]:
        """What may happen now, each as often as it stands here."""
        code, found = self.world.code, []
        for shard in self.world.parents:
            if self._is_behind(shard) and self._may_begin(shard):
                found += [(f"deliver {shard}", partial(self._deliver, shard))] * 10
            if self.done[shard]:
                found += [(f"again {shard}", partial(self._again, shard))]
        found += [("sweep", partial(projector.sweep, code)), ("ask", checkpoint.is_ready)]
        found += [("notarise", notary.sweep)] * 3
        if SETTINGS.table not in self.world.cloud["dynamodb"].tables:
            found += [("create", self.world.create)] * 10
        elif self.empties:
            found += [("drop", self._drop), ("empty", self._empty)]
        return found + [("say", self._say)] * 5 * (self.said < self.sayings)

    def _may_begin(self, shard: str) -> bool:
        """Whether the shards before it are read to their end, as the dispatcher has it."""
        before = self.before[shard]
        return all(not self._is_behind(each) and self._may_begin(each) for each in before)

    def _deliver(self, shard: str) -> None:
        """The next records of the shard; they are done when that succeeds."""
        start = self.done[shard]
        batch = self.world.batch(shard, start, start + self.dice.randint(1, 7))
        projector.project(batch, self.world.code)
        self.done[shard] = max(self.done[shard], start + len(batch.records))

    def _again(self, shard: str) -> None:
        """Records that were delivered before, cut in any way."""
        start = self.dice.randrange(self.done[shard])
        batch = self.world.batch(shard, start, start + self.dice.randint(1, 12))
        projector.project(batch, self.world.code)

    def _drop(self) -> None:
        self.empties -= 1
        self.world.drop()

    def _empty(self) -> None:
        self._drop()
        self.world.create()

    def _say(self) -> None:
        """Something of several products in one call; what is acknowledged is remembered."""
        self.said += 1
        self.now += 900
        entries = []
        for subject in self.dice.sample(SUBJECTS[:3], self.dice.randint(2, 3)):
            number = FIRST_SAID + 10 * self.said + len(entries)
            event = said(self.dice.choice(["viewed", "purchased"]), subject, self.now, number)
            entries.append((subject, seal(event, KEY)))
        for (_, sealed), position in zip(entries, log.append_each(entries), strict=True):
            if position is not None:
                self.heard.append((str(position), sealed.encode()))

    def _put_records(self, StreamName: str, Records: list[Any]) -> Any:
        """Kinesis takes them all."""
        column, told = LAYOUTS[self.layout][0][-1], []
        for record in Records:
            shard = NAMES[column[SUBJECTS.index(record["PartitionKey"]) % len(column)]]
            put = self.world.put(shard, self.now, record["PartitionKey"], record["Data"])
            told.append({"ShardId": shard, "SequenceNumber": str(put.sequence)})
        return {"FailedRecordCount": 0, "Records": told}

    def _meanwhile(self, when: str) -> None:
        """At each call: the process ends here, or another has its turn."""
        self.watch.look()
        self._look_at_head()
        if not 0 < self.depth <= DEEPEST or not self.plan.rate:
            return
        at = self.dice.random()
        if at < CRASH:
            raise Crash
        if at < CRASH + OTHERS or when == "slow":
            self._turn()

    def _look_at_head(self) -> None:
        """The tree head never goes back, and lies among those that are kept before it is shown."""
        bucket = self.world.cloud["s3"].buckets.get(SETTINGS.archive_bucket, {})
        shown = bucket.get(kept.HEAD)
        if shown is not self.shown:
            size = _size(shown)
            assert size > _size(self.shown), "the tree head goes back"
            assert bucket.get(f"{kept.HEADS}{size}") == shown, "it is not kept"
            self.shown = shown

    def _end(self) -> None:
        """All goes well, and a sweep: the archive is the log, and the rows are the naive fold's."""
        self.plan.stop()
        self.world.create()
        wanted, rows = self.world.fold().rows, self.world.rows()
        if rows != wanted:  # a shard may be behind: then it is what its checkpoints explain
            assert rows == self.world.explained()
        archive._tails = {}
        projector.sweep(self.world.code)
        assert self.world.rows() == wanted
        self._check_archive()

    def _check_archive(self) -> None:
        """It is the log, with all that was acknowledged; and can be notarised."""
        archived = {str(shard): _records(shard) for shard in archive.shards()}
        logs = {str(self.world.shard(name)): log for name, log in self.world.logs.items()}
        assert archived == {name: log for name, log in logs.items() if log}
        self._check_heard(archived)
        if self.audited:
            self._check_notarised()

    def _check_notarised(self) -> None:
        """All of the archive comes under a signed head, and nothing is wrong with any of it."""
        for _ in range(0, 1 + max(map(len, self.world.logs.values())), archive.HELD_NAMES):
            notary.sweep()
        found = audit(jobs=1)
        assert (found.wrong, found.unsigned, found.not_notarised) == ([], 0, 0)

    def _check_heard(self, archived: dict[str, list[Record]]) -> None:
        """What was acknowledged lies where it was said to lie, and counts once at most."""
        at = {
            f"{name}:{record.sequence}": record.data
            for name, records in archived.items()
            for record in records
        }
        for position, data in self.heard:
            assert at.get(position) == data, f"{position} is not what was acknowledged there"
            counted = [
                each
                for each, there in at.items()
                if there == data and (f"verdict/{each}", "verdict") not in self.world.items
            ]
            assert len(counted) <= 1, f"what lies at {counted} counts twice"


def _size(head: bytes | None) -> int:
    return 0 if head is None else int(head.split(b"\n")[1])


def _records(shard: Shard) -> list[Record]:
    return [record for segment in archive.read_after(shard, 0) for record in segment.records]


def _steps(dice: random.Random) -> list[Told]:
    """A short story of few subjects, with everything in it that a log may hold."""
    told_of = dice.sample(range(len(SUBJECTS)), dice.choice(CASTS))
    return [
        Told(
            dice.randint(0, 3),
            dice.choice(told_of),
            dice.randrange(MOST_MOVES),
            dice.choice(FLAWS),
            dice.choice(GAPS),
            dice.randint(0, 3),
        )
        for _ in range(dice.randint(1, dice.choice(LENGTHS)))
    ]


def play(seed: int, plant: Plant | None = None, kind: type[Schedule] = Schedule) -> Schedule:
    """The schedule of this seed, to its end. Raises AssertionError where something is wrong."""
    with pytest.MonkeyPatch.context() as patch:
        cheaply_signed(patch)
        schedule = kind(seed)
        with simulated(schedule.world) as inner:
            schedule.tune(inner)
            if plant is not None:
                plant(inner)
            schedule.run()
    return schedule
