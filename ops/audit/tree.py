"""The tree as its bundles say, and whether every head that was signed is one of it."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import NamedTuple

from chalicelib import notary
from chalicelib.archive import objects
from chalicelib.errors import SecurityError
from chalicelib.notary import kept
from chalicelib.notary.bundle import EMPTY, Bundle, decode
from chalicelib.notary.leaf import Leaf
from chalicelib.signing import keys, note, tree
from chalicelib.signing.note import TreeHead

TOGETHER = 16
CUT_SHORT = "; or a sweep ended before it put it, then the next one does"


class Heads(NamedTuple):
    """What was published, as it lies there: every note by its name, and the newest one's."""

    notes: dict[str, str]
    newest: str | None


@dataclass(slots=True)
class Notarised:
    """All leaves in their order, the newest head that is believed, and what is wrong.

    The first `signed` leaves are under a head that is believed. What follows was entered by a sweep
    that was cut short before it signed, or its heads were taken away.
    """

    leaves: list[Leaf] = field(default_factory=list)
    roots: dict[int, bytes] = field(default_factory=dict)
    head: TreeHead | None = None
    signed: int = 0
    wrong: list[str] = field(default_factory=list)

    @property
    def hashes(self) -> list[bytes]:
        """The leaves' hashes."""
        return [leaf.hash for leaf in self.leaves]

    def root(self, size: int) -> bytes:
        """The root over the first so many leaves."""
        return self.roots.get(size) or tree.root(self.hashes[:size])


def heads() -> Heads:
    """What is published now: older heads first, so that the newest is newer than they."""
    names = list(objects.names(kept.HEADS))
    with ThreadPoolExecutor(TOGETHER) as pool:
        notes = dict(zip(names, pool.map(objects.readable, names), strict=True))
    newest = kept.head()
    texts = {name: body.decode(errors="replace") for name, body in notes.items()}
    return Heads(texts, newest and newest.note)


def read(published: Heads) -> Notarised:
    """The tree as it is now, and whether what was published before is true of it."""
    found = Notarised()
    _read_bundles(found)
    believed = [_check(found, name, text) for name, text in published.notes.items()]
    found.signed = max((head.size for head in believed if head), default=0)
    if published.newest is not None:
        found.head = _check(found, kept.HEAD, published.newest)
        _check_is_newest(found)
    elif published.notes:
        found.wrong.append(f"tree-head is gone{CUT_SHORT}")
    return found


def _check_is_newest(found: Notarised) -> None:
    if found.head is None:
        return
    if (size := found.head.size) < found.signed:
        what = f"tree-head was put back to {size} leaves, {found.signed} were signed for"
        found.wrong.append(f"{what}{CUT_SHORT}")
    found.signed = max(size, found.signed)


def _read_bundles(found: Notarised) -> None:
    names = list(objects.names(kept.FOLDER))[::-1]
    running: Bundle = EMPTY
    with ThreadPoolExecutor(TOGETHER) as pool:
        for name, body in zip(names, pool.map(objects.readable, names), strict=True):
            if name != kept.name(running.size):
                what = f"the bundle after {running.size} leaves is gone, or {name} was inserted"
                found.wrong.append(f"the tree is broken: {what}")
                return
            try:
                bundle = decode(body)
            except ValueError as flaw:
                found.wrong.append(f"{name} was changed: {flaw}")
                return
            if running.grown(bundle.leaves) != bundle:
                found.wrong.append(f"{name} was changed: it does not follow on those before it")
                return
            running = bundle
            found.leaves += bundle.leaves
            found.roots[bundle.size] = bundle.root


def _check(found: Notarised, name: str, text: str) -> TreeHead | None:
    """The head, if it was signed and is true of this tree."""
    try:
        head = note.opened(text, notary.origin(), keys.trust().notaries())
    except SecurityError as doubt:
        found.wrong.append(f"{name} is not to be believed: {doubt}")
        return None
    if name not in (kept.HEAD, f"{kept.HEADS}{head.size}"):
        found.wrong.append(f"{name} is the tree head of {head.size} leaves")
    elif head.size > len(found.leaves):
        have = len(found.leaves)
        found.wrong.append(f"{name} is over {head.size} leaves, the tree has {have}: rolled back")
    elif found.root(head.size) != head.root:
        found.wrong.append(f"{name} is signed over another tree than the one here: a split view")
    else:
        return head
    return None
