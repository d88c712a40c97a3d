"""The tree head, to everybody; and what shows that an event is under it, to those who may see it.

A proof shows that an event was recorded, by whom and where; not that it counts, which is no matter
of the log: `GET /events/{id}` says that. It holds the event whole, so it is for the event's actor
and an admin, and of what is not believed for nobody.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from chalicelib import archive, http, verdicts
from chalicelib.errors import NotNotarised, NotYours
from chalicelib.events import Position
from chalicelib.http import Answer, Request
from chalicelib.notary import kept
from chalicelib.notary.proof import Proof, prove

REFUSES = (*verdicts.REFUSES, NotYours, NotNotarised)
TEXT = "text/plain"


def tree_head(request: Request) -> Answer:
    """The newest tree head, as the note that the notary signed. Raises NotNotarised."""
    found = kept.head()
    if found is None:
        raise NotNotarised("nothing is notarised yet; within a minute of the first event it is")
    answer = http.tagged(request, found.note, f'"{http.digest(found.note)}"')
    kind = {"Content-Type": f"{TEXT}; charset=utf-8"}
    return replace(answer, headers={**answer.headers, **kind})


def proof(request: Request, event: str) -> Proof:
    """That the event is on the log, as its actor or an admin may carry it away.

    Raises what `verdicts.verdict` does, and NotYours, NotNotarised.
    """
    told = verdicts.verdict(request, event)
    position = Position.parse(told["position"])
    if not verdicts.may_see(request, told, _said(position)):
        raise NotYours("the proof holds the event whole: it is for its actor, and an admin")
    found = prove(position)
    if found is None:
        raise NotNotarised("this is recorded, and the next sweep enters it: within a minute or two")
    return found


def _said(position: Position) -> dict[str, Any]:
    found = archive.record_at(position)
    return {} if found is None else verdicts.payload(found[0].data)
