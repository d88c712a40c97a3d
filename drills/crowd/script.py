"""Who is in a crowd and what they will do: the same numbers give the same script, ids and all.

Products are picked by Zipf's law, so that a few sell most. A product's first move lists it, and
soon somebody photographs it; one in twenty is bought before it is listed and belongs to nobody
from then on. The tag of a crowd names its people, products and keys: two crowds never meet, and
the same crowd played again says nothing new.
"""

from __future__ import annotations

import hashlib
import itertools
import random
from dataclasses import dataclass, field
from typing import Any

PRODUCTS_EACH = 5
UNSEEN = 20  # one product in so many is sold before it is listed
FIRST = "Ada Ben Cleo Dina Emil Fay Gus Hana Ivo June Kai Lena Milo Nora Otto Pia Quin Rosa Sam Tea"
LAST = "Abel Brandt Conti Duarte Ebert Faro Grau Holm Ito Jansen Kovac Lund Meyer Noor Okoye Prins"
THINGS = "cup bowl lamp scarf chair cake print vase clock basket"
KINDS = "kitchen light textile furniture bakery paper"
BRANDS = "Nordlys Tamarind Vesper Okapi Halde"


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody by the name that the board shows, in one role."""

    name: str
    role: str


@dataclass(frozen=True, slots=True)
class Move:
    """One thing that one person does to one product, which is listed by then or is not."""

    number: int
    kind: str
    person: Person
    product: str
    key: str
    body: Any = field(default=None, compare=False)
    is_listed: bool = True

    @property
    def request(self) -> tuple[str, str]:
        """The method and the path."""
        one = f"/products/{self.product}"
        return {
            "list": ("POST", "/products"),
            "update": ("PUT", one),
            "photograph": ("PUT", f"{one}/photo"),
            "view": ("POST", f"{one}/views"),
            "buy": ("POST", f"{one}/purchases"),
        }[self.kind]


@dataclass(frozen=True, slots=True)
class Script:
    """A crowd and its moves, in the order in which they are begun."""

    tag: str
    people: tuple[Person, ...]
    moves: tuple[Move, ...]


@dataclass(slots=True)
class _Product:
    id: str
    merchant: Person
    unseen: bool
    listed: bool = False
    photographed: bool = False


def write(*, merchants: int, photographers: int, customers: int, events: int, seed: int) -> Script:
    """The script of a crowd."""
    numbers = (merchants, photographers, customers, events, seed)
    tag = hashlib.sha256(repr(numbers).encode()).hexdigest()[:6]
    crowd = _Crowd(tag, random.Random(repr(numbers)), merchants, photographers, customers)
    moves = tuple(crowd.move(number) for number in range(events))
    people = (*crowd.merchants, *crowd.photographers, *crowd.customers)
    return Script(tag, people, moves)


@dataclass(slots=True)
class _Crowd:
    tag: str
    random: random.Random
    merchants: Any
    photographers: Any
    customers: Any
    products: list[_Product] = field(init=False)
    weights: list[float] = field(init=False)

    def __post_init__(self) -> None:
        names = _names(self.tag)
        self.merchants = [Person(next(names), "merchant") for _ in range(self.merchants)]
        self.photographers = [
            Person(next(names), "photographer") for _ in range(self.photographers)
        ]
        self.customers = [Person(next(names), "customer") for _ in range(self.customers)]
        self.products = [
            _Product(f"{self.tag}-{number:04d}", merchant, unseen=number % UNSEEN == UNSEEN - 1)
            for number, merchant in enumerate(self.merchants * PRODUCTS_EACH)
        ]
        ranks = list(range(1, len(self.products) + 1))
        self.random.shuffle(ranks)
        self.weights = list(itertools.accumulate(1 / rank for rank in ranks))

    def move(self, number: int) -> Move:
        product = self.random.choices(self.products, cum_weights=self.weights)[0]
        kind = self._kind(product)
        body = None
        if kind in ("list", "update"):
            body = self._description(product, kind)
        if kind == "photograph":
            body = {"image": f"https://pictures.example/{product.id}-{number}.jpg"}
        key = f"{self.tag}-{number}"
        person = self._person(product, kind)
        return Move(number, kind, person, product.id, key, body, product.listed)

    def _kind(self, product: _Product) -> str:
        if product.unseen:
            product.unseen = False
            return "buy"
        if not product.listed:
            product.listed = True
            return "list"
        if not product.photographed and self.random.random() < 0.4:
            product.photographed = True
            return "photograph"
        return self.random.choices(
            ("view", "buy", "photograph", "update"), cum_weights=(55, 96, 98, 100)
        )[0]

    def _person(self, product: _Product, kind: str) -> Person:
        if kind in ("list", "update"):
            return product.merchant
        among = self.photographers if kind == "photograph" else self.customers
        chosen: Person = self.random.choice(among)
        return chosen

    def _description(self, product: _Product, kind: str) -> dict[str, Any]:
        thing = self.random.choice(THINGS.split())
        said = {
            "brand": self.random.choice(BRANDS.split()),
            "name": f"{thing} {product.id}",
            "description": f"A {thing}, made by hand, and seldom the same twice.",
            "category": self.random.choice(KINDS.split()),
            "price": {"amount": self.random.randrange(100, 20_000), "currency": "EUR"},
        }
        return said | ({"id": product.id} if kind == "list" else {})


def _names(tag: str) -> Any:
    """A name for everybody, however many they are."""
    for turn in itertools.count(1):
        for last, first in itertools.product(LAST.split(), FIRST.split()):
            yield f"{first} {last} {tag}" if turn == 1 else f"{first} {last} {turn} {tag}"
