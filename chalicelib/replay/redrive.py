"""A subject that stands still goes on, once the code is mended: in order, from the archive.

Each step is one transaction: rows, and every checkpoint that lists the subject, each under a new
token and conditional on the old one, with `since` moved on. So it may die anywhere and go on, and
whoever commits meanwhile makes it read again: so it reads the archive first, then the checkpoints,
and commits at once; less at a time after each commit that is lost, and not for ever. The last step
takes the subject off the list, where all that was passed by is folded: what comes after, the
consumer folds.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from chalicelib import projector, register, store
from chalicelib.checkpoint import ALL, LIVE, Checkpoint
from chalicelib.decisions.subject import Subject
from chalicelib.errors import Behind, CommitLost, Conflict, Misfit
from chalicelib.events import Position
from chalicelib.projector import Code
from chalicelib.projector import chunk as chunks
from chalicelib.projector.fold import Effect, Opened
from chalicelib.projector.rows import crowded, left_row, written_by
from chalicelib.replay.candidate import Shards
from chalicelib.replay.refold import Stand, refold
from chalicelib.replay.standing import Standing, Waiting, shards_of
from chalicelib.store import Add, Delete, Key, Write

MOST_RECORDS = 100
MOST_LOST = 200  # commits in a row
MOST_TOGETHER = 100  # rows that DynamoDB takes in one transaction


class Redriven(NamedTuple):
    """How many events were folded for the view, and where the subject stands still again."""

    view: str
    events: int
    since: str | None


class Place(NamedTuple):
    """Where a subject stands still: in a version or `*`, of the live set or of a candidate."""

    code: Code
    view: str


def places(subject: str, code: Code = projector.LIVE) -> list[Place]:
    """All of them, in the order in which they are redriven: for all views first.

    What a candidate has parked for itself is left to it: it stands still in the live set, too,
    once the candidate has joined that.
    """
    shards = Shards.now()
    live = {v for c in shards.live.values() for v, listed in c.parked.items() if subject in listed}
    found = [Place(code, view) for view in sorted(live)]
    for own in _candidates(code):
        standing = Standing.of(subject, ALL, shards_of(own.whose, shards))
        found += [Place(own, ALL)] if standing else []
    return sorted(found, key=lambda place: (place.view != ALL, place.code.whose != LIVE))


def _candidates(code: Code) -> Iterator[Code]:
    """One of these waits until it has the same subjects parked for all views as the live set."""
    named = register.read()
    for entry in named.views.values() if named else ():
        if entry.next and (view := code.view(entry.next)):
            yield replace(code, views=[view], whose=entry.next)


def subjects(code: Code = projector.LIVE) -> list[str]:
    """All that have a place where they stand still."""
    live = {s for c in Shards.now().live.values() for listed in c.parked.values() for s in listed}
    own = {
        subject
        for candidate in _candidates(code)
        for found in shards_of(candidate.whose, Shards((), {})).live.values()
        for subject in found.parked.get(ALL, ())
        if not found.joined
    }
    return sorted(live | own)


def segments(subject: str, place: Place) -> int:
    """About how many segments are to be read for it."""
    standing = Standing.of(subject, place.view, shards_of(place.code.whose, Shards((), {})))
    return 0 if standing is None else standing.segments


def redrive(
    subject: str,
    place: Place,
    still: Callable[[], None] = lambda: None,
    step: Callable[[], None] = lambda: None,
) -> Redriven:
    """Fold what waits behind it; `still` is called at each step, `step` after each segment read.

    Raises Behind where it cannot be done now, CloudFailure; asked for again, it goes on.
    """
    (code, view), haste = place, _Haste(subject)
    shards, standing, waiting = Shards((), {}), None, None
    while True:
        still()
        try:
            if standing and waiting:
                waiting.read_on(standing, MOST_RECORDS)
            shards = shards_of(code.whose, shards)
            if (standing := Standing.of(subject, view, shards)) is None:
                return Redriven(view, haste.events, None)
            if waiting is None or not waiting.goes_on(standing.since):
                waiting = Waiting(subject, standing.since, step)
                continue
            done = _advance(standing, *haste.some(standing, waiting), code)
        except (CommitLost, Conflict):
            haste.lost()
            continue
        haste.made(done)
        if done.again is not None:
            return Redriven(view, haste.events, str(done.again))


@dataclass
class _Haste:
    """How many records are folded at once: fewer where others commit meanwhile, then more again."""

    subject: str
    most: int = MOST_RECORDS
    row: int = 0  # of lost commits
    events: int = 0

    def some(self, standing: Standing, waiting: Waiting) -> tuple[list[Opened], int]:
        """What was read, and how many of it to fold: all but the last, if more was passed by.

        Raises CommitLost where that is none.
        """
        passed = waiting.passed(standing)
        if not passed or waiting.is_all(standing, passed):
            return passed, self.most
        if len(passed) == 1:
            raise CommitLost("more was passed by while the archive was read")
        return passed, min(self.most, len(passed) - 1)

    def made(self, done: Step) -> None:
        """A commit was made."""
        self.row, self.most = 0, min(MOST_RECORDS, 2 * self.most)
        self.events += done.events

    def lost(self) -> None:
        """Another was faster. Raises Behind where that was so too often in a row."""
        self.row, self.most = self.row + 1, max(1, self.most // 2)
        if self.row == MOST_LOST:
            raise Behind(
                f"the consumer was faster {MOST_LOST} times in a row; {self.subject} goes on from "
                "where it is now when it is asked for again, best in a quieter hour"
            )


class Step(NamedTuple):
    """What one commit did: how many events it folded, and where the subject stands still again."""

    events: int
    again: Position | None


def _advance(standing: Standing, passed: Sequence[Opened], most: int, code: Code) -> Step:
    """One commit. A row that DynamoDB refuses is found record by record, view by view."""
    if not passed or passed[0].position != standing.since:
        raise Behind(f"the archive does not hold what {standing.subject} stands still at")
    suspects = [*standing.versions, ALL] if standing.view == ALL else [standing.view]
    singly = [(1, frozenset(each)) for each in ((), *((view,) for view in suspects))]
    for some, refused in [(most, frozenset[str]()), *singly]:
        try:
            return _committed(standing, passed, some, code, refused)
        except Misfit as refusal:
            failure = refusal
    raise Behind(f"not even that {standing.subject} stands still can be said: {failure}")


def _committed(
    standing: Standing, passed: Sequence[Opened], most: int, code: Code, refused: frozenset[str]
) -> Step:
    stand = Stand.read(standing, passed[:most], code)
    chunk = _Chunk(store.MOST_ROWS - len(standing.listed) - 1)
    for effect, subject in refold(stand, passed[:most], code, refused):
        if not chunk.takes(effect):
            break
        chunk.add(effect, subject)
        if standing.view in effect.park:
            break
    again = chunk.stands_at(standing.view)
    on = again or next(iter(passed[len(chunk.effects) :]), None)
    if on is None:
        chunk.put(Delete(stand.parked))
    elif again is None:
        chunk.put(stand.row_at(on, chunk.subject))
    _commit(standing, chunk, None if on is None else str(on.position), code)
    return Step(len(chunk.effects) - (again is not None), None if again is None else again.position)


@dataclass
class _Chunk:
    """Rows that go into one transaction; two writes to one row become one."""

    room: int
    subject: Subject = field(default_factory=Subject)
    effects: list[Effect] = field(default_factory=list)
    rows: dict[Key, Write] = field(default_factory=dict)
    bytes: int = 0

    def takes(self, effect: Effect) -> bool:
        """Whether the effect's rows fit in too; where there are none, any effect's do."""
        rows = self.rows.keys() | {write.key for write in effect.writes}
        fits = len(rows) <= self.room and self.bytes + effect.bytes < store.MOST_BYTES
        return fits or not self.effects

    def add(self, effect: Effect, subject: Subject) -> None:
        """The effect's rows, and the subject after it."""
        self.effects.append(effect)
        self.subject, self.bytes = subject, self.bytes + effect.bytes
        for write in effect.writes:
            self.put(write)

    def put(self, write: Write) -> None:
        """One row."""
        earlier = self.rows.get(write.key)
        if isinstance(write, Add):
            assert earlier is None or isinstance(earlier, Add)
            self.rows[write.key] = write.after(earlier)
        else:
            assert not isinstance(earlier, Add)
            self.rows[write.key] = store.merge(earlier, write)

    def stands_at(self, view: str) -> Opened | None:
        """The record at which the subject stands still in the view again."""
        return next((e.opened for e in self.effects if view in e.park), None)

    @property
    def parks(self) -> list[tuple[str, Position]]:
        """In which views it stands still from here on, and since when."""
        return [(view, effect.opened.position) for effect in self.effects for view in effect.park]


