"""CloudEvents 1.0 of our own types, in the JSON format: said by someone, made an event of ours.

What it may say is `Told`: a product created, updated, photographed, viewed or purchased, a role
claimed; nothing that is personal, for which the routes are. `type` and `subject` are ours
(`tillstream.product.created.v1`, `product/<id>`), `data` is the model's and may be left out where
that has no members.

The pair of `source` and `id` names the event for its sender: the same pair is the same event. It
is the key of its identity here and is kept nowhere, since a sender may put anything into it. `time`
is when the sender says that it happened: a claim, kept as `data.claimed.timeOrigin`; the event's
own time is when it was recorded. No other attribute is taken, so none is lost unsaid.

Raises Invalid, naming each member at fault.
"""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

from pydantic import Field, StringConstraints

from chalicelib.errors import Invalid, NoSuchType
from chalicelib.events import FACTS
from chalicelib.events.envelope import Claimed, Model, Told, example
from chalicelib.events.product import Purchased
from chalicelib.events.told import ENTITY, Converted, Time, valid

# RFC 3986 and no more than its characters: a source has no blank, so it ends where an id begins.
Source = Annotated[
    str,
    StringConstraints(max_length=512, pattern=r"^[A-Za-z0-9%:/?#\[\]@!$&'()*+,;=._~-]+$"),
]
Id = Annotated[str, StringConstraints(min_length=1, max_length=256)]

TYPES: dict[str, type[Told]] = {
    name: fact
    for name, fact in FACTS.items()
    if issubclass(fact, Told) and "pii" not in fact.model_fields
}


class CloudEvent(Model):
    """The attributes that are taken. A null attribute is one that is not there."""

    model_config = example(
        specversion="1.0",
        id="sale-7",
        source="/tills/2",
        type=Purchased.type,
        subject="product/mug-1",
    )

    specversion: Literal["1.0"]
    id: Id
    source: Source
    type: str
    subject: str
    time: Time | None = None
    datacontenttype: Literal["application/json"] | None = None
    data: dict[str, Any] = Field(default_factory=dict)


def convert(document: Any) -> Converted:
    """The event that the document states."""
    if not isinstance(document, dict):
        raise Invalid("the event is a JSON object", field="body")
    event = valid(CloudEvent, document)
    model = TYPES.get(event.type)
    if model is None:
        raise NoSuchType("name one of the known types", field="type", known=list(TYPES))
    return Converted(
        subject=_subject(event),
        fact=_fact(model, event.data),
        claimed=None if event.time is None else Claimed(time_origin=event.time),
        key=f"{event.source} {event.id}",
    )


def _subject(event: CloudEvent) -> str:
    kind = event.type.split(".")[1]
    if not re.fullmatch(f"{kind}/{ENTITY}", event.subject):
        detail = f"of this type the subject is {kind}/<id>, an id 1 to 64 of A-Z a-z 0-9 . _ ~ -"
        raise Invalid(detail, field="subject")
    return event.subject


def _fact(model: type[Told], data: dict[str, Any]) -> Told:
    if "claimed" in data:
        raise Invalid("what is claimed is told by the attributes", field="data.claimed")
    return valid(model, data, "data.")
