"""Product: who listed it, who photographed it, and to whom its sales are credited.

The first creator keeps it. A photographer earns from the photograph on. A sale before the
product's creation belongs to UNKNOWN, and so does the product for good, in both roles.
The moves of the workshop accept a product not seen yet: events may arrive in any order.
"""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field, StringConstraints

from chalicelib.decisions.subject import Ignored, State
from chalicelib.errors import Exists, NotYours, UnknownProduct
from chalicelib.events import Event, Fact, Model, Told, product
from chalicelib.events.envelope import example

KIND = "product"
UNKNOWN = "UNKNOWN"
ProductId = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._~-]{0,63}$")]


MUG: dict[str, Any] = {
    "brand": "Kiln",
    "name": "Mug",
    "description": "Holds 0.3 l",
    "category": "mugs",
    "price": {"amount": 1200, "currency": "EUR"},
}


class Product(State):
    """`listed` is its description since creation; `orphan` says that it sold before that."""

    creator: str | None = None
    photographer: str | None = None
    orphan: bool = False
    listed: product.Description | None = None
    image: str | None = None
    created: str | None = None

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


def decide(state: Product | None, command: Command | Told, actor: str) -> Fact:
    """The event that the command comes to; a fact said elsewhere asks to be said here as it is.

    Raises Exists, UnknownProduct or NotYours; the state may lag, so `evolve` judges again.
    """
    match command:
        case Create() | product.Created() if state is not None and state.listed is not None:
            raise Exists("a product with this id exists already", field="id")
        case Update() | product.Updated():
            _own(state, actor)
    return command if isinstance(command, Told) else _fact(command)


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
        case product.Photographed(image=image):
            return state.model_copy(update={"image": image, "photographer": event.actor})
        case product.Purchased():
            return state if state.listed else state.model_copy(update={"orphan": True})
        case _:
            return state


def _created(state: Product, event: Event, listed: product.Created) -> Product | Ignored:
    if state.listed is not None:
        return Ignored("exists", "a product with this id exists already; its creator keeps it")
    return state.model_copy(
        update={"listed": _listed(listed), "creator": event.actor, "created": event.time}
    )


def _updated(state: Product, event: Event, listed: product.Updated) -> Product | Ignored:
    if state.listed is None:
        return Ignored("unknown-product", "there is no product with this id")
    if state.creator != event.actor:
        return Ignored("not-yours", "only the merchant who listed a product may update it")
    return state.model_copy(update={"listed": _listed(listed)})


def _listed(fact: product.Description) -> product.Description:
    return product.Description.model_validate(_description(fact))
