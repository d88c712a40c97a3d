"""hello-retail's events, said as ours. Nothing of its format goes on the log.

    bare      what its clients post: the event's own members, with `origin` beside them
    ingress   what its writer puts on its stream: the event in an envelope, with `timeOrigin`
    egress    what comes out of that stream: a log that was exported, for import

    origin    who says it           said      what it says, a model for each schema

`origin` is `<system>/<program>/<unique id>/<friendly name>`. Its clients put an e-mail address, a
telephone number or an account's id third and a name fourth, so both are dropped. The first two are
kept with `timeOrigin` as what was *claimed*, if they look like names of programs. The unique id is
given to `alias` alone, which makes an opaque id of it: for an admin, who imports and so speaks for
others; everyone else speaks for themselves, whatever the origin says, and `alias` makes their own
id of any. The name that a login brings and the number of a telephone are personal, and are told
apart from the fact.

What is laxer than hello-retail: any id that ours can be, any origin (its clients break its own
grammar). What is stricter: our limits on text. Data in place of an image's address is refused.

Raises Invalid, naming each member at fault, and Forbidden.
"""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import StringConstraints
from pydantic_core.core_schema import CoreSchema, any_schema

from chalicelib.errors import Forbidden, Invalid, UnknownSchema
from chalicelib.events.envelope import Claimed, Model
from chalicelib.events.hello_retail.origin import Origin, program
from chalicelib.events.hello_retail.said import EVENTS, AddRole, Alias, Said
from chalicelib.events.told import Converted, Time, valid

IMPORTER = "admin"
EventId = Annotated[str, StringConstraints(pattern=r"^shardId-[0-9]{12}:[0-9]{1,56}$")]


def convert(document: Any, roles: frozenset[str], alias: Alias) -> Converted:
    """The event that the document states, said by someone with these roles.

    `alias` makes an opaque id of a person's id in hello-retail: equal ids, equal aliases.
    """
    imports = IMPORTER in roles
    envelope, data, within = _opened(document, imports=imports)
    said = _said(data, within, imports=imports)
    origin = envelope.origin
    return Converted(
        subject=said.subject(alias),
        fact=said.fact(),
        claimed=_claimed(envelope),
        actor=said.speaker(origin, alias) if imports else None,
        key=envelope.key,
        named="eventId",
        personal=said.personal(),
    )


def _opened(document: Any, *, imports: bool) -> tuple[_Envelope, dict[str, Any], str]:
    """The envelope, the event's own members, and how the names of those begin in an error."""
    form = ENVELOPES.get(_schema(document, "", (*EVENTS, *ENVELOPES)))
    if form is None:
        event = {name: value for name, value in document.items() if name != "origin"}
        beside = {name: value for name, value in document.items() if name == "origin"}
        return valid(_Envelope, beside, ""), event, ""
    if form is _Egress and not imports:
        raise Forbidden("an exported log is imported by an admin", field="Authorization")
    envelope = valid(form, _rest(document), "")
    return envelope, envelope.data, "data."


def _said(data: dict[str, Any], within: str, *, imports: bool) -> Said:
    model = EVENTS[_schema(data, within, tuple(EVENTS))]
    if model is AddRole and not imports:
        raise Forbidden("a role is added by an admin", field="Authorization")
    return valid(model, _rest(data), within)


def _schema(document: Any, within: str, known: tuple[str, ...]) -> str:
    if not isinstance(document, dict):
        raise Invalid("the event is a JSON object", field=within.rstrip(".") or "body")
    schema = document.get("schema")
    if not isinstance(schema, str) or schema not in known:
        raise UnknownSchema(
            "name one of the known schemas", field=f"{within}schema", known=list(known)
        )
    return schema


def _rest(document: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in document.items() if name != "schema"}


def _claimed(envelope: _Envelope) -> Claimed | None:
    named = program(envelope.origin or "")
    if named is None and envelope.time_origin is None:
        return None
    return Claimed(origin=named, time_origin=envelope.time_origin)


class _Envelope(Model):
    """What is around an event; around a bare one, its origin at most."""

    origin: Origin | None = None
    time_origin: Time | None = None

    @property
    def key(self) -> str | None:
        """What names the event in the log that it comes from."""
        return None


class _Ingress(_Envelope):
    """`followsFrom` is the id of the event that led to it: checked, and dropped."""

    origin: Origin
    time_origin: Time
    follows_from: EventId | None = None
    data: dict[str, Any]


class _Egress(_Ingress):
    """When it arrived in that stream and when it left are checked, and dropped."""

    event_id: EventId
    time_ingest: Time
    time_process: Time

    @property
    def key(self) -> str | None:
        return self.event_id


ENVELOPES: dict[str, type[_Ingress]] = {
    "com.nordstrom/retail-stream-ingress/1-0-0": _Ingress,
    "com.nordstrom/retail-stream-egress/1-0-0": _Egress,
}


class AnyEvent:
    """What `convert` takes, as the contract says it: one of the events, bare or in an envelope."""

    @classmethod
    def __get_pydantic_core_schema__(cls, *_: Any) -> CoreSchema:
        return any_schema()

    @classmethod
    def __get_pydantic_json_schema__(cls, *_: Any) -> dict[str, Any]:
        origin = _Envelope.model_json_schema()["properties"]["origin"]
        events = [_named(schema, model) for schema, model in EVENTS.items()]
        bare = [{**e, "properties": {**e["properties"], "origin": origin}} for e in events]
        around = [_named(schema, model) for schema, model in ENVELOPES.items()]
        for envelope in around:
            envelope["properties"]["data"] = {"oneOf": events}
        purchase = {"schema": "com.nordstrom/product/purchase/1-0-0", "id": "mug-1"}
        return {"oneOf": [*bare, *around], "examples": [purchase]}


def _named(schema: str, model: type[Model]) -> dict[str, Any]:
    said = model.model_json_schema()
    named = {"schema": {"const": schema}, **said["properties"]}
    return {**said, "properties": named, "required": ["schema", *said.get("required", ())]}
