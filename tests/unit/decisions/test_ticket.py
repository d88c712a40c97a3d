"""A ticket: opened once, by its author for good, and then as it was last said to be."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from judging import CLOCK, event

from chalicelib.decisions import DECIDERS
from chalicelib.decisions import ticket as tickets
from chalicelib.decisions.subject import Ignored
from chalicelib.decisions.ticket import Open, Ticket, Update
from chalicelib.errors import Exists, Problem, UnknownTicket
from chalicelib.events import Event
from chalicelib.store import Put
from chalicelib.views import tickets as view

PIIS = [f"e30..{'a' * 16}.{letter * 2}.{'c' * 22}" for letter in "bdef"]
pii = st.sampled_from(PIIS)
people = st.sampled_from(["ada", "bob", "sue"])
opens = st.builds(Open, pii=pii, order_id=st.none() | st.just("o1"))
updates = st.builds(Update, checked=st.booleans(), pii=st.none() | pii)
stories = st.lists(st.tuples(people, opens | updates, st.integers(0, 10_000)), max_size=12)


def said(fact: Any, actor: str, clock: int) -> Event:
    data = fact.model_dump(mode="json", by_alias=True, exclude_none=True)
    move = fact.type.split(".")[2]
    return event(move, clock, subject="ticket/t1", actor=actor, data=data)


def lived(story: Any) -> list[tuple[Event, Ticket | None, Ticket | Ignored]]:
    """Each event of a story, between the state before it and what `evolve` makes of it."""
    state, clock, found = None, CLOCK, []
    for actor, command, pause in story:
        clock += pause
        one = said(command, actor, clock)
        after = tickets.evolve(state, one)
        found.append((one, state, after))
        state = state if isinstance(after, Ignored) else after
    return found


@given(stories)
def test_what_the_door_lets_through_counts_and_what_it_refuses_does_not(story: Any) -> None:
    steps = lived(story)
    for (one, before, after), (actor, command, _) in zip(steps, story, strict=True):
        if isinstance(after, Ignored):
            with pytest.raises(Problem) as refusal:
                tickets.decide(before, command, actor)
            assert after.reason == refusal.value.slug
        else:
            assert type(tickets.decide(before, command, actor)) is type(one.data)


@given(stories)
def test_author_order_and_opening_never_change_and_time_never_goes_back(story: Any) -> None:
    states = [after for _, _, after in lived(story) if isinstance(after, Ticket)]
    for one, two in itertools.pairwise(states):
        assert (one.author, one.order_id, one.opened) == (two.author, two.order_id, two.opened)
        assert one.opened <= one.updated <= two.updated


@given(stories)
def test_it_is_as_it_was_last_said_to_be(story: Any) -> None:
    counted = [(one, after) for one, _, after in lived(story) if isinstance(after, Ticket)]
    texts: list[str] = []
    for one, after in counted:
        data: Any = one.data
        texts += [data.pii] if data.pii else []
        assert after.pii == texts[-1]
        assert after.checked == getattr(data, "checked", False)


@given(stories)
def test_its_state_comes_back_from_its_row(story: Any) -> None:
    for _, _, after in lived(story):
        if isinstance(after, Ticket):
            assert DECIDERS["ticket"].load(after.model_dump_json(by_alias=True)) == after


@given(stories)
def test_each_event_that_counts_writes_the_ticket_its_place_and_one_step(story: Any) -> None:
    rows: dict[Any, Any] = {}
    counted = 0
    for one, before, after in lived(story):
        if not isinstance(after, Ticket):
            continue
        counted += 1
        for write in view.VIEW.writes(one, before, after):
            assert isinstance(write, Put)
            rows[write.key] = write
    by_kind = [key.pk.split("/")[1] for key in rows]
    assert by_kind.count("tickets") == by_kind.count("author") == min(counted, 1)
    steps = [key for key in rows if key.pk.split("/")[1] == "history"]
    assert len(steps) <= counted
    assert [rows[key].body["at"] for key in sorted(steps)] == sorted(
        rows[key].body["at"] for key in steps
    )


def test_a_ticket_is_opened_once_and_updated_only_then() -> None:
    opened = said(Open(pii=PIIS[0]), "ada", CLOCK)
    state = tickets.evolve(None, opened)
    assert state == Ticket(author="ada", opened=CLOCK, updated=CLOCK, pii=PIIS[0])
    assert tickets.evolve(state, opened) == Ignored("exists", "this ticket was opened before")
    updated = said(Update(checked=True), "sue", CLOCK + 5)
    assert tickets.evolve(None, updated).reason == "unknown-ticket"  # type: ignore[union-attr]
    done = tickets.evolve(state, updated)
    assert isinstance(done, Ticket)
    assert (done.author, done.checked, done.updated) == ("ada", True, CLOCK + 5)
    with pytest.raises(Exists):
        tickets.decide(done, Open(pii=PIIS[1]), "ada")
    with pytest.raises(UnknownTicket):
        tickets.decide(None, Update(checked=True), "ada")
