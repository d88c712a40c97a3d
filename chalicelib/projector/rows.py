"""The rows that the projector writes by itself: subjects, verdicts, and what is parked.

`verdict/<position>` says why what lies there did not simply count. `event/<id>` keeps the first
verdict on an id that did not count, and on every keyed id: it is how a repeat of a command is
known. Of what is not believed nothing is told but its position and the reason.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from chalicelib.decisions import Decider
from chalicelib.decisions.subject import Keyed, Subject
from chalicelib.events import Envelope, Position
from chalicelib.store import Key, Put, PutFirst, Row, Write


def subject_key(decider: Decider, subject: str) -> Key:
    """Where the subject's row lies."""
    return Key(f"subject@{decider.version}/{subject}", subject)


def subject_row(decider: Decider, subject: str, row: Subject) -> Put:
    """The subject's row."""
    body = {"state": _state(row), "version": row.version, "clock": row.clock}
    return Put(subject_key(decider, subject), body, blob=row.memory)


def subject_of(decider: Decider, row: Row) -> Subject:
    """The subject that its row holds."""
    text = row.body["state"]
    state = None if text is None else decider.load(text)
    return Subject(state, row.body["version"], row.blob, row.body["clock"])


def _state(subject: Subject) -> str | None:
    return None if subject.state is None else subject.state.model_dump_json(by_alias=True)


def verdict_key(position: Position) -> Key:
    """Where it is said why what lies at the position did not simply count."""
    return Key(f"verdict/{position}", "verdict")


def verdict_row(position: Position, body: dict[str, Any], listing: str | None = None) -> PutFirst:
    """Why what lies at the position did not simply count."""
    listed = None if listing is None else ("quarantine", listing)
    return PutFirst(verdict_key(position), {"position": str(position), **body}, listed)


def event_key(envelope: Envelope) -> Key:
    """Where the first verdict on the event's id is kept."""
    return Key(f"event/{envelope.id}", f"{envelope.subject} {envelope.source}")


def event_row(envelope: Envelope, body: dict[str, Any], first_use: Keyed | None) -> Write:
    """The first verdict on the event's id; for a key, the first in 24 h."""
    if first_use is None:
        return PutFirst(event_key(envelope), body)
    remembered = {"commandhash": first_use.commandhash, "clock": first_use.clock}
    return Put(event_key(envelope), body | remembered)


def keyed_of(row: Row) -> Keyed | None:
    """What the row of an id remembers of a keyed event."""
    if "commandhash" not in row.body:
        return None
    return Keyed(row.body["commandhash"], row.body["clock"])


def said(envelope: Envelope, position: Position, verdict: str, **more: Any) -> dict[str, Any]:
    """What a verdict's row says."""
    return {
        "id": envelope.id,
        "type": envelope.type,
        "subject": envelope.subject,
        "position": str(position),
        "verdict": verdict,
        **more,
    }


def parked_row(view: str, envelope: Envelope, since: str, before: Subject, why: str) -> Put:
    """The subject's state before the event that could not be folded, and why it could not."""
    body = {
        "view": view,
        "subject": envelope.subject,
        "since": since,
        "state": _state(before),
        "version": before.version,
        "detail": why,
    }
    key = Key(f"parked@{view}/{envelope.subject}", envelope.subject)
    return Put(key, body, listing=("parked", f"{view} {since}"))


def detail(failures: Sequence[Exception]) -> str:
    """What went wrong, for an operator: one line, bounded."""
    return "; ".join(map(_told, failures))


def _told(failure: Exception) -> str:
    try:
        text = f"{type(failure).__name__}: {failure}"[:500]
    except Exception:  # noqa: BLE001  (an error that cannot be told must not stop the shard)
        text = type(failure).__name__
    return text.encode(errors="backslashreplace").decode()
