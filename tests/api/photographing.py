"""Photographers for the tests of the routes: registered over HTTP, and brought to an assignment.

No worker runs beside these shops: what a to-do came to is said here as a worker would say it.
"""

from __future__ import annotations

import itertools

from shopfront import Answer, Shopfront

from chalicelib import door, read, store
from chalicelib.decisions import DECIDERS
from chalicelib.decisions.desk import OFFER, SUBJECT, Desk, Offer, decide
from chalicelib.events import Fact, desk
from chalicelib.subjects import subject_key, subject_of

numbers = itertools.count(1)


def number() -> str:
    """A telephone number that nobody else has."""
    return f"+49151888{next(numbers):05}"


def register(front: Shopfront, to: str, phone: str | None = None, **members: str) -> Answer:
    """They register, and that is judged."""
    body = {"phone": phone or number(), **members}
    answer = front.call("POST", "/photographers", body, to=to)
    front.settle()
    return answer


def registered(front: Shopfront, to: str, phone: str | None = None, **members: str) -> str:
    """The same; their id."""
    answer = register(front, to, phone, **members)
    assert answer.status == 202, answer.body
    return id_of(front, to)


def id_of(front: Shopfront, to: str) -> str:
    front.settle()
    return str(front.get("/customers/me", to=to).said["id"])


def at_desk() -> Desk:
    """The desk as its subject's row has it."""
    decider = DECIDERS["desk"]
    found: Desk | None = subject_of(decider, store.get(subject_key(decider, SUBJECT))).state
    return found or Desk()


def happened(front: Shopfront, fact: Fact, actor: str = "system") -> None:
    """One more event of the desk, judged."""
    door.record(door.envelope(fact, SUBJECT, actor, None))
    front.settle()


def offered(front: Shopfront, product: str) -> str:
    """The product waits and is offered, by the desk's own rule; whom it is asked of."""
    if not at_desk().knows(product):
        happened(front, desk.ProductWaiting(product=product))
    state = at_desk()
    (todo,) = state.owed(OFFER)
    fact = decide(state, Offer(todo=todo, now=read.now_ms(), wait_s=600), "system")
    assert isinstance(fact, desk.Assigned)
    assert fact.product == product
    happened(front, fact)
    return fact.photographer
