"""A subject as the naive fold has it: its memory is a list, not thirteen bytes an entry."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from chalicelib.decisions.subject import Ignored
from ops.naive.table import Row

MEMORY_S = 90


@dataclass
class Subject:
    state: Any = None
    version: int = 0
    clock: int = 0
    memory: list[tuple[bytes, bytes, int]] = field(default_factory=list)

    def take(self, outcome: Any) -> None:
        """The state that the subject's own decider came to, unless it ignored the event."""
        if not isinstance(outcome, Ignored):
            self.version += outcome != self.state
            self.state = outcome


def young(subject: Subject, clock: int) -> list[tuple[bytes, bytes, int]]:
    if clock - subject.clock > MEMORY_S * 1000:
        return []
    return [one for one in subject.memory if clock // 1000 - one[2] // 1000 <= MEMORY_S]


def text_of(state: Any) -> str | None:
    return None if state is None else str(state.model_dump_json(by_alias=True))


def row_of(subject: Subject) -> Row:
    seconds = ((clock // 1000 % 65536).to_bytes(2, "big") for _, _, clock in subject.memory)
    entries = zip(subject.memory, seconds, strict=True)
    blob = b"".join(who + what + when for (who, what, _), when in entries)
    body = {"state": text_of(subject.state), "version": subject.version, "clock": subject.clock}
    return {"body": body, "blob": blob} if blob else {"body": body}
