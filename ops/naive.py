"""The second fold: the rows that a log comes to, worked out in the most naive way there is.

One shard after another (parents first, older streams before newer), one record at a time, plain
dicts. It shares with the projector what a shop means (`unseal`, the models, the deciders' `evolve`,
the views' reducers) and none of the engine: no chunk, no checkpoint, no merge, no transaction.
What the two agree on is therefore not an accident of the engine.

A row here is a dict of what lies in the table, by (pk, sk); `detail` is prose and is left out.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, NamedTuple

from pydantic import ValidationError

from chalicelib.decisions.subject import Ignored
from chalicelib.errors import SecurityError
from chalicelib.events import FACTS, Envelope, Event, Position, Record, Shard
from chalicelib.signing import content, identity, unseal
from chalicelib.signing.trust import Trust
from chalicelib.store import Add, Delete, Put
from chalicelib.view import View

MEMORY = 256
MEMORY_S = 90
KEY_MS = 24 * 60 * 60 * 1000
MOST_ROWS = 80
MOST_PARKED = 100
ROW_BYTES = 350_000
EVENT_BYTES = 3_000_000

Row = dict[str, Any]
Rows = dict[tuple[str, str], Row]
Parked = dict[str, dict[str, str]]


@dataclass(frozen=True)
class Log:
    """One shard's records in order, and the shards that it came from."""

    parents: Sequence[str]
    records: Iterable[Record]


@dataclass
class _Subject:
    state: Any = None
    version: int = 0
    clock: int = 0
    memory: list[tuple[bytes, bytes, int]] = field(default_factory=list)


@dataclass
class _End:
    """How a shard stands after its last record."""

    clock: int
    parked: Parked
    left: set[str]


class Reach(NamedTuple):
    """How far the rows of a shard are, as its checkpoint says: see chalicelib.checkpoint.Ahead."""

    position: int = 0
    ahead: tuple[int, str, int] | None = None

    @classmethod
    def of(cls, body: Mapping[str, Any]) -> Reach:
        """What the body of a checkpoint's row says."""
        to, subject, sequence = body["ahead"] or (0, "", 0)
        return cls(int(body["position"]), (int(to), subject, int(sequence)))

    def holds(self, subject: str, sequence: int) -> bool:
        """Whether the rows have this record in them."""
        if sequence <= self.position:
            return True
        to, *done = self.ahead or (0, "", 0)
        return sequence <= to and [subject, sequence] <= done


