"""Destroy a person's key: what is personal of them can be read by nobody any more.

Before that the photo desk hears that they are gone. To say and destroy it again changes nothing, so
this may be done as often as it is asked.
"""

from __future__ import annotations

from chalicelib import personal
from chalicelib.decisions import desk
from chalicelib.errors import CloudFailure, TryAgain
from chalicelib.events.customer import KeyDestroyed
from chalicelib.events.desk import PhotographerLeft
from chalicelib.todos import saying
from chalicelib.todos.kind import Owed


def do(owed: Owed) -> KeyDestroyed:
    """The key is gone. Raises TryAgain."""
    left = PhotographerLeft(photographer=owed.entity, erased=True)
    try:
        saying.say(owed.id, left, desk.SUBJECT, "photographer-left")
        personal.destroy(owed.entity)
    except CloudFailure as failure:
        raise TryAgain(str(failure)) from failure
    return KeyDestroyed(todo=owed.id)
