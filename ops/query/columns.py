"""The columns of a table, from the model of its events: each member in DuckDB's type.

str, a choice of words   VARCHAR        list   X[]
int, float, bool         BIGINT, …      model  STRUCT(…), its members the same way
"""

from __future__ import annotations

from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from chalicelib.events import FACTS, Fact, Model

WITHHELD = {"pii", "claimed"}
SCALARS = {str: "VARCHAR", int: "BIGINT", float: "DOUBLE", bool: "BOOLEAN"}
ENVELOPE = {
    "id": "VARCHAR",
    "subject": "VARCHAR",
    "entity": "VARCHAR",
    "actor": "VARCHAR",
    "clock": "TIMESTAMP",
    "time": "TIMESTAMP",
    "position": "VARCHAR",
}
EVENT = {"type": "VARCHAR", "source": "VARCHAR", "verdict": "VARCHAR", "reason": "VARCHAR"}


def table(type_: str) -> str:
    """The table of a type of events: `tillstream.order.placed.v1` is `order_placed`."""
    _, kind, happened, _ = type_.split(".")
    return f"{kind}_{happened}".replace("-", "_")


def told(model: type[Fact]) -> dict[str, str]:
    """The columns that the data of such an event fills."""
    return {name: kind for name, kind in _members(model).items() if name not in WITHHELD}


def _members(model: type[Model]) -> dict[str, str]:
    return {name: _kind(field.annotation) for name, field in model.model_fields.items()}


def _kind(annotation: Any) -> str:
    """DuckDB's type for what the annotation admits."""
    origin, given = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return _kind(given[0])
    if origin in (Union, UnionType):
        (only,) = {_kind(each) for each in given if each is not NoneType}
        return only
    if origin is list:
        return f"{_kind(given[0])}[]"
    if origin is Literal:
        return SCALARS[str]
    if annotation in SCALARS:
        return SCALARS[annotation]
    members = _members(annotation).items()
    return f"STRUCT({', '.join(f'{name} {kind}' for name, kind in members)})"


TABLES = {"event": ENVELOPE | EVENT} | {
    table(name): ENVELOPE | told(model) for name, model in FACTS.items()
}