@dataclass
class Fold:
    """What is known while folding; `rows` is the result."""

    deciders: Mapping[str, Any]
    views: Sequence[View]
    trust: Callable[[], Trust]
    rows: Rows = field(default_factory=dict)
    subjects: dict[str, _Subject] = field(default_factory=dict)
    keys: dict[tuple[str, str, str], tuple[str, int]] = field(default_factory=dict)
    ends: dict[str, _End] = field(default_factory=dict)

    def shard(self, name: str, log: Log, reach: Reach | None) -> None:
        """All records of the shard, the first after what its parents left."""
        before = [self.ends[parent] for parent in log.parents]
        parked: Parked = {}
        for end in before:
            for view, subjects in end.parked.items():
                parked.setdefault(view, {}).update(subjects)
        left = {view for end in before for view in end.left}
        end = _End(max((end.clock for end in before), default=0), parked, left)
        for record in log.records:
            end.clock = max(end.clock, record.arrival)
            position = Position(Shard.parse(name), record.sequence)
            found = self.unsealed(position, record, end)
            subject = found.subject if isinstance(found, Envelope) else ""
            if reach is None or reach.holds(subject, record.sequence):
                self.record(position, found, end)
        self.ends[name] = end

    def unsealed(self, position: Position, record: Record, end: _End) -> Envelope | str:
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

    def record(self, position: Position, found: Envelope | str, end: _End) -> None:
        """One record: quarantined, parked, ignored or counted."""
        if isinstance(found, str):
            self.quarantine(position, end, found)
        elif found.subject not in end.parked.get("*", {}):
            self.believed(found, position, end)

    def believed(self, envelope: Envelope, position: Position, end: _End) -> None:
        """An envelope that was unsealed: what its model and its subject say."""
        model = FACTS.get(envelope.type)
        decider = self.deciders.get(envelope.subject.partition("/")[0])
        if model is None or decider is None:
            self.park("*", envelope, position, end)
            self.tell(envelope, position, "parked", views=["*"])
            return
        try:
            event = Event(envelope, model.model_validate(envelope.data), position, end.clock)
        except ValidationError:
            self.quarantine(position, end, "InvalidData", envelope)
            return
        self.judge(event, decider, end)

    def judge(self, event: Event, decider: Any, end: _End) -> None:
        """What the subject says of the event, and what then becomes of it."""
        envelope, position = event.envelope, event.position
        before = self.subjects.get(event.subject, _Subject())
        memory = _young(before, event.clock)
        after = _Subject(before.state, before.version, event.clock, memory)
        after.memory = [*memory, (identity(envelope), content(envelope), event.clock)][-MEMORY:]
        said = self.again(envelope, memory, event.clock)
        outcome: Any = None
        try:
            if said is None and envelope.expects in (None, before.version):
                outcome = decider.evolve(before.state, event)
                if not isinstance(outcome, Ignored):
                    after.state = outcome
                    after.version += outcome != before.state
            row = _subject_row(after)
            _check((f"subject@{decider.version}/{event.subject}", event.subject), row)
        except Exception:  # noqa: BLE001  (whatever goes wrong parks the subject)
            self.park("*", envelope, position, end)
            self.tell(envelope, position, "parked", views=["*"])
            return
        self.subjects[event.subject] = after
        self.rows[f"subject@{decider.version}/{event.subject}", event.subject] = row
        if said == "equivocation":
            self.quarantine(position, end, "Equivocation", envelope)
        elif said is not None:
            self.tell(envelope, position, "ignored", again=True, reason=said)
        elif outcome is None:
            self.tell(envelope, position, "ignored", reason="expects")
        elif isinstance(outcome, Ignored):
            self.tell(envelope, position, "ignored", reason=outcome.reason)
        else:
            self.count(event, before, after, end)

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

    def count(self, event: Event, before: _Subject, after: _Subject, end: _End) -> None:
        """A counted event: every view's rows, all or none of a view."""
        failed, written, size = [], 0, 0
        for view in self.views:
            name = str(view)
            if name in end.left or type(event.data) not in view.feeds:
                continue
            if event.subject in end.parked.get(name, {}):
                continue
            try:
                writes = list(_writes(view, event, before.state, after.state))
                rows, weight = written + len(writes), size + sum(_check(k, r) for k, r, _ in writes)
                if rows > MOST_ROWS or weight > EVENT_BYTES:
                    raise ValueError("too much for one event")
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
        end: _End,
        before: _Subject | None = None,
    ) -> None:
        """The subject stands still in the view, from this event on."""
        subject = envelope.subject
        before = before or self.subjects.get(subject, _Subject())
        body = {
            "view": view,
            "subject": subject,
            "since": str(position),
            "state": _text(before.state),
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
        clock = self.subjects.get(envelope.subject, _Subject()).clock
        if more.get("views") != ["*"] and self.first_use(envelope, clock):
            self.keys[envelope.subject, envelope.source, envelope.id] = envelope.commandhash, clock
            self.rows[key] = {"body": body | {"commandhash": envelope.commandhash, "clock": clock}}
        else:
            self.rows.setdefault(key, {"body": body})

    def quarantine(
        self, position: Position, end: _End, code: str, envelope: Envelope | None = None
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
    fold = Fold(deciders, views, trust)
    for name in parents_first(logs):
        fold.shard(name, logs[name], None if upto is None else upto.get(name, Reach()))
    return fold


def parents_first(logs: Mapping[str, Log]) -> Iterator[str]:
    """The shards' names, each after all of its parents."""
    done: set[str] = set()
    while len(done) < len(logs):
        for name, log in logs.items():
            if name not in done and done.issuperset(log.parents):
                done.add(name)
                yield name


def _young(subject: _Subject, clock: int) -> list[tuple[bytes, bytes, int]]:
    if clock - subject.clock > MEMORY_S * 1000:
        return []
    return [one for one in subject.memory if clock // 1000 - one[2] // 1000 <= MEMORY_S]


def _text(state: Any) -> str | None:
    return None if state is None else str(state.model_dump_json(by_alias=True))


def _subject_row(subject: _Subject) -> Row:
    seconds = ((clock // 1000 % 65536).to_bytes(2, "big") for _, _, clock in subject.memory)
    entries = zip(subject.memory, seconds, strict=True)
    blob = b"".join(who + what + when for (who, what, _), when in entries)
    body = {"state": _text(subject.state), "version": subject.version, "clock": subject.clock}
    return {"body": body, "blob": blob} if blob else {"body": body}


How = Callable[[Rows, tuple[str, str], Row], None]


def _writes(
    view: View, event: Event, before: Any, after: Any
) -> Iterator[tuple[tuple[str, str], Row, How]]:
    """What the reducer says, as rows of the table; it may touch its own rows only."""
    whole = re.compile(rf"(?<![A-Za-z0-9._~/-]){re.escape(event.subject)}(?![A-Za-z0-9._~-])")
    for write in islice(view.reduce(event, before, after), MOST_ROWS + 1):
        key = f"{view}/{write.key.pk}", write.key.sk
        if not isinstance(write, Add) and not whole.search(key[1]):
            raise ValueError("not its subject's own row")
        match write:
            case Put(body=body, listing=None):
                yield key, {"body": body}, _put
            case Put(body=body, listing=(listing, listed)):
                row = {"body": body, "listing": f"{view}/{listing}", "listed": listed}
                yield key, row, _put
            case Delete():
                yield key, {}, _delete
            case Add(amount=amount, ranking=ranking):
                ranked = {} if ranking is None else {"ranking": f"{view}/{ranking}"}
                yield key, {"rank": amount, **ranked}, _add
            case _:
                raise TypeError("a view puts, deletes or adds")


def _put(rows: Rows, key: tuple[str, str], row: Row) -> None:
    rows[key] = json.loads(json.dumps(row))


def _delete(rows: Rows, key: tuple[str, str], _: Row) -> None:
    rows.pop(key, None)


def _add(rows: Rows, key: tuple[str, str], row: Row) -> None:
    rows[key] = row | {"rank": rows.get(key, {}).get("rank", 0) + row["rank"]}


def _check(key: tuple[str, str], row: Row) -> int:
    """The row's bytes. Raises ValueError where DynamoDB would refuse it."""
    lengths = [len(part.encode()) for part in key]
    ordered = [len(row[name].encode()) for name in ("listing", "listed", "ranking") if name in row]
    amount = row.get("rank", 0)
    if not (0 < lengths[0] <= 2048 and 0 < lengths[1] <= 1024):
        raise ValueError("a key too long, or empty")
    if any(not 0 < length <= 1024 for length in ordered):
        raise ValueError("an index key too long, or empty")
    if type(amount) is not int or len(str(abs(amount))) > 38:
        raise ValueError("not a number of 38 digits")
    text = json.dumps(
        row.get("body", {}), ensure_ascii=False, allow_nan=False, separators=(",", ":")
    )
    size = sum(lengths) + sum(ordered) + len(text.encode()) + len(row.get("blob", b"")) + 100
    if size > ROW_BYTES:
        raise ValueError("a row too large")
    return size
