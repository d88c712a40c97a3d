"""Whatever may be said at the photo desk, in any order, said to a desk that is judged for real.

A move is plain data: what happens, two numbers that choose of whom and of what, and how much time
has gone by before. Half of what is said fits the desk as it is, the rest is anything at all.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence

from hypothesis import strategies as st
from judging import SHARD

from chalicelib.decisions import desk as judge_of
from chalicelib.decisions.desk import FETCH, MESSAGE, OFFER, TIME_OUT, Desk, Offer, offered
from chalicelib.decisions.subject import Subject, judge
from chalicelib.decisions.todo import kind_of
from chalicelib.errors import Waits
from chalicelib.events import SYSTEM, Envelope, Event, Fact, Position, desk

BEGUN = 1_795_000_000_000
PEOPLE = ("ada", "bob", "cyd", "dee")
PRODUCTS = ("p1", "p2", "p3", "p4", "p5")
PII = f"e30..{'i' * 16}.e30.{'t' * 22}"
MEDIA, IMAGE = "https://media.example/1", "https://pictures.example/1.png"
WAIT_S = 60

Move = tuple[str, int, int, int]


class Told:
    """One desk, what was said to it, and every to-do that was ever open."""

    def __init__(self) -> None:
        self.subject = Subject()
        self.clock = BEGUN
        self.said: list[tuple[Fact, str, str]] = []
        self.opened: list[str] = []

    @property
    def desk(self) -> Desk:
        """The desk as it is."""
        return self.subject.state or Desk()

    def say(self, fact: Fact, actor: str = "system", id_: str = "") -> tuple[Event, str]:
        """The fact as an event, and `counted`, or why it does not count."""
        name = id_ or f"e{len(self.said)}"
        self.said.append((fact, actor, name))
        envelope = Envelope(
            id=name,
            source=SYSTEM,
            type=fact.type,
            subject=judge_of.SUBJECT,
            time="2026-11-18T11:06:40.000Z",
            stream=SHARD.stream,
            actor=actor,
            data=fact.model_dump(mode="json", by_alias=True, exclude_none=True),
        )
        event = Event(envelope, fact, Position(SHARD, len(self.said)), self.clock)
        self.subject, doubt = judge(self.subject, event, judge_of.evolve)
        self.opened += [name for name in self.desk.todos if name not in self.opened]
        return event, "counted" if doubt is None else getattr(doubt, "reason", "equivocation")


def fact_of(told: Told, move: Move) -> tuple[Fact, str, str] | None:
    """What the move says to the desk as it is: the fact, who says it and, of a repeat, its id."""
    name, one, other, _ = move
    if name == "again":
        return told.said[-1 - one % len(told.said)] if told.said else None
    if name == "settle":
        return _settling(told, one, other)
    asked = [who for who, each in told.desk.photographers.items() if each.assignment]
    people = asked if name == "send" and asked and other % 4 else PEOPLE
    who, product = people[one % len(people)], PRODUCTS[other % len(PRODUCTS)]
    fact, actor = SAYINGS[name](who, product, one + other)
    return fact, actor, ""


def _settling(told: Told, one: int, other: int) -> tuple[Fact, str, str] | None:
    """Three times in four what an open to-do comes to; else whatever, of any to-do ever."""
    names = list(told.desk.todos) if other % 4 else told.opened
    if not names:
        return None
    todo = names[one % len(names)]
    kind = kind_of(todo) if other % 4 else ("charge", *FITTING)[one % 5]
    outcomes = FITTING.get(kind, ())
    if kind == OFFER and other % 3:
        try:
            return offered(told.desk, Offer(todo=todo, now=told.clock, wait_s=WAIT_S)), "system", ""
        except Waits:
            return None
    if not outcomes or other % 8 == 7:
        return desk.GivenUp(todo=todo, attempts=6), "system", ""
    return outcomes[other % len(outcomes)](told, todo, one, other), "system", ""


def _any_offer(told: Told, todo: str, one: int, other: int) -> Fact:
    """As one who knows the desk as it was long ago would make it."""
    people, waiting = [*told.desk.photographers, "eve"], [*told.desk.waiting, "p9"]
    who, product = people[other % len(people)], waiting[one % len(waiting)]
    until = told.clock + (one % 3 - 1) * 60_000
    return desk.Assigned(todo=todo, product=product, photographer=who, until=until)


FITTING: dict[str, Sequence[Callable[[Told, str, int, int], Fact]]] = {
    OFFER: (_any_offer,),
    TIME_OUT: (lambda told, todo, *_: desk.AssignmentExpired(todo=todo),),
    FETCH: (
        lambda told, todo, *_: desk.PicturePassedOn(todo=todo, image=IMAGE),
        lambda told, todo, *_: desk.PictureRefused(todo=todo, fault="no-picture"),
    ),
    MESSAGE: (lambda told, todo, *_: desk.Notified(todo=todo, told=True),),
}


def _came(who: str, number: int) -> Fact:
    """Sometimes under the number of another."""
    phone = PEOPLE[number % len(PEOPLE)] if number % 3 == 0 else who
    key = hashlib.sha256(phone.encode()).hexdigest()[:43]
    stay_s = (30, 300, 3600)[number % 3]
    return desk.PhotographerRegistered(
        pii=PII, phone_key=key, assignments=1 + number % 2, stay_s=stay_s
    )


SAYINGS: dict[str, Callable[[str, str, int], tuple[Fact, str]]] = {
    "wait": lambda _, product, __: (desk.ProductWaiting(product=product), "system"),
    "pictured": lambda who, product, _: (
        desk.ProductPictured(product=product, photographer=who),
        "system",
    ),
    "come": lambda who, _, number: (_came(who, number), who),
    "leave": lambda who, _, __: (desk.PhotographerLeft(photographer=who), who),
    "erase": lambda who, *_: (desk.PhotographerLeft(photographer=who, erased=True), "system"),
    "send": lambda who, *_: (desk.PictureReceived(media=MEDIA), who),
}
OFTEN = [*["wait", "come"] * 3, *["send"] * 4, *["settle"] * 12]
moves = st.lists(
    st.tuples(
        st.sampled_from([*OFTEN, *SAYINGS, "again"]),
        st.integers(0, 23),
        st.integers(0, 23),
        st.sampled_from([0, 0, 1, 20, 61, 400]),
    ),
    min_size=30,
    max_size=60,
)
