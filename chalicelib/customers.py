"""Customers: what a person tells the shop of themselves, reads of it, and has forgotten.

Everybody who has a token may be a customer, whatever else they are. What is personal is encrypted
before there is a command; a person's first key is the one thing that is written beside the event.
"""

from __future__ import annotations

from typing import Any, NotRequired

from typing_extensions import TypedDict

from chalicelib import door, http, personal, read
from chalicelib.decisions import DECIDERS
from chalicelib.decisions.customer import KIND, Customer, Erase, Update
from chalicelib.errors import Erased, NotYours
from chalicelib.events import Model
from chalicelib.events.envelope import example
from chalicelib.events.person import Contact, Name
from chalicelib.http import Answer, Request
from chalicelib.store import Key, Row
from chalicelib.subjects import subject_key, subject_of

ADMIN = "admin"
YOU_WERE = "you were erased: nothing is known of you any more"


class Me(Model):
    """Who one is. What is left out is forgotten, but for the public name, which the board shows."""

    model_config = example(publicName="Mia", name="Mia Moe", contact={"email": "mia@example.com"})

    public_name: Name | None = None
    name: Name | None = None
    contact: Contact | None = None


class Reached(TypedDict):
    """Where one is told something."""

    email: NotRequired[str]
    phone: NotRequired[str]


class Known(TypedDict):
    """What the shop knows of oneself, in clear."""

    id: str
    publicName: NotRequired[str]
    name: NotRequired[str]
    contact: Reached


def me(request: Request) -> Answer:
    """What is known of the caller, its version as the ETag. Raises Erased."""
    person = http.entity(request.actor)
    row = subject_of(DECIDERS[KIND], *read.rows(request, key(person)))
    said = _told(person, row.state or Customer())
    return http.private(request, said, http.etag(row.version, f"{KIND}@{DECIDERS[KIND].version}"))


def key(person: str) -> Key:
    """Where the row of this person lies."""
    return subject_key(DECIDERS[KIND], _subject(person))


def refuse_erased(row: Row | None, *, detail: str = YOU_WERE) -> None:
    """Raises Erased where it is the row of somebody who was, whatever key a process still has."""
    known = subject_of(DECIDERS[KIND], row).state
    if known is not None and known.erased:
        raise Erased(detail)


def members(person: str, state: Customer) -> dict[str, Any]:
    """What is personal of them, in clear, as far as it is known; with a lost key it is not.

    Raises Erased.
    """
    found = personal.decrypt(person, _subject(person), state.pii) if state.pii else {}
    if state.erased or (found is None and personal.is_erased(person)):
        raise Erased(YOU_WERE)
    return found or {}


def _told(person: str, state: Customer) -> Known:
    found = members(person, state)
    said: Known = {"id": person, "contact": found.get("contact", {})}
    if state.public_name is not None:
        said["publicName"] = state.public_name
    if "name" in found:
        said["name"] = found["name"]
    return said


def update(request: Request) -> Answer:
    """Tell the shop who one is. Raises Erased."""
    said, person = http.parse(request, Me), http.entity(request.actor)
    whole = said.model_dump(include={"name", "contact"}, exclude_none=True)

    def updating(_: Customer | None) -> Update:
        pii = personal.encrypt(person, _subject(person), {"contact": {}, **whole})
        return Update(public_name=said.public_name, pii=pii)

    return door.decided(request, _subject(person), updating, door.keyed(request))


def erase(request: Request, entity: str) -> Answer:
    """Forget a person: oneself, or anybody for an admin. Raises NotYours, Erased."""
    named = http.entity(entity)
    http.bodiless(request)
    if named != request.actor and ADMIN not in request.roles:
        raise NotYours("a person is erased by themselves, or by an admin", field="id")
    return door.submit(request, KIND, named, Erase(), door.keyed(request))


def _subject(person: str) -> str:
    return f"{KIND}/{person}"
