"""What is for sale: every product with its picture, newest first, by category or by id.

Answers  GET /products, GET /products?category=, GET /products/{id}, GET /categories
From     product.created, product.updated, product.photographed
Rows     `products`            one product, in the list `newest`      (owned)
         `category/<name>`     the same product in its category       (owned)
         `categories`          how many products a category has       (tally)
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from chalicelib import http, read
from chalicelib.decisions.product import Product
from chalicelib.errors import BadRequest
from chalicelib.events import Event, product
from chalicelib.http import Answer, Request
from chalicelib.read import PAGING, Listed
from chalicelib.store import Add, Delete, Key, Put, Query, Row, Write
from chalicelib.view import View


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


def _body(entity: str, state: Product) -> dict[str, Any]:
    assert state.listed is not None
    listed = state.listed.model_dump(by_alias=True, exclude_none=True)
    return {
        "id": entity,
        **listed,
        **({"image": state.image} if state.image else {}),
        "createdAt": state.created,
        "merchant": state.creator,
    }


def product_by_id(request: Request, entity: str) -> Answer:
    """One product, with its version as the ETag. Raises NotFound, Invalid."""
    http.known_arguments(request)
    key = Key(f"products/{http.entity(entity)}", f"product/{entity}")
    return read.one(request, VIEW, key)


def products(request: Request) -> Listed:
    """A page of the catalog, newest first; of one category, if it is named."""
    http.known_arguments(request, "category", *PAGING)
    category = request.query.get("category")
    if category is not None and not 0 < len(category) <= 100:
        raise BadRequest("a category has 1 to 100 characters", field="category")
    if category is None:
        query = Query(VIEW.pk("newest"), index="listing", newest_first=True)
    else:
        query = Query(VIEW.pk(f"category/{category}"), newest_first=True)
    return read.page(request, VIEW, query, _products)


def _products(rows: list[Row]) -> list[dict[str, Any]]:
    return [row.body for row in rows]


def categories(request: Request) -> Listed:
    """A page of the categories that have a product, by name."""
    http.known_arguments(request, *PAGING)
    return read.page(request, VIEW, Query(VIEW.pk("categories")), _categories)


def _categories(rows: list[Row]) -> list[dict[str, Any]]:
    return [{"category": row.key.sk, "products": row.rank} for row in rows if row.rank > 0]


FEEDS = (product.Created, product.Updated, product.Photographed)
versions = {1: reduce}
VIEW = View("catalog", 1, FEEDS, versions[1])
