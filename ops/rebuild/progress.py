"""How far a candidate is, for a person: in hundredths of the time that the log spans."""

from __future__ import annotations

from collections.abc import Callable
from statistics import fmean

from chalicelib import archive, checkpoint
from chalicelib.checkpoint import Checkpoint
from chalicelib.events import Position, Shard

WHOLE = 100


class Progress:
    """`step` is called `WHOLE` times while the candidate is built."""

    def __init__(self, step: Callable[[], None] = lambda: None) -> None:
        self._step, self._told = step, 0

    def built(self, version: str) -> int:
        """A number that changes while the candidate comes further; what is new of it is told."""
        shards = archive.shards()
        own, live = checkpoint.all_of(shards, version), checkpoint.all_of(shards)
        parts = [_part(s, own.get(s), version, live.get(s)) for s in shards]
        now = int(WHOLE * fmean(parts)) if parts else 0
        for _ in range(now - self._told):
            self._step()
        self._told = max(self._told, now)
        return sum(found.position for found in own.values())

    def whole(self) -> None:
        """It is all there."""
        for _ in range(WHOLE - self._told):
            self._step()
        self._told = WHOLE


def _part(shard: Shard, own: Checkpoint | None, version: str, live: Checkpoint | None) -> float:
    if live is not None and version in live.views:
        return 1.0
    if own is None or own.position == 0:
        return 0.0
    here, end = archive.segment_at(Position(shard, own.position)), archive.tail(shard)
    begun = archive.get(shard, 0).records[0].arrival
    if here is None or end.clock <= begun:
        return 1.0
    return min(1.0, max(0.0, (here.tail.clock - begun) / (end.clock - begun)))
