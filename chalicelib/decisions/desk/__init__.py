"""The photo desk: one subject, `desk/photos`, and the only judge of who is asked for which picture.

A photographer comes, for some assignments and for some time; again gives more. An assignment counts
only if the product waits and the photographer is free, may be asked so often, and is in time. No
picture in time, and the product waits again, with its place in the line. What a to-do came to
always settles it, and moves only what it still applies to. A message hangs on what counted alone.
"""

from __future__ import annotations

from pydantic import Field

from chalicelib.decisions.desk.doubts import FULL, REFUSALS, WAITING, doubt
from chalicelib.decisions.desk.offers import found, owing
from chalicelib.decisions.desk.state import (
    FETCH,
    MESSAGE,
    OFFER,
    TIME_OUT,
    Assignment,
    Desk,
    Photographer,
)
from chalicelib.decisions.subject import Ignored
from chalicelib.decisions.todo import Todo
from chalicelib.errors import Refused, Waits
from chalicelib.events import Event, Fact, Model, Outcome, desk
from chalicelib.events.envelope import TriedInVain

__all__ = [
    "FETCH",
    "FULL",
    "KIND",
    "MESSAGE",
    "OFFER",
    "SUBJECT",
    "TIME_OUT",
    "WAITING",
    "Assignment",
    "Desk",
    "Offer",
    "Photographer",
    "decide",
    "evolve",
    "found",
    "offered",
    "unless_doubted",
]

KIND, ENTITY = "desk", "photos"
SUBJECT = f"{KIND}/{ENTITY}"
TOLD_MS = 600_000  # who comes again so soon knows that they are here
SETTLES: dict[str, type[Fact] | tuple[type[Fact], ...]] = {
    OFFER: desk.Assigned,
    TIME_OUT: desk.AssignmentExpired,
    FETCH: (desk.PicturePassedOn, desk.PictureRefused),
    MESSAGE: desk.Notified,
}


class Offer(Model):
    """Make the offer that is owed, now (ms), for so long."""

    todo: str
    now: int
    wait_s: int = Field(ge=1)


def decide(state: Desk | None, command: Offer | Fact, actor: str) -> Fact:
    """The event that the command comes to; every fact but an offer asks to be said as it is.

    Raises Waits where there is nobody to offer to, UnknownPhotographer, PhoneTaken, DeskFull,
    EnoughAssignments, NoAssignment; the state may lag, so `evolve` judges again.
    """
    if isinstance(command, Offer):
        return offered(state or Desk(), command)
    return command if isinstance(command, Outcome) else unless_doubted(state, command, actor)


def unless_doubted(state: Desk | None, fact: Fact, actor: str, clock: int | None = None) -> Fact:
    """The fact, as it may be said at this clock. Raises what `decide` does."""
    if why := doubt(state or Desk(), fact, actor, clock):
        refusal, field = REFUSALS.get(why.reason, (Refused, None))
        raise refusal(why.detail, field=field)
    return fact


def offered(known: Desk, offer: Offer) -> desk.Assigned:
    """The offer that there is to be made. Raises Waits."""
    if (pair := found(known, offer.now)) is None:
        raise Waits("there is nobody to be asked for a picture")
    product, photographer = pair
    until = offer.now + offer.wait_s * 1000
    return desk.Assigned(todo=offer.todo, product=product, photographer=photographer, until=until)


def evolve(before: Desk | None, event: Event) -> Desk | Ignored:
    """The desk after the event, or why the event does not count."""
    known = (before or Desk()).at(event.clock)
    data = event.data
    if isinstance(data, Outcome):
        why = known.unless_open(data) or _not_what_it_comes_to(known, data)
    else:
        why = doubt(known, data, event.actor, event.clock)
    if why:
        return why
    after = _settled(known, event, data) if isinstance(data, Outcome) else _moved(known, event)
    return owing(known, after, event)


def _not_what_it_comes_to(known: Desk, data: Outcome) -> Ignored | None:
    kind = known.todos[data.todo].kind
    if isinstance(data, (TriedInVain, SETTLES[kind])):
        return None
    return Ignored("wrong-outcome", f"this is not what a {kind} comes to")


def _moved(known: Desk, event: Event) -> Desk:
    """The desk after what somebody said."""
    match event.data:
        case desk.ProductWaiting(product=product):
            return known.awaiting(product, event.clock)
        case desk.ProductPictured(product=product, photographer=photographer):
            return _pictured(known, event, product, photographer)
        case desk.PhotographerRegistered():
            return _registered(known, event, event.data)
        case desk.PhotographerLeft(photographer=who, erased=erased):
            return _erased(known, event, who) if erased else _left(known, event, who)
        case desk.PictureReceived(media=media):
            return _received(known, event, media)
        case _:
            return known


