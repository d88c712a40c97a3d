"""A chunk: what goes into one transaction. Rows and the checkpoint that explains them, or neither.

At most 100 rows and 3.5 MB. A record whose effect does not fit any more begins the next chunk; two
writes to one row become one.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from chalicelib import checkpoint, store
from chalicelib.checkpoint import ALL, Ahead, Checkpoint
from chalicelib.errors import Behind
from chalicelib.events import Envelope
from chalicelib.projector.fold import Code, Effect, Known, Live, Opened
from chalicelib.projector.rows import event_key
from chalicelib.store import Key, Put, Write

MOST_PARKED = 100


@dataclass(slots=True)
class Chunk:
    """Rows to be committed on top of a checkpoint, for the views that are live there."""

    base: Checkpoint
    live: Live
    parked: dict[str, dict[str, str]]
    writes: dict[Key, Write] = field(default_factory=dict)
    bytes: int = 0
    last: Opened | None = None

    @classmethod
    def on(cls, base: Checkpoint, code: Code) -> Chunk:
        """An empty chunk."""
        parked = {view: dict(subjects) for view, subjects in base.parked.items()}
        views = [view for view in code.views if str(view) in base.views]
        return cls(base, Live(code.deciders, views, parked), parked)

    def has_room(self, effect: Effect) -> bool:
        """Whether the effect's rows fit in too."""
        rows = len(self.writes) + sum(write.key not in self.writes for write in effect.writes)
        return rows < store.MOST_ROWS and self.bytes + effect.bytes < store.MOST_BYTES

    def add(self, effect: Effect) -> None:
        """The effect's rows.

        Raises Behind, and adds nothing, when this code cannot fold most of what comes: the shard
        stops here.
        """
        for view in effect.park:
            self._park(view, effect.opened)
        for write in effect.writes:
            self.writes[write.key] = store.merge(self.writes.get(write.key), write)
        self.bytes += effect.bytes
        self.last = effect.opened

    def note(self, effect: Effect) -> None:
        """Who stands still from here on, for the records after this one; no more than that."""
        for view in effect.park:
            self.parked.setdefault(view, {})[effect.opened.order[0]] = str(effect.opened.position)

    def _park(self, view: str, opened: Opened) -> None:
        assert isinstance(opened.envelope, Envelope)
        subjects = self.parked.setdefault(view, {})
        if len(subjects) >= MOST_PARKED and view == ALL:
            raise Behind(
                f"{MOST_PARKED} subjects are parked for all views; {opened.position} waits"
            )
        subjects[opened.envelope.subject] = str(opened.position)
        if len(subjects) > MOST_PARKED:
            self._leave(view)

    def _leave(self, view: str) -> None:
        """A view that parks too much leaves the live set: what it would answer is not whole."""
        self.live = replace(self.live, views=[v for v in self.live.views if str(v) != view])
        del self.parked[view]
        key = Key(f"left/{view}", "live")
        self.writes[key] = Put(key, {"view": view})

    def commit_part(self, to: int) -> Checkpoint:
        """The checkpoint after the rows, in the middle of a group that ends at `to`.

        Raises as `store.commit`.
        """
        if self.last is None:
            return self.base
        return self._commit(ahead=Ahead(to, *self.last.order))

    def commit_end(self, position: int, segment: int) -> Checkpoint:
        """The checkpoint after the rows, at the end of a group. Raises as `store.commit`."""
        return self._commit(position=position, segment=segment, ahead=None)

    def _commit(self, **moved: Any) -> Checkpoint:
        views = tuple(str(view) for view in self.live.views)
        after = self.base.moved(views=views, parked=self.parked, **moved)
        checkpoint.commit(self.base, after, list(self.writes.values()))
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


def learn(known: Known, effect: Effect) -> None:
    """What later records of the same fold see of this one."""
    envelope = effect.opened.envelope
    if effect.subject is not None and isinstance(envelope, Envelope):
        known.subjects[envelope.subject] = effect.subject
    if effect.first_use is not None and isinstance(envelope, Envelope):
        known.keyed[event_key(envelope)] = effect.first_use
