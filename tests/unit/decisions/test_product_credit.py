"""Who is credited with a sale, in whichever order the moves of a product arrive."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from judging import Judge, event

from chalicelib.decisions.product import UNKNOWN, Product, evolve

MOVES = ["created", "updated", "photographed", "viewed", "purchased"]
people = st.sampled_from(["ada", "bob", "cyd"])
stories = st.lists(st.tuples(st.sampled_from(MOVES), people), max_size=15)


def after(*told):
    """The product after these moves, and each move's verdict."""
    judge = Judge()
    verdicts = [
        judge(event(move, id=f"e{number}", actor=actor))
        for number, (move, actor) in enumerate(told)
    ]
    return judge.subject.state or Product(), verdicts


def first(told, *moves):
    """Who made the first of these moves, and where."""
    return next(
        ((at, actor) for at, (move, actor) in enumerate(told) if move in moves), (None, None)
    )


@given(stories)
def test_the_first_creator_keeps_the_product(told):
    state, verdicts = after(*told)
    at, creator = first(told, "created")
    assert state.creator == creator
    for number, (move, _) in enumerate(told):
        if move == "created":
            assert verdicts[number] == ("counted" if number == at else "exists")


@given(stories)
def test_a_sale_before_the_creation_makes_the_product_unknowns_for_good(told):
    state, _ = after(*told)
    created, _ = first(told, "created")
    sold, _ = first(told, "purchased")
    orphan = sold is not None and (created is None or sold < created)
    assert state.orphan is orphan
    if orphan:
        assert state.credit == (UNKNOWN, UNKNOWN)


@given(stories, stories)
def test_what_is_unknowns_stays_unknowns_whatever_comes(before, later):
    state, _ = after(("purchased", "ada"), *before)
    assert state.credit == (UNKNOWN, UNKNOWN)
    state, _ = after(("purchased", "ada"), *before, *later)
    assert state.credit == (UNKNOWN, UNKNOWN)


@given(stories)
def test_a_photographer_earns_from_the_photograph_on(told):
    state, _ = after(("created", "ada"), *told)
    photographers = [actor for move, actor in told if move == "photographed"]
    assert state.credit == ("ada", photographers[-1] if photographers else UNKNOWN)


@given(stories)
def test_every_sale_is_credited_to_one_creator_and_one_photographer(told):
    """By the state after it, as the scores see it."""
    state = None
    for number, (move, actor) in enumerate(told):
        found = evolve(state, event(move, id=f"e{number}", actor=actor))
        state = found if isinstance(found, Product) else state
        if move == "purchased":
            credit = state.credit
            assert all(credit)
            assert (credit[0] == UNKNOWN) <= (credit[1] == UNKNOWN)


@given(stories)
def test_only_the_creator_updates_and_only_what_exists(told):
    _, verdicts = after(*told)
    created, creator = first(told, "created")
    for number, (move, actor) in enumerate(told):
        if move == "updated":
            wanted = "counted" if actor == creator else "not-yours"
            if created is None or number < created:
                wanted = "unknown-product"
            assert verdicts[number] == wanted


@given(people, people)
def test_of_two_creates_that_race_one_counts_and_the_other_is_ignored_with_its_reason(one, two):
    state, verdicts = after(("created", one), ("created", two))
    assert verdicts == ["counted", "exists"]
    assert state.creator == one


@given(st.permutations(["name one", "name two", "name three"]))
def test_of_updates_that_race_on_one_version_one_counts_and_the_others_say_why(names):
    judge = Judge()
    judge(event("created", id="c"))
    verdicts = [
        judge(
            event(
                "updated", id=name, expects=1, data=event("created").envelope.data | {"name": name}
            )
        )
        for name in names
    ]
    assert verdicts == ["counted", "expects", "expects"]
    assert judge.subject.state.listed.name == names[0]


def test_a_move_that_is_repeated_by_another_person_is_another_event():
    state, verdicts = after(("photographed", "ada"), ("photographed", "bob"))
    assert verdicts == ["counted", "counted"]
    assert state.photographer == "bob"
