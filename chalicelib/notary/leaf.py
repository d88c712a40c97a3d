"""What the tree knows of a segment. Pure.

The leaf is three lines: the manifest as it lies in the object; the root over the lines of its
records, so that one record can be shown without the others; and the SHA-256 of the object, so that
no byte of it can change. Both hashes are base64.
"""

from __future__ import annotations

import hashlib
from base64 import b64encode
from typing import NamedTuple

from chalicelib.archive import segment
from chalicelib.archive.segment import Segment
from chalicelib.events import Shard
from chalicelib.signing import tree


class Leaf(NamedTuple):
    """One segment in the tree: its place in the archive, and its hash."""

    shard: Shard
    before: int
    last: int
    hash: bytes


class Contents(NamedTuple):
    """What the leaf of a segment is made of, and the segment."""

    segment: Segment
    manifest: bytes
    records: list[bytes]  # the lines
    digest: bytes

    @property
    def record_hashes(self) -> list[bytes]:
        """The leaves of the segment's own tree."""
        return list(map(tree.leaf_hash, self.records))

    @property
    def leaf(self) -> Leaf:
        """The segment's leaf."""
        lines = [self.manifest, b64encode(tree.root(self.record_hashes)), b64encode(self.digest)]
        hashed = tree.leaf_hash(b"\n".join(lines) + b"\n")
        return Leaf(self.segment.shard, self.segment.before, self.segment.last, hashed)


def contents(body: bytes) -> Contents:
    """What lies in a segment's object. Raises ValueError for what is none."""
    manifest, *records = lines = segment.lines(body) or [b""]
    return Contents(segment.read(lines), manifest, records, hashlib.sha256(body).digest())
