"""What became of an event: counted, ignored, parked or quarantined, and why.

Rows are kept only for what did not simply count, and for keyed ids. With `at`, the position that
the 202 gave, any event is answered: from its row, or, when there is none and the position is
passed, from the archive, where a record without a row counted. The verdict is told to any role,
the data only to the event's actor and to an admin.
"""

from __future__ import annotations

import base64
import binascii
import re
from typing import Any

from chalicelib import archive, http, read, store
from chalicelib.checkpoint import ALL, Checkpoint, key_of
from chalicelib.errors import Invalid, Malformed, NotFound, NotYet
from chalicelib.events import Position
from chalicelib.http import Request
from chalicelib.projector.rows import verdict_key
from chalicelib.signing import strict
from chalicelib.store import Query, Row

EVENT = re.compile(r"[A-Za-z0-9._~-]{1,64}")
PUBLIC = ("id", "type", "subject", "position", "verdict", "reason", "detail", "views")


def verdict(request: Request, event: str) -> dict[str, Any]:
    """What became of the event. Raises NotFound, NotYet, CatchingUp, BadRequest, Invalid."""
    at = http.argument(request, "at")
    if not EVENT.fullmatch(event):
        raise Invalid("an event's id is 1 to 64 of A-Z a-z 0-9 . _ ~ -", field="id")
    if at is None:
        return _by_id(request, event)
    return _at(request, event, read.position(at, "at"))


def _by_id(request: Request, event: str) -> dict[str, Any]:
    rows, _ = read.whole(request, lambda: store.page(Query(f"event/{event}"), limit=1))
    if not rows:
        raise NotFound(
            "no row is kept of this event; give ?at= with the position that the 202 answered",
            slug="give-at",
            field="at",
        )
    return {name: value for name, value in rows[0].body.items() if name in PUBLIC}


def _at(request: Request, event: str, position: Position) -> dict[str, Any]:
    row, checkpoint = read.rows(request, verdict_key(position), key_of(position.shard))
    reached = None if checkpoint is None else Checkpoint.of(checkpoint)
    if reached is None or reached.position < position.sequence:
        raise NotYet("the event at this position is recorded, and not judged yet", field="at")
    found = archive.record_at(position)
    if found is None:
        raise NotFound("there is no event at this position", slug="unknown-event", field="at")
    said = _said(found[0].data)
    told = _told(row, reached, said, position)
    if said.get("id") != event and told["verdict"] != "quarantined":
        raise NotFound(
            "the event at this position has another id", slug="unknown-event", field="at"
        )
    told["id"] = event if said.get("id") == event else None
    if told["verdict"] != "quarantined" and (said["actor"] == request.actor or _admin(request)):
        told["data"] = said["data"]
    return told


def _admin(request: Request) -> bool:
    return "admin" in request.roles


def _told(
    row: Row | None, reached: Checkpoint, said: dict[str, Any], position: Position
) -> dict[str, Any]:
    if row is not None:
        return {name: value for name, value in row.body.items() if name in PUBLIC}
    since = reached.parked.get(ALL, {}).get(said["subject"])
    verdict = "parked" if since and Position.parse(since) <= position else "counted"
    told = {"type": said["type"], "subject": said["subject"], "position": str(position)}
    return told | {"verdict": verdict}


def _said(data: bytes) -> dict[str, Any]:
    """The payload of a record, unverified: the projector has judged it; empty if it is none."""
    try:
        _, payload, _ = data.split(b".")
        said = strict.decode(base64.b64decode(payload + b"==", altchars=b"-_"))
    except (ValueError, binascii.Error, Malformed):
        return {}
    return said if isinstance(said, dict) else {}
