"""Photographers: how they come to the photo desk, and how they go.

A number and a name are encrypted before there is a command, for the desk alone. Who sends a picture
is found by a fingerprint of the number, which nobody but this shop can make.
"""

from __future__ import annotations

import base64
from datetime import datetime

from chalicelib import config, customers, door, http, personal, read, store, vault
from chalicelib.decisions.desk import SUBJECT, Desk
from chalicelib.errors import Invalid, UnknownPhotographer
from chalicelib.events.desk import PhotographerLeft, PhotographerRegistered, Registration
from chalicelib.http import Answer, Request
from chalicelib.views import desk as view


def register(request: Request) -> Answer:
    """Come to the desk, for some pictures and some time; again gives more. Raises Erased."""
    wanted = http.parse(request, Registration)

    def registering(_: Desk | None) -> PhotographerRegistered:
        return registered(http.entity(request.actor), wanted)

    return door.decided(request, SUBJECT, registering, door.keyed(request))


def leave(request: Request, entity: str) -> Answer:
    """Be asked no more: oneself, or anybody for an admin. Raises UnknownPhotographer."""
    named = http.entity(entity)
    http.bodiless(request)
    _refuse_foreign(request, named)
    left = PhotographerLeft(photographer=named)
    return door.decided(request, SUBJECT, lambda _: left, door.keyed(request))


def standing(request: Request, entity: str) -> Answer:
    """How a photographer stands: oneself, or anybody for an admin. Raises UnknownPhotographer."""
    named = http.entity(entity)
    _refuse_foreign(request, named)
    return view.photographer(request, named)


def _refuse_foreign(request: Request, person: str) -> None:
    """Raises UnknownPhotographer: somebody else is as if they were not there, but for an admin."""
    if person != request.actor and customers.ADMIN not in request.roles:
        raise UnknownPhotographer("you are not registered under this id", field="id")


def registered(
    person: str, wanted: Registration, said: str | None = None
) -> PhotographerRegistered:
    """What is recorded of it; `said` is when it was said, where that was elsewhere before.

    Raises Erased, and Invalid where it is over by now.
    """
    settings = config.settings()
    if said is not None and _ago_s(said) >= settings.photo_stay_s:
        raise Invalid("the time that it was for is over; leave it out", field="timeOrigin")
    customers.refuse_erased(store.get(customers.key(person)))
    return PhotographerRegistered(
        pii=personal.encrypt(
            person, SUBJECT, _known(person) | wanted.model_dump(exclude_none=True)
        ),
        phone_key=phone_key(wanted.phone),
        assignments=settings.photo_assignments,
        stay_s=settings.photo_stay_s,
    )


def _known(person: str) -> dict[str, str]:
    """What they said before: a name that is left out stays."""
    pii = view.pii_of(person)
    return (personal.decrypt(person, SUBJECT, pii) or {}) if pii else {}


def phone_key(number: str) -> str:
    """What stands for the number, as E.164 has it."""
    digest = vault.fingerprint("phones", number.encode())
    return base64.urlsafe_b64encode(digest).decode().rstrip("=")


def _ago_s(stamp: str) -> float:
    return read.now_ms() / 1000 - datetime.fromisoformat(stamp).timestamp()
