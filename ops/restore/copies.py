"""Copies of a shop's two buckets and of its keys: folders whose files are named as objects are.

They are looked at before anything is written: each folder must be what it is given as, the root
key must have signed the archive's trust, and the shop's secrets must be there.

Raises CopyError with a sentence that names the file.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from chalicelib import personal
from chalicelib.errors import SecurityError
from chalicelib.signing import SigningKey, Trust, keys
from ops.audit.chains import FOLDER, NAME

KEYS = ("root", "system", "notary")
SECRETS, PEOPLE, TRUST = "secrets/", "people/", "trust/"
NAMES = f"{SECRETS}names"


class CopyError(Exception):
    """A copy is not what it is given as, or not all that is needed."""


@dataclass(frozen=True, slots=True)
class Copies:
    """Where the copies lie."""

    archive: Path
    vault: Path
    keys: Path

    def check(self) -> Trust:
        """Each is what it is given as; the archive's newest trust document."""
        for folder in (self.archive, self.vault, self.keys):
            if not folder.is_dir():
                raise CopyError(f"{folder} is no folder")
        self._check_vault()
        self._check_archive()
        for name in KEYS:
            self.key(name)
        return self._trust()

    def key(self, name: str) -> SigningKey:
        """The key of this name."""
        path = self.key_file(name)
        try:
            return keys.read_key_file(path)
        except FileNotFoundError:
            raise CopyError(f"{path} is not there, and a shop needs it") from None
        except (OSError, SecurityError) as flaw:
            raise CopyError(f"{path} is no key that can be used: {flaw}") from None

    def key_file(self, name: str) -> Path:
        """Where the key of this name lies."""
        return self.keys / f"{name}.jwk"

    def has_key(self, person: str) -> bool:
        """Whether the vault's copy knows the person, if as somebody who was erased."""
        return (self.vault / personal.place(person)).is_file()

    def _check_vault(self) -> None:
        for name in names(self.vault):
            if not name.startswith((SECRETS, PEOPLE)):
                raise CopyError(f"{self.vault} is no copy of a vault: none holds {name}")
        if not (self.vault / NAMES).is_file():
            raise CopyError(
                f"{self.vault} lacks {NAMES}: the shop would give everybody another id than before"
            )

    def _check_archive(self) -> None:
        for name in names(self.archive):
            if name.startswith((SECRETS, PEOPLE)):
                raise CopyError(f"{self.archive} is no copy of an archive: {name} is of a vault")
            if name.startswith(FOLDER) and not NAME.fullmatch(name):
                raise CopyError(f"{self.archive / name} is no segment, and lies among them")
        for needed in (FOLDER, TRUST):
            if not (self.archive / needed).is_dir():
                raise CopyError(f"{self.archive} is no copy of an archive: it has no {needed}")

    def _trust(self) -> Trust:
        found = map(keys.NAME.fullmatch, names(self.archive, TRUST))
        version = max((int(name[1]) for name in found if name), default=0)
        path, root = self.archive / f"{TRUST}{version}.json", self.key("root").public
        try:
            return Trust.load(body(path), {root.kid: root})
        except SecurityError as doubt:
            key = self.key_file("root")
            raise CopyError(f"{path} is not to be believed by the key in {key}: {doubt}") from None


def names(folder: Path, under: str = "") -> Iterator[str]:
    """Every object of the copy, by its key."""
    for place, folders, files in os.walk(folder / under):
        folders.sort()
        for file in sorted(files):
            yield (Path(place) / file).relative_to(folder).as_posix()


def body(path: Path) -> bytes:
    """What lies there."""
    try:
        return path.read_bytes()
    except OSError as flaw:
        raise CopyError(f"{path} cannot be read: {flaw.strerror}") from None
