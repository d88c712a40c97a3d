"""What is signed of every event, and what a fold sees of it.

An envelope is a CloudEvents 1.0 JSON object with a closed set of attributes. `subject` is
`<kind>/<id>` and is the partition key; `type` is `tillstream.<kind>.<past-tense>.v<n>`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from pydantic import BaseModel, ConfigDict
from pydantic.alias_generators import to_camel


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


class Fact(BaseModel):
    """The data of an event: one frozen model per type and version, camelCase on the wire."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", strict=True, alias_generator=to_camel, populate_by_name=True
    )
    type: ClassVar[str]
