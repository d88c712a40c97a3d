"""Events for the tests of deciders: an envelope, read, at a clock."""

from __future__ import annotations

import base64
import hashlib
from typing import Any

from chalicelib.decisions.product import evolve
from chalicelib.decisions.subject import Ignored, Keyed, Subject, judge
from chalicelib.errors import Equivocation
from chalicelib.events import SYSTEM, Envelope, Event, Position, Shard, read

CLOCK = 1_795_000_000_000
SHARD = Shard("tillstream-test-1", "shardId-000000000000")
DESCRIBED = {"brand": "b", "name": "n", "description": "", "category": "cakes"}
DATA: dict[str, dict[str, Any]] = {
    "created": DESCRIBED,
    "updated": DESCRIBED | {"name": "m"},
    "photographed": {"image": "https://pictures.example/1.png"},
    "registered": {"publicName": "Ada"},
}


def event(move: str, clock: int = CLOCK, *, subject: str = "product/1", **changes: Any) -> Event:
    """A verified event; every attribute of its envelope may be another."""
    kind = subject.partition("/")[0]
    said = {
        "id": "e1",
        "source": SYSTEM,
        "type": f"tillstream.{kind}.{move}.v1",
        "subject": subject,
        "time": "2026-11-18T11:06:40.000Z",
        "stream": SHARD.stream,
        "actor": "ada",
        "data": dict(DATA.get(move, {})),
    }
    return read(Envelope(**(said | changes)), Position(SHARD, clock), clock)


def hashed(command: str) -> str:
    """What stands for a command in a keyed event."""
    digest = hashlib.sha256(command.encode()).digest()
    return base64.urlsafe_b64encode(digest).decode().rstrip("=")


class Judge:
    """One subject judged event by event, as the projector does it."""

    def __init__(self) -> None:
        self.subject = Subject()
        self.keyed: dict[tuple[str, str], Keyed] = {}

    def __call__(self, one: Event) -> str:
        """`counted`, or why not."""
        place = (one.envelope.source, one.envelope.id)
        keyed = self.keyed.get(place)
        self.subject, doubt = judge(self.subject, one, evolve, keyed)
        hash_ = one.envelope.commandhash
        if hash_ is not None and (keyed is None or keyed.lapsed(one.clock)):
            self.keyed[place] = Keyed(hash_, one.clock)
        match doubt:
            case None:
                return "counted"
            case Ignored(reason=reason):
                return reason
            case Equivocation():
                return "equivocation"
