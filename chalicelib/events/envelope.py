"""What is signed of every event, and what a fold sees of it.

An envelope is a CloudEvents 1.0 JSON object with a closed set of attributes. `subject` is
`<kind>/<id>` and is the partition key; `type` is `tillstream.<kind>.<past-tense>.v<n>`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, ClassVar

from pydantic import BaseModel, ConfigDict, Field, StringConstraints
from pydantic.alias_generators import to_camel

from chalicelib.events.record import Position

SYSTEM = "urn:tillstream:system"
PROGRAMS = r"^[A-Za-z0-9-]{1,64}(/[A-Za-z0-9-]{1,64})?$"
TODO = r"^[a-z-]{1,32}@[!-~]{1,255}$"
# Its length is bounded beside it: a pattern that counts to thousands takes 30 ms of a cold start.
JWE = r"^[A-Za-z0-9_-]+\.\.[A-Za-z0-9_-]{16}\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]{22}$"
MOST_JWE = 48_442
UTC_MS = r"^[0-9]{4}(-[0-9]{2}){2}T[0-9]{2}(:[0-9]{2}){2}\.[0-9]{3}Z$"


class Model(BaseModel):
    """Frozen, strict, closed; snake_case here and camelCase on the wire.

    A model is built when it is first used: of forty, a cold start needs few.
    """

    model_config = ConfigDict(
        defer_build=True,
        frozen=True,
        extra="forbid",
        strict=True,
        alias_generator=to_camel,
        populate_by_name=True,
    )


def example(**members: Any) -> ConfigDict:
    """What a body of the model looks like, for who reads the contract."""
    return ConfigDict(json_schema_extra={"examples": [members]})


class Fact(Model):
    """The data of an event: one model per type and version, named in the past tense."""

    type: ClassVar[str]


# What is personal, under that person's own key: a compact JWE (RFC 7516; dir, A256GCM).
Pii = Annotated[str, StringConstraints(max_length=MOST_JWE, pattern=JWE)]


class Outcome(Fact):
    """What a to-do came to; it counts as long as the to-do is open, and once."""

    todo: Annotated[str, StringConstraints(pattern=TODO)]


class TriedInVain(Outcome):
    """So often a to-do was tried in vain: it stays owed, and counts as this but once."""

    attempts: Annotated[int, Field(ge=1)]


class Claimed(Model):
    """What an event brought along and nobody vouches for: the program that said it, and when."""

    origin: Annotated[str, StringConstraints(pattern=PROGRAMS)] | None = None
    time_origin: Annotated[str, StringConstraints(pattern=UTC_MS)] | None = None


class Told(Fact):
    """A fact that may have been said elsewhere first."""

    claimed: Claimed | None = None


@dataclass(frozen=True, slots=True)
class Envelope:
    """The signed attributes of one event, and its data as plain JSON."""

    id: str
    source: str
    type: str
    subject: str
    time: str
    stream: str
    actor: str
    data: dict[str, Any]
    expects: int | None = None
    causationid: str | None = None
    correlationid: str | None = None
    traceparent: str | None = None
    commandhash: str | None = None


@dataclass(frozen=True, slots=True)
class Event:
    """A verified envelope whose data its model has accepted, at its place in the log.

    `clock` is the shard's clock at its record: the running maximum of arrival times, in ms.
    """

    envelope: Envelope
    data: Fact
    position: Position
    clock: int

    @property
    def subject(self) -> str:
        """`<kind>/<id>`: what the event is about, and who judges it."""
        return self.envelope.subject

    @property
    def entity(self) -> str:
        """The subject's id alone."""
        return self.envelope.subject.partition("/")[2]

    @property
    def actor(self) -> str:
        """The opaque id of the person who acted."""
        return self.envelope.actor

    @property
    def time(self) -> str:
        """When it was said: UTC, milliseconds, `Z`."""
        return self.envelope.time
