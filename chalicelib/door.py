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
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from chalicelib import access, config, http, log, read, store, vault
from chalicelib.access import Caller
from chalicelib.decisions import DECIDERS, Decider
from chalicelib.decisions import customer as customers
from chalicelib.decisions import product as products
from chalicelib.errors import BadRequest, Changed, Invalid, NotFound, Refused
from chalicelib.events import SYSTEM, Envelope, Fact, Model, hello_retail
from chalicelib.http import Answer, Request
from chalicelib.projector.rows import keyed_of
from chalicelib.signing import keys, seal, strict
from chalicelib.store import Query
from chalicelib.subjects import subject_key, subject_of

KEY = re.compile(r"[!-~]{1,255}")


@dataclass(frozen=True, slots=True)
class Once:
    """What an Idempotency-Key comes to: the event's id, and what stands for the command."""

    id: str
    commandhash: str


def create_product(request: Request) -> Answer:
    """List a product, under an id of the merchant's own or a new one."""
    command = http.parse(request, products.Create)
    once = _once(request)
    return submit(request, products.KIND, command.id or _new_id(once), command, once)


def move(request: Request, entity: str, command: type[Model]) -> Answer:
    """One of the moves on a product: the command is the body."""
    named, parsed = http.entity(entity), http.parse(request, command)
    return submit(request, products.KIND, named, parsed, _once(request))


def say(request: Request) -> Answer:
    """The event writer: an event in hello-retail's format, recorded as ours."""
    http.known_arguments(request)
    said = hello_retail.convert(http.document(request), request.roles, _alias)
    kind, _, entity = said.subject.partition("/")
    if said.key is not None:
        request = replace(request, headers={**request.headers, "idempotency-key": said.key})
    once = _once(request)
    if said.actor is None:
        access.require_to_say(said.fact.type, request.roles)
    else:
        request = replace(request, actor=said.actor)
    fact = said.fact.model_copy(update={"claimed": said.claimed})
    return submit(request, kind, entity, fact, once)


def _alias(person: str) -> str:
    """Whom hello-retail calls by this id, as only this shop can name them."""
    return str(vault.name_for("hello-retail", person))


def submit(request: Request, kind: str, entity: str, command: Model, once: Once | None) -> Answer:
    """The command's event, recorded; or the answer it had, if its key was used before.

    Raises what `decide` raises, Changed, CatchingUp, NotYet, and CloudFailure when it is not known
    whether the event is on the log.
    """
    decider, subject = DECIDERS[kind], f"{kind}/{entity}"
    expects = http.expects(request)
    (row,) = read.rows(request, subject_key(decider, subject))
    if once is not None and (earlier := _recorded(once)):
        return earlier
    known = subject_of(decider, row)
    fact = decider.decide(known.state, command, request.actor)
    if expects not in (None, known.version):
        raise Changed("it has changed since; read it again", field="If-Match")
    envelope = _envelope(fact, subject, request.actor, once)
    return record(replace(envelope, expects=expects))


def record(envelope: Envelope) -> Answer:
    """The envelope sealed and appended. Raises CloudFailure."""
    position = log.append(envelope.subject, seal(envelope, keys.producer()))
    return _recorded_answer(envelope.id, envelope.type, envelope.subject, str(position))


def _recorded_answer(event: str, kind: str, subject: str, position: str) -> Answer:
    body = {"id": event, "type": kind, "subject": subject, "position": position}
    return Answer(202, body, {"Location": f"/events/{event}?at={position}"})


def _once(request: Request) -> Once | None:
    key = request.headers.get("idempotency-key")
    if key is None:
        return None
    if not KEY.fullmatch(key):
        raise BadRequest("a key is 1 to 255 visible ASCII characters", field="Idempotency-Key")
    named = vault.name_for("command", request.actor, request.method, request.path, key)
    said = strict.encode([request.method, request.path, http.document(request)])
    digest = base64.urlsafe_b64encode(vault.fingerprint("commands", said)).decode().rstrip("=")
    return Once(str(named), digest)


def _recorded(once: Once) -> Answer | None:
    """The answer that the key's first command had. Raises Refused for another command."""
    rows, _ = store.page(Query(f"event/{once.id}"), limit=10)
    now = time.time_ns() // 1_000_000
    known = [(key, row.body) for row in rows if (key := keyed_of(row)) and not key.lapsed(now)]
    for key, said in known:
        if key.commandhash == once.commandhash:
            return _recorded_answer(said["id"], said["type"], said["subject"], said["position"])
    if known:
        raise Refused(
            "this key was used for another command", slug="key-reused", field="Idempotency-Key"
        )
    return None


def _new_id(once: Once | None) -> str:
    return str(_uuid7() if once is None else vault.name_for("subject", once.id))


def _envelope(fact: Fact, subject: str, actor: str, once: Once | None) -> Envelope:
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

    name: customers.ShownName
    roles: list[access.Role]


def open_session(request: Request) -> dict[str, Any]:
    """A token for a person by public name. Only where the shop itself says who people are.

    The same name is the same person. Raises NotFound where tokens come from elsewhere.
    """
    if config.settings().identity != "local":
        raise NotFound("this shop does not open sessions; tokens come from its issuer")
    session = http.parse(request, Session)
    if not session.roles:
        raise Invalid("name at least one role", field="roles")
    actor = str(vault.name_for("person", session.name))
    _register(request, actor, session.name)
    return {"token": access.issue(Caller(actor, frozenset(session.roles))), "userId": actor}


def _register(request: Request, actor: str, name: str) -> None:
    decider: Decider = DECIDERS[customers.KIND]
    subject = f"{customers.KIND}/{actor}"
    (row,) = read.rows(request, subject_key(decider, subject))
    if subject_of(decider, row).state is None:
        fact = decider.decide(None, customers.Register(public_name=name), actor)
        record(_envelope(fact, subject, actor, None))
