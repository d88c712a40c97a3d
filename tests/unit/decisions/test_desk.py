"""The photo desk keeps what it promises, whatever is said to it, in any order, at any time."""

from __future__ import annotations

from collections import Counter

import pytest
from desk_moves import PII, Told, fact_of, moves
from hypothesis import given, settings

from chalicelib.decisions import DECIDERS
from chalicelib.decisions.desk import (
    FETCH,
    MESSAGE,
    OFFER,
    SETTLES,
    TIME_OUT,
    Assignment,
    Desk,
    Photographer,
    doubts,
)
from chalicelib.decisions.desk import state as bounds
from chalicelib.decisions.todo import kind_of
from chalicelib.events import Event, Outcome, desk
from chalicelib.events.envelope import TriedInVain

FEW = {"MOST_PRODUCTS": 4, "MOST_MESSAGES": 4}
FEW_PEOPLE = 3


class Watched(Told):
    """A desk of which it is known what must be there: `wanted` are products without a picture."""

    def __init__(self) -> None:
        super().__init__()
        self.wanted: set[str] = set()

    def hear(self, event: Event, verdict: str, before: Desk) -> None:
        """What happened is looked at as an outsider sees it."""
        if verdict != "counted":
            assert self.desk == before, "what does not count changes nothing"
        data = event.data
        if isinstance(data, Outcome):
            self._settled(data, verdict, before)
        if verdict == "counted":
            self._counted(data, before)
            self._looked_at(data, before)
            assert_sound(self.desk, event.clock, self.wanted)

    def _settled(self, data: Outcome, verdict: str, before: Desk) -> None:
        """An outcome counts if its to-do is open, and is one of its kind; then that is done."""
        if verdict == "repeat":
            return
        fits = isinstance(data, (TriedInVain, SETTLES[kind_of(data.todo)]))
        assert (verdict == "counted") == (data.todo in before.todos and fits)
        assert data.todo not in self.desk.todos or not fits

    def _looked_at(self, data: object, before: Desk) -> None:
        """A picture that was sent is looked at to its end, whatever time it is, whoever left."""
        for who, each in before.photographers.items():
            open_ = before.todos.get(each.assignment.fetch) if each.assignment else None
            if open_ is None or each.assignment.fetch in self.desk.todos:
                continue
            match data:
                case desk.ProductPictured(product=product):
                    assert product == each.assignment.product
                case desk.PhotographerLeft(photographer=left, erased=True):
                    assert left == who
                case _:
                    assert isinstance(data, Outcome)
                    assert data.todo == each.assignment.fetch

    def _counted(self, data: object, before: Desk) -> None:
        match data:
            case desk.ProductWaiting(product=product):
                assert product not in self.wanted
                self.wanted.add(product)
            case desk.ProductPictured(product=product):
                self.wanted.remove(product)
            case desk.PictureReceived():
                assert any(self.clock <= e.assignment.until for e in asked_of(before, self.desk))
            case desk.PicturePassedOn(todo=todo):
                self.wanted.remove(held(before, before.todos[todo].person).product)
            case desk.PhotographerLeft(photographer=who, erased=True):
                assert who not in self.desk.photographers
                assert who not in {todo.person for todo in self.desk.todos.values()}
            case desk.Assigned():
                assert_rightly_assigned(before, self.desk, data, self.clock)


def asked_of(before: Desk, after: Desk) -> list[Photographer]:
    """Who was asked for something, and stands otherwise now."""
    known = before.photographers.items()
    return [each for who, each in known if each.assignment and each != after.photographers[who]]


def held(state: Desk, who: str) -> Assignment:
    """What this photographer is asked for."""
    assignment = state.photographers[who].assignment
    assert assignment is not None
    return assignment


def assert_rightly_assigned(before: Desk, after: Desk, data: desk.Assigned, clock: int) -> None:
    """Only what waits, only to whoever is free, may be asked and is in time; else nothing moves."""
    who, product = data.photographer, data.product
    then = before.photographers.get(who)
    may = then and not then.assignment and then.left > 0 and clock <= then.until
    if may and product in before.waiting and data.until > clock:
        assert held(after, who).product == product
        assert after.photographers[who].left == then.left - 1
        assert [t.about for t in after.todos.values() if t.person == who].count("assigned") == 1
    else:
        assert after.waiting == before.waiting
        assert {w: e.assignment for w, e in after.photographers.items() if e.assignment} == {
            w: e.assignment for w, e in before.photographers.items() if e.assignment
        }


