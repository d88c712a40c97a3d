"""What a person is called on the board: the public name they chose.

Answers  the `name` of every item that names a person
From     customer.registered, customer.updated, customer.erased
Rows     `people/<id>`   one person   (owned)
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from chalicelib import store
from chalicelib.decisions.customer import Customer
from chalicelib.events import Event, customer
from chalicelib.store import Delete, Key, Put, Write
from chalicelib.view import View


def reduce(event: Event, before: Customer | None, after: Customer) -> Iterator[Write]:
    """The person's name as it is now, if that is news; none once they are erased."""
    key = Key(f"people/{event.entity}", event.subject)
    known = before.public_name if before else None
    if after.public_name is None and known is not None:
        yield Delete(key)
    elif after.public_name is not None and after.public_name != known:
        yield Put(key, {"name": after.public_name})


def of(people: Iterable[str | None]) -> dict[str, str]:
    """The names of the people who have one."""
    keys = [Key(VIEW.pk(f"people/{person}"), f"customer/{person}") for person in people if person]
    rows = store.read(keys)
    return {key.sk.partition("/")[2]: str(row.body["name"]) for key, row in rows.items()}


FEEDS = (customer.Registered, customer.Updated, customer.Erased)
versions = {2: reduce}
VIEW = View("names", 2, FEEDS, versions[2])
