"""Offer: a product that waits is offered to whoever is free; the desk's own rule says to whom."""

from __future__ import annotations

from chalicelib import config
from chalicelib.decisions.desk import Offer, found, offered
from chalicelib.events.desk import Assigned
from chalicelib.todos import lease
from chalicelib.todos.kind import Owed
from chalicelib.todos.send_to_desk import desk_now


def room() -> int:
    """Whether there is an offer to be made now. Raises CloudFailure."""
    return int(found(desk_now(), lease.now()) is not None)


def do(owed: Owed) -> Assigned:
    """Who is asked for which picture, and until when. Raises Waits where there is nobody."""
    wait_s = config.settings().photo_wait_s
    return offered(owed.state, Offer(todo=owed.id, now=lease.now(), wait_s=wait_s))
