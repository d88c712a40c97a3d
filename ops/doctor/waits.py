"""What waits in the stream beyond the end of the archive, and whether somebody takes it.

A consumer that stopped raises nothing and writes nothing: what tells is that records wait, and the
archive does not move.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

from chalicelib import archive, config, log
from chalicelib.archive import EMPTY
from chalicelib.errors import Behind
from chalicelib.events import Shard
from ops.gaps import stamp

STILL_MS = 60_000
SLOW_MS = 300_000
PATIENCE_S, PAUSE_S = 5.0, 0.2
TOGETHER = 8


@dataclass(frozen=True, slots=True)
class Wait:
    """What waits of a shard, the first `since` (ms); `more` says that not all was counted.

    `archived` is the end of its archive; `another`, that the shard begins after that: it was made
    anew. `taken`, that the archive moved, or a parent comes first. `damage` says why the
    end cannot be read: then nothing else is known.
    """

    shard: str
    records: int
    more: bool
    since: int | None
    archived: int
    another: bool
    taken: bool
    damage: str | None = None

    def for_ms(self, at: int) -> int:
        """How long the first has waited."""
        return 0 if self.since is None else max(0, at - self.since)


def read() -> list[Wait]:
    """Of each shard that the stream lists."""
    begins = log.listed(config.settings().stream)
    with ThreadPoolExecutor(TOGETHER) as pool:
        return list(pool.map(_wait, begins, begins.values()))


def _wait(shard: Shard, begins: int) -> Wait:
    try:
        tail = archive.tail(shard)
    except Behind as flaw:
        return Wait(str(shard), 0, False, None, 0, another=False, taken=True, damage=str(flaw))
    another = tail != EMPTY and tail.last < begins
    found = log.waiting(shard, 0 if another else tail.last)
    return Wait(
        shard=str(shard),
        records=found.records,
        more=not found.whole,
        since=found.oldest,
        archived=tail.last,
        another=another,
        taken=True,
    )


def settled(waits: Sequence[Wait], at: int) -> list[Wait]:
    """The same, some time later: of what waits for long it is known now whether it is taken."""
    waiting = {each.shard for each in waits if each.records}
    until = time.monotonic() + PATIENCE_S
    return [
        each if each.for_ms(at) < STILL_MS else replace(each, taken=_is_taken(each, waiting, until))
        for each in waits
    ]


def _is_taken(wait: Wait, waiting: set[str], until: float) -> bool:
    shard = Shard.parse(wait.shard)
    if waiting & set(map(str, log.ancestors(shard))):
        return True
    while (moved := archive.tail(shard).last > wait.archived) or time.monotonic() < until:
        if moved:
            return True
        time.sleep(PAUSE_S)
    return False


def wrong(waits: Sequence[Wait], at: int) -> Iterator[str]:
    """Each shard that nobody reads, or that is read too slowly."""
    for each in waits:
        if each.damage is not None:
            yield f"{STILL} once it starts anew: {each.damage}; nothing can be put after that"
        for_ms = each.for_ms(at)
        if for_ms < STILL_MS or each.since is None:
            continue
        many = f"{'more than ' if each.more else ''}{each.records:,} records wait in the stream"
        since = f"the first since {stamp(each.since)} ({for_ms // 1000} s)"
        if not each.taken and each.another:
            what = "the shard begins after the end of its archive, so its stream was made anew"
            yield f"{STILL}: {each.shard}: {many}, {since}: {what} (docs/resharding.md)"
        elif not each.taken:
            yield f"{STILL}: {each.shard}: {many}, {since}, and none is archived. {NEXT}"
        elif for_ms > SLOW_MS:
            yield f"{each.shard}: {many}, {since}: it is read, and too slowly"


STILL = "THE CONSUMER STANDS STILL"
NEXT = (
    "Is the mapping of `project` disabled, or gone? Do its batches fail: `batch-failed` in its "
    "log? What waits is lost once the stream keeps it no longer"
)


def told(waits: Sequence[Wait], at: int) -> str:
    """All shards in a line."""
    records, more = sum(each.records for each in waits), any(each.more for each in waits)
    oldest = max((each.for_ms(at) for each in waits), default=0) // 1000
    if not records:
        return f"{len(waits)} shards of the stream, all that is in them is archived"
    many = f"{'more than ' if more else ''}{records:,} records"
    return f"{len(waits)} shards of the stream, {many} wait, the first for {oldest:,} s"
