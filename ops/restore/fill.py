"""What lies in the copies, put into the buckets of the shop that this process is in.

Every object is put if nothing lies there; where the very same does, it is done. So what was stopped
anywhere is begun again and goes on. The tombstones of the erased come first: where one lies, the
key in the copy is left out, and so never lies in the new vault at all.

Raises CopyError where something else lies there, CloudFailure.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import islice
from pathlib import Path

from chalicelib import personal, vault
from chalicelib.archive import objects
from chalicelib.pictures import shelf
from ops.restore.copies import Copies, CopyError, body, names
from ops.restore.people import People

TOGETHER, AT_ONCE = 8, 256

Step = Callable[[], None]


def fill(copies: Copies, people: People, step: Step) -> None:
    """Both buckets, as the copies have them and the log wants them. `step`: after each object."""
    erase(people.erased)
    _each(names(copies.vault), partial(_keep_secret, copies.vault), step)
    renew(people.lost)
    _each(names(copies.archive), partial(_archive, copies.archive), step)


def erase(people: Collection[str]) -> None:
    """Whatever key of theirs lies in the vault, or would."""
    _each(people, personal.destroy)


def renew(people: Collection[str]) -> None:
    """Another key for each, since theirs was lost."""
    _each(people, personal.renew)


def _keep_secret(folder: Path, name: str) -> None:
    found, there = body(folder / name), None
    there = vault.create(name, found)
    if there not in (found, personal.TOMBSTONE):
        raise _another(name, "vault")


def _archive(folder: Path, name: str) -> None:
    found = body(folder / name)
    described = {"ContentType": shelf.KIND} if name.startswith(shelf.FOLDER) else {}
    if not objects.put(name, found, **described) and objects.readable(name) != found:
        raise _another(name, "archive")


def _another(name: str, bucket: str) -> CopyError:
    return CopyError(f"another {name} than that of the copy lies in the {bucket}: begin anew")


def _each(every: Iterable[str], doing: Callable[[str], None], step: Step = lambda: None) -> None:
    """Many at a time, few of them held; the first that fails ends it."""
    with ThreadPoolExecutor(TOGETHER) as pool:
        for some in _some(iter(every)):
            for _ in pool.map(doing, some):
                step()


def _some(every: Iterator[str]) -> Iterator[list[str]]:
    while some := list(islice(every, AT_ONCE)):
        yield some
