"""What sells, and when: how many pieces orders sold, by the hour and by product.

Answers  GET /sales?by=hour|product
From     order.paid, order.collected, order.delivered, order.refunded   (tallies: any order)
Rows     `hour`      the pieces of one hour of the log's clock, in UTC        (tally)
         `product`   the pieces of one product, in the list `product`         (tally)

A refund is taken back in the hour in which it was given, so an hour may be below zero.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Annotated, Literal, Required, get_args

from pydantic import Field
from typing_extensions import TypedDict

from chalicelib import read
from chalicelib.decisions.order import Order
from chalicelib.decisions.order.sold import SELLING, sold
from chalicelib.errors import BadRequest
from chalicelib.events import Event
from chalicelib.http import Request
from chalicelib.read import Page, Paging
from chalicelib.store import Add, Key, Query, Row, Write
from chalicelib.view import View

By = Literal["hour", "product"]


def reduce(event: Event, before: Order | None, after: Order) -> Iterator[Write]:
    """So many pieces more in this hour, and of each product."""
    products: Counter[str] = Counter()
    for line, quantity in sold(event, before, after):
        products[line.product_id] += quantity
    if products:
        yield Add(Key("hour", hour_of(event.clock)), sum(products.values()))
    for product, quantity in products.items():
        yield Add(Key("product", product), quantity, ranking="product")


def hour_of(clock: int) -> str:
    """The hour in which this millisecond lies, as `2026-11-21T07Z`."""
    return datetime.fromtimestamp(clock // 1000, UTC).strftime("%Y-%m-%dT%HZ")


class Asked(Paging):
    """Which sales, and which page of them."""

    by: Required[Annotated[By, Field(description="By the hour, or by product.")]]


class OfHour(TypedDict):
    """The pieces that were sold in one hour, less what was given back in it."""

    hour: str
    quantity: int


class OfProduct(TypedDict):
    """The pieces of one product that were sold, less what was given back."""

    productId: str
    quantity: int


def sales(request: Request) -> Page[OfHour] | Page[OfProduct]:
    """A page of the hours, the newest first, or of the products, the best first.

    Raises BadRequest.
    """
    match request.query.get("by"):
        case "hour":
            return read.page(request, VIEW, Query(VIEW.pk("hour"), newest_first=True), _hours)
        case "product":
            best = Query(VIEW.pk("product"), index="ranking", newest_first=True)
            return read.page(request, VIEW, best, _products)
        case _:
            raise BadRequest(f"by is {' or '.join(get_args(By))}", field="by")


def _hours(rows: list[Row]) -> list[OfHour]:
    return [{"hour": row.key.sk, "quantity": row.rank} for row in rows]


def _products(rows: list[Row]) -> list[OfProduct]:
    return [{"productId": row.key.sk, "quantity": row.rank} for row in rows]


FEEDS = SELLING
versions = {1: reduce}
VIEW = View("sales", 1, FEEDS, versions[1])
