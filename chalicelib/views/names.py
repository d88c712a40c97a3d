"""What a person is called on the board: the public name they chose.

Answers  the `name` of every item that names a person
From     customer.registered
Rows     `people/<id>`   one person   (owned)
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from chalicelib import store
from chalicelib.decisions.customer import Customer
from chalicelib.events import Event, customer
from chalicelib.store import Key, Put, Write
from chalicelib.view import View


def reduce(event: Event, before: Customer | None, after: Customer) -> Iterator[Write]:  # noqa: ARG001
    """The person's name."""
    yield Put(Key(f"people/{event.entity}", event.subject), {"name": after.public_name})


def of(people: Iterable[str | None]) -> dict[str, str]:
    """The names of the people who have one."""
    keys = [Key(VIEW.pk(f"people/{person}"), f"customer/{person}") for person in people if person]
    rows = store.read(keys)
    return {key.sk.partition("/")[2]: str(row.body["name"]) for key, row in rows.items()}


FEEDS = (customer.Registered,)
versions = {1: reduce}
VIEW = View("names", 1, FEEDS, versions[1])
