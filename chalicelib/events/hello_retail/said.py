"""What hello-retail's events say, one model for each schema: each becomes a fact of ours.

An image is an address; hello-retail leaves out its scheme and its page puts `https://` in front,
and so do we. A telephone number is ten digits there and, with `+1` before them, E.164 here.
"""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, StringConstraints, WithJsonSchema

from chalicelib.events import customer, product
from chalicelib.events.desk import Registration
from chalicelib.events.envelope import Model, Told
from chalicelib.events.hello_retail.origin import parts
from chalicelib.events.person import BETWEEN, WRITTEN, Name, as_dialled
from chalicelib.events.told import Entity

# A host that has a dot: base64 has none.
ADDRESS = {
    "type": "string",
    "maxLength": 2048,
    "pattern": product.HTTP_URL.replace("https?://", "(https?://|//)?", 1),
}
HOST = re.compile(r"(//)?(?=[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+(:[0-9]+)?(/|$))")

# Ten digits, as hello-retail's page sends them.
TEN = r"^[ (]{0,2}[0-9]([ ().-]{0,2}[0-9]){9}$"
NUMBER = {"type": "string", "anyOf": [{"pattern": TEN}, {"pattern": WRITTEN}]}

Alias = Callable[[str], str]


def _with_scheme(address: Any) -> Any:
    """The address, with `https://` where it begins with a host."""
    host = HOST.match(address) if isinstance(address, str) else None
    return address if host is None else f"https://{address[host.end() :]}"


def _with_country(number: str) -> str:
    """The number as E.164 has it: America's, where there are ten digits and no more."""
    return as_dialled(f"+1{BETWEEN.sub('', number)}" if re.fullmatch(TEN, number) else number)


Person = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1, max_length=128, pattern=product.LINE),
]


class Said(Model, ABC):
    """The members of an event, less its schema."""

    id: Entity

    def subject(self, alias: Alias) -> str:  # noqa: ARG002
        """The event's subject in our log."""
        return f"product/{self.id}"

    def speaker(self, origin: str | None, alias: Alias) -> str | None:
        """Whom an importer speaks for, if somebody is named."""
        return None if origin is None else alias(parts(origin)[-1])

    def personal(self) -> dict[str, Any] | None:
        """What of it is personal."""
        return None

    @abstractmethod
    def fact(self) -> Told | Registration:
        """The event's data in our log; or in clear, what becomes of it."""


class Create(Said):
    brand: product.Line
    name: product.Line
    description: product.Text
    category: product.Category

    def fact(self) -> Told:
        return product.Created(
            brand=self.brand,
            name=self.name,
            description=self.description,
            category=self.category,
        )


class Purchase(Said):
    def fact(self) -> Told:
        return product.Purchased()


class Image(Said):
    image: Annotated[product.Image, BeforeValidator(_with_scheme), WithJsonSchema(ADDRESS)]

    def fact(self) -> Told:
        return product.Photographed(image=self.image)


class AddRole(Said):
    """`id` is a person's, often an e-mail address: the subject is its alias."""

    id: Person
    role: Literal["photographer", "merchant"]

    def subject(self, alias: Alias) -> str:
        return f"customer/{alias(self.id)}"

    def fact(self) -> Told:
        return customer.RoleClaimed(role=self.role)


class Login(Said):
    """`id` is that of the person who logs in, and so says what they are called."""

    id: Person
    name: Name

    def subject(self, alias: Alias) -> str:
        return f"customer/{alias(self.id)}"

    def speaker(self, origin: str | None, alias: Alias) -> str | None:  # noqa: ARG002
        return alias(self.id)

    def personal(self) -> dict[str, Any] | None:
        return {"name": self.name}

    def fact(self) -> Told:
        return customer.Updated()


class UpdatePhone(Said):
    """`id` is that of the photographer who registers, with ten digits or a whole number."""

    id: Person
    phone: Annotated[str, AfterValidator(_with_country), WithJsonSchema(NUMBER)]

    def subject(self, alias: Alias) -> str:  # noqa: ARG002
        return "desk/photos"

    def speaker(self, origin: str | None, alias: Alias) -> str | None:  # noqa: ARG002
        return alias(self.id)

    def fact(self) -> Registration:
        return Registration(phone=self.phone)


EVENTS: dict[str, type[Said]] = {
    "com.nordstrom/product/create/1-0-0": Create,
    "com.nordstrom/product/purchase/1-0-0": Purchase,
    "com.nordstrom/product/image/1-0-0": Image,
    "com.nordstrom/user-info/add-role/1-0-0": AddRole,
    "com.nordstrom/user-info/login/1-0-0": Login,
    "com.nordstrom/user-info/update-phone/1-0-0": UpdatePhone,
}
