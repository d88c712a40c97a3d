"""Who is asked for which picture: fewest completed assignments first, then who is free longest.

The product that waits the longest comes first, if there is somebody for it. Who let a product go by
is asked for it again only where nobody else is there, free or not. There is one offer at a time: it
is owed exactly while, as the last event left it, there is one to be made.
"""

from __future__ import annotations

from chalicelib.decisions.desk.state import OFFER, Desk, Waiting
from chalicelib.events import Event


def found(desk: Desk, clock: int) -> tuple[str, str] | None:
    """The product and the photographer that an offer would bring together at this clock."""
    if not desk.may_tell:
        return None
    there = {who for who, each in desk.photographers.items() if each.is_there(clock)}
    free = {who for who in there if desk.photographers[who].assignment is None}
    if not free:
        return None
    for product in sorted(desk.waiting, key=lambda name: (desk.waiting[name].since, name)):
        if able := _able(desk.waiting[product], there, free):
            return product, min(able, key=lambda who: _rank(desk, who))
    return None


def _able(waiting: Waiting, there: set[str], free: set[str]) -> set[str]:
    return free if there == {waiting.let_go} else free - {waiting.let_go}


def _rank(desk: Desk, person: str) -> tuple[int, int, str]:
    each = desk.photographers[person]
    return each.completed, each.free, person


def owing(before: Desk, after: Desk, event: Event) -> Desk:
    """What the event left, owing an offer if there is one to be made.

    One that could not be made any more before the event (somebody's time was over) is owed anew:
    whoever was poked of it has found nothing to do.
    """
    owed, to_make = after.owed(OFFER), found(after, event.clock) is not None
    if to_make and owed and found(before, event.clock) is not None:
        return after
    settled = after.settled(*owed)
    return settled.owing(event, (OFFER, "")) if to_make else settled
