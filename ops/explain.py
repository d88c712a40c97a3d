"""Why a subject is as it is: its events, who said them, what became of each, and its rows then.

Worked out from the archive alone, by the naive fold, of the records under the subject's key up to a
moment of the shard's clock. What a view counts (a tally) is shown as what this subject added to it.
What is personal stays encrypted, and is not shown.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from chalicelib import archive
from chalicelib.decisions import DECIDERS
from chalicelib.events import Envelope, Position, Record
from chalicelib.events.envelope import JWE
from chalicelib.read import stamp
from chalicelib.signing import keys
from chalicelib.views import VIEWS, names
from ops import logs, naive, shown
from ops.logs import Step
from ops.query.judged import Judged, Judging

if TYPE_CHECKING:
    from collections.abc import Callable

PERSONAL, ENCRYPTED = "(personal)", re.compile(JWE.strip("^$"))
OTHERS = "another subject's, or later"
VERDICTS = ("verdict/", "event/", "parked@")


class UnknownSubjectError(Exception):
    """The archive holds nothing under this key."""


@dataclass(frozen=True, slots=True)
class Told:
    """One record under the subject's key; `name` is its actor's. An unverified one says nothing."""

    at: str
    position: str
    verdict: str
    reason: str | None
    type: str | None = None
    id: str | None = None
    source: str | None = None
    actor: str | None = None
    name: str | None = None
    data: dict[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Explained:
    """The subject's events up to a moment, oldest first; its own rows; what it added to tallies."""

    subject: str
    events: list[Told]
    rows: dict[str, Any]
    added: dict[str, int]


@dataclass
class Story(Judging):
    """The fold of one subject's records, up to a clock in ms."""

    subject: str = field(kw_only=True)
    until: int | None = field(kw_only=True)
    doubt: Callable[[Told], None] = field(kw_only=True)

    def unsealed(self, position: Position, record: Record, end: naive.End) -> Envelope | str:
        """What the record says; all that is another's is passed over unread."""
        if record.key != self.subject or (self.until is not None and end.clock > self.until):
            return OTHERS
        return super().unsealed(position, record, end)

    def record(self, position: Position, found: Envelope | str, end: naive.End) -> None:
        """One record of the subject, believed or not."""
        if found == OTHERS:
            return
        super().record(position, found, end)
        verdict, reason, _ = self._said
        if verdict == "quarantined":
            self.doubt(Told(stamp(end.clock), str(position), verdict, reason))


def explain(subject: str, until: int | None, step: Step = lambda: None) -> Explained:
    """The subject's story up to `until` (ms), or to the end. Raises UnknownSubjectError."""
    found: list[Judged | Told] = []
    story = Story(
        DECIDERS,
        VIEWS,
        keys.trust,
        hear=found.append,
        doubt=found.append,
        subject=subject,
        until=until,
    )
    read = logs.read(archive.shards(), step)
    for name in naive.parents_first(read):
        story.shard(name, read[name], None)
    if not found:
        raise UnknownSubjectError(f"the archive holds nothing of {subject} up to then")
    called = names.of({each.envelope.actor for each in found if isinstance(each, Judged)})
    events = [_told(each, called) if isinstance(each, Judged) else each for each in found]
    return Explained(subject, events, *_rows(story.rows))


def _told(judged: Judged, called: dict[str, str]) -> Told:
    envelope = judged.envelope
    return Told(
        at=stamp(judged.clock),
        position=str(judged.position),
        verdict=judged.verdict,
        reason=judged.reason,
        type=envelope.type,
        id=envelope.id,
        source=envelope.source,
        actor=envelope.actor,
        name=called.get(envelope.actor),
        data={k: PERSONAL if k == "pii" else v for k, v in envelope.data.items()},
    )


def _rows(rows: naive.Rows) -> tuple[dict[str, Any], dict[str, int]]:
    """The subject's own rows, and what it added to tallies; without those of verdicts."""
    own, added = {}, {}
    for (pk, sk), row in sorted(rows.items()):
        if "rank" in row:
            added[f"{pk} {sk}"] = row["rank"]
        elif not pk.startswith(VERDICTS):
            own[f"{pk} {sk}"] = json.loads(ENCRYPTED.sub(PERSONAL, json.dumps(row["body"])))
    return own, added


def show(found: Explained) -> None:
    """For a person: nothing in it speaks to the terminal."""
    for each in found.events:
        why = f" ({each.reason})" if each.reason else ""
        kind = (each.type or "?").removeprefix("tillstream.")
        who = f"{each.actor or '?'}{f', {each.name}' if each.name else ''}"
        print(shown.printable(f"{each.at}  {each.verdict + why:<20} {kind:<30} by {who}"))
        print(shown.printable(f"    {each.position}"))
        for name, value in (each.data or {}).items():
            print(shown.printable(f"    {name}: {value}"))
    for name, body in found.rows.items():
        print(shown.printable(f"row {name}: {body}"))
    for name, amount in found.added.items():
        print(shown.printable(f"added {amount:+,} to {name}"))
