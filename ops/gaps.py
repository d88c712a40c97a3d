"""Where records may have expired from the stream before anybody archived them, in sentences."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

from chalicelib.archive import Gap, gaps
from chalicelib.events import Shard


def told() -> Iterator[str]:
    """Each gap that was put, whether a segment follows it or not."""
    try:
        for shard, before, gap in gaps.every():
            yield sentence(shard, before, gap)
    except ValueError as flaw:
        yield f"gaps/ holds what is none, and what follows it was not read: {flaw}"


def sentence(shard: Shard, before: int, gap: Gap) -> str:
    """The shard, the span, and where it stands in the archive."""
    after = f"after the record {before}" if before else "before its first record"
    span = f"arrived from {stamp(gap.since)} on may have expired unread, {after}"
    return f"{shard}: a gap: what {span}; found at {stamp(gap.found)}"


def stamp(ms: int) -> str:
    """To the second; a number that is no time is shown as it is."""
    try:
        return datetime.fromtimestamp(ms / 1000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    except (OverflowError, OSError, ValueError):
        return str(ms)
