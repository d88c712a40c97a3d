"""Who takes the pictures: each photographer as they stand at the photo desk.

Answers  GET /photographers/{id}, GET /assignments
From     every event of the photo desk
Rows     `people/<who>`   how one photographer is reached, as a ciphertext        (owned)
         `there/<who>`    how they stand; in the list `assigned` while they are  (owned)
                          asked for a picture

A row stays as the last event about its photographer left it, whoever is at the desk by now; both go
when the photographer is erased.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NotRequired

from typing_extensions import TypedDict

from chalicelib import http, personal, read, store
from chalicelib.decisions.desk import SUBJECT, Desk, Photographer
from chalicelib.errors import UnknownPhotographer
from chalicelib.events import Event, desk
from chalicelib.http import Answer, Request
from chalicelib.store import Delete, Key, Put, Query, Row, Write
from chalicelib.view import View
from chalicelib.views import catalog

ADMIN = "admin"


def reduce(event: Event, before: Desk | None, after: Desk) -> Iterator[Write]:
    """Whoever stands otherwise than before; nothing of who was erased."""
    data = event.data
    if isinstance(data, desk.PhotographerRegistered):
        yield Put(_reached(event.actor), {"pii": data.pii})
    if isinstance(data, desk.PhotographerLeft) and data.erased:
        yield from (Delete(_reached(data.photographer)), Delete(_there(data.photographer)))
    known = before.photographers if before else {}
    for who, each in after.photographers.items():
        if each != known.get(who):
            listing = ("assigned", _place(who, each)) if each.assignment else None
            yield Put(_there(who), _body(who, each), listing)


def _reached(who: str) -> Key:
    return Key(f"people/{who}", SUBJECT)


def _there(who: str) -> Key:
    return Key(f"there/{who}", SUBJECT)


def _place(who: str, each: Photographer) -> str:
    assert each.assignment is not None
    return f"{each.assignment.since:015d} {who}"


def _body(who: str, each: Photographer) -> dict[str, Any]:
    body = {"id": who, "left": each.left, "until": each.until, "completed": each.completed}
    if each.assignment is None:
        return body
    asked = each.assignment.model_dump(include={"product", "since", "until"})
    return body | {"assignment": asked | {"received": bool(each.assignment.fetch)}}


class Assignment(TypedDict):
    """A picture that somebody is asked for; `received` says that one came and is looked at."""

    product: str
    name: str
    since: str
    until: str
    received: bool


class Assigned(Assignment):
    """The same, and who is asked."""

    photographer: str


class Standing(TypedDict):
    """A photographer who may be asked `left` times more, till `until`; in clear."""

    id: str
    name: NotRequired[str]
    phone: str
    left: int
    until: str
    completed: int
    assignment: NotRequired[Assignment]


def photographer(request: Request, person: str) -> Answer:
    """How a photographer stands. Raises UnknownPhotographer."""

    def look() -> Any:
        reached, there = store.snapshot(
            *(_key(place) for place in (_reached(person), _there(person)))
        )
        found = reached and personal.decrypt(person, SUBJECT, reached.body["pii"])
        if there is None or not found:
            raise UnknownPhotographer("no photographer is registered under this id", field="id")
        return _standing(there.body) | found

    said = read.whole(request, look, VIEW, catalog.VIEW)
    return http.private(request, said, f'W/"{http.digest(said)}"')


def _standing(body: dict[str, Any]) -> dict[str, Any]:
    said = body | {"until": read.stamp(body["until"])}
    return said | ({"assignment": _asked([body])[0]} if "assignment" in body else {})


def assignments(request: Request) -> Answer:
    """A page of what pictures are asked for: oneself, or of everybody for an admin."""
    if ADMIN in request.roles:
        query = Query(VIEW.pk("assigned"), index="listing", newest_first=True)
    else:
        query = Query(VIEW.pk(f"there/{request.actor}"))
    page = read.page(request, VIEW, query, _page, catalog.VIEW)
    return http.private(request, page, f'W/"{http.digest([page["items"], page["next"]])}"')


def _page(rows: Sequence[Row]) -> list[Assigned]:
    bodies = [row.body for row in rows if "assignment" in row.body]
    return [
        {**asked, "photographer": body["id"]}
        for body, asked in zip(bodies, _asked(bodies), strict=True)
    ]


def _asked(bodies: Sequence[dict[str, Any]]) -> list[Assignment]:
    """What they are asked for, by the product's name in the catalog."""
    found = [body["assignment"] for body in bodies]
    names = catalog.names(asked["product"] for asked in found)
    return [
        {
            "product": asked["product"],
            "name": names.get(asked["product"], asked["product"]),
            "since": read.stamp(asked["since"]),
            "until": read.stamp(asked["until"]),
            "received": asked["received"],
        }
        for asked in found
    ]


def pii_of(person: str) -> str | None:
    """How the photographer is reached, as a ciphertext for the desk; None once they are erased."""
    row = store.get(_key(_reached(person)))
    return None if row is None else str(row.body["pii"])


def _key(place: Key) -> Key:
    """Where a row of this view lies in the table."""
    return Key(VIEW.pk(place.pk), place.sk)


FEEDS = desk.FACTS
versions = {1: reduce}
VIEW = View("desk", 1, FEEDS, versions[1])
