"""One record folded: what it comes to, as values. Pure: no clock, no I/O.

A record is quarantined (not believed), parked (not foldable), ignored (its subject says no) or
counted. Only what is counted reaches a view; a view that fails on it parks the subject for itself
alone, a decider that fails parks it for all.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from chalicelib import store
from chalicelib.checkpoint import ALL, LIVE, Parked
from chalicelib.decisions import Decider
from chalicelib.decisions.subject import Ignored, Keyed, Subject, judge
from chalicelib.decisions.todo import owed_by
from chalicelib.errors import Equivocation, Misfit, SecurityError, UnknownType
from chalicelib.events import Envelope, Event, Position, Record, read
from chalicelib.projector import rows
from chalicelib.store import Key, Write
from chalicelib.subjects import subject_row
from chalicelib.view import MOST_WRITES, View

MOST_FED = 3_000_000


def _at_will(_: int) -> None:
    """Nobody holds the live set back."""


@dataclass(frozen=True, slots=True)
class Code:
    """What this code can fold: a decider per kind of subject, and the views.

    `whose` set it folds: the live one, or a candidate's, which `pace` holds back, told after each
    commit how many rows that wrote.
    """

    deciders: Mapping[str, Decider]
    views: Sequence[View]
    whose: str = LIVE
    pace: Callable[[int], None] = _at_will
    _named: dict[str, View | None] = field(default_factory=dict, init=False, compare=False)

    def view(self, version: str) -> View | None:
        """The version of this name, if this code has it; it is asked for at each commit."""
        if version not in self._named:
            found = (view.named(version) for view in self.views)
            self._named[version] = next(filter(None, found), None)
        return self._named[version]


@dataclass(frozen=True, slots=True)
class Live:
    """What is folded here and now: the live views, and who is parked in which.

    `refused` are views whose rows of the record at hand DynamoDB has just refused.
    """

    deciders: Mapping[str, Decider]
    views: Sequence[View]
    parked: Parked
    refused: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Opened:
    """A record with the shard's clock at it, and the envelope in it or why there is none."""

    record: Record
    position: Position
    clock: int
    envelope: Envelope | SecurityError

    @property
    def order(self) -> tuple[str, int]:
        """Where it stands in a group that is folded subject by subject."""
        subject = self.envelope.subject if isinstance(self.envelope, Envelope) else ""
        return subject, self.record.sequence


@dataclass(slots=True)
class Known:
    """The rows that a fold reads: subjects by name, and what keyed ids stand for."""

    subjects: dict[str, Subject] = field(default_factory=dict)
    keyed: dict[Key, Keyed] = field(default_factory=dict)

    def before(self, envelope: Envelope) -> Subject:
        """The event's subject as it is so far."""
        return self.subjects.get(envelope.subject) or Subject()


@dataclass(slots=True)
class Effect:
    """What one record comes to. `park` names the views in which its subject stands still now.

    `owed` are the to-dos that it opened.
    """

    opened: Opened
    writes: list[Write] = field(default_factory=list)
    bytes: int = 0
    fed: tuple[int, int] = (0, 0)
    subject: Subject | None = None
    first_use: Keyed | None = None
    park: list[str] = field(default_factory=list)
    owed: list[str] = field(default_factory=list)

    def add(self, *writes: Write, most: int = store.ROW_BYTES) -> None:
        """All of the rows. Raises Misfit, and adds none, where DynamoDB would refuse one."""
        self.bytes += sum(store.size(write, most) for write in writes)
        self.writes += writes

    def feed(self, writes: Sequence[Write]) -> None:
        """A view's rows. Raises Misfit, and adds none, where all views' are too many by now."""
        grown = sum(map(store.size, writes))
        fed = self.fed[0] + len(writes), self.fed[1] + grown
        if fed[0] > MOST_WRITES or fed[1] > MOST_FED:
            raise Misfit(f"all views together write {fed[0]} rows, {fed[1]} bytes, of one event")
        self.fed, self.bytes = fed, self.bytes + grown
        self.writes += writes


def fold(opened: Opened, known: Known, live: Live) -> Effect:
    """What the record comes to, after all before it."""
    envelope = opened.envelope
    if isinstance(envelope, SecurityError):
        return _quarantined(Effect(opened), envelope)
    if envelope.subject in live.parked.get(ALL, ()):
        return Effect(opened)
    try:
        event = read(envelope, opened.position, opened.clock)
        return _judged(event, opened, known, live)
    except SecurityError as doubt:
        return _quarantined(Effect(opened), doubt, envelope)
    except Exception as failure:  # noqa: BLE001  (whatever a decider raises parks its subject)
        return parked_everywhere(opened, envelope, known, failure)


