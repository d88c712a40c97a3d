"""A person erased by an operator, and what remains of them.

The command is that of the route, said by `operator`; the shop's worker then destroys the key, and
that is waited for. No process but the worker destroys a key, an operator's neither; but for
`ops restore`, which does again what the log says was done.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

from chalicelib import customers, personal, store
from chalicelib.customers import ADMIN
from chalicelib.decisions import DECIDERS
from chalicelib.decisions.customer import KIND
from chalicelib.decisions.todo import owed_by
from chalicelib.errors import Erased
from chalicelib.http import Request
from chalicelib.store import Query
from chalicelib.subjects import subject_key, subject_of
from chalicelib.views import orders, tickets

OPERATOR = "operator"
WAIT_S, PAUSE_S = 30.0, 0.1
PAGE = 1000
STAYS = (
    "What stays all the same: a public name on the log, mails and messages already sent, what a "
    "backup of the vault's bucket holds, and for some seconds the key in a process that used it."
)


@dataclass(frozen=True, slots=True)
class Remains:
    """`said` is where on the log it was said; None where they had been erased before.

    `open` and `given_up` are the to-dos that are to destroy the key; `orders` and `tickets`,
    how many stand.
    """

    person: str
    said: str | None
    destroyed: bool
    open: list[str]
    given_up: list[str]
    orders: int
    tickets: int


def erase(person: str, wait_s: float) -> Remains:
    """Say it, and wait for the key to be destroyed. Raises Invalid, Unavailable, CloudFailure."""
    said = _say(person)
    until = time.monotonic() + wait_s
    while not personal.is_erased(person) and time.monotonic() < until:
        time.sleep(PAUSE_S)
    owed = owed_by(_state(person))
    return Remains(
        person=person,
        said=said,
        destroyed=personal.is_erased(person),
        open=[name for name, todo in owed.items() if not todo.given_up],
        given_up=[name for name, todo in owed.items() if todo.given_up],
        orders=_count(orders.VIEW.pk(f"customer/{person}")),
        tickets=_count(tickets.VIEW.pk(f"author/{person}")),
    )


def _say(person: str) -> str | None:
    path, roles = f"/customers/{person}", frozenset({ADMIN})
    try:
        answer = customers.erase(Request("DELETE", path, actor=OPERATOR, roles=roles), person)
    except Erased:
        return None
    return str(answer.body["position"])


def _state(person: str) -> Any:
    row = store.get(subject_key(DECIDERS[KIND], f"{KIND}/{person}"))
    return subject_of(DECIDERS[KIND], row).state


def _count(pk: str) -> int:
    query, after, count = Query(pk), None, 0
    while True:
        rows, after = store.page(query, PAGE, after)
        count += len(rows)
        if after is None:
            return count


def show(found: Remains) -> None:
    """For a person to read."""
    when = "had been erased before" if found.said is None else f"is erased: {found.said}"
    print(f"{KIND}/{found.person} {when}")
    if found.destroyed:
        print("The key is destroyed: what was encrypted under it can be read by nobody.")
    else:
        print("The key is STILL THERE: the worker has not destroyed it yet. Ask again.")
        print(*(f"    open: {todo}" for todo in found.open), sep="\n")
        print(*(f"    given up: {todo} (`ops retry`)" for todo in found.given_up), sep="\n")
    print(f"{found.orders:,} orders stand, without who placed them.")
    print(f"{found.tickets:,} tickets stand, without what they say.")
    print(STAYS)
