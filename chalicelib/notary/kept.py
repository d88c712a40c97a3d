"""Where the tree is kept, in the archive bucket: the only part of the notary that reads and writes.

    tree/<MAX - before>.json    a bundle; `before`: how many leaves came before it. Never changed
    tree-heads/<size>           each tree head that was signed. Never changed
    tree-head                   the newest of them

The names of bundles run newest first, as those of segments do, and a bundle is put with
If-None-Match: so of two that would follow the same one, one is there and the other is not.
`tree-head` is put on the condition that it is still what was read: it goes back for nobody.

Raises CloudFailure; Behind for a bundle that is damaged.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from chalicelib.archive import objects
from chalicelib.errors import Behind
from chalicelib.notary.bundle import Bundle, decode, encode

MAX = 10**15 - 1
FOLDER, HEADS, HEAD = "tree/", "tree-heads/", "tree-head"


class Published(NamedTuple):
    """The tree head as it lies there, and what S3 calls this state of it."""

    note: str
    tag: str


def newest() -> Bundle | None:
    """The bundle that was entered last."""
    return _first()


def holding(index: int) -> Bundle:
    """The bundle that holds this leaf. Raises Behind where there is none."""
    found = _first(StartAfter=name(index)[: -len(".json")])
    if found is None or not found.before <= index < found.size:
        raise Behind(f"the tree has lost its leaf {index}")
    return found


def put(bundle: Bundle) -> bool:
    """Whether this bundle is now the one after those before it; False when another is."""
    return objects.put(name(bundle.before), encode(bundle))


def name(before: int) -> str:
    """What the bundle is called before which there are so many leaves."""
    return f"{FOLDER}{MAX - before:015d}.json"


def head() -> Published | None:
    """The tree head, if one was ever published."""
    found = objects.tagged(HEAD)
    return None if found is None else Published(found[0].decode(errors="replace"), found[1])


def publish(note: str, size: int, over: Published | None) -> bool:
    """Whether this is now the tree head; False when another stands where `over` did."""
    objects.put(f"{HEADS}{size}", note.encode())
    return objects.replace(HEAD, note.encode(), None if over is None else over.tag)


def _first(**start: Any) -> Bundle | None:
    key = next(objects.names(FOLDER, MaxKeys=1, **start), None)
    if key is None:
        return None
    try:
        found = decode(objects.body(key))
    except ValueError as flaw:
        raise Behind(f"{key}: {flaw}") from None
    if name(found.before) != key:
        raise Behind(f"{key} holds another bundle")
    return found