def _judged(event: Event, opened: Opened, known: Known, live: Live) -> Effect:
    envelope = event.envelope
    decider = _decider(envelope, live)
    before = known.before(envelope)
    keyed = known.keyed.get(rows.event_key(envelope)) if envelope.commandhash else None
    after, doubt = judge(before, event, decider.evolve, keyed)
    effect = Effect(opened, subject=after, first_use=_first_use(event, keyed))
    effect.add(subject_row(decider, envelope.subject, after))
    if isinstance(doubt, Equivocation):
        return _quarantined(effect, doubt, envelope)
    if doubt is not None:
        return _ignored(effect, envelope, doubt)
    return _counted(effect, event, before, live)


def _decider(envelope: Envelope, live: Live) -> Decider:
    kind = envelope.subject.partition("/")[0]
    if kind not in live.deciders:
        raise UnknownType(f"this code has no decider for {kind}")
    return live.deciders[kind]


def _first_use(event: Event, keyed: Keyed | None) -> Keyed | None:
    """What to remember of the event's key, where it is the first in 24 h to use it."""
    commandhash = event.envelope.commandhash
    if commandhash is None or (keyed is not None and not keyed.lapsed(event.clock)):
        return None
    return Keyed(commandhash, event.clock)


def _quarantined(effect: Effect, doubt: SecurityError, envelope: Envelope | None = None) -> Effect:
    opened = effect.opened
    told = {} if envelope is None else {"id": envelope.id, "subject": envelope.subject}
    body = {"verdict": "quarantined", "reason": doubt.code, "detail": str(doubt), **told}
    order = f"{opened.clock:015d} {opened.position}"
    effect.add(rows.verdict_row(opened.position, body, listing=order))
    return effect


def _ignored(effect: Effect, envelope: Envelope, doubt: Ignored) -> Effect:
    position = effect.opened.position
    body = rows.said(envelope, position, "ignored", reason=doubt.reason, detail=doubt.detail)
    effect.add(rows.verdict_row(position, body))
    if not doubt.again:
        effect.add(rows.event_row(envelope, body, effect.first_use))
    return effect


def _counted(effect: Effect, event: Event, before: Subject, live: Live) -> Effect:
    """Every view's rows: a view that fails parks the subject, for itself."""
    assert effect.subject is not None
    known = owed_by(before.state)
    effect.owed += [todo for todo in owed_by(effect.subject.state) if todo not in known]
    failures = []
    for view in live.views:
        if type(event.data) not in view.feeds or event.subject in live.parked.get(str(view), ()):
            continue
        try:
            _feed(view, effect, event, before, live)
        except Exception as failure:  # noqa: BLE001  (whatever a reducer raises parks the subject)
            failures.append(failure)
            park(str(view), effect, event.envelope, before, failure)
    if failures:
        _told_parked(effect, event.envelope, failures)
    elif effect.first_use is not None:
        body = rows.said(event.envelope, event.position, "counted")
        effect.add(rows.event_row(event.envelope, body, effect.first_use))
    return effect


def _feed(view: View, effect: Effect, event: Event, before: Subject, live: Live) -> None:
    assert effect.subject is not None
    if str(view) in live.refused:
        raise Misfit(f"dynamodb refused a row of {view}")
    effect.feed(view.writes(event, before.state, effect.subject.state))


def park(
    view: str, effect: Effect, envelope: Envelope, before: Subject, failure: Exception
) -> None:
    """The subject stands still in the view, as it was before the record."""
    effect.park.append(view)
    since = str(effect.opened.position)
    row = rows.parked_row(view, envelope, since, before, rows.detail([failure]))
    effect.add(row, most=store.PARKED_BYTES)


def _told_parked(effect: Effect, envelope: Envelope, failures: Sequence[Exception]) -> None:
    why = rows.detail(failures)
    body = rows.said(envelope, effect.opened.position, "parked", detail=why, views=effect.park)
    effect.add(rows.verdict_row(effect.opened.position, body))
    effect.add(rows.event_row(envelope, body, effect.first_use))


def parked_everywhere(
    opened: Opened, envelope: Envelope, known: Known, failure: Exception
) -> Effect:
    """The subject stands still for all views: its row stays as it is."""
    effect = Effect(opened)
    park(ALL, effect, envelope, known.before(envelope), failure)
    _told_parked(effect, envelope, [failure])
    return effect
