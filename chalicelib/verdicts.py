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
from typing import Annotated, Any, Literal, NotRequired, cast

from pydantic import Field
from typing_extensions import TypedDict

from chalicelib import archive, read, store
from chalicelib.checkpoint import ALL, Checkpoint, key_of
from chalicelib.errors import GiveAt, Invalid, Malformed, NotYet, UnknownEvent
from chalicelib.events import Position
from chalicelib.events.record import POSITION
from chalicelib.http import Request
from chalicelib.projector.rows import verdict_key
from chalicelib.signing import strict
from chalicelib.store import Query, Row

EVENT = re.compile(r"[A-Za-z0-9._~-]{1,64}")
EventId = Annotated[str, Field(pattern=f"^{EVENT.pattern}$")]


class Asked(TypedDict, total=False):
    """Where the event lies."""

    at: Annotated[
        str, Field(pattern=f"^{POSITION.pattern}$", description="Its position, as the 202 gave it.")
    ]


class Verdict(TypedDict):
    """What became of an event. `id` is null where the record at the position says another.

    `reason` and `detail` say why it does not count, `views` where it is parked. `data` is told to
    its actor and to an admin.
    """

    id: str | None
    type: NotRequired[str]
    subject: NotRequired[str]
    position: str
    verdict: Literal["counted", "ignored", "parked", "quarantined"]
    reason: NotRequired[str]
    detail: NotRequired[str]
    views: NotRequired[list[str]]
    data: NotRequired[dict[str, Any]]


REFUSES = (GiveAt, UnknownEvent)
PUBLIC = Verdict.__annotations__.keys() - {"data"}


def verdict(request: Request, event: str) -> Verdict:
    """What became of the event.

    Raises GiveAt, UnknownEvent, NotYet, CatchingUp, BadRequest, Invalid.
    """
    if not EVENT.fullmatch(event):
        raise Invalid("an event's id is 1 to 64 of A-Z a-z 0-9 . _ ~ -", field="id")
    at = request.query.get("at")
    if at is None:
        return _by_id(request, event)
    return _at(request, event, read.position(at, "at"))


def _by_id(request: Request, event: str) -> Verdict:
    rows, _ = read.whole(request, lambda: store.page(Query(f"event/{event}"), limit=1))
    if not rows:
        raise GiveAt(
            "no row is kept of this event; give ?at= with the position that the 202 answered",
            field="at",
        )
    return _public(rows[0])


def _at(request: Request, event: str, position: Position) -> Verdict:
    row, checkpoint = read.rows(request, verdict_key(position), key_of(position.shard))
    reached = None if checkpoint is None else Checkpoint.of(checkpoint)
    if reached is None or reached.position < position.sequence:
        raise NotYet("what lies at this position, if anything does, is not judged yet", field="at")
    found = archive.record_at(position)
    if found is None:
        raise UnknownEvent("there is no event at this position", field="at")
    said = payload(found[0].data)
    told = tell(row, reached, said, position)
    if said.get("id") != event and told["verdict"] != "quarantined":
        raise UnknownEvent("the event at this position has another id", field="at")
    told["id"] = event if said.get("id") == event else None
    if may_see(request, told, said):
        told["data"] = said["data"]
    return told


def may_see(request: Request, told: Verdict, said: dict[str, Any]) -> bool:
    """Whether what an event says is told to this caller."""
    if told["verdict"] == "quarantined":
        return False
    return "admin" in request.roles or said["actor"] == request.actor


def tell(row: Row | None, reached: Checkpoint, said: dict[str, Any], position: Position) -> Verdict:
    """What anybody may know of what lies at the position, which the checkpoint has passed.

    `row` is its verdict's row: what has none counted, or stands behind what is parked.
    """
    if row is not None:
        return _public(row)
    since = reached.parked.get(ALL, {}).get(said["subject"])
    return {
        "id": said["id"],
        "type": said["type"],
        "subject": said["subject"],
        "position": str(position),
        "verdict": "parked" if since and Position.parse(since) <= position else "counted",
    }


def _public(row: Row) -> Verdict:
    return cast("Verdict", {name: row.body[name] for name in row.body.keys() & PUBLIC})


def payload(data: bytes) -> dict[str, Any]:
    """The payload of a record, unverified: the projector has judged it; empty if it is none."""
    try:
        _, payload, _ = data.split(b".")
        said = strict.decode(base64.b64decode(payload + b"==", altchars=b"-_"))
    except (ValueError, binascii.Error, Malformed):
        return {}
    return said if isinstance(said, dict) else {}
