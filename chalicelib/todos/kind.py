"""A kind of to-do: how what a subject owes is done, and which outcome says so.

A kind is a module with `do(owed) -> Outcome`. It may be run again, by two at once too, and after it
was done: where the provider has idempotency keys it hands over the to-do's id. What may work later
raises TryAgain, and what has nothing to do yet Waits; whatever else it raises is a fault, and ends
the attempt without a word. An answer that stays the same however often one asks (a card that is
declined) is an outcome.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from chalicelib.decisions.todo import Todo
from chalicelib.events import Outcome


@dataclass(frozen=True, slots=True)
class Owed:
    """One open to-do: its id, and the state of the subject that owes it, `<kind>/<entity>`.

    `attempt` counts from 1.
    """

    id: str
    subject: str
    entity: str
    state: Any
    todo: Todo
    attempt: int = 1


Kind = Callable[[Owed], Outcome]
