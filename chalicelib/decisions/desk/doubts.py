"""Why something cannot happen at the photo desk, and as what the door refuses it."""

from __future__ import annotations

from chalicelib.decisions.desk.state import MOST_PHOTOGRAPHERS, Desk, Photographer
from chalicelib.decisions.subject import Ignored
from chalicelib.errors import (
    DeskFull,
    EnoughAssignments,
    NoAssignment,
    PhoneTaken,
    Problem,
    UnknownPhotographer,
)
from chalicelib.events import Fact, desk

FULL, WAITING = "desk-full", "waiting"
MOST_LEFT = 30
UNKNOWN = Ignored("unknown-photographer", "you are not registered here, or not any more")
REFUSALS: dict[str, tuple[type[Problem], str | None]] = {
    FULL: (DeskFull, None),
    "enough": (EnoughAssignments, None),
    "phone-taken": (PhoneTaken, "phone"),
    "no-assignment": (NoAssignment, None),
    "late": (NoAssignment, None),
    "unknown-photographer": (UnknownPhotographer, None),
}


def doubt(known: Desk, data: Fact, actor: str, clock: int | None) -> Ignored | None:
    """Why this cannot happen at the desk, if it cannot; the door has no clock of the log."""
    match data:
        case desk.ProductWaiting(product=product):
            return _unfit_product(known, product)
        case desk.ProductPictured(product=product) if not known.knows(product):
            return Ignored("not-waiting", "this product does not wait for a picture")
        case desk.PhotographerRegistered(phone_key=phone_key):
            return _unfit_photographer(known, actor, phone_key, clock)
        case desk.PhotographerLeft(photographer=who, erased=False) if (
            who not in known.photographers
        ):
            return UNKNOWN
        case desk.PictureReceived():
            return _unasked(known, actor, clock)
        case _:
            return None


def _unfit_product(known: Desk, product: str) -> Ignored | None:
    if known.knows(product):
        return Ignored(WAITING, "this product waits already")
    if not known.room:
        return Ignored(FULL, "so many products wait that no other fits")
    return None


def _unfit_photographer(
    known: Desk, actor: str, phone_key: str, clock: int | None
) -> Ignored | None:
    here = known.photographers.get(actor)
    if here is None and len(known.photographers) >= MOST_PHOTOGRAPHERS:
        return Ignored(FULL, "so many photographers are here that no other fits")
    if not known.may_tell:
        return Ignored(FULL, "so many messages are unsaid that nobody can be told of more")
    if here is not None and (given := here.left + here.returned) >= MOST_LEFT:
        return Ignored("enough", f"{given} assignments are enough for now")
    other = known.who_has(phone_key, clock or 0)
    if other not in (None, actor) and _answers(known.photographers[other], clock or 0):
        return Ignored("phone-taken", "another photographer is here under this number")
    return None


def _answers(each: Photographer, clock: int) -> bool:
    return each.assignment is not None or each.is_there(clock)


def _unasked(known: Desk, actor: str, clock: int | None) -> Ignored | None:
    """In time is what was said in time, however long the looking takes."""
    here = known.photographers.get(actor)
    if here is None:
        return UNKNOWN
    if here.assignment is None:
        return Ignored("no-assignment", "you are asked for no picture now")
    if here.assignment.fetch:
        return Ignored("no-assignment", "your picture is here already, and is being looked at")
    if clock is not None and clock > here.assignment.until:
        return Ignored("late", "your time for this picture is over")
    return None
