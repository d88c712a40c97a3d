"""All that the doctor looks at, read once: the checks ask nobody any more.

The archive is read through once, for what its events say, and once more where every row is compared
with them. Of events nothing is held but what they make of their subjects.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from chalicelib import archive, checkpoint, register
from chalicelib.archive.gaps import HOUR_MS, now
from chalicelib.checkpoint import Checkpoint
from chalicelib.decisions import DECIDERS
from chalicelib.errors import Behind
from chalicelib.events import Envelope, Position, Shard
from chalicelib.signing import keys
from ops import gaps, logs, naive, parked, verify
from ops.doctor import desk, erased, lags, notarised, owed, waits
from ops.doctor.books import Books
from ops.doctor.lags import Lag
from ops.doctor.notarised import Tree
from ops.doctor.owed import OwedTodo
from ops.doctor.waits import Wait
from ops.naive.subjects import Subject
from ops.query.judged import Judging

Step = Callable[[], None]
NOT_COMPARED = verify.Report(0, 0, 0, [])


@dataclass
class Looking(Judging):
    """The fold of all events; it counts what is not believed, since when ever and since an hour."""

    at: int = field(kw_only=True)
    doubted: Counter[str] = field(default_factory=Counter)
    lately: Counter[str] = field(default_factory=Counter)

    def quarantine(
        self, position: Position, end: naive.End, code: str, envelope: Envelope | None = None
    ) -> None:
        super().quarantine(position, end, code, envelope)
        self.doubted[code] += 1
        self.lately[code] += end.clock > self.at - HOUR_MS


@dataclass(frozen=True, slots=True)
class Found:
    """The shop at one time (ms), as it lies there.

    `damaged` says where the archive could not be read on: what is of all events is of those before
    that, and `lags` and `rows` are empty. So are `rows` where it was `quick`. `unlisted` is None
    where the archive is needed to tell. `erased` are those whose key must be gone, `readable` those
    whose is not; `lost`, products that the photo desk forgot.
    """

    at: int
    quick: bool
    reached: Mapping[Shard, Checkpoint]
    books: Books
    subjects: Mapping[str, Subject]
    doubted: Mapping[str, int]
    lately: Mapping[str, int]
    damaged: str | None
    waits: Sequence[Wait]
    gaps: Sequence[str]
    tree: Tree
    lags: Sequence[Lag]
    left: Sequence[str]
    open: Sequence[OwedTodo]
    given_up: Sequence[OwedTodo]
    unlisted: Sequence[str] | None
    erased: Sequence[str]
    readable: Sequence[str]
    lost: Sequence[str]
    rows: verify.Report


def look(step: Step, *, quick: bool) -> Found:
    """Read it all; `step` is called after each segment. Raises CloudFailure."""
    at, waiting = now(), waits.read()
    register.read()  # so that what is read below is of the version that is read
    shards, books = archive.shards(), Books()
    fold = Looking(DECIDERS, (), keys.trust, hear=books.enter, at=at)
    damaged = _fold(fold, shards, step)
    reached, gone = checkpoint.all_of(shards), erased.people(fold.subjects)
    return Found(
        at=at,
        quick=quick,
        reached=reached,
        books=books,
        subjects=fold.subjects,
        doubted=fold.doubted,
        lately=+fold.lately,
        damaged=damaged,
        gaps=list(gaps.told()),
        tree=notarised.read(shards, at),
        lags=[] if damaged else lags.read(reached, shards, at),
        left=[each.view for each in parked.left()],
        open=owed.read_open(fold.subjects),
        given_up=owed.read_given_up(),
        unlisted=_unlisted(reached),
        erased=gone,
        readable=erased.readable(gone),
        lost=desk.lost(fold.subjects),
        rows=NOT_COMPARED if quick or damaged else verify.verify(step),
        waits=waits.settled(waiting, at),
    )


def _fold(fold: Looking, shards: Sequence[Shard], step: Step) -> str | None:
    """All events, parents first; what is wrong with the archive where it cannot be read on."""
    try:
        read = logs.read(shards, step)
        for name in naive.parents_first(read):
            fold.shard(name, read[name], None)
    except Behind as damage:
        return str(damage)
    return None


def _unlisted(reached: Mapping[Shard, Checkpoint]) -> list[str] | None:
    try:
        return list(owed.unlisted(reached))
    except Behind:
        return None
