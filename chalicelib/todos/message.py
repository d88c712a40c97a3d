"""Message: a photographer is told by text message how they stand at the photo desk.

The text is made when it is sent, of the desk as it is then: what is no longer so is not said, and
one message stands for all about the same that were due. Who was erased is told nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from chalicelib import personal, read
from chalicelib.decisions.desk import SUBJECT, Assignment, Photographer
from chalicelib.errors import TryAgain
from chalicelib.events.desk import Notified
from chalicelib.events.person import visible
from chalicelib.todos import sending
from chalicelib.todos.kind import Owed
from chalicelib.views import catalog, desk

MINUTE_MS = 60_000
MOST = 160  # characters: what a text message holds, as long as they are of its own alphabet
ASKED = 'We ask you for a picture of "{name}". Send it as an answer to this, by {until} UTC.'
AWAY = Photographer(phone_key="", left=0, until=0, free=0)


def do(owed: Owed) -> Notified:
    """Whether the photographer was told. Raises TryAgain, CloudFailure."""
    number, person = _number(owed.todo.person), owed.todo.person
    here = owed.state.photographers.get(person, AWAY)
    text = TEXTS[owed.todo.about](here, read.now_ms())
    told = number is not None and text is not None and sending.text_message(number, text)
    return Notified(todo=owed.id, told=told)


def _number(person: str) -> str | None:
    """Under which number they are reached; None once they are erased. Raises TryAgain."""
    pii = desk.pii_of(person)
    if pii is None and not personal.is_erased(person):
        raise TryAgain("nobody knows their number now: the table is being filled again")
    known = personal.decrypt(person, SUBJECT, pii) if pii else None
    return known["phone"] if known else None


def _registered(here: Photographer, now: int) -> str | None:
    """There is something to be said of a minute or more."""
    if not here.is_there(now + MINUTE_MS):
        return None
    return f"We may ask you for {_more(here)}, one at a time. Answer STOP to end it."


def _assigned(here: Photographer, now: int) -> str | None:
    asked = _open(here, now)
    if asked is None:
        return None
    name = visible(catalog.names([asked.product]).get(asked.product, "")) or asked.product
    room = MOST - len(ASKED.format(name="", until=_time(asked.until)))
    shown = name if len(name) <= room else f"{name[: room - 3]}..."
    return ASKED.format(name=shown, until=_time(asked.until))


def _expired(here: Photographer, now: int) -> str | None:
    """Whoever is asked for another by now is told of that one."""
    if here.assignment is not None:
        return None
    return f"Your time for this picture is over: do not send it any more. {_next(here, now)}"


def _refused(here: Photographer, now: int) -> str | None:
    asked = _open(here, now)
    if asked is None:
        return None
    return f"We cannot use what you sent as a picture. Send another by {_time(asked.until)} UTC."


def _thanks(here: Photographer, now: int) -> str:
    return f"Thank you! Your picture is in the catalog. {_next(here, now)}"


def _withdrawn(here: Photographer, now: int) -> str | None:
    if here.assignment is not None:
        return None
    return f"The product has a picture by now: do not send yours. {_next(here, now)}"


def _open(here: Photographer, now: int) -> Assignment | None:
    """What they are asked for and may still send."""
    asked = here.assignment
    return asked if asked is not None and not asked.fetch and now < asked.until else None


def _next(here: Photographer, now: int) -> str:
    """What they may look forward to."""
    if here.is_there(now):
        return f"We may ask you for {_more(here)}."
    return "Register again to be asked for more."


def _more(here: Photographer) -> str:
    pictures = "1 picture" if here.left == 1 else f"{here.left} pictures"
    return f"{pictures} until {_time(here.until)} UTC"


def _time(ms: int) -> str:
    return read.stamp(ms)[11:16]


TEXTS: Mapping[str, Callable[[Photographer, int], str | None]] = {
    "registered": _registered,
    "assigned": _assigned,
    "expired": _expired,
    "refused": _refused,
    "thanks": _thanks,
    "withdrawn": _withdrawn,
}
