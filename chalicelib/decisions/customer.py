"""Customer: a person known to the shop, by the public name they chose."""

from __future__ import annotations

from chalicelib.decisions.subject import Ignored, State
from chalicelib.errors import Refused
from chalicelib.events import Event, Fact, Model, customer

KIND = "customer"


class Customer(State):
    """`public_name` is what the board shows."""

    public_name: str


class Register(Model):
    """Become known under a public name."""

    public_name: customer.PublicName


Command = Register


def decide(state: Customer | None, command: Command, actor: str) -> Fact:  # noqa: ARG001
    """The event that the command comes to. Raises Refused when the person is known already."""
    if state is not None:
        raise Refused("this person is registered already", slug="exists")
    return customer.Registered(public_name=command.public_name)


def evolve(state: Customer | None, event: Event) -> Customer | Ignored:
    """The customer after the event, or why the event does not count."""
    match event.data:
        case customer.Registered(public_name=name) if state is None:
            if event.entity != event.actor:
                return Ignored("not-yours", "a person registers only themselves")
            return Customer(public_name=name)
        case _:
            return Ignored("exists", "this person is registered already")
