"""The rows that the projector writes beside subjects and views: verdicts, and what is parked.

`verdict/<position>` says why what lies there did not simply count. `event/<id>` keeps the first
verdict on an id that did not count, and on every keyed id: it is how a repeat of a command is
known. Of what is not believed nothing is told but its position and the reason.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from chalicelib.checkpoint import LIVE, left_key
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


def parked_key(view: str, subject: str) -> Key:
    """Where it is said why the subject stands still."""
    return Key(f"parked@{view}/{subject}", subject)


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
    key = parked_key(view, envelope.subject)
    return Put(key, body, listing=("parked", f"{view} {since}"))


def crowded(view: str, subject: str, rows: Iterable[Write]) -> str:
    """That too many stand still in the view, and why the last of them does, by its row of these."""
    key = parked_key(view, subject)
    why = next(row.body["detail"] for row in rows if isinstance(row, Put) and row.key == key)
    return f"too many subjects stood still in it; the last was {subject}: {why}"


def left_row(version: str, why: str) -> Put:
    """That the version has left: what it would answer is not whole."""
    return Put(left_key(version), {"view": version, "detail": why})


def of_set(whose: str, key: Key) -> Key:
    """Where a set keeps what the live set keeps under this key."""
    return key if whose == LIVE else Key(f"candidate/{whose}/{key.pk}", key.sk)


def written_by(whose: str, writes: Iterable[Write]) -> list[Write]:
    """What a set writes of all that a fold comes to.

    A candidate has subjects and keyed ids of its own, as they were where it stands. Verdicts, and
    what is parked for all views, the live set has said or will say.
    """
    if whose == LIVE:
        return list(writes)
    return [own for write in writes if (own := _own(whose, write)) is not None]


def _own(whose: str, write: Write) -> Write | None:
    pk = write.key.pk
    if pk.startswith((f"{whose}/", f"parked@{whose}/")):
        return write
    if isinstance(write, Put) and (pk.startswith("subject@") or "commandhash" in write.body):
        return Put(of_set(whose, write.key), write.body, blob=write.blob)
    return None


def detail(failures: Sequence[Exception]) -> str:
    """What went wrong, for an operator: one line, bounded."""
    return "; ".join(map(_told, failures))


def _told(failure: Exception) -> str:
    try:
        text = f"{type(failure).__name__}: {failure}"[:500]
    except Exception:  # noqa: BLE001  (an error that cannot be told must not stop the shard)
        text = type(failure).__name__
    return text.encode(errors="backslashreplace").decode()
