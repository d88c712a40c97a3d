"""What lies under segments/, beside what the tree says of it; and how segments hang together."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import NamedTuple

from chalicelib import archive
from chalicelib.archive import objects
from chalicelib.events import Shard
from ops.audit.records import Read
from ops.audit.tree import Notarised

CHUNK = 16
FOLDER = "segments/"
NAME = re.compile(r"segments/([A-Za-z0-9_.-]+)/(shardId-[0-9]{12})/([0-9]{56})\.jsonl\.gz")


class Chunk(NamedTuple):
    """Segments of one shard that follow each other: the `before` of each, and what its leaf is."""

    shard: Shard
    segments: tuple[tuple[int, bytes | None], ...]


@dataclass(slots=True)
class Listed:
    """What is to be read, and what is wrong with the names alone."""

    chunks: list[Chunk] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)


def listed(notarised: Notarised) -> Listed:
    """Every segment that there is, and every one that there should be."""
    found, names = Listed(), _names()
    leaves: dict[Shard, dict[int, bytes]] = {}
    ends: dict[Shard, int] = {}
    for leaf in notarised.leaves:
        if leaf.before != ends.get(leaf.shard, 0):
            found.wrong.append(f"the tree is broken: a gap in {leaf.shard} before {leaf.before}")
        leaves.setdefault(leaf.shard, {})[leaf.before] = leaf.hash
        ends[leaf.shard] = leaf.last
    found.wrong += [f"{name} is no segment: it was inserted" for name in names.pop(None, ())]
    there = {shard: sorted(map(_before, each)) for shard, each in names.items() if shard}
    for shard in sorted(there.keys() | leaves.keys()):
        wanted, end = leaves.get(shard, {}), ends.get(shard, 0)
        befores = there.get(shard, [])
        found.wrong += list(_misplaced(shard, befores, wanted, end))
        found.chunks += list(_chunks(shard, befores, wanted))
    return found


def _misplaced(
    shard: Shard, befores: Sequence[int], wanted: dict[int, bytes], end: int
) -> Iterator[str]:
    for before in sorted(wanted.keys() - set(befores)):
        yield f"{shard}: the segment after {before} was notarised, and is gone"
    for before in befores:
        if before < end and before not in wanted:
            yield f"{shard}: the segment after {before} was inserted among notarised ones"


def _chunks(shard: Shard, befores: Sequence[int], wanted: dict[int, bytes]) -> Iterator[Chunk]:
    for at in range(0, len(befores), CHUNK):
        some = befores[at : at + CHUNK]
        yield Chunk(shard, tuple((before, wanted.get(before)) for before in some))


def _names() -> dict[Shard | None, list[str]]:
    """The names by shard; under None those that are no segment's."""
    found: dict[Shard | None, list[str]] = {}
    for name in objects.names(FOLDER):
        parts = NAME.fullmatch(name)
        found.setdefault(parts and Shard(parts[1], parts[2]), []).append(name)
    return found


def _before(name: str) -> int:
    return archive.MAX - int(name.rpartition("/")[2].removesuffix(archive.ENDING))


def unlinked(found: Sequence[Read]) -> Iterator[str]:
    """Where one run of segments does not follow on the one before it in its shard."""
    links = [link for read in found for link in read.links]
    seen: set[Shard] = set()
    for link in links:
        if link.shard not in seen and (link.before, link.previous) != (0, None):
            yield f"{link.shard}: what comes before {link.before} is gone"
        seen.add(link.shard)
    for one, next_ in pairwise(links):
        follows = (one.last, one.before, one.clock_after)
        if one.shard == next_.shard and (next_.before, next_.previous, next_.clock) != follows:
            yield f"{one.shard}: a gap, or another chain: {next_.before} does not follow {one.last}"
