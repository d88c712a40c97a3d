"""Of whom the log speaks: who was erased, and whose key the vault does not have.

A vault's copy may be older than the log. Who was erased after it was made has a key in it, and must
have none; who came after it has none, though something personal of theirs is on the log.

Only the subjects of those for whom an erasure was ever said are folded, by the naive fold; all
else is read and let go. So what is held grows with their number, and with that of missing keys.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from functools import lru_cache

from chalicelib.decisions import DECIDERS
from chalicelib.decisions.customer import KIND as CUSTOMER
from chalicelib.decisions.desk import KIND as DESK
from chalicelib.decisions.order import KIND as ORDER
from chalicelib.decisions.ticket import KIND as TICKET
from chalicelib.events import Envelope, Position, Record, customer, ticket
from chalicelib.signing import Trust
from ops import naive
from ops.query.judged import Judged, Judging

SPEAK_OF_PEOPLE = {CUSTOMER, DESK, ORDER, TICKET}
ERASED = (customer.Erased, customer.KeyDestroyed)
ERASED_TYPES = {fact.type for fact in ERASED}
OTHERS = "of somebody else, or of nobody"
MOST_REMEMBERED = 100_000

Step = Callable[[], None]
Steps = Callable[[str, int], AbstractContextManager[Step]]
Trusted = Callable[[], Trust]
HasKey = Callable[[str], bool]


@dataclass(frozen=True, slots=True)
class Logs:
    """So many segments, which may be read as often as one likes."""

    segments: int
    read: Callable[[Step], Mapping[str, naive.Log]]


@dataclass(frozen=True, slots=True)
class People:
    """`erased` must have no key; `lost` have none, and were not erased."""

    erased: frozenset[str]
    lost: frozenset[str]


def look(logs: Logs, trust: Trusted, has_key: HasKey, steps: Steps) -> People:
    """What these logs say; they are read once, and once more if an erasure was said."""
    said = Said(DECIDERS, (), trust, has_key=lru_cache(MOST_REMEMBERED)(has_key))
    with steps("segments read", logs.segments) as step:
        _fold(said, logs.read(step))
    erased: set[str] = set()
    if said.erasures:
        asked = frozenset(said.erasures)
        erasures = Erasures(DECIDERS, (), trust, hear=Hear(erased), asked=asked)
        with steps("segments read for the erased", logs.segments) as step:
            _fold(erasures, logs.read(step))
    return People(frozenset(erased), frozenset(said.without_key - erased))


def _fold(fold: naive.Fold, read: Mapping[str, naive.Log]) -> None:
    for name in naive.parents_first(read):
        fold.shard(name, read[name], None)


@dataclass
class Said(naive.Fold):
    """What was said and can be believed; nothing is judged."""

    has_key: HasKey = field(kw_only=True)
    erasures: set[str] = field(default_factory=set)
    without_key: set[str] = field(default_factory=set)

    def unsealed(self, position: Position, record: Record, end: naive.End) -> Envelope | str:
        """What the record says, where it may speak of a person."""
        if record.key.partition("/")[0] not in SPEAK_OF_PEOPLE:
            return OTHERS
        return super().unsealed(position, record, end)

    def record(self, position: Position, found: Envelope | str, end: naive.End) -> None:  # noqa: ARG002
        """One record: whom it erases, and of whom it holds what is personal."""
        if isinstance(found, str):
            return
        if found.type in ERASED_TYPES:
            self.erasures.add(found.subject)
        elif (person := whose(found)) is not None and not self.has_key(person):
            self.without_key.add(person)


def whose(envelope: Envelope) -> str | None:
    """Under whose key that lies which is personal in the event, if anything is.

    A ticket's text is its author's, whoever changes it: whose that is, its first event has said.
    """
    kind, _, entity = envelope.subject.partition("/")
    if "pii" not in envelope.data or envelope.type == ticket.Updated.type:
        return None
    return entity if kind == CUSTOMER else envelope.actor


@dataclass
class Erasures(Judging):
    """The fold of these subjects alone."""

    asked: frozenset[str] = field(kw_only=True)

    def unsealed(self, position: Position, record: Record, end: naive.End) -> Envelope | str:
        """What the record says; all that is another's is passed over unread."""
        return super().unsealed(position, record, end) if record.key in self.asked else OTHERS

    def record(self, position: Position, found: Envelope | str, end: naive.End) -> None:
        """One record of these subjects."""
        if found != OTHERS:
            super().record(position, found, end)


@dataclass(frozen=True, slots=True)
class Hear:
    """Whoever is erased by what counted."""

    erased: set[str]

    def __call__(self, judged: Judged) -> None:
        if isinstance(judged.fact, ERASED):
            self.erased.add(judged.envelope.subject.partition("/")[2])
