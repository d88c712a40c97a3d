"""Customers: what a person tells the shop of themselves, reads of it, and has forgotten.

Everybody who has a token may be a customer, whatever else they are. What is personal is encrypted
before there is a command; a person's first key is the one thing that is written beside the event.
"""

from __future__ import annotations

from typing import NotRequired

from typing_extensions import TypedDict

from chalicelib import door, http, personal, read
from chalicelib.decisions import DECIDERS
from chalicelib.decisions.customer import KIND, Customer, Erase, ShownName, Update
from chalicelib.errors import Erased, NotYours
from chalicelib.events import Model
from chalicelib.events.envelope import example
from chalicelib.events.person import Contact, Name
from chalicelib.http import Answer, Request
from chalicelib.subjects import subject_key, subject_of

ADMIN = "admin"


class Me(Model):
    """Who one is. What is left out is forgotten, but for the public name, which the board shows."""

    model_config = example(publicName="Mia", name="Mia Moe", contact={"email": "mia@example.com"})

    public_name: ShownName | None = None
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
    decider, subject = DECIDERS[KIND], _subject(http.entity(request.actor))
    (row,) = read.rows(request, subject_key(decider, subject))
    known = subject_of(decider, row)
    said = _told(request.actor, subject, known.state or Customer())
    return http.tagged(request, said, http.etag(known.version, f"{KIND}@{decider.version}"))


def _told(person: str, subject: str, state: Customer) -> Known:
    members = personal.decrypt(person, subject, state.pii) if state.pii else {}
    if state.erased or members is None:
        raise Erased("you were erased: nothing is known of you any more")
    said: Known = {"id": person, "contact": members.get("contact", {})}
    if state.public_name is not None:
        said["publicName"] = state.public_name
    if "name" in members:
        said["name"] = members["name"]
    return said


def update(request: Request) -> Answer:
    """Tell the shop who one is. Raises Erased."""
    said, person = http.parse(request, Me), http.entity(request.actor)
    contact = (said.contact or Contact()).model_dump(exclude_none=True)
    members = {"name": said.name} if said.name is not None else {}

    def updating(_: Customer | None) -> Update:
        pii = personal.encrypt(person, _subject(person), {**members, "contact": contact})
        return Update(public_name=said.public_name, pii=pii)

    return door.decided(request, KIND, person, updating, door.keyed(request))


def erase(request: Request, entity: str) -> Answer:
    """Forget a person: oneself, or anybody for an admin. Raises NotYours, Erased."""
    named = http.entity(entity)
    http.bodiless(request)
    if named != request.actor and ADMIN not in request.roles:
        raise NotYours("a person is erased by themselves, or by an admin", field="id")
    return door.submit(request, KIND, named, Erase(), door.keyed(request))


def _subject(person: str) -> str:
    return f"{KIND}/{person}"
