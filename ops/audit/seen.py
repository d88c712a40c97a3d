"""The tree head that an auditor keeps: what the archive was then, it must still begin with.

Without it an archive that was put back to an earlier day, or rewritten and signed anew by whoever
holds the notary's key, looks whole. With it either is seen, and both heads are the evidence.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from chalicelib import notary
from chalicelib.errors import SecurityError
from chalicelib.signing import keys, note, tree
from chalicelib.signing.note import TreeHead
from ops import whole

if TYPE_CHECKING:
    from ops.audit.tree import Notarised


class SeenError(Exception):
    """The file holds no tree head of this shop, or cannot keep one."""


class Seen(NamedTuple):
    """A tree head that was seen before, and the file that keeps it."""

    path: Path
    head: TreeHead | None


def remembered(path: Path) -> Seen:
    """What the file keeps; a file that is not there keeps nothing yet.

    Raises SeenError, also where it could not be kept anew: not only once all was read.
    """
    try:
        text = path.read_text(encoding="utf-8") if path.exists() else None
        head = text and note.opened(text, notary.origin(), keys.trust().notaries())
    except (OSError, ValueError) as flaw:
        raise SeenError(f"{path} cannot be read: {flaw}") from None
    except SecurityError as doubt:
        raise SeenError(f"{path} keeps no tree head of this shop: {doubt}") from None
    with _keeping(path):
        whole.check(path)
    return Seen(path, head or None)


def compare(seen: Seen, now: Notarised) -> list[str]:
    """What of it does not hold any more."""
    then = seen.head
    if then is None:
        return []
    if now.head is None:
        return [f"{seen.path} has seen {then.size} leaves, and no head can be believed now"]
    if now.head.size < then.size:
        return [f"{seen.path} has seen {then.size} leaves, now {now.head.size}: rolled back"]
    path = tree.consistency(then.size, now.head.size, tree.of(now.hashes))
    if tree.is_consistent(then.size, then.root, now.head.size, now.head.root, path):
        return []
    names = f"{seen.path} and tree-head"
    return [f"{names} are signed over two trees, and neither begins with the other: a split view"]


def keep(seen: Seen, newest: str) -> None:
    """From now on this head is the one that was seen."""
    with _keeping(seen.path, "all that was read is as it was notarised, but "):
        whole.put(seen.path, newest)


@contextmanager
def _keeping(path: Path, before: str = "") -> Iterator[None]:
    try:
        yield
    except OSError as flaw:
        raise SeenError(f"{before}no tree head can be kept in {path}: {flaw.strerror}") from None
