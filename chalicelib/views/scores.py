"""Who earned what: the running score of every merchant and photographer.

Answers  GET /scores?role=creator|photographer
From     product.purchased, order.paid, order.collected, order.delivered, order.refunded
         (tallies: any order)
Rows     `<role>`   the sales of one person, in the list `<role>`   (tally)

A purchase is one sale of the product as it is then; an order sells pieces, each credited as its
line recorded when it was placed, and a refund takes them back. UNKNOWN's sales are counted too, and
stand in no list: the scores of a role add up to the sales.
"""

from __future__ import annotations

import functools
from collections import Counter
from collections.abc import Iterator
from typing import Annotated, Any, Literal, Required

from pydantic import Field
from typing_extensions import TypedDict

from chalicelib import read
from chalicelib.decisions.order.sold import SELLING, sold
from chalicelib.decisions.product import UNKNOWN
from chalicelib.errors import BadRequest
from chalicelib.events import Event, product
from chalicelib.http import Request
from chalicelib.read import Page, Paging
from chalicelib.store import Add, Key, Query, Row, Write
from chalicelib.view import View
from chalicelib.views import names

Role = Literal["creator", "photographer"]


def reduce(event: Event, before: Any, after: Any) -> Iterator[Write]:
    """So many sales more, or less, for each creator and each photographer."""
    earned: Counter[tuple[Role, str]] = Counter()
    for credit, quantity in _credited(event, before, after):
        for role, person in zip(ROLES, credit, strict=True):
            earned[role, person] += quantity
    for (role, person), quantity in earned.items():
        yield Add(Key(role, person), quantity, ranking=None if person == UNKNOWN else role)


def _credited(event: Event, before: Any, after: Any) -> Iterator[tuple[tuple[str, str], int]]:
    """Whom the event credits with how many sales, as (creator, photographer)."""
    if isinstance(event.data, product.Purchased):
        yield after.credit, 1
        return
    for line, quantity in sold(event, before, after):
        yield (line.creator, line.photographer), quantity


class Asked(Paging):
    """Whose board, and which page of it."""

    role: Required[Annotated[Role, Field(description="Whose board.")]]


class Score(TypedDict):
    """One line of the board: the person's sales in this role."""

    userId: str
    role: Role
    score: int
    name: str | None


def scores(request: Request) -> Page[Score]:
    """A page of the board of one role, the highest score first. Raises BadRequest."""
    role = request.query.get("role")
    if role not in ROLES:
        raise BadRequest("role is creator or photographer", field="role")
    query = Query(VIEW.pk(role), index="ranking", newest_first=True)
    return read.page(request, VIEW, query, functools.partial(_told, role))


def _told(role: Role, rows: list[Row]) -> list[Score]:
    known = names.of({row.key.sk for row in rows})
    return [
        {"userId": (who := row.key.sk), "score": row.rank, "role": role, "name": known.get(who)}
        for row in rows
    ]


ROLES: tuple[Role, Role] = ("creator", "photographer")
FEEDS = (product.Purchased, *SELLING)
versions = {2: reduce}
VIEW = View("scores", 2, FEEDS, versions[2])
