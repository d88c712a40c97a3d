"""What became of each verified event of the archive, as the naive fold comes to it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from chalicelib.events import Envelope, Event, Fact, Position
from ops import naive
from ops.naive.subjects import Subject

STOPPED = "and all that follows on its shard, where too much is parked"


@dataclass(frozen=True, slots=True)
class Judged:
    """A verified event at its place; `fact` is its data, if it counted."""

    envelope: Envelope
    position: Position
    clock: int
    verdict: str
    reason: str | None = None
    fact: Fact | None = None


@dataclass
class Judging(naive.Fold):
    """The fold: it hands on each verified event, and counts the verdicts on all.

    Of no view, it keeps no row either: nothing reads them.
    """

    hear: Callable[[Judged], None] = field(kw_only=True)
    verdicts: Counter[str] = field(default_factory=Counter)
    _said: tuple[str, str | None, Fact | None] = ("", None, None)

    def record(self, position: Position, found: Envelope | str, end: naive.End) -> None:
        """One record. Of a subject that is parked nothing is said."""
        self._said = ("parked", None, None)
        try:
            super().record(position, found, end)
        except naive.StoppedError:
            self.verdicts[STOPPED] += 1
            raise
        if not self.views:
            self.rows.clear()
        verdict, reason, fact = self._said
        self.verdicts[verdict] += 1
        if isinstance(found, Envelope) and verdict != "quarantined":
            self.hear(Judged(found, position, end.clock, verdict, reason, fact))

    def count(self, event: Event, before: Subject, after: Subject, end: naive.End) -> None:
        super().count(event, before, after, end)
        self._said = ("counted", None, event.data)

    def tell(self, envelope: Envelope, position: Position, verdict: str, **more: Any) -> None:
        super().tell(envelope, position, verdict, **more)
        self._said = (verdict, more.get("reason"), None)

    def quarantine(
        self, position: Position, end: naive.End, code: str, envelope: Envelope | None = None
    ) -> None:
        super().quarantine(position, end, code, envelope)
        self._said = ("quarantined", code, None)
