"""Product: who listed it, who photographed it, and to whom its sales are credited.

The first creator keeps it. A photographer earns from the photograph on. A sale before the
product's creation belongs to UNKNOWN, and so does the product for good, in both roles.
The moves of the workshop accept a product not seen yet: events may arrive in any order.
A product that is created without a picture owes the photo desk word of it, and where the desk knows
of it, word of a picture that came by another way.
"""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field, StringConstraints

from chalicelib.decisions.subject import Ignored
from chalicelib.decisions.todo import Owing
from chalicelib.errors import Exists, Invalid, NotYours, UnknownProduct
from chalicelib.events import Event, Fact, Model, Outcome, Told, product
from chalicelib.events.envelope import example

KIND, SEND_TO_DESK, TELL_DESK = "product", "send-to-desk", "tell-desk"
UNKNOWN, ASSIGNMENT = "UNKNOWN", "data.assignment"
ProductId = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._~-]{0,63}$")]


MUG: dict[str, Any] = {
    "brand": "Kiln",
    "name": "Mug",
    "description": "Holds 0.3 l",
    "category": "mugs",
    "price": {"amount": 1200, "currency": "EUR"},
}


class Product(Owing):
    """`listed` is its description since creation; `orphan` says that it sold before that.

    `at_desk` says that the photo desk has it, for all that is known here, and waits for a picture.
    """

    creator: str | None = None
    photographer: str | None = None
    orphan: bool = False
    listed: product.Description | None = None
    image: str | None = None
    created: str | None = None
    at_desk: bool = False

    @property
    def credit(self) -> tuple[str, str]:
        """Whom a sale credits now: the creator and the photographer."""
        if self.orphan or self.creator is None:
            return UNKNOWN, UNKNOWN
        return self.creator, self.photographer or UNKNOWN


class Create(product.Description):
    """List a product, under an id of one's own or a new one."""

    model_config = example(id="mug-1", **MUG)

    id: ProductId | None = Field(default=None)


class Update(product.Description):
    """Describe one's own product anew, whole."""

    model_config = example(**MUG)


class Photograph(Model):
    """Give a product its picture, by address."""

    model_config = example(image="https://pictures.example/mug.jpg")

    image: product.Image


class View(Model):
    """Look at a product."""


class Purchase(Model):
    """Buy one."""


Command = Create | Update | Photograph | View | Purchase


def decide(state: Product | None, command: Command | Told | Outcome, actor: str) -> Fact:
    """The event that the command comes to; a fact said elsewhere asks to be said here as it is.

    Raises Exists, UnknownProduct, NotYours or Invalid; the state may lag, so `evolve` judges again.
    """
    match command:
        case product.Photographed(assignment=str()):
            raise Invalid("what a picture settles is said by the shop alone", field=ASSIGNMENT)
        case Create() | product.Created() if state is not None and state.listed is not None:
            raise Exists("a product with this id exists already", field="id")
        case Update() | product.Updated():
            _own(state, actor)
    return command if isinstance(command, (Told, Outcome)) else _fact(command)


def _fact(command: Command) -> Fact:
    match command:
        case Create():
            return product.Created.model_validate(_description(command))
        case Update():
            return product.Updated.model_validate(_description(command))
        case Photograph():
            return product.Photographed(image=command.image)
        case View():
            return product.Viewed()
        case Purchase():
            return product.Purchased()


def _description(command: product.Description) -> dict[str, object]:
    return {name: getattr(command, name) for name in product.Description.model_fields}


def _own(state: Product | None, actor: str) -> None:
    if state is None or state.listed is None:
        raise UnknownProduct("there is no product with this id", field="id")
    if state.creator != actor:
        raise NotYours("only the merchant who listed a product may update it", field="id")


def evolve(before: Product | None, event: Event) -> Product | Ignored:
    """The product after the event, or why the event does not count."""
    state = before or Product()
    match event.data:
        case product.Created():
            return _created(state, event, event.data)
        case product.Updated():
            return _updated(state, event, event.data)
        case product.Photographed():
            return _photographed(state, event, event.data)
        case product.Purchased():
            return state if state.listed else state.model_copy(update={"orphan": True})
        case Outcome():
            return _sent(state, event, event.data)
        case _:
            return state


def _photographed(state: Product, event: Event, data: product.Photographed) -> Product:
    """The desk is told, if it waits for a picture and this is not the one that it asked for."""
    pictured = state.model_copy(update={"image": data.image, "photographer": event.actor})
    if data.assignment:
        return pictured.model_copy(update={"at_desk": False})
    return _telling_desk(pictured, event)


def _telling_desk(state: Product, event: Event) -> Product:
    if not state.at_desk:
        return state
    return state.model_copy(update={"at_desk": False}).owing(event, (TELL_DESK, ""))


def _sent(before: Product, event: Event, data: Outcome) -> Product | Ignored:
    """The desk knows of it; of a picture that came meanwhile it is told next."""
    if doubt := before.unless_open(data):
        return doubt
    state = before.heard(data)
    if isinstance(data, product.GivenUp) or before.todos[data.todo].kind == TELL_DESK:
        return state
    told = state.model_copy(update={"at_desk": True})
    return told if told.image is None else _telling_desk(told, event)


def _created(state: Product, event: Event, listed: product.Created) -> Product | Ignored:
    if state.listed is not None:
        return Ignored("exists", "a product with this id exists already; its creator keeps it")
    created = state.model_copy(
        update={"listed": _listed(listed), "creator": event.actor, "created": event.time}
    )
    return created if created.image else created.owing(event, (SEND_TO_DESK, ""))


def _updated(state: Product, event: Event, listed: product.Updated) -> Product | Ignored:
    if state.listed is None:
        return Ignored("unknown-product", "there is no product with this id")
    if state.creator != event.actor:
        return Ignored("not-yours", "only the merchant who listed a product may update it")
    return state.model_copy(update={"listed": _listed(listed)})


def _listed(fact: product.Description) -> product.Description:
    return product.Description.model_validate(_description(fact))
