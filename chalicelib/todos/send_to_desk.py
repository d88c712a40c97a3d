"""Send to desk: the photo desk is asked to take a product that waits for a picture.

The desk judges, and its verdict on the asking event is read: taken, or full. After that it is asked
by another event; and where its row says that it is full, it is not asked at all. A product that has
its picture by now asks nothing: what it owes next is word of that.
"""

from __future__ import annotations

import time

from chalicelib import checkpoint, store
from chalicelib.decisions import DECIDERS, desk
from chalicelib.decisions.desk import Desk
from chalicelib.errors import TryAgain, Waits
from chalicelib.events import Position
from chalicelib.events.desk import ProductWaiting
from chalicelib.events.product import SentToDesk
from chalicelib.projector.rows import id_key
from chalicelib.subjects import subject_key, subject_of
from chalicelib.todos import saying
from chalicelib.todos.kind import Owed

NAME = "product-waiting"
TAKEN = {"counted", desk.WAITING}  # it was taken before, by another asking event
WAIT_S, PAUSE_S = 2.0, 0.05


def desk_now() -> Desk:
    """The desk as its row has it. Raises CloudFailure."""
    row = store.get(subject_key(DECIDERS[desk.KIND], desk.SUBJECT))
    return subject_of(DECIDERS[desk.KIND], row).state or Desk()


def room() -> int:
    """How many products more the desk would take. Raises CloudFailure."""
    return desk_now().room


def do(owed: Owed) -> SentToDesk:
    """That the desk knows of it.

    Raises Waits while the desk is full, TryAgain where its verdict is not there yet, CloudFailure.
    """
    asked = 0
    while (verdict := _verdict(owed.id, asked)) == desk.FULL:
        asked += 1
    if verdict is None and owed.state.image is None:
        verdict = _asked(owed, asked)
    if verdict == desk.FULL:
        raise Waits("the photo desk is full")
    if verdict not in {None, *TAKEN}:
        raise TryAgain(f"the photo desk has not judged it: {verdict}")
    return SentToDesk(todo=owed.id)


def _asked(owed: Owed, asked: int) -> str:
    """What the desk says to it, for the time of asking this often. Raises Waits, TryAgain."""
    if not room():
        raise Waits("the photo desk is full")
    waiting = ProductWaiting(product=owed.entity)
    position = saying.say(owed.id, waiting, desk.SUBJECT, NAME, str(asked))
    _pass(position)
    return _verdict(owed.id, asked) or "not believed"


def _verdict(todo: str, asked: int) -> str | None:
    """What is kept of the asking event: why it does not count, or that it does."""
    row = store.get(id_key(saying.id_of(todo, NAME, str(asked)), desk.SUBJECT))
    return None if row is None else row.body.get("reason", row.body["verdict"])


def _pass(position: Position) -> None:
    """Wait until what lies there is judged. Raises TryAgain where that takes long."""
    until = time.monotonic() + WAIT_S
    while not checkpoint.passed(checkpoint.read(position.shard), position):
        if time.monotonic() >= until:
            raise TryAgain("the photo desk has not judged it yet")
        time.sleep(PAUSE_S)
