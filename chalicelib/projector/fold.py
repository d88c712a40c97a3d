"""One record folded: what it comes to, as values. Pure: no clock, no I/O.

A record is quarantined (not believed), parked (not foldable), ignored (its subject says no) or
counted. Only what is counted reaches a view. What the rest comes to is a row of its own:
`verdict/<position>`, and `event/<id>` for the first verdict on an id; a keyed event has the latter
always, since it is how a repeat of its command is known.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from chalicelib import store
from chalicelib.checkpoint import ALL, Parked
from chalicelib.decisions import Decider
from chalicelib.decisions.subject import Ignored, Keyed, Subject, judge
from chalicelib.errors import Equivocation, Misfit, SecurityError, UnknownType
from chalicelib.events import Envelope, Event, Position, Record, read
from chalicelib.store import Key, Put, PutFirst, Row, Write
from chalicelib.view import View


@dataclass(frozen=True, slots=True)
class Code:
    """What this code can fold: a decider per kind of subject, and the views."""

    deciders: Mapping[str, Decider]
    views: Sequence[View]


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


@dataclass(slots=True)
class Known:
    """The rows that a fold reads: subjects by name, and what keyed ids stand for."""

    subjects: dict[str, Subject] = field(default_factory=dict)
    keyed: dict[Key, Keyed] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Effect:
    """What one record comes to. `park` names the views in which its subject stands still now."""

    opened: Opened
    writes: Sequence[Write] = ()
    subject: Subject | None = None
    keyed: tuple[Key, Keyed] | None = None
    park: tuple[str, ...] = ()


def fold(opened: Opened, known: Known, live: Live) -> Effect:
    """What the record comes to, after all before it."""
    envelope = opened.envelope
    if isinstance(envelope, SecurityError):
        return Effect(opened, [_quarantined(opened, envelope, None)])
    if envelope.subject in live.parked.get(ALL, ()):
        return Effect(opened)
    try:
        event = read(envelope, opened.position, opened.clock)
        return _judged(event, opened, known, live)
    except SecurityError as doubt:
        return Effect(opened, [_quarantined(opened, doubt, envelope)])
    except Exception as failure:  # noqa: BLE001  (whatever a decider raises parks its subject)
        return parked_everywhere(opened, envelope, known, failure)


def _judged(event: Event, opened: Opened, known: Known, live: Live) -> Effect:
    envelope = event.envelope
    decider = _decider(envelope, live)
    before = known.subjects.get(envelope.subject, Subject())
    place = event_key(envelope)
    keyed = known.keyed.get(place)
    after, doubt = judge(before, event, decider.evolve, keyed)
    row = subject_row(decider, envelope.subject, after)
    store.size(row)
    effect = Effect(opened, [row], subject=after, keyed=_first_use(event, keyed, place))
    if isinstance(doubt, Equivocation):
        return replace(effect, writes=[row, _quarantined(opened, doubt, envelope)])
    if doubt is not None:
        return replace(effect, writes=[row, *_ignored(opened, envelope, doubt, effect.keyed)])
    return _counted(effect, event, before, after, live)


def _decider(envelope: Envelope, live: Live) -> Decider:
    kind = envelope.subject.partition("/")[0]
    if kind not in live.deciders:
        raise UnknownType(f"this code has no decider for {kind}")
    return live.deciders[kind]


def _first_use(event: Event, keyed: Keyed | None, place: Key) -> tuple[Key, Keyed] | None:
    """The key's row, where this event is the first in 24 h to use it."""
    commandhash = event.envelope.commandhash
    if commandhash is None or (keyed is not None and not keyed.lapsed(event.clock)):
        return None
    return place, Keyed(commandhash, event.clock)


def _counted(effect: Effect, event: Event, before: Subject, after: Subject, live: Live) -> Effect:
    """The subject's row, and every view's: a view that fails parks the subject, for itself."""
    writes, park, failures = list(effect.writes), [], []
    for view in live.views:
        if type(event.data) not in view.feeds or event.subject in live.parked.get(str(view), ()):
            continue
        try:
            writes += _rows(view, event, (before, after), live)
        except Exception as failure:  # noqa: BLE001  (whatever a reducer raises parks the subject)
            park.append(str(view))
            failures.append(failure)
            writes.append(parked_row(str(view), effect.opened, event.envelope, before, failure))
    if park:
        writes += _verdict(effect, "parked", _detail(failures), views=park)
    elif effect.keyed is not None:
        writes.append(_event_row(effect, "counted"))
    return replace(effect, writes=writes, park=tuple(park))


def _rows(view: View, event: Event, around: tuple[Subject, Subject], live: Live) -> list[Write]:
    if str(view) in live.refused:
        raise Misfit(f"dynamodb refused a row of {view}")
    before, after = around
    rows = view.writes(event, before.state, after.state)
    for row in rows:
        store.size(row)
    return rows


