"""The way in: one command end to end. Read, decide, seal, append, answer 202 = recorded.

A command appends one event and writes nothing else. The state it decides on may lag; the subject
itself judges again, in log order. An `Idempotency-Key` is the event's id, and a created subject's:
the same key with the same command gives the same id and subject, with another command 409.
"""

from __future__ import annotations

import base64
import os
import re
import time
import uuid
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Annotated, Any, Self, cast

from pydantic import Field
from typing_extensions import TypedDict

from chalicelib import access, config, http, log, read, store, vault
from chalicelib.access import Caller
from chalicelib.decisions import DECIDERS, Decider
from chalicelib.decisions import customer as customers
from chalicelib.decisions import product as products
from chalicelib.errors import BadRequest, Changed, KeyReused, NotFound
from chalicelib.events import SYSTEM, Envelope, Fact, Model, Position
from chalicelib.events.envelope import example
from chalicelib.events.person import Name
from chalicelib.http import Answer, Request
from chalicelib.openapi.route import Given
from chalicelib.projector.rows import keyed_of
from chalicelib.signing import keys, seal, strict
from chalicelib.store import Query, Row
from chalicelib.subjects import subject_key, subject_of

HEADER = "Idempotency-Key"
KEY = re.compile(r"[!-~]{1,255}")

Asked = Callable[[Any], Model]


class Recorded(TypedDict):
    """The event is on the log, at this position. Whether it counts, its subject judges there."""

    id: str
    type: str
    subject: str
    position: str


RECORDED = Given(Recorded, 202, headers=("Location",))


@dataclass(frozen=True, slots=True)
class Once:
    """What a key comes to: the event's id, and what stands for the command.

    `named` is the header or member that has the key.
    """

    id: str
    commandhash: str
    named: str = HEADER

    @classmethod
    def of(cls, request: Request, key: str, document: Any, named: str = HEADER) -> Self:
        """What this key of the request's actor comes to, with this document at its route."""
        event = vault.name_for("command", request.actor, request.method, request.path, key)
        said = strict.encode([request.method, request.path, document])
        digest = base64.urlsafe_b64encode(vault.fingerprint("commands", said)).decode().rstrip("=")
        return cls(str(event), digest, named)

    def earlier(self, rows: Iterable[Row]) -> Recorded | None:
        """What was answered to the key's first command, if the id's rows tell of one.

        A partner may give its own event the same id: another source, another event.
        Raises KeyReused for another command.
        """
        now = time.time_ns() // 1_000_000
        ours = [row for row in rows if row.key.sk.endswith(f" {SYSTEM}")]
        known = [(key, row.body) for row in ours if (key := keyed_of(row)) and not key.lapsed(now)]
        for key, said in known:
            if key.commandhash == self.commandhash:
                return cast("Recorded", {name: said[name] for name in Recorded.__annotations__})
        if known:
            raise self.reused()
        return None

    def reused(self) -> KeyReused:
        """That the key stands for another command."""
        return KeyReused("this key was used for another command", field=self.named)


def create_product(request: Request) -> Answer:
    """List a product, under an id of the merchant's own or a new one."""
    command = http.parse(request, products.Create)
    once = keyed(request)
    return submit(request, products.KIND, command.id or new_id(once), command, once)


def move(request: Request, entity: str, command: type[Model]) -> Answer:
    """One of the moves on a product: the command is the body."""
    named, parsed = http.entity(entity), http.parse(request, command)
    return submit(request, products.KIND, named, parsed, keyed(request))


def submit(request: Request, kind: str, entity: str, command: Model, once: Once | None) -> Answer:
    """The command's event, recorded; or the answer it had, if its key was used before."""
    return decided(request, f"{kind}/{entity}", lambda _: command, once)


