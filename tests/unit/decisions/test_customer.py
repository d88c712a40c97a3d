"""A person: known by what they say of themselves, and after an erase by nothing."""

from __future__ import annotations

from typing import Any

import pytest
from judging import CLOCK, SHARD, event
from pydantic import ValidationError

from chalicelib.decisions import customer as customers
from chalicelib.decisions.customer import Customer, Erase, Register, Update
from chalicelib.decisions.subject import Ignored
from chalicelib.errors import Erased, Exists
from chalicelib.events import Event, customer

PII = f"e30..{'a' * 16}.bb.{'c' * 22}"
OTHER = f"e30..{'a' * 16}.dd.{'c' * 22}"
TODO = f"destroy-key@{SHARD.stream}/{SHARD.id}:{CLOCK}"


def said(move: str, clock: int = CLOCK, **data: Any) -> Event:
    return event(move, clock, subject="customer/ada", data=data)


def after(*events: Event, start: Customer | None = None) -> Customer:
    """The state after events that count."""
    state = start
    for one in events:
        found = customers.evolve(state, one)
        assert not isinstance(found, Ignored), found
        state = found
    assert state is not None
    return state


def why(state: Customer | None, one: Event) -> str:
    found = customers.evolve(state, one)
    assert isinstance(found, Ignored), found
    return found.reason


REGISTERED = said("registered", publicName="Ada")
ERASED = said("erased")
DESTROYED = said("key-destroyed", todo=TODO)
GIVEN_UP = said("given-up", todo=TODO, attempts=6)


def test_who_says_who_they_are_before_they_have_a_public_name_may_choose_one_later() -> None:
    told = after(said("updated", pii=PII))
    assert (told.public_name, told.pii) == (None, PII)
    named = after(REGISTERED, start=told)
    assert (named.public_name, named.pii) == ("Ada", PII)


def test_what_an_update_leaves_out_stays_as_it_was() -> None:
    known = after(REGISTERED, said("updated", pii=PII), said("updated", publicName="Countess"))
    assert (known.public_name, known.pii) == ("Countess", PII)
    assert after(said("updated", pii=OTHER), start=known).pii == OTHER


def test_a_second_registration_does_not_count() -> None:
    assert why(after(REGISTERED), REGISTERED) == "exists"


@pytest.mark.parametrize("move", ["registered", "updated"])
def test_a_person_speaks_only_for_themselves(move: str) -> None:
    foreign = event(move, subject="customer/ada", actor="somebody-else", data={"publicName": "Eve"})
    assert why(None, foreign) == "not-yours"


@pytest.mark.parametrize("before", [None, after(REGISTERED), after(said("updated", pii=PII))])
def test_an_erase_forgets_all_and_opens_one_to_do(before: Customer | None) -> None:
    gone = after(ERASED, start=before)
    assert (gone.public_name, gone.pii, gone.erased) == (None, None, True)
    assert {name: todo.kind for name, todo in gone.todos.items()} == {TODO: "destroy-key"}


@pytest.mark.parametrize(
    "late",
    [
        REGISTERED,
        ERASED,
        said("updated", pii=PII),
        said("updated", publicName="Ada"),
        said("role-claimed", role="merchant"),
    ],
    ids=lambda late: late.envelope.type,
)
def test_after_an_erase_nothing_counts_but_what_its_to_do_came_to(late: Event) -> None:
    gone = after(ERASED)
    assert why(gone, late) == "erased"
    assert why(after(DESTROYED, start=gone), late) == "erased"


def test_the_to_do_is_settled_once() -> None:
    gone = after(ERASED, DESTROYED)
    assert gone.todos == {}
    assert why(gone, DESTROYED) == "settled"
    assert why(gone, GIVEN_UP) == "settled"
    assert why(None, DESTROYED) == "settled"
    assert why(after(REGISTERED), DESTROYED) == "settled"


def test_where_it_was_given_up_it_stays_owed_and_what_it_comes_to_later_counts() -> None:
    stuck = after(ERASED, GIVEN_UP)
    assert {name: todo.given_up for name, todo in stuck.todos.items()} == {TODO: True}
    assert why(stuck, GIVEN_UP) == "given-up"
    assert why(stuck, said("erased", CLOCK + 1)) == "erased"
    gone = after(DESTROYED, start=stuck)
    assert (gone.erased, gone.todos) == (True, {})


def test_a_role_that_is_claimed_changes_nothing() -> None:
    assert customers.evolve(None, said("role-claimed", role="merchant")) is None
    known = after(REGISTERED)
    assert after(said("role-claimed", role="merchant"), start=known) == known


def test_what_is_asked_becomes_its_event() -> None:
    update = Update(public_name=None, pii=PII)
    assert customers.decide(None, update, "ada") == customer.Updated(pii=PII)
    assert customers.decide(None, Register(public_name="Ada"), "ada") == customer.Registered(
        public_name="Ada"
    )
    assert isinstance(customers.decide(None, Erase(), "ada"), customer.Erased)
    imported = customer.Updated(pii=PII)
    assert customers.decide(None, imported, "ada") is imported


def test_who_has_a_public_name_does_not_register() -> None:
    with pytest.raises(Exists):
        customers.decide(after(REGISTERED), Register(public_name="Ada"), "ada")
    known = after(said("updated", pii=PII))
    assert customers.decide(known, Register(public_name="Ada"), "ada").type.endswith(
        "registered.v1"
    )


@pytest.mark.parametrize(
    "command",
    [
        Register(public_name="Ada"),
        Update(public_name=None, pii=PII),
        Erase(),
        customer.Updated(pii=PII),
        customer.RoleClaimed(role="merchant"),
    ],
    ids=lambda command: type(command).__name__,
)
def test_of_who_was_erased_nothing_is_said_any_more(command: Any) -> None:
    with pytest.raises(Erased):
        customers.decide(after(ERASED), command, "ada")


def test_what_the_to_do_came_to_is_said_as_it_is() -> None:
    outcome = customer.KeyDestroyed(todo=TODO)
    assert customers.decide(after(ERASED), outcome, "system") is outcome


@pytest.mark.parametrize("pii", ["", "Ada Lovelace", "a.b.c.d.e", PII + "=", f"{PII}.x"])
def test_what_is_personal_is_a_ciphertext_or_refused(pii: str) -> None:
    with pytest.raises(ValidationError):
        customer.Updated(pii=pii)


def test_a_state_of_before_there_was_an_erase_is_read_as_it_was() -> None:
    assert Customer.model_validate_json('{"publicName": "Ada"}') == Customer(public_name="Ada")
