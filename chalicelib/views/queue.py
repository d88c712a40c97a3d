"""What is to be done next: the barista's, the maker's and the courier's orders, the oldest first.

Answers  GET /orders?as=barista|maker|courier, and `readyAt` in what tells of an order
From     order.placed, paid, ready, collected, fulfilled, dispatched, delivered, cancelled, refunded
Rows     `<role>/<status>`  an order that this role has to do with, in the list `<role>`  (owned)
         `made`             of what is ready, when it was to be made; by when it was ready  (owned)

An order's place is by the clock from which on it was to be made. When an order will be ready is
computed where it is told (docs/decisions/0011), and stands in no row.
"""

from __future__ import annotations

import statistics
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from chalicelib import store
from chalicelib.decisions.order import Order
from chalicelib.decisions.order.moves import UNPAID
from chalicelib.events import Event, order
from chalicelib.store import Delete, Key, Put, Query, Write
from chalicelib.view import View

MOST_AHEAD = 100  # so many orders are counted at most
NEWEST, FEW, FIRST_MS = 20, 3, 5 * 60_000
MINUTE_MS, DIGITS = 60_000, 15
TO_MAKE = ("placed", "paid")  # the statuses of what is to be made
HANDS_OVER = {"ready": "barista", "fulfilled": "courier", "dispatched": "courier"}


def reduce(event: Event, before: Order | None, after: Order) -> Iterator[Write]:
    """The order's place in the queue of whoever is next, and when it was due and ready."""
    place = place_of(after.due, event.subject)
    old, new = whose(before), whose(after)
    if old is not None and old != new:
        yield Delete(Key("/".join(old), place))
    if new is not None and old != new:
        yield Put(Key("/".join(new), place), {"id": event.entity}, listing=(new[0], place))
    if isinstance(event.data, order.Ready):
        yield Put(Key("made", place_of(event.clock, event.subject)), {"due": after.due})


def whose(state: Order | None) -> tuple[str, str] | None:
    """Who is next to do something with the order, and its status."""
    if state is None:
        return None
    if is_to_be_made(state):
        return "barista" if state.branch == "collect" else "maker", state.status
    role = HANDS_OVER.get(state.status)
    return None if role is None else (role, state.status)


def is_to_be_made(state: Order) -> bool:
    """Whether it is paid, or placed to be paid where it is handed over, and not made yet."""
    return state.stands in (UNPAID, "paid")


def place_of(clock: int, subject: str) -> str:
    """A place in the order of the clock."""
    return f"{clock:0{DIGITS}d} {subject}"


class Made(NamedTuple):
    """An order that is ready: the clock from which on it was to be made, and at which it was."""

    due: int
    ready: int


@dataclass(frozen=True, slots=True)
class Line:
    """The orders to collect: the places of what is to be made, and the newest that are ready.

    Both stand with the oldest first.
    """

    waiting: Sequence[str]
    made: Sequence[Made] = ()

    @property
    def took(self) -> list[int]:
        """How long the newest took to make, in ms, without their wait for the one before."""
        befores = [0, *(each.ready for each in self.made)]
        pairs = zip(self.made, befores, strict=False)
        took = [max(0, each.ready - max(each.due, before)) for each, before in pairs]
        return took[-NEWEST:]

    @property
    def last(self) -> int:
        """The clock at which the last was ready."""
        return self.made[-1].ready if self.made else 0

    @property
    def pace(self) -> int:
        """How long one order takes, in ms."""
        took = self.took
        return FIRST_MS if len(took) < FEW else int(statistics.median(took))

    def ready_at(self, place: str, now: int) -> int:
        """When the order at the place will be ready, in ms, as far as one can tell `now`.

        The first of the line was begun when it was due, or when the one before it was ready; each
        takes its time after the one ahead of it. One that takes longer is ready by the next minute.
        """
        ahead = [each for each in self.waiting if each < place]
        begun = max(int(min([*ahead, place])[:DIGITS]), self.last)
        pace = self.pace
        first = begun + pace
        if first < now:
            first = -(-now // MINUTE_MS) * MINUTE_MS
        return first + len(ahead) * pace


def line() -> Line:
    """The line as it is, by three bounded reads."""
    lists = (Query(VIEW.pk(f"barista/{status}")) for status in TO_MAKE)
    waiting = [row.key.sk for query in lists for row in store.page(query, MOST_AHEAD)[0]]
    newest, _ = store.page(Query(VIEW.pk("made"), newest_first=True), NEWEST + 1)
    made = [Made(row.body["due"], int(row.key.sk[:DIGITS])) for row in reversed(newest)]
    return Line(sorted(waiting)[:MOST_AHEAD], made)


def listed(role: str, status: str | None) -> Query:
    """What this role has to do with, the oldest first; of one status, if it is named."""
    if status is None:
        return Query(VIEW.pk(role), index="listing")
    return Query(VIEW.pk(f"{role}/{status}"))


FEEDS = (
    order.Placed,
    order.Paid,
    order.Ready,
    order.Collected,
    order.Fulfilled,
    order.Dispatched,
    order.Delivered,
    order.Cancelled,
    order.Refunded,
)
versions = {1: reduce}
VIEW = View("queue", 1, FEEDS, versions[1])
