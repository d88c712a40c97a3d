"""One subject that stands still: which checkpoints say so, and what of it came after, in order.

All checkpoints that list it say the same `since`, for each redrive moves it in all of them at
once. They are read so that none can be missing: a shard that comes of one of them meanwhile gives
that one a new token, by which whoever did not know of the shard loses.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import takewhile
from typing import Self

from chalicelib import archive, checkpoint, projector, register
from chalicelib.checkpoint import ALL, Checkpoint
from chalicelib.errors import Behind, CommitLost
from chalicelib.events import Envelope, Position, Shard
from chalicelib.projector.fold import Opened
from chalicelib.register import view_of
from chalicelib.replay.candidate import Shards

MOST_NAMES = 20_000


def shards_of(whose: str, before: Shards) -> Shards:
    """The shards, and every checkpoint that the set had at one moment of this call.

    A shard that was born since they were listed is named by those from which it inherits.
    """
    known = before.all or archive.shards()
    while True:
        found = checkpoint.all_of(known, whose)
        if all(heir in known for each in found.values() for heir in each.heirs):
            return replace(before, all=known, live=found)
        known = archive.shards()


@dataclass(frozen=True)
class Standing:
    """A subject that stands still in `view`, which is a version or `*`, for one set."""

    subject: str
    view: str
    since: Position
    listed: Sequence[Checkpoint]
    shards: Shards

    @classmethod
    def of(cls, subject: str, view: str, shards: Shards) -> Self | None:
        """As these checkpoints have it; None where it does not stand still.

        What a candidate has brought into the live set stands still there, and nowhere else.
        """
        listed = [c for c in shards.live.values() if subject in c.parked.get(view, ())]
        if not listed or any(found.joined for found in listed):
            return None
        since, *more = {found.parked[view][subject] for found in listed}
        if more:
            raise Behind(f"{subject} stands still at several events at once; ask again")
        return cls(subject, view, Position.parse(since), listed, shards)

    def check_still(self) -> None:
        """Raises CommitLost where another process has moved a checkpoint by now."""
        first = self.listed[0]
        found = checkpoint.read(first.shard, first.whose)
        if found is None or found.token != first.token:
            raise CommitLost("what was read is of another moment")

    def line(self, shard: Shard) -> list[Shard]:
        """The shard, and all that came of it: parents first."""
        line = [shard]
        for wave in self.shards.generations:
            line += [each for each in wave if set(line) & set(self.shards.parents[each])]
        return line

    @property
    def passed(self) -> dict[Shard, int]:
        """Where the subject's later records may lie, and up to where those were passed by."""
        live = self.shards.live
        line = (shard for shard in self.line(self.since.shard) if shard in live)
        return {shard: live[shard].passed(self.subject) for shard in line}

    def has(self, position: Position) -> bool:
        """Whether what lies there was passed by, and is to be folded now."""
        found = self.shards.live.get(position.shard)
        passed = found is not None and position.sequence <= found.passed(self.subject)
        return passed and str(position) != self.others.get(ALL)

    @property
    def ends(self) -> list[Checkpoint]:
        """The youngest of those that list it: what they fold is folded of the subject."""
        passed = {parent for found in self.listed for parent in self.shards.parents[found.shard]}
        return [found for found in self.listed if found.shard not in passed]

    @property
    def versions(self) -> list[str]:
        """What is folded of the subject, in the order of the fold.

        Raises Behind while a candidate has joined some of those shards: nobody knows yet whether
        it or the live set will fold the subject.
        """
        ends = self.ends
        everywhere = [v for v in ends[0].views if all(v in found.views for found in ends)]
        somewhere = {version for found in ends for version in found.views}
        for version in somewhere.difference(everywhere):
            named = register.read()
            if named is not None and named.entry(view_of(version)).next == version:
                raise Behind(f"{version} is joining the live set; ask again in a minute")
        return everywhere

    @property
    def others(self) -> dict[str, str]:
        """Where else it stands still, and since when."""
        return {
            view: subjects[self.subject]
            for found in self.ends
            for view, subjects in found.parked.items()
            if view != self.view and self.subject in subjects
        }

    @property
    def segments(self) -> int:
        """About how many segments there are to read; more come."""
        begin = dict.fromkeys(self.line(self.since.shard), 0)
        begin[self.since.shard] = self.since.sequence
        return 1 + sum(len(archive.names_after(*each, MOST_NAMES)) for each in begin.items())


@dataclass
class Waiting:
    """The subject's records from `since` on, a few at a time; reading goes on where it stood.

    `step` is called after each segment.
    """

    subject: str
    since: Position
    step: Callable[[], None]
    pending: deque[Opened] = field(default_factory=deque)
    _at: dict[Shard, tuple[int, int]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        first = archive.segment_at(self.since)
        if first is None:
            raise Behind(f"the archive has lost what lies at {self.since}")
        self._at[self.since.shard] = first.before, self.since.sequence - 1

    def goes_on(self, since: Position) -> bool:
        """Whether the subject stands still where this is, what is done being dropped."""
        while self.pending and self.since != since:
            self.pending.popleft()
            self.since = self.pending[0].position if self.pending else self.since
        return self.since == since

    def passed(self, standing: Standing) -> list[Opened]:
        """What is to be folded, as far as it was read."""
        return list(takewhile(lambda opened: standing.has(opened.position), self.pending))

    def is_all(self, standing: Standing, passed: Sequence[Opened]) -> bool:
        """Whether nothing more was passed by than this."""
        reached = (self._read_to(shard) >= upto for shard, upto in standing.passed.items())
        return len(passed) < len(self.pending) or all(reached)

    def read_on(self, standing: Standing, most: int) -> None:
        """Read what there is by now, until more than `most` wait.

        A shard is read once it has a checkpoint: its parents are whole then.
        """
        for shard in standing.passed:
            for opened in self._read(shard, most):
                self.pending.append(opened)

    def _read_to(self, shard: Shard) -> int:
        return self._at.get(shard, (0, 0))[1]

    def _read(self, shard: Shard, most: int) -> Iterator[Opened]:
        before, last = self._at.get(shard, (0, 0))
        if len(self.pending) > most:
            return
        for segment in archive.read_listed(shard, before):
            for record, clock in archive.with_clock(segment):
                if record.key == self.subject and last < record.sequence:
                    opened = projector.open_record(shard, record, clock)
                    self._at[shard] = segment.before, record.sequence
                    if isinstance(opened.envelope, Envelope) or opened.position == self.since:
                        yield opened
                        if len(self.pending) > most:
                            return
            self._at[shard] = segment.last, segment.last
            self.step()
