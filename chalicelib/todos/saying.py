"""What is said of a to-do: an event under an id of the to-do's own, the same whoever says it.

So it counts once, however often it is said, for as long as keyed ids are remembered.
"""

from __future__ import annotations

import base64

from chalicelib import door, log, vault
from chalicelib.door import Once
from chalicelib.events import Fact, Position
from chalicelib.signing import keys, seal

ACTOR = "system"


def id_of(todo: str, *name: str) -> str:
    """The id of what is said of the to-do under this name."""
    first, *rest = name
    return str(vault.name_for(first, todo, *rest))


def say(todo: str, fact: Fact, subject: str, *name: str, actor: str = ACTOR) -> Position:
    """The fact as an event of the subject, as the actor's; where it lies. Raises CloudFailure."""
    digest = vault.fingerprint("outcomes", todo.encode())
    commandhash = base64.urlsafe_b64encode(digest).decode().rstrip("=")
    said = door.envelope(fact, subject, actor, Once(id_of(todo, *name), commandhash))
    return log.append(said.subject, seal(said, keys.producer()))
