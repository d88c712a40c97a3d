"""What a to-do came to, kept at `done/<to-do>` of the archive before it is said. The first stays.

So who comes later, with the table emptied and every lease lost, says that again and does nothing.
"""

from __future__ import annotations

import json

from chalicelib.archive import objects
from chalicelib.errors import CloudFailure
from chalicelib.events import FACTS, Outcome


def read(todo: str) -> Outcome | None:
    """What the to-do came to, if it was done. Raises CloudFailure."""
    found = objects.find(_name(todo))
    if found is None:
        return None
    said = json.loads(found)
    outcome = FACTS[said["type"]].model_validate(said["data"])
    assert isinstance(outcome, Outcome)
    return outcome


def put(outcome: Outcome) -> Outcome:
    """What the to-do came to: this, or what somebody else has put before. Raises CloudFailure."""
    data = outcome.model_dump(mode="json", by_alias=True, exclude_none=True)
    body = json.dumps({"type": outcome.type, "data": data}).encode()
    return outcome if objects.put(_name(outcome.todo), body) else _winner(outcome.todo)


def _winner(todo: str) -> Outcome:
    found = read(todo)
    if found is None:
        raise CloudFailure(f"s3: {_name(todo)} is there, and is not")
    return found


def _name(todo: str) -> str:
    return f"done/{todo}"
