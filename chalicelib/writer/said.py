"""An event that a person says: read from its format, allowed by a role, and named for good.

What names the event for its sender (`id` and `source` of a CloudEvent, hello-retail's `eventId`) is
its key: told again, alone or in a batch, it is the same event.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from chalicelib import access, customers, http, personal, photographers, vault
from chalicelib.decisions.customer import Customer
from chalicelib.door import Once
from chalicelib.errors import BadRequest
from chalicelib.events import Told, cloudevents, hello_retail
from chalicelib.events.desk import Registration
from chalicelib.events.told import Converted
from chalicelib.http import Request

CLOUDEVENT = "application/cloudevents+json"


@dataclass(frozen=True, slots=True)
class Said:
    """What is to be recorded, of whom, and under which identity if it brings one.

    `adds` is what a person says of themselves beside what they said before: such an event counts
    only on the state of its subject that it was made of.
    """

    subject: str
    fact: Told
    actor: str
    once: Once | None
    adds: dict[str, Any] | None = None

    @property
    def parts(self) -> tuple[str, str]:
        """The subject's kind, and its id."""
        kind, _, entity = self.subject.partition("/")
        return kind, entity

    def on(self, state: Customer | None) -> Told:
        """The fact on this state of its subject, with what is personal under its key.

        Raises Erased, TooLarge, and CloudFailure.
        """
        if self.adds is None:
            return self.fact
        person = self.parts[1]
        known = {"contact": {}} | customers.members(person, state or Customer()) | self.adds
        pii = personal.encrypt(person, self.subject, known)
        return self.fact.model_copy(update={"pii": pii})


def said(request: Request, kind: str, document: Any) -> Said:
    """The event that the document states, said by the caller or by whom an importer speaks for.

    Raises Invalid, naming each member at fault, Forbidden, Erased, and CloudFailure.
    """
    found = _converted(request, kind, document)
    if found.actor is None:
        access.require_to_say(found.kind, request.roles)
    actor = found.actor or request.actor
    told = replace(request, path="/events", actor=actor)
    once = None if found.key is None else Once.of(told, found.key, document, found.named)
    own = Said(found.subject, _fact(found, actor), actor, once, found.personal)
    # Who speaks for others knows nothing that they said before.
    return own if found.actor is None else replace(own, fact=own.on(None), adds=None)


def _fact(found: Converted, actor: str) -> Told:
    """The event's data with what it claims; of who registers, under their key."""
    fact, claimed = found.fact, found.claimed
    if isinstance(fact, Registration):
        fact = photographers.registered(actor, fact, claimed.time_origin if claimed else None)
    return fact.model_copy(update={"claimed": claimed})


def _converted(request: Request, kind: str, document: Any) -> Converted:
    if kind == CLOUDEVENT:
        return cloudevents.convert(document)
    return hello_retail.convert(document, request.roles, partial(_alias, request))


def _alias(request: Request, person: str) -> str:
    """Whom hello-retail calls by this id, as only this shop can name them; else the caller."""
    if hello_retail.IMPORTER in request.roles:
        return str(vault.name_for("hello-retail", person))
    return http.entity(request.actor)


def only_its_own(request: Request, *headers: str) -> None:
    """Raises BadRequest for a header that says of the request what the event says of itself."""
    for header in headers:
        if header.lower() in request.headers:
            raise BadRequest("the event says this of itself: leave the header out", field=header)
