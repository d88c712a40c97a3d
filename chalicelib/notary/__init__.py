"""The notary: each sweep enters the new segments of all shards into one tree, and signs its head.

    leaf    what the tree knows of a segment
    bundle  the leaves that one sweep added
    kept    where the tree is kept; the only part that reads and writes
    proof   what shows that a record is under a tree head

A bundle is put before a head is signed over it, and only one bundle can follow another: so however
many sweeps race or die, no two signed heads disagree. Ed25519 is deterministic, so whoever finds a
bundle whose head was never published publishes that very head.

A segment that cannot be read is not entered, nor is what follows it in its shard: `ops audit` says
which one. Nor is anything of a shard where something else is met among them, until it is gone.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from concurrent.futures import Executor, ThreadPoolExecutor

from chalicelib import archive, config, telemetry
from chalicelib.errors import Behind, CloudFailure, SecurityError
from chalicelib.events import Shard
from chalicelib.notary import kept
from chalicelib.notary.bundle import EMPTY, Bundle
from chalicelib.notary.kept import Published
from chalicelib.notary.leaf import Leaf, contents
from chalicelib.signing import keys, note
from chalicelib.signing.note import TreeHead

__all__ = ["origin", "sweep"]

MOST_LEAVES = 1000
SWEEP_S = 10.0
TOGETHER = 8
TRIES = 5


def origin() -> str:
    """What this shop's tree is called."""
    return f"tillstream/{config.settings().stage}"


def sweep() -> None:
    """Enter what the archive holds and the tree does not, at most so many; and sign the head.

    Raises CloudFailure.
    """
    try:
        newest = _grown(kept.newest() or EMPTY, time.monotonic() + SWEEP_S)
    except Behind as damage:
        telemetry.say("tree-damaged", reason=str(damage))
        return
    if newest.size:
        _publish(newest)


def _grown(newest: Bundle, until: float) -> Bundle:
    """The newest bundle once this sweep, or another at the same time, has entered what is new."""
    leaves = list(_new(newest.ends, until))
    if not leaves:
        return newest
    grown = newest.grown(leaves)
    return grown if kept.put(grown) else kept.newest() or EMPTY


def _new(ends: Mapping[Shard, int], until: float) -> Iterator[Leaf]:
    """What follows in each shard, a share of the sweep's for each."""
    shards = archive.shards()
    share = MOST_LEAVES // max(1, len(shards)) + 1
    with ThreadPoolExecutor(TOGETHER) as pool:
        for shard in shards:
            before = ends.get(shard, 0)
            names = _names(shard, before, share)
            yield from _following(shard, before, _read(pool, shard, names, until))


def _names(shard: Shard, before: int, most: int) -> list[int]:
    """None where something else lies among the shard's segments: that is told."""
    try:
        return archive.names_after(shard, before, most)
    except Behind as stray:
        _not_notarised(shard, before, str(stray))
        return []


def _read(pool: Executor, shard: Shard, names: list[int], until: float) -> Iterator[Leaf | None]:
    for at in range(0, len(names), TOGETHER):
        if time.monotonic() > until:
            return
        yield from pool.map(lambda before: _leaf(shard, before), names[at : at + TOGETHER])


def _leaf(shard: Shard, before: int) -> Leaf | None:
    try:
        return contents(archive.stored(shard, before)).leaf
    except ValueError as flaw:
        _not_notarised(shard, before, str(flaw))
        return None


def _following(shard: Shard, before: int, leaves: Iterator[Leaf | None]) -> Iterator[Leaf]:
    """The leaves up to the first that does not follow on the one before it."""
    for leaf in leaves:
        if leaf is None:
            return
        if (leaf.shard, leaf.before) != (shard, before):
            _not_notarised(shard, before, "what follows is another segment")
            return
        before = leaf.last
        yield leaf


def _not_notarised(shard: Shard, before: int, reason: str) -> None:
    telemetry.say("not-notarised", shard=str(shard), after=str(before), reason=reason)


def _publish(newest: Bundle) -> None:
    """The head over the bundle, unless one that is as large is there already."""
    said = TreeHead(origin(), newest.size, newest.root)
    signed = note.sign(said, keys.notary())
    for _ in range(TRIES):
        found = kept.head()
        if found is not None and (found.note == signed or _is_ahead(found, said)):
            return
        if kept.publish(signed, said.size, found):
            return
    raise CloudFailure("the tree head stays contended")


def _is_ahead(found: Published, said: TreeHead) -> bool:
    """Whether what is published is not ours to replace: another sweep's, or another tree's."""
    try:
        other = note.opened(found.note, said.origin, keys.trust().notaries())
    except SecurityError as doubt:
        telemetry.say("tree-head-replaced", reason=str(doubt))
        return False
    if other.size == said.size and other.root != said.root:
        telemetry.say("tree-split", size=said.size)
    return other.size > said.size or (other.size == said.size and other.root != said.root)