def _settled(known: Desk, event: Event, data: Outcome) -> Desk:
    """The desk with that to-do done, however it went: what was tried in vain is done, too.

    An offer is then owed anew, a time-out has passed, a picture could not be had, and a message
    is out of date before anybody would look at it.
    """
    todo = known.todos[data.todo]
    state = known.settled(data.todo)
    match todo.kind, data:
        case _, desk.Assigned():
            return _assigned(state, event, data)
        case "time-out", _:
            return _late(state, event, todo.person)
        case "fetch", desk.PicturePassedOn():
            return _completed(state, event, todo.person).telling(event, todo.person, "thanks")
        case "fetch", _:
            return _refused(state, event, todo.person)
        case _:
            return state


def _registered(known: Desk, event: Event, data: desk.PhotographerRegistered) -> Desk:
    """Who comes anew is free from now on; whoever had the number before has it no longer."""
    new = Photographer(phone_key="", left=0, until=0, free=event.clock)
    here = known.photographers.get(event.actor, new)
    former = known.who_has(data.phone_key, event.clock)
    if former not in (None, event.actor):
        known = known.placing(former, known.photographers[former].having(phone_key=""))
    here = here.having(
        phone_key=data.phone_key,
        left=here.left + data.assignments,
        until=max(here.until, event.clock + data.stay_s * 1000),
        stopped=False,
    )
    if event.clock - here.told < TOLD_MS:
        return known.placing(event.actor, here)
    told = known.placing(event.actor, here.having(told=event.clock))
    return told.telling(event, event.actor, "registered")


def _left(known: Desk, event: Event, who: str) -> Desk:
    """They are asked and told no more. A picture that was sent is still taken."""
    here = known.photographers[who]
    unanswered = here.assignment is not None and not here.assignment.fetch
    returned = here.returned + here.left + unanswered
    gone = known.placing(who, here.having(left=0, stopped=True, returned=returned))
    quiet = gone.settled(*gone.owed(MESSAGE, who))
    return _let_go(quiet, event, who) if unanswered else quiet


def _erased(known: Desk, event: Event, who: str) -> Desk:
    here = known.photographers.get(who)
    freed = _let_go(known, event, who) if here and here.assignment else known
    rest = {name: each for name, each in freed.photographers.items() if name != who}
    messages = freed.owed(MESSAGE, who)
    return freed.model_copy(update={"photographers": rest}).settled(*messages)


def _let_go(known: Desk, event: Event, who: str) -> Desk:
    """The product waits again, in its place of the line, for somebody else."""
    assignment = known.photographers[who].assignment
    assert assignment is not None
    return known.freed(who, event.clock).awaiting(assignment.product, assignment.waited, who)


def _assigned(known: Desk, event: Event, data: desk.Assigned) -> Desk:
    """The product is theirs, if it still waits, they may still be asked, and there is time."""
    here, waiting = known.photographers.get(data.photographer), known.waiting.get(data.product)
    if waiting is None or here is None or here.assignment or not here.is_there(event.clock):
        return known
    if data.until <= event.clock:
        return known
    assignment = Assignment(
        product=data.product,
        waited=waiting.since,
        since=event.clock,
        until=data.until,
        timer=f"{TIME_OUT}@{event.position}",
    )
    timer = Todo(kind=TIME_OUT, since=event.clock, person=data.photographer)
    asked = here.having(left=here.left - 1, assignment=assignment)
    state = known.without(data.product).placing(data.photographer, asked)
    return state.owing_also(event, [timer]).telling(event, data.photographer, "assigned")


def _late(known: Desk, event: Event, who: str) -> Desk:
    """The product goes to somebody else, but where a picture was sent in time."""
    assignment = known.photographers[who].assignment
    assert assignment is not None
    if assignment.fetch:
        return known
    return _let_go(known, event, who).telling(event, who, "expired")


def _received(known: Desk, event: Event, media: str) -> Desk:
    here = known.photographers[event.actor]
    assert here.assignment is not None
    sent = here.assignment.model_copy(update={"fetch": f"{FETCH}@{event.position}", "media": media})
    todo = Todo(kind=FETCH, since=event.clock, person=event.actor)
    return known.placing(event.actor, here.having(assignment=sent)).owing_also(event, [todo])


def _refused(known: Desk, event: Event, who: str) -> Desk:
    """They may send another while there is time, unless they left."""
    here = known.photographers[who]
    assert here.assignment is not None
    if here.stopped or here.assignment.timer not in known.todos:
        return _let_go(known, event, who).telling(event, who, "expired")
    asked = here.assignment.model_copy(update={"fetch": "", "media": ""})
    return known.placing(who, here.having(assignment=asked)).telling(event, who, "refused")


def _completed(known: Desk, event: Event, who: str) -> Desk:
    return known.freed(who, event.clock, completed=known.photographers[who].completed + 1)


def _pictured(known: Desk, event: Event, product: str, photographer: str) -> Desk:
    """Whoever was asked for it is done, if it is theirs; else they get the assignment back.

    Whoever left in the meantime gets nothing back.
    """
    holder = known.holder(product)
    if holder is None:
        return known.without(product)
    if holder == photographer:
        return _completed(known, event, holder)
    here = known.photographers[holder]
    left = here.left + (not here.stopped)
    return known.freed(holder, event.clock, left=left).telling(event, holder, "withdrawn")