def parked_everywhere(
    opened: Opened, envelope: Envelope, known: Known, failure: Exception
) -> Effect:
    """The subject stands still for all views: its row stays as it is."""
    before = known.subjects.get(envelope.subject, Subject())
    row = parked_row(ALL, opened, envelope, before, failure)
    effect = Effect(opened, park=(ALL,))
    verdict = _verdict(effect, "parked", _detail([failure]), views=[ALL])
    return replace(effect, writes=[row, *verdict])


def parked_row(
    view: str, opened: Opened, envelope: Envelope, before: Subject, failure: Exception
) -> Put:
    """The subject's state before the event that could not be folded, and why it could not."""
    state = None if before.state is None else before.state.model_dump_json(by_alias=True)
    body = {
        "view": view,
        "subject": envelope.subject,
        "since": str(opened.position),
        "state": state,
        "version": before.version,
        "detail": _detail([failure]),
    }
    key = Key(f"parked@{view}/{envelope.subject}", envelope.subject)
    return Put(key, body, listing=("parked", _order(opened)))


def _detail(failures: Sequence[Exception]) -> str:
    return "; ".join(f"{type(failure).__name__}: {failure}"[:500] for failure in failures)


def _quarantined(opened: Opened, doubt: SecurityError, envelope: Envelope | None) -> PutFirst:
    """Position and reason; the bytes are in the archive, and an unbelieved id is not told."""
    said = {} if envelope is None else {"id": envelope.id, "subject": envelope.subject}
    body = {"verdict": "quarantined", "reason": doubt.code, "detail": str(doubt), **said}
    return _at(opened, body, listing=("quarantine", _order(opened)))


def _ignored(
    opened: Opened, envelope: Envelope, doubt: Ignored, keyed: tuple[Key, Keyed] | None
) -> list[Write]:
    body = _body(opened, envelope, "ignored") | {"reason": doubt.reason, "detail": doubt.detail}
    at = _at(opened, body)
    if doubt.reason in ("repeat", "key-reused"):
        return [at]
    return [at, _place(envelope, body, keyed)]


def _verdict(effect: Effect, verdict: str, detail: str, **said: Any) -> list[Write]:
    envelope = effect.opened.envelope
    assert isinstance(envelope, Envelope)
    body = _body(effect.opened, envelope, verdict) | {"detail": detail, **said}
    return [_at(effect.opened, body), _place(envelope, body, effect.keyed)]


def _event_row(effect: Effect, verdict: str) -> Write:
    envelope = effect.opened.envelope
    assert isinstance(envelope, Envelope)
    return _place(envelope, _body(effect.opened, envelope, verdict), effect.keyed)


def _place(envelope: Envelope, body: dict[str, Any], keyed: tuple[Key, Keyed] | None) -> Write:
    """The row of the event's id: the first verdict stays, for a keyed id the first in 24 h."""
    if keyed is None:
        return PutFirst(event_key(envelope), body)
    key, first = keyed
    return Put(key, body | {"commandhash": first.commandhash, "clock": first.clock})


def _at(opened: Opened, body: dict[str, Any], listing: tuple[str, str] | None = None) -> PutFirst:
    body = {"position": str(opened.position), **body}
    return PutFirst(verdict_key(opened.position), body, listing)


def _body(opened: Opened, envelope: Envelope, verdict: str) -> dict[str, Any]:
    return {
        "id": envelope.id,
        "type": envelope.type,
        "subject": envelope.subject,
        "position": str(opened.position),
        "verdict": verdict,
    }


def _order(opened: Opened) -> str:
    return f"{opened.clock:015d} {opened.position}"


def verdict_key(position: Position) -> Key:
    """Where it is said why what lies at the position did not simply count."""
    return Key(f"verdict/{position}", "verdict")


def event_key(envelope: Envelope) -> Key:
    """Where the first verdict on the event's id is said."""
    return Key(f"event/{envelope.id}", f"{envelope.subject} {envelope.source}")


def subject_key(decider: Decider, subject: str) -> Key:
    """Where the subject's row lies."""
    return Key(f"subject@{decider.version}/{subject}", subject)


def subject_row(decider: Decider, subject: str, row: Subject) -> Put:
    """The subject's row."""
    state = None if row.state is None else row.state.model_dump_json(by_alias=True)
    body = {"state": state, "version": row.version, "clock": row.clock}
    return Put(subject_key(decider, subject), body, blob=row.memory)


def subject_of(decider: Decider, row: Row) -> Subject:
    """The subject that its row holds."""
    text = row.body["state"]
    state = None if text is None else decider.load(text)
    return Subject(state, row.body["version"], row.blob, row.body["clock"])


def keyed_of(row: Row) -> Keyed | None:
    """What the row of an id remembers of a keyed event."""
    if "commandhash" not in row.body:
        return None
    return Keyed(row.body["commandhash"], row.body["clock"])
