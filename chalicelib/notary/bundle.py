"""A bundle: the leaves that one sweep added to the tree, and all that is needed to add more. Pure.

A bundle says how many leaves came `before` it, the frontier of those, its own leaves in the order
in which they were entered, and where each shard ends once they are in: so the newest bundle alone
says what is to be entered next, and every hash over leaves up to its own last one that is complete
there can be had from one bundle.
"""

from __future__ import annotations

import json
from base64 import b64decode, b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from chalicelib.events import Shard
from chalicelib.notary.leaf import Leaf
from chalicelib.signing import tree


@dataclass(frozen=True)
class Bundle:
    """Some leaves of the tree, next to each other."""

    before: int
    frontier: tuple[bytes, ...]
    ends: Mapping[Shard, int]
    leaves: tuple[Leaf, ...]

    @property
    def size(self) -> int:
        """How many leaves the tree has with these."""
        return self.before + len(self.leaves)

    @cached_property
    def hashes(self) -> list[bytes]:
        """The leaves' hashes."""
        return [leaf.hash for leaf in self.leaves]

    @cached_property
    def _before(self) -> dict[tuple[int, int], bytes]:
        return dict(zip(tree.frontier(self.before), self.frontier, strict=True))

    def node(self, start: int, end: int) -> bytes:
        """The hash over a complete subtree whose last leaf is in here, or of the frontier."""
        if start >= self.before:
            return tree.root(self.hashes[start - self.before : end - self.before])
        if found := self._before.get((start, end)):
            return found
        middle = (start + end) // 2
        return tree.node_hash(self.node(start, middle), self.node(middle, end))

    @property
    def frontier_after(self) -> tuple[bytes, ...]:
        """The frontier of the tree with these leaves."""
        return tuple(self.node(*span) for span in tree.frontier(self.size))

    @property
    def root(self) -> bytes:
        """The root of the tree with these leaves."""
        return tree.joined(self.frontier_after)

    def grown(self, leaves: Sequence[Leaf]) -> Bundle:
        """The bundle that comes after this one."""
        ends = {**self.ends, **{leaf.shard: leaf.last for leaf in leaves}}
        return Bundle(self.size, self.frontier_after, ends, tuple(leaves))


EMPTY = Bundle(0, (), {}, ())


def encode(bundle: Bundle) -> bytes:
    """The bundle as it lies in the bucket."""
    leaves = [
        [str(leaf.shard), str(leaf.before), str(leaf.last), _text(leaf.hash)]
        for leaf in bundle.leaves
    ]
    said = {
        "v": 1,
        "before": bundle.before,
        "size": bundle.size,
        "frontier": list(map(_text, bundle.frontier)),
        "ends": {str(shard): str(last) for shard, last in bundle.ends.items()},
        "leaves": leaves,
    }
    return json.dumps(said, separators=(",", ":")).encode() + b"\n"


def decode(body: bytes) -> Bundle:
    """The bundle that `encode` made. Raises ValueError for anything else."""
    try:
        bundle = _bundle(json.loads(body))
        is_whole = len(bundle.frontier) == len(tree.frontier(bundle.before)) and bundle.leaves
        if is_whole and encode(bundle) == body:
            return bundle
    except (LookupError, TypeError, AttributeError, ValueError) as flaw:
        raise ValueError(f"not a bundle of the tree: {flaw!r}") from None
    raise ValueError("not a bundle of the tree: it says other than it holds")


def _bundle(said: Any) -> Bundle:
    leaves = tuple(
        Leaf(Shard.parse(shard), int(before), int(last), b64decode(hashed))
        for shard, before, last, hashed in said["leaves"]
    )
    ends = {Shard.parse(shard): int(last) for shard, last in said["ends"].items()}
    return Bundle(said["before"], tuple(map(b64decode, said["frontier"])), ends, leaves)


def _text(hashed: bytes) -> str:
    return b64encode(hashed).decode()
