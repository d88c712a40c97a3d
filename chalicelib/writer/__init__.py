"""The event writer: what happened, told in a format of its own; one event, or up to 500 of them.

    application/json                    hello-retail's events, bare or in their envelopes
    application/cloudevents+json        a CloudEvent of one of our types
    application/cloudevents-batch+json  an array of those
    application/jose                    a partner's own event, sealed by the partner

The first three are said by a person, and made events of ours by the role of the matching route
(`said`); a batch goes to the log with few calls (`batch`). A partner's event is a fact already, and
is passed on as it is (`partner`).
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from typing import Annotated, Any

from pydantic import Field
from typing_extensions import TypedDict

from chalicelib import door, http
from chalicelib.errors import (
    DeskFull,
    EnoughAssignments,
    Erased,
    Exists,
    Invalid,
    NotYours,
    PhoneTaken,
    Problem,
    UnknownProduct,
    UnknownSchema,
)
from chalicelib.events.cloudevents import CloudEvent
from chalicelib.events.hello_retail import AnyEvent
from chalicelib.http import JSON, Answer, Refusal, Request
from chalicelib.writer import batch, partner
from chalicelib.writer.said import CLOUDEVENT, Said, only_its_own, said

JOSE, CLOUDEVENTS = "application/jose", "application/cloudevents-batch+json"
MOST_BODY = 1024 * 1024
MOST_EVENTS = 500
AT_ONCE = 16  # a login is encrypted, and its person's key asked for

Sealed = Annotated[
    str,
    Field(pattern=r"^[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+$", max_length=http.MOST_BODY),
]
Many = Field(min_length=1, max_length=MOST_EVENTS)
ONE = {JSON: AnyEvent, CLOUDEVENT: CloudEvent, JOSE: Sealed}
MANY = {JSON: Annotated[list[AnyEvent], Many], CLOUDEVENTS: Annotated[list[CloudEvent], Many]}
REFUSES: tuple[type[Problem], ...] = (
    DeskFull,
    EnoughAssignments,
    Erased,
    Exists,
    NotYours,
    PhoneTaken,
    UnknownProduct,
    UnknownSchema,
    *partner.REFUSES,
)


class Told(TypedDict):
    """Of each event, in their order, what would be the answer to it alone."""

    items: list[batch.Taken | Refusal]


def say(request: Request) -> Answer:
    """One event, recorded."""
    kind = http.content_type(request, ONE)
    if kind == JOSE:
        return partner.pass_on(request)
    one = said(request, kind, http.document(request, ONE))
    if one.once is not None:
        only_its_own(request, door.HEADER)
    speaker = replace(request, actor=one.actor)
    once = one.once or door.keyed(request)
    return door.decided(speaker, one.subject, one.on, once, exact=one.adds is not None)


def say_many(request: Request) -> Told:
    """A batch of events: of each, in their order, what would be the answer to it alone."""
    only_its_own(request, door.HEADER, "If-Match")
    kind = CLOUDEVENT if http.content_type(request, MANY) == CLOUDEVENTS else JSON
    events = http.document(request, MANY, MOST_BODY)
    if not (isinstance(events, list) and 1 <= len(events) <= MOST_EVENTS):
        raise Invalid(f"the body is an array of 1 to {MOST_EVENTS} events", field="body")
    with ThreadPoolExecutor(AT_ONCE) as pool:
        told = list(pool.map(partial(_read, request, kind), events))
    return {"items": batch.answers(request, told)}


def _read(request: Request, kind: str, event: Any) -> Said | Problem:
    try:
        return said(request, kind, event)
    except Problem as problem:
        return problem
