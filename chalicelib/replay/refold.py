"""What the records of a subject come to that stood still, once the code is mended: as values.

For all views they are folded as the projector would have. For one view they were judged all the
while, so the verdicts say which of them count. What was told of the event at which the subject
stood still becomes what is told of it now; where no row is left of its id, the next event of that
id that did not simply count has the row, as if it had been the first.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Self

from chalicelib import store
from chalicelib.checkpoint import ALL
from chalicelib.decisions import Decider
from chalicelib.decisions.subject import Ignored, Subject
from chalicelib.errors import Behind, Misfit
from chalicelib.events import Envelope, Event, Position, Record, read
from chalicelib.projector.chunk import learn, load
from chalicelib.projector.fold import (
    Code,
    Effect,
    Known,
    Live,
    Opened,
    fold,
    park,
    parked_everywhere,
)
from chalicelib.projector.rows import (
    detail,
    event_key,
    parked_key,
    parked_row,
    said,
    verdict_key,
)
from chalicelib.replay.standing import Standing
from chalicelib.store import Delete, Key, Put, PutFirst, Row, Write
from chalicelib.view import View

AGAIN = ("repeat", "key-reused")  # of an id that was judged before: the first verdict stays
KEYED = {"commandhash", "clock"}


@dataclass(frozen=True)
class Stand:
    """What the table says of the subject and of its records.

    It is read after the checkpoints, by whose tokens it is then known to be so still.
    """

    standing: Standing
    versions: Sequence[str]
    views: Sequence[View]
    rows: dict[Key, Row]

    @classmethod
    def read(cls, standing: Standing, records: Sequence[Opened], code: Code) -> Self:
        """Of these records. Raises Behind where the code lacks a version that is folded."""
        versions = standing.versions
        views = [view for version in versions if (view := code.view(version)) is not None]
        if len(views) < len(versions):
            raise Behind(f"this code does not have all of {', '.join(versions)}")
        keys = {parked_key(v, standing.subject) for v in (standing.view, *standing.others)}
        for opened in records[:1] if standing.view == ALL else records:
            keys.add(verdict_key(opened.position))
            if isinstance(opened.envelope, Envelope):
                keys.add(event_key(opened.envelope))
        return cls(standing, versions, views, store.read(sorted(keys)))

    @property
    def parked(self) -> Key:
        """Where it is said why the subject stands still in the view."""
        return parked_key(self.standing.view, self.standing.subject)

    def why_at(self, view: str, position: Position) -> str:
        """Why it stands still at the position in another view, as far as that is told yet."""
        row = self.rows.get(parked_key(view, self.standing.subject))
        return row.body["detail"] if row and row.body["since"] == str(position) else ""

    def row_at(self, found: Opened, subject: Subject) -> Put:
        """The row of who stands still, with the subject as it is before that record."""
        assert isinstance(found.envelope, Envelope)
        row, since = self.rows.get(self.parked), str(found.position)
        why = "" if row is None else row.body["detail"]
        return parked_row(self.standing.view, found.envelope, since, subject, why)

    def verdict(self, opened: Opened) -> Row:
        """What is told at the record's position; an empty row where nothing is."""
        key = verdict_key(opened.position)
        return self.rows.get(key) or Row(key)

    def ours(self, opened: Opened, envelope: Envelope) -> Row | None:
        """The row of the event's id, where it tells of this very record."""
        row = self.rows.get(event_key(envelope))
        return row if row and row.body["position"] == str(opened.position) else None

    def heard(self, writes: list[Write]) -> list[Write]:
        """The same, which records after these see."""
        for write in writes:
            if isinstance(write, Delete):
                self.rows.pop(write.key, None)
            elif isinstance(write, Put | PutFirst):
                self.rows[write.key] = Row(write.key, dict(write.body))
        return writes


Folded = Iterator[tuple[Effect, Subject]]


def refold(stand: Stand, records: Sequence[Opened], code: Code, refused: frozenset[str]) -> Folded:
    """What each record comes to, and the subject after it, until it stands still again.

    `refused` are views, or `*`, whose rows of the record DynamoDB has refused.
    """
    kind = _for_all if stand.standing.view == ALL else _for_one
    return kind(stand, records, code, refused)


def _for_all(
    stand: Stand, records: Sequence[Opened], code: Code, refused: frozenset[str]
) -> Folded:
    """As the projector folds them, but that what was told of the first is told anew."""
    known, subject = load(records, code), stand.standing.subject
    parked = {view: {subject: since} for view, since in stand.standing.others.items()}
    live = Live(code.deciders, stand.views, parked, refused)
    for opened in records:
        effect = _judged(opened, known, live)
        effect.writes[:0] = _untold(stand, opened)
        learn(known, effect)
        for view in effect.park:
            parked[view] = {subject: str(opened.position)}
        yield effect, known.subjects.get(subject) or Subject()


def _judged(opened: Opened, known: Known, live: Live) -> Effect:
    if ALL in live.refused and isinstance(opened.envelope, Envelope):
        failure = Misfit("dynamodb refuses a row of it, whatever view is left out")
        return parked_everywhere(opened, opened.envelope, known, failure)
    return fold(opened, known, live)


