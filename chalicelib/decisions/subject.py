"""What every subject's judge has in common: whether an event counts is decided once, here.

A subject's row holds its state, the number of events that changed it, and the memory of what it
has judged: the last 256 verified events of the last 90 s of the shard's clock, 13 bytes each (8 of
the hash of source and id, 3 of type and data, 2 of the clock's seconds). Freshness is 75 s wide
(signing), so an event that comes again is always remembered or stale. A keyed event is remembered
by a row of its own, too, for 24 h.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from chalicelib.errors import Equivocation
from chalicelib.events import Event, Model
from chalicelib.signing import content, identity

ENTRY = 13
MOST = 256
MEMORY_MS = 90_000
KEYED_MS = 24 * 3600 * 1000


class State(Model):
    """What is so of one subject, as its events have it."""


@dataclass(frozen=True, slots=True)
class Ignored:
    """The event is verified, and does not count: `reason` is a slug, `detail` a sentence.

    `again` says that its id was judged before: the first verdict on it stays.
    """

    reason: str
    detail: str
    again: bool = False


@dataclass(frozen=True, slots=True)
class Subject:
    """One subject's row: `clock` is the shard's at its last verified event."""

    state: Any = None
    version: int = 0
    memory: bytes = b""
    clock: int = 0


@dataclass(frozen=True, slots=True)
class Keyed:
    """What is remembered of a keyed event: the command it stood for, and when it came."""

    commandhash: str
    clock: int

    def lapsed(self, now: int) -> bool:
        """Whether the key may be used anew."""
        return now - self.clock >= KEYED_MS


Evolve = Callable[[Any, Event], State | Ignored | None]


def judge(
    subject: Subject, event: Event, evolve: Evolve, keyed: Keyed | None = None
) -> tuple[Subject, Ignored | Equivocation | None]:
    """The subject after the event, and why the event does not count, if it does not.

    Every verified event is remembered, counted or not, so that a cold start judges as a warm one.
    Raises whatever `evolve` raises.
    """
    memory = recall(subject.memory, subject.clock, event.clock)
    after = Subject(subject.state, subject.version, remember(memory, event), event.clock)
    if doubt := keyed_repeat(keyed, event) or repeat(memory, event):
        return after, doubt
    if event.envelope.expects not in (None, subject.version):
        return after, Ignored("expects", f"the subject is at version {subject.version}")
    state = evolve(subject.state, event)
    if isinstance(state, Ignored):
        return after, state
    version = subject.version + (state != subject.state)
    return Subject(state, version, after.memory, after.clock), None


def recall(memory: bytes, last: int, now: int) -> bytes:
    """The part of the memory that is still young at `now`."""
    if now - last > MEMORY_MS:
        return b""
    start = 0
    while start < len(memory) and _age(memory[start + 11 : start + 13], now) > MEMORY_MS // 1000:
        start += ENTRY
    return memory[start:]


def _age(seconds: bytes, now: int) -> int:
    return (now // 1000 - int.from_bytes(seconds, "big")) % 65536


def remember(memory: bytes, event: Event) -> bytes:
    """The memory with this event in it."""
    seconds = (event.clock // 1000 % 65536).to_bytes(2, "big")
    entry = identity(event.envelope) + content(event.envelope) + seconds
    return (memory + entry)[-ENTRY * MOST :]


def repeat(memory: bytes, event: Event) -> Ignored | Equivocation | None:
    """That the event's identity was seen, if the memory holds it: with this content, or other."""
    seen = _contents(memory, identity(event.envelope))
    if not seen:
        return None
    if seen != {content(event.envelope)}:
        return Equivocation("this id was said before with other content")
    return Ignored("repeat", "the same event was judged before", again=True)


def _contents(memory: bytes, key: bytes) -> set[bytes]:
    found = set()
    at = memory.find(key)
    while at != -1:
        if at % ENTRY == 0:
            found.add(memory[at + 8 : at + 11])
        at = memory.find(key, at + 1)
    return found


def keyed_repeat(keyed: Keyed | None, event: Event) -> Ignored | None:
    """That the command was recorded, if its key was used in the last 24 h of the clock."""
    if keyed is None or event.envelope.commandhash is None or keyed.lapsed(event.clock):
        return None
    if keyed.commandhash == event.envelope.commandhash:
        return Ignored("repeat", "the same command was recorded before", again=True)
    return Ignored("key-reused", "the Idempotency-Key was used for another command", again=True)
