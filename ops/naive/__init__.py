"""The second fold: the rows that a log comes to, worked out in the most naive way there is.

One shard after another (parents first, older streams before newer), one record at a time, plain
dicts. It shares with the projector what a shop means (`unseal`, the models, the deciders' `evolve`,
the views' reducers) and none of the engine: no chunk, no checkpoint, no merge, no transaction.
What the two agree on is therefore not an accident of the engine.

A row here is a dict of what lies in the table, by (pk, sk); `detail` is prose and is left out.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Self

from pydantic import ValidationError

from chalicelib.decisions.subject import Ignored
from chalicelib.errors import SecurityError
from chalicelib.events import FACTS, Envelope, Event, Position, Record, Shard
from chalicelib.signing import content, identity, unseal
from chalicelib.signing.trust import Trust
from chalicelib.view import View
from ops.naive.given import Log, Reach, parents_first
from ops.naive.subjects import Subject, row_of, text_of, young
from ops.naive.table import Row, Rows, among, check, fits, plain, rows_for, writes_of

__all__ = [
    "End",
    "Fold",
    "Log",
    "Reach",
    "Row",
    "Rows",
    "StoppedError",
    "among",
    "expected",
    "parents_first",
    "plain",
    "rows_for",
]

MEMORY = 256
KEY_MS = 24 * 60 * 60 * 1000
MOST_PARKED = 100
UNEXPECTED = Ignored("expects", "the subject is at another version")

Parked = dict[str, dict[str, str]]


@dataclass
class End:
    """How a shard stands after its last record."""

    clock: int
    parked: Parked
    left: set[str]


class StoppedError(Exception):
    """Too much is parked for all views: the shard goes no further."""


@dataclass
class Fold:
    """What is known while folding; `rows` is the result."""

    deciders: Mapping[str, Any]
    views: Sequence[View]
    trust: Callable[[], Trust]
    rows: Rows = field(default_factory=dict)
    subjects: dict[str, Subject] = field(default_factory=dict)
    keys: dict[tuple[str, str, str], tuple[str, int]] = field(default_factory=dict)
    ends: dict[str, End] = field(default_factory=dict)

    def over(self, logs: Mapping[str, Log], upto: Mapping[str, Reach] | None) -> Self:
        """The shards' records up to these positions (all of them, where None), folded."""
        for name in parents_first(logs):
            self.shard(name, logs[name], None if upto is None else upto.get(name, Reach()))
        return self

    def shard(self, name: str, log: Log, reach: Reach | None) -> None:
        """All records of the shard, the first after what its parents left."""
        before = [self.ends[parent] for parent in log.parents]
        parked: Parked = {}
        for end in before:
            for view, subjects in end.parked.items():
                parked.setdefault(view, {}).update(subjects)
        left = {view for end in before for view in end.left}
        end = End(max((end.clock for end in before), default=0), parked, left)
        for record in log.records:
            end.clock = max(end.clock, record.arrival)
            position = Position(Shard.parse(name), record.sequence)
            found = self.unsealed(position, record, end)
            subject = found.subject if isinstance(found, Envelope) else ""
            if reach is None or reach.holds(subject, record.sequence):
                try:
                    self.record(position, found, end)
                except StoppedError:
                    break
        self.ends[name] = end

    def unsealed(self, position: Position, record: Record, end: End) -> Envelope | str:
        """What the record says, or the code of why that is not believed."""
        try:
            return unseal(
                record.data,
                partition_key=record.key,
                stream=position.shard.stream,
                clock=end.clock,
                trust=self.trust(),
            )
        except SecurityError as doubt:
            return doubt.code

    def record(self, position: Position, found: Envelope | str, end: End) -> None:
        """One record: quarantined, parked, ignored or counted."""
        if isinstance(found, str):
            self.quarantine(position, end, found)
        elif found.subject not in end.parked.get("*", {}):
            self.believed(found, position, end)

    def believed(self, envelope: Envelope, position: Position, end: End) -> None:
        """An envelope that was unsealed: what its model and its subject say."""
        model = FACTS.get(envelope.type)
        decider = self.deciders.get(envelope.subject.partition("/")[0])
        if model is None or decider is None:
            self.park_everywhere(envelope, position, end)
            return
        try:
            event = Event(envelope, model.model_validate(envelope.data), position, end.clock)
        except ValidationError:
            self.quarantine(position, end, "InvalidData", envelope)
            return
        self.judge(event, decider, end)

    def judge(self, event: Event, decider: Any, end: End) -> None:
        """What the subject says of the event, and what then becomes of it."""
        envelope, position = event.envelope, event.position
        before = self.subjects.get(event.subject, Subject())
        memory = young(before, event.clock)
        after = Subject(before.state, before.version, event.clock, memory)
        after.memory = [*memory, (identity(envelope), content(envelope), event.clock)][-MEMORY:]
        said = self.again(envelope, memory, event.clock)
        expected = envelope.expects in (None, before.version)
        outcome: Any = None
        try:
            if said is None:
                outcome = decider.evolve(before.state, event) if expected else UNEXPECTED
                after.take(outcome)
            row = row_of(after)
            check((f"subject@{decider.version}/{event.subject}", event.subject), row)
        except Exception:  # noqa: BLE001  (whatever goes wrong parks the subject)
            self.park_everywhere(envelope, position, end)
            return
        self.subjects[event.subject] = after
        self.rows[f"subject@{decider.version}/{event.subject}", event.subject] = row
        if said == "equivocation":
            self.quarantine(position, end, "Equivocation", envelope)
        elif said is not None:
            self.tell(envelope, position, "ignored", again=True, reason=said)
        elif isinstance(outcome, Ignored):
            self.tell(envelope, position, "ignored", reason=outcome.reason)
        else:
            self.count(event, before, after, end)

    def park_everywhere(self, envelope: Envelope, position: Position, end: End) -> None:
        """The subject stands still in all views."""
        self.park("*", envelope, position, end)
        self.tell(envelope, position, "parked", views=["*"])

    def again(
        self, envelope: Envelope, memory: list[tuple[bytes, bytes, int]], clock: int
    ) -> str | None:
        """Whether the id was judged before: `repeat`, `key-reused` or `equivocation`."""
        if envelope.commandhash is not None:
            used = self.keys.get((envelope.subject, envelope.source, envelope.id))
            if used is not None and clock - used[1] < KEY_MS:
                return "repeat" if used[0] == envelope.commandhash else "key-reused"
        same = {what for who, what, _ in memory if who == identity(envelope)}
        if same:
            return "repeat" if same == {content(envelope)} else "equivocation"
        return None

    def count(self, event: Event, before: Subject, after: Subject, end: End) -> None:
        """A counted event: every view's rows, all or none of a view."""
        failed, written, size = [], 0, 0
        for view in self.views:
            name = str(view)
            if name in end.left or type(event.data) not in view.feeds:
                continue
            if event.subject in end.parked.get(name, {}):
                continue
            try:
                writes = list(writes_of(view, event, before.state, after.state))
                rows, weight = written + len(writes), size + sum(check(k, r) for k, r, _ in writes)
                fits(rows, weight)
            except Exception:  # noqa: BLE001  (whatever goes wrong parks the subject here)
                failed.append(name)
                self.park(name, event.envelope, event.position, end, before)
                continue
            written, size = rows, weight
            for key, row, how in writes:
                how(self.rows, key, row)
        if failed:
            self.tell(event.envelope, event.position, "parked", views=failed)
        elif self.first_use(event.envelope, event.clock):
            self.tell(event.envelope, event.position, "counted")

    def first_use(self, envelope: Envelope, clock: int) -> bool:
        """Whether this event is the first in 24 h under its Idempotency-Key."""
        used = self.keys.get((envelope.subject, envelope.source, envelope.id))
        return envelope.commandhash is not None and (used is None or clock - used[1] >= KEY_MS)

    def park(
        self,
        view: str,
        envelope: Envelope,
        position: Position,
        end: End,
        before: Subject | None = None,
    ) -> None:
        """The subject stands still in the view, from this event on."""
        subject = envelope.subject
        if view == "*" and len(end.parked.get("*", {})) >= MOST_PARKED:
            raise StoppedError
        before = before or self.subjects.get(subject, Subject())
        body = {
            "view": view,
            "subject": subject,
            "since": str(position),
            "state": text_of(before.state),
            "version": before.version,
        }
        row = {"body": body, "listing": "parked", "listed": f"{view} {position}"}
        self.rows[f"parked@{view}/{subject}", subject] = row
        end.parked.setdefault(view, {})[subject] = str(position)
        if view != "*" and len(end.parked[view]) > MOST_PARKED:
            del end.parked[view]
            end.left.add(view)
            self.rows[f"left/{view}", "live"] = {"body": {"view": view}}

    def tell(
        self,
        envelope: Envelope,
        position: Position,
        verdict: str,
        *,
        again: bool = False,
        **more: Any,
    ) -> None:
        """The rows of a verdict: at the position, and of the id unless that has one."""
        body = {
            "id": envelope.id,
            "type": envelope.type,
            "subject": envelope.subject,
            "position": str(position),
            "verdict": verdict,
            **more,
        }
        if verdict != "counted":
            self.rows[f"verdict/{position}", "verdict"] = {"body": body}
        if again:
            return
        key = f"event/{envelope.id}", f"{envelope.subject} {envelope.source}"
        clock = self.subjects.get(envelope.subject, Subject()).clock
        if more.get("views") != ["*"] and self.first_use(envelope, clock):
            used = str(envelope.commandhash), clock
            self.keys[envelope.subject, envelope.source, envelope.id] = used
            self.rows[key] = {"body": body | {"commandhash": envelope.commandhash, "clock": clock}}
        else:
            self.rows[key] = self.rows.get(key, {"body": body})

    def quarantine(
        self, position: Position, end: End, code: str, envelope: Envelope | None = None
    ) -> None:
        """The row of what is not believed."""
        told = {} if envelope is None else {"id": envelope.id, "subject": envelope.subject}
        body = {"position": str(position), "verdict": "quarantined", "reason": code, **told}
        order = f"{end.clock:015d} {position}"
        row = {"body": body, "listing": "quarantine", "listed": order}
        self.rows[f"verdict/{position}", "verdict"] = row


def expected(
    logs: Mapping[str, Log],
    upto: Mapping[str, Reach] | None,
    deciders: Mapping[str, Any],
    views: Sequence[View],
    trust: Callable[[], Trust],
) -> Fold:
    """The fold of the shards' records up to these positions (all of them, where None)."""
    return Fold(deciders, views, trust).over(logs, upto)
