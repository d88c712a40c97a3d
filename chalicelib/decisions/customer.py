"""Customer: a person, by the public name they chose and by what they alone and few may know.

Erased, nothing of them counts any more but what their to-do comes to: to destroy the key under
which all that is personal lies.
"""

from __future__ import annotations

from chalicelib.decisions.subject import Ignored
from chalicelib.decisions.todo import Owing
from chalicelib.errors import Erased, Exists
from chalicelib.events import Event, Fact, Model, Outcome, customer
from chalicelib.events.envelope import Pii
from chalicelib.events.person import Name

KIND, DESTROY_KEY = "customer", "destroy-key"


class Customer(Owing):
    """`public_name` is what the board shows; in `pii` stands who they are and how to reach them."""

    public_name: str | None = None
    pii: Pii | None = None
    erased: bool = False


class Register(Model):
    """Become known under a public name."""

    public_name: Name


class Update(Model):
    """Go by another public name, if one is given; be reached as `pii` says."""

    public_name: Name | None
    pii: Pii


class Erase(Model):
    """Forget who they are."""


Command = Register | Update | Erase
Said = customer.RoleClaimed | customer.Updated | Outcome


def decide(state: Customer | None, command: Command | Said, actor: str) -> Fact:  # noqa: ARG001
    """The event that the command comes to. Raises Exists, and Erased of somebody who was."""
    known = state or Customer()
    match command:
        case Outcome():
            return command
        case _ if known.erased:
            raise Erased("this person was erased")
        case Erase():
            return customer.Erased()
        case Update(public_name=name, pii=pii):
            return customer.Updated(public_name=name, pii=pii)
        case Register(public_name=name) if known.public_name is None:
            return customer.Registered(public_name=name)
        case customer.RoleClaimed() | customer.Updated():
            return command
        case _:
            raise Exists("this person is registered already")


def evolve(state: Customer | None, event: Event) -> Customer | Ignored | None:
    """The customer after the event, or why the event does not count."""
    known, data = state or Customer(), event.data
    match data:
        case Outcome():
            return known.unless_open(data) or known.heard(data)
        case _ if known.erased:
            return Ignored("erased", "this person was erased")
        case customer.Erased():
            return Customer(erased=True).owing(event, (DESTROY_KEY, ""))
        case customer.RoleClaimed():
            return state
        case _:
            return _introduced(known, event)


def _introduced(state: Customer, event: Event) -> Customer | Ignored:
    """The customer as they say that they are."""
    if isinstance(event.data, customer.Registered) and state.public_name is not None:
        return Ignored("exists", "this person is registered already")
    if event.entity != event.actor:
        return Ignored("not-yours", "a person speaks only for themselves")
    said = event.data.model_dump(include={"public_name", "pii"}, exclude_none=True)
    return state.model_copy(update=said)
