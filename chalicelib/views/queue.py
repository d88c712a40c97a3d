"""What is to be done next: the barista's, the maker's and the courier's orders, the oldest first.

Answers  GET /orders?as=barista|maker|courier, and `readyAt` in what tells of an order
From     order.placed, paid, ready, collected, fulfilled, dispatched, delivered, cancelled, refunded
Rows     `<role>/<status>`  an order that this role has to do with, in the list `<role>`  (owned)
         `made`             for how long an order to collect was in the making            (owned)

An order's place is by the clock from which on it was to be made. When an order will be ready is
computed where it is told (docs/decisions/0011), and stands in no row.
"""

from __future__ import annotations

import statistics
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

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
    """The order's place in the queue of whoever is next, and how long its making took."""
    place = place_of(after.due, event.subject)
    old, new = whose(before), whose(after)
    if old is not None and old != new:
        yield Delete(Key("/".join(old), place))
    if new is not None and old != new:
        yield Put(Key("/".join(new), place), {"id": event.entity}, listing=(new[0], place))
    if isinstance(event.data, order.Ready):
        took = max(0, event.clock - after.due)
        yield Put(Key("made", place_of(event.clock, event.subject)), {"took": took})


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


@dataclass(frozen=True, slots=True)
class Line:
    """The places of the orders to collect that are to be made, the oldest first.

    `took` is how long the newest that are ready took, in ms; `last`, the clock at the last of them.
    """

    waiting: Sequence[str]
    took: Sequence[int] = ()
    last: int = 0

    @property
    def pace(self) -> int:
        """How long one order takes, in ms."""
        return FIRST_MS if len(self.took) < FEW else int(statistics.median(self.took))

    def ready_at(self, place: str, now: int) -> int:
        """When the order at the place will be ready, in ms, as far as one can tell `now`.

        The first of the line was begun when it was due, or when the one before it was ready; each
        takes its time after the one ahead of it. One that takes longer is ready by the next minute.
        """
        ahead = [each for each in self.waiting if each < place]
        begun = max(int(min([*ahead, place])[:DIGITS]), self.last)
        first = begun + self.pace
        if first < now:
            first = -(-now // MINUTE_MS) * MINUTE_MS
        return first + len(ahead) * self.pace


def line() -> Line:
    """The line as it is, by three bounded reads."""
    lists = (Query(VIEW.pk(f"barista/{status}")) for status in TO_MAKE)
    waiting = [row.key.sk for query in lists for row in store.page(query, MOST_AHEAD)[0]]
    made, _ = store.page(Query(VIEW.pk("made"), newest_first=True), NEWEST)
    last = max((int(row.key.sk[:DIGITS]) for row in made), default=0)
    return Line(sorted(waiting)[:MOST_AHEAD], [row.body["took"] for row in made], last)


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