def assert_sound(state: Desk, clock: int, wanted: set[str]) -> None:
    """What is so of every desk, after whatever counted."""
    people = state.photographers
    asked = {who: each.assignment for who, each in people.items() if each.assignment}
    there = [*state.waiting, *(each.product for each in asked.values())]
    assert Counter(there) == Counter(wanted), "each product waits or is assigned, and once"
    assert all(each.left >= 0 for each in people.values())
    assert len(state.owed(OFFER)) == is_offer_to_make(state, clock)
    assert_owed(state, asked)
    messages = [(todo.person, todo.about) for todo in state.todos.values() if todo.kind == MESSAGE]
    assert len(messages) == len(set(messages))
    stopped = {who for who, each in people.items() if each.stopped}
    assert not stopped & {person for person, _ in messages}
    assert all(people[who].left == 0 for who in stopped)
    assert all(asked[who].fetch for who in stopped & asked.keys())
    assert len(people) <= FEW_PEOPLE
    assert len(wanted) <= FEW["MOST_PRODUCTS"]
    assert len(messages) <= FEW["MOST_MESSAGES"] + 2 * FEW_PEOPLE


def is_offer_to_make(state: Desk, clock: int) -> bool:
    """Each product with each photographer, tried."""
    there = [who for who, p in state.photographers.items() if p.left and clock <= p.until]
    return len(state.owed(MESSAGE)) < FEW["MOST_MESSAGES"] and any(
        state.photographers[who].assignment is None and (each.let_go != who or there == [who])
        for who in there
        for each in state.waiting.values()
    )


def assert_owed(state: Desk, asked: dict[str, Assignment]) -> None:
    """Each assignment's to-dos are open: its time-out, unless a picture is looked at after that."""
    timers = {name: todo.person for name, todo in state.todos.items() if todo.kind == TIME_OUT}
    fetches = {name: todo.person for name, todo in state.todos.items() if todo.kind == FETCH}
    assert fetches == {each.fetch: who for who, each in asked.items() if each.fetch}
    assert timers == {each.timer: w for w, each in asked.items() if each.timer in timers}
    assert all(each.timer in timers or each.fetch for each in asked.values())
    assert all(bool(each.fetch) == bool(each.media) for each in asked.values())


@pytest.fixture(scope="module")
def few():
    """A desk that is soon full."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(doubts, "MOST_PHOTOGRAPHERS", FEW_PEOPLE)
        for name, most in FEW.items():
            patch.setattr(bounds, name, most)
        yield


@pytest.mark.usefixtures("few")
@given(moves)
@settings(max_examples=150)
def test_whatever_is_said_nothing_is_lost_twice_or_owed_for_nothing(told):
    watched = Watched()
    for move in told:
        watched.clock += move[3] * 1000
        if (said := fact_of(watched, move)) is not None:
            before = watched.desk
            watched.hear(*watched.say(*said), before)
    text = watched.desk.model_dump_json(by_alias=True)
    assert DECIDERS["desk"].load(text) == watched.desk


def test_whoever_is_at_a_picture_is_asked_for_no_other_though_they_may_be_asked_more():
    told = Told()
    for who in ("ada", "bob"):
        data = {"pii": PII, "phone_key": who.ljust(43, "k"), "assignments": 3, "stay_s": 3600}
        told.say(desk.PhotographerRegistered.model_validate(data), who)
    for product in ("p1", "p2"):
        told.say(desk.ProductWaiting(product=product))
    for product in ("p1", "p2"):
        (offer,) = told.desk.owed(OFFER)
        until = told.clock + 60_000
        told.say(desk.Assigned(todo=offer, product=product, photographer="ada", until=until))
    assert held(told.desk, "ada").product == "p1"
    assert list(told.desk.waiting) == ["p2"]
    assert told.desk.owed(OFFER) not in ([], [offer]), "it is owed anew"
