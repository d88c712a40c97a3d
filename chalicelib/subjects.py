"""The row of a subject: where it lies, and what it holds.

The projector alone writes it; the door decides on it, and a read says its version as the ETag.
"""

from __future__ import annotations

from chalicelib.decisions import Decider
from chalicelib.decisions.subject import Subject
from chalicelib.store import Key, Put, Row


def subject_key(decider: Decider, subject: str) -> Key:
    """Where the subject's row lies."""
    return Key(f"subject@{decider.version}/{subject}", subject)


def subject_row(decider: Decider, subject: str, row: Subject) -> Put:
    """The subject's row."""
    body = {"state": state_text(row), "version": row.version, "clock": row.clock}
    return Put(subject_key(decider, subject), body, blob=row.memory)


def subject_of(decider: Decider, row: Row | None) -> Subject:
    """The subject that its row holds; one of which nothing is known, without a row."""
    if row is None:
        return Subject()
    text = row.body["state"]
    state = None if text is None else decider.load(text)
    return Subject(state, row.body["version"], row.blob, row.body["clock"])


def state_text(subject: Subject) -> str | None:
    """The subject's state as its row has it."""
    return None if subject.state is None else subject.state.model_dump_json(by_alias=True)