def _untold(stand: Stand, opened: Opened) -> list[Write]:
    """Nothing is told any more of a record at which the subject stood still."""
    if stand.verdict(opened).body.get("verdict") != "parked":
        return []
    assert isinstance(opened.envelope, Envelope)
    ours = stand.ours(opened, opened.envelope)
    return [Delete(verdict_key(opened.position)), *([Delete(ours.key)] if ours else [])]


def _for_one(
    stand: Stand, records: Sequence[Opened], code: Code, refused: frozenset[str]
) -> Folded:
    """What counts is given to the view; of what does not, only the first of its id is told."""
    feeding = _Feeding(stand, code.deciders[stand.standing.subject.partition("/")[0]], refused)
    subject = feeding.before
    for opened in records:
        effect = Effect(opened)
        verdict = stand.verdict(opened).body.get("verdict")
        if isinstance(opened.envelope, Envelope) and verdict != "quarantined":
            if verdict == "ignored":
                effect.add(*_first_of_id(stand, opened, opened.envelope))
            else:
                subject = feeding.counted(effect, opened.envelope, subject)
        yield effect, subject


def _first_of_id(stand: Stand, opened: Opened, envelope: Envelope) -> list[Write]:
    """The verdict on the record, under its id too, where that has no row."""
    body, key = stand.verdict(opened).body, event_key(envelope)
    first = key not in stand.rows and body.get("reason") not in AGAIN
    return stand.heard([PutFirst(key, body)] if first else [])


@dataclass(frozen=True)
class _Feeding:
    """One view, and what it is fed with."""

    stand: Stand
    decider: Decider
    refused: frozenset[str]

    @property
    def before(self) -> Subject:
        """The subject as it was before the event at which it stands still."""
        row = self.stand.rows.get(self.stand.parked)
        if row is None or row.body["since"] != str(self.stand.standing.since):
            self.stand.standing.check_still()
            raise Behind(f"the row {self.stand.parked.pk} is lost; `ops rebuild` makes it good")
        body = row.body
        state = None if body["state"] is None else self.decider.load(body["state"])
        return Subject(state, body["version"])

    def counted(self, effect: Effect, envelope: Envelope, before: Subject) -> Subject:
        """The subject after an event that counts; the view has its rows, or stands still at it."""
        opened, why, after = effect.opened, None, before
        try:
            event = read(envelope, opened.position, opened.clock)
            state = self.decider.evolve(before.state, event)
            if not isinstance(state, Ignored):
                after = Subject(state, before.version + (state != before.state))
                effect.feed(self._rows(event, before, after))
        except Exception as failure:  # noqa: BLE001  (whatever is raised parks the subject)
            park(self.stand.standing.view, effect, envelope, before, failure)
            why, after = detail([failure]), before
        effect.add(*_told(self.stand, opened, envelope, why))
        return after

    def _rows(self, event: Event, before: Subject, after: Subject) -> list[Write]:
        """The view's, as far as the event has room for them beside those of the views before."""
        opened = Opened(Record(0, 0, "", b""), event.position, event.clock, event.envelope)
        beside, view = Effect(opened), self.stand.standing.view
        for each in self.stand.views:
            if type(event.data) not in each.feeds or str(each) in self.stand.standing.others:
                continue
            if str(each) == view:
                return self._fitting(each.writes(event, before.state, after.state), beside)
            with suppress(Exception):  # the subject stands still in that one, or will
                beside.feed(each.writes(event, before.state, after.state))
        return []

    def _fitting(self, writes: list[Write], beside: Effect) -> list[Write]:
        if self.stand.standing.view in self.refused:
            raise Misfit(f"dynamodb refused a row of {self.stand.standing.view}")
        beside.feed(writes)
        return writes


def _told(stand: Stand, opened: Opened, envelope: Envelope, why: str | None) -> list[Write]:
    """What is told of an event that counts, in this view too, or (`why`) everywhere but there."""
    view, position = stand.standing.view, opened.position
    former = stand.verdict(opened).body.get("views", [])
    still = [each for each in stand.versions if each in former and each != view]
    if why is None and view not in former:
        return _first_of_id(stand, opened, envelope) if former else []
    details = {each: stand.why_at(each, position) for each in still} | ({view: why} if why else {})
    views = [each for each in stand.versions if each in details]
    reasons = "; ".join(filter(None, (details[each] for each in views)))
    more = {"detail": reasons, "views": views} if views else {}
    body = said(envelope, position, "parked" if views else "counted", **more)
    return stand.heard([*_by_position(stand, opened, body), *_by_id(stand, opened, envelope, body)])


def _by_position(stand: Stand, opened: Opened, body: dict[str, Any]) -> list[Write]:
    key = verdict_key(opened.position)
    if body["verdict"] == "parked":
        return [Put(key, body)]
    return [Delete(key)] if key in stand.rows else []


def _by_id(stand: Stand, opened: Opened, envelope: Envelope, body: dict[str, Any]) -> list[Write]:
    """The row of the event's id, if it is of this event, or there is none and one is due."""
    key, ours = event_key(envelope), stand.ours(opened, envelope)
    used = {name: ours.body[name] for name in KEYED & ours.body.keys()} if ours else {}
    if ours and body["verdict"] == "counted" and not used:
        return [Delete(key)]
    due = body["verdict"] == "parked" and key not in stand.rows
    return [Put(key, body | used)] if ours or due else []
