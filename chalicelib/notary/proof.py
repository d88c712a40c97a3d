"""What shows, to whoever holds the root key's `x` and nothing else, that a record is on the log.

A proof holds the record as it lies in the archive, the path from it to its segment's root, the
segment's manifest and digest, the path from that leaf to the tree's root, the signed tree head,
and the trust document that names who signed head and record. `ops/verify_proof.py` checks it.

A proof of a tree of n leaves reads about 2 log n bundles, whatever n is.

Raises CloudFailure, Behind.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterable

from typing_extensions import TypedDict

from chalicelib import archive
from chalicelib.errors import Behind, CloudFailure, SecurityError
from chalicelib.events import Position
from chalicelib.notary import kept, origin
from chalicelib.notary.bundle import Bundle
from chalicelib.notary.leaf import Contents, contents
from chalicelib.signing import keys, note, tree

Place = tuple[int, list[bytes]]  # a leaf, and its path to the root


class Proof(TypedDict):
    """That a record is on the log; hashes are base64, `record` and `manifest` lines of JSON.

    `index` and `path` lead from the record to its segment's root, `leaf` and `treePath` from the
    segment to the root in `treeHead`; `trust` names who signed what.
    """

    v: int
    position: str
    record: str
    index: int
    path: list[str]
    manifest: str
    digest: str
    leaf: int
    treePath: list[str]
    treeHead: str
    trust: str


def prove(position: Position) -> Proof | None:
    """The proof of what lies there; None where nothing does, or no tree head covers it yet."""
    found = kept.head()
    names = archive.names_at(position, 1)
    if found is None or not names:
        return None
    try:
        head = note.opened(found.note, origin(), keys.trust().notaries())
    except SecurityError as doubt:
        raise CloudFailure(f"no tree head that can be believed: {doubt}") from doubt
    bundles = Bundles()
    leaf = bundles.index_of(position, names[0], head.size)
    if leaf is None:
        return None
    place = leaf, tree.inclusion(leaf, head.size, bundles.node)
    return written(position, _contents(position, names[0]), place, found.note, keys.document())


class Bundles:
    """The bundles that a proof needs, each read once."""

    def __init__(self) -> None:
        self._read: list[Bundle] = []

    def holding(self, index: int) -> Bundle:
        """The bundle that holds this leaf."""
        for bundle in self._read:
            if bundle.before <= index < bundle.size:
                return bundle
        self._read.append(kept.holding(index))
        return self._read[-1]

    def node(self, start: int, end: int) -> bytes:
        """The hash over these leaves."""
        return tree.over(start, end, lambda left, right: self.holding(right - 1).node(left, right))

    def index_of(self, position: Position, before: int, size: int) -> int | None:
        """Which leaf the segment is in a tree of this size; None where it is not in it.

        Where a shard ends only ever moves on, from bundle to bundle: so halves tell.
        """
        low, high = 0, size
        while low < high:
            bundle = self.holding((low + high) // 2)
            for index, leaf in enumerate(bundle.leaves, bundle.before):
                if (leaf.shard, leaf.before) == (position.shard, before):
                    return index if index < size else None
            if bundle.ends.get(position.shard, 0) > before:
                high = bundle.before
            else:
                low = bundle.size
        return None


def _contents(position: Position, before: int) -> Contents:
    try:
        return contents(archive.stored(position.shard, before))
    except ValueError as flaw:
        raise Behind(f"the archive of {position.shard} is damaged after {before}: {flaw}") from flaw


def written(
    position: Position, held: Contents, place: Place, head: str, trust: str
) -> Proof | None:
    """The proof, from all that it is made of; None where nothing lies at the position. Pure."""
    records = held.segment.records
    found = [i for i, each in enumerate(records) if each.sequence == position.sequence]
    if not found:
        return None
    hashes = held.record_hashes
    return {
        "v": 1,
        "position": str(position),
        "record": held.records[found[0]].decode(),
        "index": found[0],
        "path": _texts(tree.inclusion(found[0], len(hashes), tree.of(hashes))),
        "manifest": held.manifest.decode(),
        "digest": b64encode(held.digest).decode(),
        "leaf": place[0],
        "treePath": _texts(place[1]),
        "treeHead": head,
        "trust": trust,
    }


def _texts(hashes: Iterable[bytes]) -> list[str]:
    return [b64encode(each).decode() for each in hashes]
