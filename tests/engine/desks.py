"""A shop in memory whose products go to the photo desk, where people come for assignments."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from owing import Till, owing
from worlds import DESCRIBED

from chalicelib.decisions import DECIDERS, desk
from chalicelib.decisions.desk import Desk
from chalicelib.decisions.product import Product
from chalicelib.subjects import subject_key
from chalicelib.todos import offer, send_to_desk, tell_desk, time_out

PII = f"e30..{'i' * 16}.e30.{'t' * 22}"
KINDS = {
    "send-to-desk": send_to_desk.do,
    "tell-desk": tell_desk.do,
    "offer": offer.do,
    "time-out": time_out.do,
}


@contextmanager
def at_desk() -> Iterator[Till]:
    """The worker does what the desk needs, but neither messages nor pictures."""
    with owing() as till:
        till.kinds.update(KINDS)
        yield till


def list_product(till: Till, number: int) -> str:
    """A merchant lists one more product, without a picture."""
    till.say("created", f"product/{number}", DESCRIBED)
    return str(number)


def phone_key(who: str) -> str:
    """What the number of this person comes to."""
    return hashlib.sha256(who.encode()).hexdigest()[:43]


def come(till: Till, who: str, assignments: int = 3, stay_s: int = 7200) -> None:
    """A photographer registers."""
    data = {"pii": PII, "phoneKey": phone_key(who), "assignments": assignments, "stayS": stay_s}
    till.say("photographer-registered", desk.SUBJECT, data, actor=who)


def run(till: Till, rounds: int = 4) -> None:
    """The consumer and the worker take turns, while a few seconds go by."""
    for _ in range(rounds):
        till.deliver()
        till.work()
        till.later(3000)
    till.deliver()


def desk_of(till: Till) -> Desk:
    """The desk as its row has it."""
    return _state(till, desk.SUBJECT) or Desk()


def product_of(till: Till, entity: str) -> Product:
    """The product as its row has it."""
    return _state(till, f"product/{entity}") or Product()


def _state(till: Till, subject: str) -> Any:
    decider = DECIDERS[subject.partition("/")[0]]
    found = till.world.items.get(tuple(subject_key(decider, subject)))
    return found and decider.load(json.loads(found["body"]["S"])["state"])