def decided(
    request: Request, subject: str, asked: Asked, once: Once | None, *, exact: bool = False
) -> Answer:
    """The same, where the command is made of the subject's state, and of what else is read.

    A key that was used before has its answer, whatever became of what the command was made of.
    Where it is `exact`, the event counts only on the very state that it was made of.
    Raises what `asked` and `decide` raise, Changed, CatchingUp, NotYet, and CloudFailure when it is
    not known whether the event is on the log.
    """
    decider = DECIDERS[subject.partition("/")[0]]
    expects = http.expects(request)
    (row,) = read.rows(request, subject_key(decider, subject))
    if once is not None and (said := once.earlier(store.page(Query(f"event/{once.id}"), 10)[0])):
        return accepted(said)
    known = subject_of(decider, row)
    fact = decider.decide(known.state, asked(known.state), request.actor)
    if expects not in (None, known.version):
        raise Changed("it is not at this version: read it again", field="If-Match")
    expects = known.version if exact else expects
    return record(replace(envelope(fact, subject, request.actor, once), expects=expects))


def record(said: Envelope) -> Answer:
    """The envelope sealed and appended. Raises CloudFailure."""
    position = log.append(said.subject, seal(said, keys.producer()))
    return accepted(recorded(said, position))


def recorded(said: Envelope, position: Position) -> Recorded:
    """What is answered of an event that is on the log."""
    return {"id": said.id, "type": said.type, "subject": said.subject, "position": str(position)}


def accepted(said: Recorded) -> Answer:
    """202: it is on the log, and there it is told what became of it."""
    return Answer(202, said, {"Location": f"/events/{said['id']}?at={said['position']}"})


def keyed(request: Request) -> Once | None:
    """What the request's Idempotency-Key comes to, if it has one. Raises BadRequest."""
    key = key_of(request)
    return None if key is None else Once.of(request, key, http.document(request))


def key_of(request: Request) -> str | None:
    """The request's Idempotency-Key, if it has one. Raises BadRequest."""
    key = request.headers.get(HEADER.lower())
    if key is not None and not KEY.fullmatch(key):
        raise BadRequest("a key is 1 to 255 visible ASCII characters", field=HEADER)
    return key


def new_id(once: Once | None) -> str:
    """The id of a new subject: the same for the same key."""
    return str(_uuid7() if once is None else vault.name_for("subject", once.id))


def envelope(fact: Fact, subject: str, actor: str, once: Once | None) -> Envelope:
    """The event that the fact is, said now."""
    now = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return Envelope(
        id=str(_uuid7()) if once is None else once.id,
        source=SYSTEM,
        type=fact.type,
        subject=subject,
        time=now,
        stream=config.settings().stream,
        actor=actor,
        data=fact.model_dump(mode="json", by_alias=True, exclude_none=True),
        commandhash=None if once is None else once.commandhash,
    )


def _uuid7() -> uuid.UUID:
    """A UUIDv7 (RFC 9562 §5.7): milliseconds, then random; Python has one only from 3.14 on."""
    stamp = time.time_ns() // 1_000_000 << 80
    noise = int.from_bytes(os.urandom(10), "big")
    version, variant = 0x7 << 76, 0b10 << 62
    rest = noise & ~(0xF << 76) & ~(0b11 << 62)
    return uuid.UUID(int=stamp | rest | version | variant)


class Session(Model):
    """Who one says one is: a public name, which the board shows to everyone; and roles."""

    model_config = example(name="Mia", roles=["merchant"])

    name: Name
    roles: Annotated[list[access.Role], Field(min_length=1)]


class Opened(TypedDict):
    """A token for 12 h, and the opaque id that it names."""

    token: str
    userId: str


def open_session(request: Request) -> Opened:
    """A token for a person by public name. Only where the shop itself says who people are.

    The same name is the same person. Raises NotFound where tokens come from elsewhere, and Erased.
    """
    if config.settings().identity != "local":
        raise NotFound("this shop does not open sessions; tokens come from its issuer")
    session = http.parse(request, Session)
    actor = str(vault.name_for("person", session.name))
    _register(request, actor, session.name)
    return {"token": access.issue(Caller(actor, frozenset(session.roles))), "userId": actor}


def _register(request: Request, actor: str, name: str) -> None:
    decider: Decider = DECIDERS[customers.KIND]
    subject = f"{customers.KIND}/{actor}"
    (row,) = read.rows(request, subject_key(decider, subject))
    known = subject_of(decider, row).state
    if known is None or known.erased or known.public_name is None:
        fact = decider.decide(known, customers.Register(public_name=name), actor)
        record(envelope(fact, subject, actor, None))
