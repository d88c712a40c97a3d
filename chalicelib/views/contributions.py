"""Who contributed to which product: its creator and its photographer.

Answers  GET /contributions
From     product.created, product.photographed, product.purchased
Rows     `products`   one product   (owned)
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import cast

from typing_extensions import TypedDict

from chalicelib import read
from chalicelib.decisions.product import UNKNOWN, Product
from chalicelib.events import Event, product
from chalicelib.http import Request
from chalicelib.read import Page
from chalicelib.store import Key, Put, Query, Row, Write
from chalicelib.view import View
from chalicelib.views import names


def reduce(event: Event, before: Product | None, after: Product) -> Iterator[Write]:
    """The product's row, where its contributors changed."""
    body = _body(event.entity, after)
    if before is None or body != _body(event.entity, before):
        yield Put(Key("products", event.subject), body)


class Contributors(TypedDict):
    """Who created the product, and who photographed it last: opaque ids, or UNKNOWN."""

    productId: str
    creator: str | None
    photographer: str | None


class Contribution(Contributors):
    """The same with the public names."""

    creatorName: str | None
    photographerName: str | None


def _body(entity: str, state: Product) -> Contributors:
    """An orphan belongs to UNKNOWN for good, whoever comes later."""
    creator, photographer = state.creator, state.photographer
    if state.orphan:
        creator = photographer = UNKNOWN
    return {"productId": entity, "creator": creator, "photographer": photographer}


def contributions(request: Request) -> Page[Contribution]:
    """A page of products with their contributors, by product id."""
    return read.page(request, VIEW, Query(VIEW.pk("products")), _told)


def _told(rows: list[Row]) -> list[Contribution]:
    found = [cast("Contributors", row.body) for row in rows]
    known = names.of({who for each in found for who in (each["creator"], each["photographer"])})
    return [
        {
            **each,
            "creatorName": known.get(each["creator"] or ""),
            "photographerName": known.get(each["photographer"] or ""),
        }
        for each in found
    ]


FEEDS = (product.Created, product.Photographed, product.Purchased)
versions = {1: reduce}
VIEW = View("contributions", 1, FEEDS, versions[1])
