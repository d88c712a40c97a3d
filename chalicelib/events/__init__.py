"""What can happen: the envelope, and one file of models per subject."""

from __future__ import annotations

from pydantic import ValidationError

from chalicelib.errors import InvalidData, UnknownType
from chalicelib.events import customer, desk, order, product, ticket
from chalicelib.events.envelope import SYSTEM, Envelope, Event, Fact, Model, Outcome, Told
from chalicelib.events.record import Batch, Position, Record, Shard

__all__ = [
    "FACTS",
    "SYSTEM",
    "Batch",
    "Envelope",
    "Event",
    "Fact",
    "Model",
    "Outcome",
    "Position",
    "Record",
    "Shard",
    "Told",
    "read",
]


def read(envelope: Envelope, position: Position, clock: int) -> Event:
    """The event that a verified envelope states.

    Raises UnknownType where this code has no model for its type and version, InvalidData where
    the model refuses its data.
    """
    model = FACTS.get(envelope.type)
    if model is None:
        raise UnknownType(f"this code does not know {envelope.type}")
    try:
        return Event(envelope, model.model_validate(envelope.data), position, clock)
    except ValidationError as refusal:
        where = ", ".join(".".join(map(str, e["loc"])) or "data" for e in refusal.errors())
        raise InvalidData(f"{envelope.type} refuses {where}") from None


FACTS: dict[str, type[Fact]] = {
    fact.type: fact
    for fact in (*product.FACTS, *customer.FACTS, *order.FACTS, *ticket.FACTS, *desk.FACTS)
}
