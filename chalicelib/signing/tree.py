"""An RFC 6962 tree: one hash for many leaves, short proofs of what lies under it. Pure.

- A leaf is hashed under 0x00 and an inner node under 0x01 (§2.1), so neither can stand for the
  other. The left half of a tree of n leaves is the largest power of two below n.
- Leaves are only ever added, so the hash of a *complete* subtree (2^k leaves, beginning at a
  multiple of 2^k) never changes. What a proof needs is asked of a `Node`: whoever holds all
  leaves, or some of them and what was complete before, can answer.
- `frontier` is the largest complete subtrees that a tree falls into: all that must be known of it
  to add leaves.

Raises Malformed.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from functools import reduce

from chalicelib.errors import Malformed

Node = Callable[[int, int], bytes]  # the hash over the leaves from `start` up to `end`


def leaf_hash(data: bytes) -> bytes:
    """The hash of a leaf."""
    return hashlib.sha256(b"\x00" + data).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """The hash of two halves."""
    return hashlib.sha256(b"\x01" + left + right).digest()


def root(leaves: Sequence[bytes]) -> bytes:
    """The hash over these leaves' hashes; of none, that of nothing at all (§2.1)."""
    if not leaves:
        return hashlib.sha256(b"").digest()
    level = list(leaves)
    while len(level) > 1:
        odd = level[len(level) & ~1 :]
        level = [*map(node_hash, level[::2], level[1::2]), *odd]
    return level[0]


def of(leaves: Sequence[bytes]) -> Node:
    """The nodes over leaves that are all at hand."""
    return lambda start, end: root(leaves[start:end])


def is_complete(start: int, end: int) -> bool:
    """Whether nothing that is added later changes the hash over these leaves."""
    width = end - start
    return width > 0 and width & (width - 1) == 0 and start % width == 0


def frontier(size: int) -> list[tuple[int, int]]:
    """The largest complete subtrees of a tree of this size, from left to right."""
    spans, start = [], 0
    for bit in reversed(range(size.bit_length())):
        if size >> bit & 1:
            spans.append((start, start + (1 << bit)))
            start += 1 << bit
    return spans


def joined(hashes: Sequence[bytes]) -> bytes:
    """The root of the tree that has this frontier."""
    if not hashes:
        return root(())
    return reduce(lambda right, left: node_hash(left, right), reversed(hashes))


def over(start: int, end: int, complete: Node) -> bytes:
    """The hash over these leaves, from those of complete subtrees."""
    if is_complete(start, end):
        return complete(start, end)
    middle = start + _left(end - start)
    return node_hash(over(start, middle, complete), over(middle, end, complete))


def inclusion(index: int, size: int, node: Node) -> list[bytes]:
    """The path from a leaf to the root (§2.1.1): the sibling at each step, from below."""
    start, end, path = 0, size, []
    while end - start > 1:
        middle = start + _left(end - start)
        if index < middle:
            path.append(node(middle, end))
            end = middle
        else:
            path.append(node(start, middle))
            start = middle
    return path[::-1]


def climbed(leaf: bytes, index: int, size: int, path: Sequence[bytes]) -> bytes:
    """The root of the tree in which this path leads up from the leaf.

    Raises Malformed for a path that is none of a leaf at this place.
    """
    if not 0 <= index < size:
        raise Malformed("the tree has no such leaf")
    lefts, start, end = [], 0, size
    while end - start > 1:
        middle = start + _left(end - start)
        lefts.append(index >= middle)
        start, end = (middle, end) if index >= middle else (start, middle)
    if len(path) != len(lefts):
        raise Malformed("the path has another length than the tree has levels there")
    for is_right, sibling in zip(reversed(lefts), path, strict=True):
        leaf = node_hash(sibling, leaf) if is_right else node_hash(leaf, sibling)
    return leaf


def consistency(old: int, size: int, node: Node) -> list[bytes]:
    """What shows that the tree of the old size is the beginning of this one (§2.1.2)."""
    path: list[bytes] = []
    start, end, known = 0, size, True
    while old != end:
        middle = start + _left(end - start)
        if old <= middle:
            path.append(node(middle, end))
            end = middle
        else:
            path.append(node(start, middle))
            start, known = middle, False
    return ([] if known else [node(start, end)]) + path[::-1]


def is_consistent(old: int, old_root: bytes, size: int, new_root: bytes, path: list[bytes]) -> bool:
    """Whether the path shows that the old tree is the beginning of the new one (§2.1.4.2)."""
    if old in (0, size):
        return not path and (old_root == new_root if old else old_root == root(()))
    if old > size or not path:
        return False
    place, last = old - 1, size - 1
    while place & 1:
        place, last = place >> 1, last >> 1
    rest = list(path) if place else [old_root, *path]
    before = after = rest.pop(0)
    for sibling in rest:
        if not last:
            return False
        if place & 1 or place == last:
            before, after = node_hash(sibling, before), node_hash(sibling, after)
            while place and not place & 1:
                place, last = place >> 1, last >> 1
        else:
            after = node_hash(after, sibling)
        place, last = place >> 1, last >> 1
    return not last and (before, after) == (old_root, new_root)


def _left(size: int) -> int:
    """How many leaves the left half of so many has: the largest power of two below it."""
    return 1 << (size - 1).bit_length() - 1
