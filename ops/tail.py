"""The log as events with their verdicts, oldest first: what the archive holds, read and no more.

An event is told once the checkpoint of its shard has passed it, or after a second of waiting as
`waiting`. What it says of itself is shown unverified beside the verdict that says what to think
of it; of its data nothing is shown.
"""

from __future__ import annotations

import time
from collections import deque
from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING, Any

from chalicelib import archive, checkpoint, store, verdicts
from chalicelib.checkpoint import Checkpoint
from chalicelib.events import Position, Record, Shard
from chalicelib.projector.rows import verdict_key
from chalicelib.read import stamp
from ops import shown

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from chalicelib.archive import Segment
    from chalicelib.store import Row

PAUSE_S = 0.2
LIST_S = 5.0
PATIENCE_S = 1.0


@dataclass(frozen=True, slots=True)
class Told:
    """One event: when it arrived, what it says it is, and what became of it."""

    arrived: str
    type: str | None
    subject: str | None
    actor: str | None
    id: str | None
    verdict: str
    reason: str | None
    position: str


def latest(most: int) -> list[Told]:
    """The last events of all shards, in the order of their arrival."""
    found = [(shard, record) for shard in archive.shards() for record in _last_of(shard, most)]
    found.sort(key=lambda each: each[1].arrival)
    return _told(found[-most:])


def follow(most: int) -> Iterator[Told]:
    """The last events, and then those that come, without end."""
    heads = {shard: _end(shard) for shard in archive.shards()}
    yield from latest(most) if most else ()
    listed = since = time.monotonic()
    while True:
        news = {shard: list(archive.read_after(shard, end)) for shard, end in heads.items()}
        if not any(news.values()):
            since = time.monotonic()
        elif _judged(news) or time.monotonic() - since > PATIENCE_S:
            yield from _told(_in_order(news))
            heads |= {shard: segments[-1].last for shard, segments in news.items() if segments}
            continue
        if time.monotonic() - listed > LIST_S:
            heads = dict.fromkeys(archive.shards(), 0) | heads
            listed = time.monotonic()
        time.sleep(PAUSE_S)


def _end(shard: Shard) -> int:
    """The last record that the archive holds of the shard."""
    return archive.tail(shard).last


def _last_of(shard: Shard, most: int) -> list[Record]:
    """The last records of a shard, segment by segment from its end."""
    records: deque[Record] = deque()
    before = archive.head(shard)
    while before is not None and len(records) < most:
        segment = next(archive.read_after(shard, before))
        records.extendleft(reversed(segment.records))
        before = segment.previous
    return list(records)[-most:] if most else []


def _judged(news: dict[Shard, list[Segment]]) -> bool:
    """Whether all of it is counted, ignored, parked or quarantined."""
    reached = checkpoint.all_of([shard for shard, segments in news.items() if segments])
    return all(
        shard in reached and reached[shard].position >= segments[-1].last
        for shard, segments in news.items()
        if segments
    )


def _in_order(news: dict[Shard, list[Segment]]) -> list[tuple[Shard, Record]]:
    segments = chain.from_iterable(news.values())
    found = [(segment.shard, record) for segment in segments for record in segment.records]
    return sorted(found, key=lambda each: each[1].arrival)


def _told(found: Sequence[tuple[Shard, Record]]) -> list[Told]:
    reached = checkpoint.all_of(list({shard for shard, _ in found}))
    places = [Position(shard, record.sequence) for shard, record in found]
    rows = store.read([verdict_key(place) for place in places])
    told = []
    for (shard, record), place in zip(found, places, strict=True):
        said = verdicts.payload(record.data)
        body = _verdict(rows.get(verdict_key(place)), reached.get(shard), said, place)
        told.append(
            Told(
                arrived=stamp(record.arrival),
                **{name: shown.claim(said, name) for name in ("type", "subject", "actor", "id")},
                verdict=body["verdict"],
                reason=body.get("reason"),
                position=str(place),
            )
        )
    return told


def _verdict(
    row: Row | None, reached: Checkpoint | None, said: dict[str, Any], place: Position
) -> dict[str, Any]:
    """What anybody may know of it; all that is not judged yet waits."""
    if reached is None or not checkpoint.passed(reached, place):
        return {"verdict": "waiting"}
    return dict(verdicts.tell(row, reached, said, place))


def line(told: Told) -> str:
    """For a person: nothing in it speaks to the terminal."""
    kind = (told.type or "?").removeprefix("tillstream.")
    why = f" ({told.reason})" if told.reason else ""
    subject, actor = told.subject or "?", told.actor or "?"
    said = f"{told.verdict + why:<24} {kind:<28} {subject:<24} {actor}"
    return f"{told.arrived[11:]}  {shown.text(said)}"
