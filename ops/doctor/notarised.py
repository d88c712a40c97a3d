"""The tree head over the archive, without reading the archive: `ops audit` does that.

The head is believed, is the newest bundle's, and every shard is at least as long as the tree says.
It also tells whether the sweep runs: what it does each minute is done.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from chalicelib import archive, config, notary
from chalicelib.archive import gaps, objects
from chalicelib.errors import Behind, SecurityError
from chalicelib.events import Shard
from chalicelib.notary import kept
from chalicelib.notary.bundle import EMPTY, Bundle
from chalicelib.signing import keys, note
from chalicelib.signing.note import TreeHead

LATE_S = 600
LOOK_LATE_S = 3 * 3600
STILL = "THE SWEEP STANDS STILL"
NEXT = "Is the rule of `sweep` disabled? Does it fail: `sweep-failed`, `not-notarised` in its log?"


@dataclass(frozen=True, slots=True)
class Tree:
    """The head, and the bundle that it should be over; what could not be believed, as sentences.

    `waiting` are the segments that lie there and are not entered: the first of each shard, and for
    how long. `unsigned_s` says for how long the tree has been larger than its head, and `looked_s`
    how long nobody has looked at the stream; None where nobody ever did.
    """

    head: TreeHead | None
    newest: Bundle
    ends: Mapping[Shard, int]
    waiting: Mapping[tuple[Shard, int], int]
    unsigned_s: int
    looked_s: int | None
    doubts: Sequence[str]


def read(shards: Sequence[Shard], at: int) -> Tree:
    """As it is, at this time (ms)."""
    head, doubts = _head()
    try:
        newest = kept.newest() or EMPTY
    except Behind as damage:
        newest, doubts = EMPTY, [*doubts, f"the tree is damaged: {damage}"]
    seen = gaps.seen(config.settings().stream)
    return Tree(
        head=head,
        newest=newest,
        ends={shard: archive.tail(shard).last for shard in shards},
        waiting={} if doubts else dict(_waiting(shards, newest, at)),
        unsigned_s=0 if doubts else _unsigned_s(head, newest, at),
        looked_s=None if seen is None else (at - seen.looked) // 1000,
        doubts=doubts,
    )


def _head() -> tuple[TreeHead | None, list[str]]:
    found = kept.head()
    if found is None:
        return None, []
    try:
        return note.opened(found.note, notary.origin(), keys.trust().notaries()), []
    except SecurityError as doubt:
        return None, [f"tree-head is not to be believed: {doubt}"]


def _waiting(
    shards: Sequence[Shard], newest: Bundle, at: int
) -> Iterator[tuple[tuple[Shard, int], int]]:
    for shard in shards:
        for before in archive.names_after(shard, newest.ends.get(shard, 0), 1):
            put_at = objects.put_at(archive.name_of(shard, before))
            yield (shard, before), (at - put_at) // 1000


def _unsigned_s(head: TreeHead | None, newest: Bundle, at: int) -> int:
    size = 0 if head is None else head.size
    if size >= newest.size:
        return 0
    return (at - objects.put_at(kept.name(kept.holding(size).before))) // 1000


def wrong(tree: Tree) -> Iterator[str]:
    """What does not hold, and the sweep that stopped."""
    yield from tree.doubts
    size = tree.newest.size
    if tree.head is not None and tree.head.size > size:
        yield f"tree-head is over {tree.head.size} leaves, the tree has {size}: rolled back"
    elif tree.head is not None and tree.head.size == size and tree.head.root != tree.newest.root:
        yield "tree-head is signed over another tree than the one here: a split view"
    for shard, end in tree.newest.ends.items():
        if tree.ends.get(shard, 0) < end:
            yield f"{shard}: what was notarised up to {end} is gone: `ops audit` says what"
    for (shard, before), seconds in tree.waiting.items():
        if seconds > LATE_S:
            what = f"the segment after {before} lies there for {seconds} s and is not notarised"
            yield f"{STILL}: {shard}: {what}. {NEXT}"
    if tree.unsigned_s > LATE_S:
        what = f"for {tree.unsigned_s} s the tree has been larger than what its head is signed over"
        yield f"{STILL}: {what}. {NEXT}"
    if tree.looked_s is not None and tree.looked_s > LOOK_LATE_S:
        yield f"{STILL}: for {tree.looked_s} s nobody has looked at the stream. {NEXT}"


def told(tree: Tree) -> str:
    """In a line."""
    size = 0 if tree.head is None else tree.head.size
    waiting = f"{len(tree.waiting):,} shards have newer ones" if tree.waiting else "none is newer"
    return f"tree head over {size:,} segments, {waiting}"
