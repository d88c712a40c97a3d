"""The rows that the projector writes beside subjects and views: verdicts, and what is parked.

`verdict/<position>` says why what lies there did not simply count. `event/<id>` keeps the first
verdict on an id that did not count, and on every keyed id: it is how a repeat of a command is
known. Of what is not believed nothing is told but its position and the reason.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from chalicelib.decisions.subject import Keyed, Subject
from chalicelib.events import SYSTEM, Envelope, Position
from chalicelib.store import Key, Put, PutFirst, Row, Write
from chalicelib.subjects import state_text


def verdict_key(position: Position) -> Key:
    """Where it is said why what lies at the position did not simply count."""
    return Key(f"verdict/{position}", "verdict")


def verdict_row(position: Position, body: dict[str, Any], listing: str | None = None) -> PutFirst:
    """Why what lies at the position did not simply count."""
    listed = None if listing is None else ("quarantine", listing)
    return PutFirst(verdict_key(position), {"position": str(position), **body}, listed)


def event_key(envelope: Envelope) -> Key:
    """Where the first verdict on the event's id is kept."""
    return id_key(envelope.id, envelope.subject, envelope.source)


def id_key(event: str, subject: str, source: str = SYSTEM) -> Key:
    """Where the first verdict is kept on an id that this source gave within this subject."""
    return Key(f"event/{event}", f"{subject} {source}")


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
        "state": state_text(before),
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
