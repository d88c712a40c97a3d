"""What was not believed: every quarantined record, newest first, and how many for each reason.

Position and reason are the table's; arrival, partition key and bytes are the archive's. What a
record holds is shown escaped, and never read. At most `MOST` are counted.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice

from chalicelib import archive, checkpoint, store
from chalicelib.errors import Behind
from chalicelib.events import Position
from chalicelib.projector.rows import verdict_key
from chalicelib.read import stamp
from chalicelib.store import Query, Row
from ops import behind, shown

MOST = 100_000
PAGE = 1000


@dataclass(frozen=True, slots=True)
class Quarantined:
    """One record: where it lies, when it came and under which key, and why it is not believed."""

    position: str
    arrived: str
    code: str
    reason: str
    key: str


@dataclass(frozen=True, slots=True)
class Quarantine:
    """The newest records, and the counts of all; `more` says that not all were counted.

    `behind` are the shards of which not everything is judged yet.
    """

    records: list[Quarantined]
    counts: dict[str, int]
    more: bool
    behind: list[str]


class NotQuarantined(Exception):
    """What lies at a position is not in quarantine."""


def state(limit: int) -> Quarantine:
    """As it is now, with the newest `limit` records."""
    late, rows = behind.shards(), _rows()
    newest = list(islice(rows, limit))
    counts = Counter(row.body["reason"] for row in newest)
    counts.update(row.body["reason"] for row in islice(rows, MOST - len(newest)))
    records = [_told(row)[0] for row in newest]
    return Quarantine(records, dict(counts.most_common()), next(rows, None) is not None, late)


def one(position: Position) -> tuple[Quarantined, bytes]:
    """The record at the position, with its bytes. Raises NotQuarantined, Behind."""
    row = store.get(verdict_key(position))
    if row is not None and row.body["verdict"] == "quarantined":
        return _told(row)
    if not checkpoint.passed(checkpoint.read(position.shard), position):
        raise NotQuarantined(f"nothing is judged yet at {position}")
    raise NotQuarantined(f"what lies at {position} is not quarantined")


def _rows() -> Iterator[Row]:
    query, after = Query("quarantine", index="listing", newest_first=True), None
    while True:
        rows, after = store.page(query, PAGE, after)
        yield from rows
        if after is None:
            return


def _told(row: Row) -> tuple[Quarantined, bytes]:
    position, body = Position.parse(row.body["position"]), row.body
    found = archive.record_at(position)
    if found is None:
        raise Behind(f"the archive has lost the record at {position}")
    record, _ = found
    arrived = stamp(record.arrival)
    told = Quarantined(str(position), arrived, body["reason"], body["detail"], record.key)
    return told, record.data


def show(found: Quarantine) -> None:
    """For a person to read."""
    for record in found.records:
        print(line(record))
    total = sum(found.counts.values())
    if total:
        each = ", ".join(f"{code} {count:,}" for code, count in found.counts.items())
        print(f"{'more than ' if found.more else ''}{total:,} quarantined: {each}")
    else:
        print("Nothing is quarantined.")
    behind.warned(found.behind)


def line(record: Quarantined) -> str:
    """One record in three lines; the position stands alone, to be given to --show."""
    head = f"{record.arrived}  {record.code:<13} {shown.text(record.key)}"
    return f"{head}\n    {shown.text(record.reason)}\n    {record.position}"
