"""A chunk: what goes into one transaction. Rows and the checkpoint that explains them, or neither.

At most 100 rows and 3.5 MB. A record whose effect does not fit any more begins the next chunk; two
writes to one row become one. Tallies wait in the checkpoint for the end of the group, since many
subjects add to the same few; as many wait as one transaction takes.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from chalicelib import checkpoint, store
from chalicelib.checkpoint import ALL, LIVE, Ahead, Checkpoint
from chalicelib.errors import Behind
from chalicelib.events import Envelope
from chalicelib.projector.fold import Code, Effect, Known, Live, Opened
from chalicelib.projector.rows import (
    crowded,
    event_key,
    keyed_of,
    left_row,
    of_set,
    written_by,
)
from chalicelib.store import Add, Key, Owned, Write
from chalicelib.store.used import minute
from chalicelib.subjects import subject_key, subject_of

MOST_PARKED = 100


@dataclass(slots=True)
class Chunk:
    """Rows to be committed on top of a checkpoint, for the views that are live there."""

    base: Checkpoint
    code: Code
    live: Live
    parked: dict[str, dict[str, str]]
    reached: tuple[str, int]
    tallies: dict[Key, Add]
    owned: dict[Key, Owned] = field(default_factory=dict)
    bytes: int = 0

    @classmethod
    def on(cls, base: Checkpoint, code: Code) -> Chunk:
        """A chunk of nothing but the tallies that wait there.

        A version that this code does not have leaves here: what comes is not folded into it.
        """
        parked = {view: dict(subjects) for view, subjects in base.parked.items()}
        known = {version: code.view(version) for version in base.views}
        views = [view for view in known.values() if view is not None]
        tallies = {tally.key: tally for tally in base.waiting}
        live = Live(code.deciders, views, parked)
        made = cls(base, code, live, parked, base.reached, tallies)
        for version in known.keys() - set(map(str, views)):
            made._leave(version, "the code that ran then did not have it")
        return made

    def has_room(self, effect: Effect) -> bool:
        """Whether the effect's rows fit in too; where there are none, any effect's do."""
        if not (self.owned or self.tallies):
            return True
        new = [write for write in effect.writes if not self._has(write)]
        tallies = sum(isinstance(write, Add) for write in new)
        rows = max(len(self.owned) + len(new) - tallies, len(self.tallies) + tallies)
        return rows < store.MOST_ROWS and self.bytes + effect.bytes < store.MOST_BYTES

    def _has(self, write: Write) -> bool:
        return write.key in (self.tallies if isinstance(write, Add) else self.owned)

    def add(self, effect: Effect) -> None:
        """The effect's rows.

        Raises Behind, and adds nothing, when this code cannot fold most of what comes: the set
        stops here.
        """
        for view in effect.park:
            self._park(view, effect)
        for write in effect.writes:
            if isinstance(write, Add):
                self.tallies[write.key] = write.after(self.tallies.get(write.key))
            else:
                self.owned[write.key] = store.merge(self.owned.get(write.key), write)
        self.bytes += effect.bytes
        self.reached = effect.opened.order

    def note(self, effect: Effect) -> None:
        """Who stands still from here on, for the records after this one; no more than that."""
        for view in effect.park:
            self.parked.setdefault(view, {})[effect.opened.order[0]] = str(effect.opened.position)

    def _park(self, view: str, effect: Effect) -> None:
        opened = effect.opened
        assert isinstance(opened.envelope, Envelope)
        subjects = self.parked.setdefault(view, {})
        if len(subjects) >= MOST_PARKED and (view == ALL or self.code.whose != LIVE):
            where = "all views" if view == ALL else view
            raise Behind(f"{MOST_PARKED} subjects are parked for {where}; {opened.position} waits")
        subjects[opened.envelope.subject] = str(opened.position)
        if len(subjects) > MOST_PARKED:
            self._leave(view, crowded(view, opened.envelope.subject, effect.writes))

    def _leave(self, view: str, why: str) -> None:
        """A version leaves the live set: what it would answer is not whole."""
        self.live = replace(self.live, views=[v for v in self.live.views if str(v) != view])
        self.parked.pop(view, None)
        left = left_row(view, why)
        self.owned[left.key] = left

    @property
    def fits_whole(self) -> bool:
        """Whether one transaction takes the tallies too."""
        return not self.owned or len(self.owned) + len(self.tallies) < store.MOST_ROWS

    def commit_part(self, to: int) -> Checkpoint:
        """In the middle of a group that ends at `to`: the tallies wait, if there are other rows.

        Raises as `store.commit`.
        """
        if not self.owned:
            return self.commit_whole(to)
        ahead = Ahead(to, *self.reached, tuple(self.tallies.values()))
        return self._commit(self.owned.values(), ahead=ahead)

    def commit_whole(self, to: int) -> Checkpoint:
        """In the middle of a group that ends at `to`; no tally waits. Raises as `store.commit`."""
        return self._commit(self._rows, ahead=Ahead(to, *self.reached))

    def commit_end(self, position: int, segment: int) -> Checkpoint:
        """At the end of a group. Raises as `store.commit`."""
        return self._commit(self._rows, position=position, segment=segment, ahead=None)

    @property
    def _rows(self) -> list[Write]:
        return [*self.owned.values(), *self.tallies.values()]

    def _commit(self, rows: Iterable[Write], **moved: Any) -> Checkpoint:
        views = tuple(str(view) for view in self.live.views)
        written = written_by(self.code.whose, rows)
        used = self.base.used.more(len(written) + 1, minute())
        after = self.base.moved(views=views, parked=self.parked, used=used, **moved)
        checkpoint.commit(self.base, after, written)
        self.code.pace(len(written) + 1)
        return after


def crowded_at(base: Checkpoint, effects: Sequence[Effect]) -> int | None:
    """The sequence number, in log order, at which more are parked in one view than may be."""
    parks = sorted(
        (effect.opened.record.sequence, view) for effect in effects for view in effect.park
    )
    counts = Counter({view: len(subjects) for view, subjects in base.parked.items()})
    for sequence, view in parks:
        counts[view] += 1
        if counts[view] > MOST_PARKED:
            return sequence
    return None


def load(opened: Sequence[Opened], code: Code) -> Known:
    """The subjects' rows and the keyed ids' rows, in as few reads as there can be."""
    envelopes = [found.envelope for found in opened if isinstance(found.envelope, Envelope)]
    places = {
        of_set(code.whose, subject_key(decider, envelope.subject)): decider
        for envelope in envelopes
        if (decider := code.deciders.get(envelope.subject.partition("/")[0]))
    }
    ids = {event_key(envelope) for envelope in envelopes if envelope.commandhash}
    keyed = {of_set(code.whose, key): key for key in ids}
    rows = store.read([*places, *keyed])
    return Known(
        {key.sk: subject_of(places[key], row) for key, row in rows.items() if key in places},
        {keyed[key]: found for key in keyed.keys() & rows.keys() if (found := keyed_of(rows[key]))},
    )


def learn(known: Known, effect: Effect) -> None:
    """What later records of the same fold see of this one."""
    envelope = effect.opened.envelope
    if effect.subject is not None and isinstance(envelope, Envelope):
        known.subjects[envelope.subject] = effect.subject
    if effect.first_use is not None and isinstance(envelope, Envelope):
        known.keyed[event_key(envelope)] = effect.first_use
