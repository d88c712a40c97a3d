"""The archive's logs, as the naive fold takes them: read segment by segment, and held nowhere."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain

from chalicelib import archive, config
from chalicelib.archive import Segment
from chalicelib.events import Record, Shard
from ops import naive

Step = Callable[[], None]


@dataclass(slots=True)
class Count:
    """How many records were read."""

    seen: int = 0


def segments() -> int:
    """How many segments there are to read."""
    pages = config.client("s3").get_paginator("list_objects_v2")
    found = pages.paginate(Bucket=config.settings().archive_bucket, Prefix="segments/")
    return sum(page.get("KeyCount", 0) for page in found)


def read(
    shards: Sequence[Shard], step: Step = lambda: None, count: Count | None = None
) -> dict[str, naive.Log]:
    """Each shard's log by its name. `step` is called after each segment."""
    return {str(shard): _log(shard, step, count or Count()) for shard in shards}


def _log(shard: Shard, step: Step, count: Count) -> naive.Log:
    segments = archive.read_after(shard, 0)
    first = next(iter(segments), None)
    if first is None:
        return naive.Log((), ())
    return naive.Log(first.parents, _records(chain([first], segments), step, count))


def _records(segments: Iterator[Segment], step: Step, count: Count) -> Iterator[Record]:
    for segment in segments:
        yield from segment.records
        count.seen += len(segment.records)
        step()
