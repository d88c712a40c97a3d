"""The tree head over the archive, without reading the archive: `ops audit` does that.

The head is believed, is the newest bundle's, and every shard is at least as long as the tree says.
It also tells whether the sweep runs: what it does each minute is done.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

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
    how long. `damaged` says of which shards that cannot be told, and why; `newest` is None where
    the tree is. `unsigned_s` says for how long the tree has been larger than its head, `looked_s`
    for how long nobody has looked at the stream; None where nobody ever did.
    """

    head: TreeHead | None
    newest: Bundle | None
    ends: Mapping[Shard, int]
    waiting: Mapping[tuple[Shard, int], int]
    unsigned_s: int
    looked_s: int | None
    doubts: Sequence[str]
    damaged: Mapping[Shard, str] = field(default_factory=dict)


def read(shards: Sequence[Shard], at: int) -> Tree:
    """As it is, at this time (ms)."""
    head, doubts = _head()
    newest, unsigned_s = None, 0
    try:
        newest = kept.newest() or EMPTY
        unsigned_s = _unsigned_s(head, newest, at)
    except Behind as damage:
        doubts.append(f"the tree is damaged: {damage}")
    ends, waiting, damaged = _read_shards(shards, newest, at)
    seen = gaps.seen(config.settings().stream)
    return Tree(
        head=head,
        newest=newest,
        ends=ends,
        waiting={} if doubts else waiting,
        unsigned_s=0 if doubts else unsigned_s,
        looked_s=None if seen is None else (at - seen.looked) // 1000,
        doubts=doubts,
        damaged=damaged,
    )


def _head() -> tuple[TreeHead | None, list[str]]:
    found = kept.head()
    if found is None:
        return None, []
    try:
        return note.opened(found.note, notary.origin(), keys.trust().notaries()), []
    except SecurityError as doubt:
        return None, [f"tree-head is not to be believed: {doubt}"]


def _read_shards(
    shards: Sequence[Shard], newest: Bundle | None, at: int
) -> tuple[dict[Shard, int], dict[tuple[Shard, int], int], dict[Shard, str]]:
    """Where each ends, what of it waits, and what cannot be told."""
    entered = {} if newest is None else newest.ends
    ends: dict[Shard, int] = {}
    waiting: dict[tuple[Shard, int], int] = {}
    damaged: dict[Shard, str] = {}
    for shard in shards:
        try:
            ends[shard] = archive.tail(shard).last
            for before in archive.names_after(shard, entered.get(shard, 0), 1):
                put_at = objects.put_at(archive.name_of(shard, before))
                waiting[shard, before] = (at - put_at) // 1000
        except Behind as damage:
            damaged[shard] = str(damage)
    return ends, waiting, damaged


def _unsigned_s(head: TreeHead | None, newest: Bundle, at: int) -> int:
    size = 0 if head is None else head.size
    if size >= newest.size:
        return 0
    return (at - objects.put_at(kept.name(kept.holding(size).before))) // 1000


def wrong(tree: Tree) -> Iterator[str]:
    """What does not hold, and the sweep that stopped."""
    yield from tree.doubts
    yield from (f"{damage}: nothing after that is notarised" for damage in tree.damaged.values())
    if tree.newest is not None:
        yield from _at_odds(tree, tree.newest)
    for (shard, before), seconds in tree.waiting.items():
        if seconds > LATE_S:
            what = f"the segment after {before} lies there for {seconds} s and is not notarised"
            yield f"{STILL}: {shard}: {what}. {NEXT}"
    if tree.unsigned_s > LATE_S:
        what = f"for {tree.unsigned_s} s the tree has been larger than what its head is signed over"
        yield f"{STILL}: {what}. {NEXT}"
    if tree.looked_s is not None and tree.looked_s > LOOK_LATE_S:
        yield f"{STILL}: for {tree.looked_s} s nobody has looked at the stream. {NEXT}"


def _at_odds(tree: Tree, newest: Bundle) -> Iterator[str]:
    size = newest.size
    if tree.head is not None and tree.head.size > size:
        yield f"tree-head is over {tree.head.size} leaves, the tree has {size}: rolled back"
    elif tree.head is not None and tree.head.size == size and tree.head.root != newest.root:
        yield "tree-head is signed over another tree than the one here: a split view"
    for shard, end in newest.ends.items():
        if shard not in tree.damaged and tree.ends.get(shard, 0) < end:
            yield f"{shard}: what was notarised up to {end} is gone: `ops audit` says what"


def told(tree: Tree) -> str:
    """In a line."""
    size = 0 if tree.head is None else tree.head.size
    waiting = f"{len(tree.waiting):,} shards have newer ones" if tree.waiting else "none is newer"
    return f"tree head over {size:,} segments, {waiting}"
