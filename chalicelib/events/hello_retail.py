"""hello-retail's events, said as ours. Nothing of its format goes on the log.

    bare      what its clients post: the event's own members, with `origin` beside them
    ingress   what its writer puts on its stream: the event in an envelope, with `timeOrigin`
    egress    what comes out of that stream: a log that was exported, for import

`origin` is `<system>/<program>/<unique id>/<friendly name>`. Its clients put an e-mail address, a
telephone number or an account's id third and a name fourth, so both are dropped. The first two are
kept with `timeOrigin` as what was *claimed*, if they look like names of programs. The unique id is
given to `alias` alone, which makes an opaque id of it: for an admin, who imports and so speaks for
others; everyone else speaks for themselves, whatever the origin says, and `alias` makes their own
id of any. The name that a login brings is personal, and is told apart from the fact.

What is laxer than hello-retail: any id that ours can be, any origin (its clients break its own
grammar). What is stricter: our limits on text. An image is an address; hello-retail leaves out its
scheme and its page puts `https://` in front, and so do we. Data in place of an address is refused.

Raises Invalid, naming each member at fault, and Forbidden.
"""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, StringConstraints, WithJsonSchema
from pydantic_core.core_schema import CoreSchema, any_schema

from chalicelib.errors import Forbidden, Invalid, NotSupportedYet, UnknownSchema
from chalicelib.events import customer, product
from chalicelib.events.envelope import Claimed, Model, Told
from chalicelib.events.person import Name
from chalicelib.events.told import Converted, Entity, Time, valid

IMPORTER = "admin"
MOST_DIGITS = 6
# What programs call themselves; one of them with a capital.
PROGRAM = re.compile(r"Photographer|(?=.{1,64}$)[a-z][a-z0-9]*(-[a-z0-9]+)*")
# A host that has a dot: base64 has none.
ADDRESS = {
    "type": "string",
    "maxLength": 2048,
    "pattern": product.HTTP_URL.replace("https?://", "(https?://|//)?", 1),
}
HOST = re.compile(r"(//)?(?=[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+(:[0-9]+)?(/|$))")

Alias = Callable[[str], str]


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
    form = ENVELOPES.get(_schema(document, "", (*EVENTS, *LATER, *ENVELOPES)))
    if form is None:
        event = {name: value for name, value in document.items() if name != "origin"}
        beside = {name: value for name, value in document.items() if name == "origin"}
        return valid(_Envelope, beside, ""), event, ""
    if form is _Egress and not imports:
        raise Forbidden("an exported log is imported by an admin", field="Authorization")
    envelope = valid(form, _rest(document), "")
    return envelope, envelope.data, "data."


def _said(data: dict[str, Any], within: str, *, imports: bool) -> _Said:
    schema = _schema(data, within, (*EVENTS, *LATER))
    if schema in LATER:
        raise NotSupportedYet("this schema is known, and not taken yet", field=f"{within}schema")
    model = EVENTS[schema]
    if model is _AddRole and not imports:
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
    program = _program(envelope.origin or "")
    if program is None and envelope.time_origin is None:
        return None
    return Claimed(origin=program, time_origin=envelope.time_origin)


def _program(origin: str) -> str | None:
    """The first two parts of an origin, or the first, as far as they are names of programs."""
    kept = []
    for part in origin.split("/")[:2]:
        if not PROGRAM.fullmatch(part) or sum(map(str.isdigit, part)) > MOST_DIGITS:
            break
        kept.append(part)
    return "/".join(kept) or None


def _parts(origin: str) -> list[str]:
    """The parts of an origin that say who spoke: the last is the person, if it names one."""
    return [part.strip() for part in origin.split("/")[:3] if part.strip()]


def _says_who(origin: str) -> str:
    if not _parts(origin):
        raise ValueError("must say who spoke: <system>/<program>/<unique id>/<name>")
    return origin


def _with_scheme(address: Any) -> Any:
    """The address, with `https://` where it begins with a host."""
    host = HOST.match(address) if isinstance(address, str) else None
    return address if host is None else f"https://{address[host.end() :]}"


Person = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1, max_length=128, pattern=product.LINE),
]
Origin = Annotated[
    str, StringConstraints(max_length=515, pattern=product.LINE), AfterValidator(_says_who)
]
EventId = Annotated[str, StringConstraints(pattern=r"^shardId-[0-9]{12}:[0-9]{1,56}$")]


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


class _Said(Model, ABC):
    """The members of an event, less its schema."""

    id: Entity

    def subject(self, alias: Alias) -> str:  # noqa: ARG002
        """The event's subject in our log."""
        return f"product/{self.id}"

    def speaker(self, origin: str | None, alias: Alias) -> str | None:
        """Whom an importer speaks for, if somebody is named."""
        return None if origin is None else alias(_parts(origin)[-1])

    def personal(self) -> dict[str, Any] | None:
        """What of it is personal."""
        return None

    @abstractmethod
    def fact(self) -> Told:
        """The event's data in our log."""


class _Create(_Said):
    brand: product.Line
    name: product.Line
    description: product.Text
    category: product.Category

    def fact(self) -> Told:
        return product.Created(
            brand=self.brand,
            name=self.name,
            description=self.description,
            category=self.category,
        )


class _Purchase(_Said):
    def fact(self) -> Told:
        return product.Purchased()


class _Image(_Said):
    image: Annotated[product.Image, BeforeValidator(_with_scheme), WithJsonSchema(ADDRESS)]

    def fact(self) -> Told:
        return product.Photographed(image=self.image)


class _AddRole(_Said):
    """`id` is a person's, often an e-mail address: the subject is its alias."""

    id: Person
    role: Literal["photographer", "merchant"]

    def subject(self, alias: Alias) -> str:
        return f"customer/{alias(self.id)}"

    def fact(self) -> Told:
        return customer.RoleClaimed(role=self.role)


class _Login(_Said):
    """`id` is that of the person who logs in, and so says what they are called."""

    id: Person
    name: Name

    def subject(self, alias: Alias) -> str:
        return f"customer/{alias(self.id)}"

    def speaker(self, origin: str | None, alias: Alias) -> str | None:  # noqa: ARG002
        return alias(self.id)

    def personal(self) -> dict[str, Any] | None:
        return {"name": self.name}

    def fact(self) -> Told:
        return customer.Updated()


EVENTS: dict[str, type[_Said]] = {
    "com.nordstrom/product/create/1-0-0": _Create,
    "com.nordstrom/product/purchase/1-0-0": _Purchase,
    "com.nordstrom/product/image/1-0-0": _Image,
    "com.nordstrom/user-info/add-role/1-0-0": _AddRole,
    "com.nordstrom/user-info/login/1-0-0": _Login,
}
LATER = ("com.nordstrom/user-info/update-phone/1-0-0",)
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