def _commit(standing: Standing, chunk: _Chunk, since: str | None, code: Code) -> None:
    """The rows, and every checkpoint that lists the subject. Raises as `store.commit`."""
    moved = [_moved(found, standing, chunk, since, code.whose) for found in standing.listed]
    left = {write.key: write for _, writes in moved for write in writes}
    rows = written_by(code.whose, [*chunk.rows.values(), *left.values()])
    if len(rows) + len(moved) > MOST_TOGETHER:
        raise Behind(
            f"{standing.subject} stands still in {len(moved)} shards, which with the {len(rows)} "
            "rows of its next event is more than one transaction takes"
        )
    puts = [
        (after.row(), found.guard) for found, (after, _) in zip(standing.listed, moved, strict=True)
    ]
    (first, guard), *beside = puts
    store.commit(first, guard, rows, beside=beside)
    code.pace(len(rows) + len(puts))


def _moved(
    found: Checkpoint, standing: Standing, chunk: _Chunk, since: str | None, whose: str
) -> tuple[Checkpoint, list[Write]]:
    """The checkpoint with the subject further on; it loses a view in which too many stand still."""
    parked = {view: dict(subjects) for view, subjects in found.parked.items()}
    del parked[standing.view][standing.subject]
    if since is not None:
        parked[standing.view][standing.subject] = since
    for view, position in chunk.parks:
        if view in found.views and found.shard in standing.line(position.shard):
            parked.setdefault(view, {})[standing.subject] = str(position)
    gone = {v for v, subjects in parked.items() if v != ALL and len(subjects) > chunks.MOST_PARKED}
    if gone and whose != LIVE:
        raise Behind(f"too many subjects stand still in {', '.join(gone)}; it waits")
    kept = {view: subjects for view, subjects in parked.items() if subjects and view not in gone}
    views = tuple(view for view in found.views if view not in gone)
    rows, subject = chunk.rows.values(), standing.subject
    left = [left_row(view, crowded(view, subject, rows)) for view in sorted(gone)]
    return found.moved(parked=kept, views=views), [*left]
