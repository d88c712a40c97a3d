"""Who contributed to which product: its creator and its photographer.

Answers  GET /contributions
From     product.created, product.photographed, product.purchased
Rows     `products`   one product   (owned)
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from chalicelib import http, read
from chalicelib.decisions.product import UNKNOWN, Product
from chalicelib.events import Event, product
from chalicelib.http import Request
from chalicelib.read import PAGING, Listed
from chalicelib.store import Key, Put, Query, Row, Write
from chalicelib.view import View
from chalicelib.views import names


def reduce(event: Event, before: Product | None, after: Product) -> Iterator[Write]:
    """The product's row, where its contributors changed."""
    body = _body(event.entity, after)
    if before is None or body != _body(event.entity, before):
        yield Put(Key("products", event.subject), body)


def _body(entity: str, state: Product) -> dict[str, Any]:
    """An orphan belongs to UNKNOWN for good, whoever comes later."""
    creator, photographer = state.creator, state.photographer
    if state.orphan:
        creator = photographer = UNKNOWN
    return {"productId": entity, "creator": creator, "photographer": photographer}


def contributions(request: Request) -> Listed:
    """A page of products with their contributors, by product id."""
    http.known_arguments(request, *PAGING)
    return read.page(request, VIEW, Query(VIEW.pk("products")), _told)


def _told(rows: list[Row]) -> list[dict[str, Any]]:
    known = names.of({row.body[role] for row in rows for role in ROLES})
    return [row.body | {f"{role}Name": known.get(row.body[role]) for role in ROLES} for row in rows]


ROLES = ("creator", "photographer")
FEEDS = (product.Created, product.Photographed, product.Purchased)
versions = {1: reduce}
VIEW = View("contributions", 1, FEEDS, versions[1])
