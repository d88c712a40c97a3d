"""What is for sale: every product with its picture, newest first, by category or by id.

Answers  GET /products, GET /products?category=, GET /products/{id}, GET /categories
From     product.created, product.updated, product.photographed
Rows     `products`            one product, in the list `newest`      (owned)
         `category/<name>`     the same product in its category       (owned)
         `categories`          how many products a category has       (tally)
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Annotated, NotRequired, cast

from pydantic import Field
from typing_extensions import TypedDict

from chalicelib import http, read, store
from chalicelib.decisions.product import Product
from chalicelib.errors import BadRequest, UnknownProduct
from chalicelib.events import Event, product
from chalicelib.http import Answer, Request
from chalicelib.read import Page, Paging
from chalicelib.store import Add, Delete, Key, Put, Query, Row, Write
from chalicelib.view import View

MOST_CATEGORY = 100


def reduce(event: Event, before: Product | None, after: Product) -> Iterator[Write]:
    """The product's rows as it is now, and its categories' counts."""
    old = before.listed.category if before and before.listed else None
    if after.listed is None or after.created is None:
        return
    new, order = after.listed.category, f"{after.created} {event.subject}"
    if old != new:
        yield Add(Key("categories", new), 1)
    if old is not None and old != new:
        yield Add(Key("categories", old), -1)
        yield Delete(Key(f"category/{old}", order))
    body = _body(event.entity, after)
    yield Put(Key(f"products/{event.entity}", event.subject), body, listing=("newest", order))
    yield Put(Key(f"category/{new}", order), body)


class Asked(Paging, total=False):
    """Which part of the catalog."""

    category: Annotated[
        str,
        Field(min_length=1, max_length=MOST_CATEGORY, description="Only what is in this category."),
    ]


class Money(TypedDict):
    """An amount in the currency's minor unit."""

    amount: int
    currency: str


class Item(TypedDict):
    """One product, with its picture and its price where it has them."""

    id: str
    brand: str
    name: str
    description: str
    category: str
    price: NotRequired[Money]
    image: NotRequired[str]
    createdAt: str
    merchant: str


class Category(TypedDict):
    """A category, and how many products it has."""

    category: str
    products: int


def _body(entity: str, state: Product) -> Item:
    listed = state.listed
    assert listed is not None
    assert state.created is not None
    assert state.creator is not None
    item: Item = {
        "id": entity,
        "brand": listed.brand,
        "name": listed.name,
        "description": listed.description,
        "category": listed.category,
        "createdAt": state.created,
        "merchant": state.creator,
    }
    if listed.price is not None:
        item["price"] = {"amount": listed.price.amount, "currency": listed.price.currency}
    if state.image is not None:
        item["image"] = state.image
    return item


def product_by_id(request: Request, entity: str) -> Answer:
    """One product, with its version as the ETag. Raises UnknownProduct, Invalid."""
    key = Key(f"products/{http.entity(entity)}", f"product/{entity}")
    return read.one(request, VIEW, key, UnknownProduct)


def names(products: Iterable[str]) -> dict[str, str]:
    """What the products are called, as far as they are in the catalog."""
    keys = [Key(VIEW.pk(f"products/{entity}"), f"product/{entity}") for entity in products]
    return {row.body["id"]: row.body["name"] for row in store.read(keys).values()}


def products(request: Request) -> Page[Item]:
    """A page of the catalog, newest first; of one category, if it is named."""
    category = request.query.get("category")
    if category is not None and not 0 < len(category) <= MOST_CATEGORY:
        detail = f"a category has 1 to {MOST_CATEGORY} characters"
        raise BadRequest(detail, field="category")
    if category is None:
        query = Query(VIEW.pk("newest"), index="listing", newest_first=True)
    else:
        query = Query(VIEW.pk(f"category/{category}"), newest_first=True)
    return read.page(request, VIEW, query, _products)


def _products(rows: list[Row]) -> list[Item]:
    return [cast("Item", row.body) for row in rows]


def categories(request: Request) -> Page[Category]:
    """A page of the categories that have a product, by name."""
    return read.page(request, VIEW, Query(VIEW.pk("categories")), _categories)


def _categories(rows: list[Row]) -> list[Category]:
    return [{"category": row.key.sk, "products": row.rank} for row in rows if row.rank > 0]


FEEDS = (product.Created, product.Updated, product.Photographed)
versions = {1: reduce}
VIEW = View("catalog", 1, FEEDS, versions[1])
