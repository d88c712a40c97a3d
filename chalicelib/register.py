"""The register: which version of each view is read, which one is kept beside it, which is built.

It is the body of the row `ready`, put when the table was level for the first time: so every query
has it at hand, no two tables share it (`born`), and without it the code's own versions hold. A
change is one write, conditional on its token. A version has a name: `scores@3`, or `scores@3.1`
where it was built beside others. No name is given twice while a table lives.

A process reads the versions that it last heard of. Both of two versions that the register names
are folded, so whoever has not heard of a promotion yet reads rows as fresh as anybody's.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple, Self

from chalicelib import store
from chalicelib.store import Guard, Key, Put, Row

READY = Key("ready", "live")


def view_of(version: str) -> str:
    """The view that a version is of."""
    return version.partition("@")[0]


def number_of(version: str | None) -> int:
    """The number that the view's file gives the version; 0 for none."""
    return 0 if version is None else int(version.partition("@")[2].partition(".")[0])


class Entry(NamedTuple):
    """One view: the version that is read, the one before it, which is kept, and the candidate.

    `held` is a number that no process promotes unasked, and `differs` a candidate that is not what
    the log says; `builds` counts the candidates so far, and `by` tells by which code the last was
    begun, or gone on with.
    """

    read: str | None = None
    kept: str | None = None
    next: str | None = None
    held: int = 0
    builds: int = 0
    by: str = ""
    differs: str | None = None

    @classmethod
    def of(cls, said: Mapping[str, Any]) -> Self:
        """What is said of a view; what later code says besides is passed over."""
        return cls(**{name: said[name] for name in cls._fields if name in said})

    def begun(self, view: str, number: int, by: str) -> Entry:
        """With a new candidate of this number."""
        builds = self.builds + 1
        return self._replace(next=f"{view}@{number}.{builds}", builds=builds, by=by)

    def promoted(self) -> Entry:
        """With the candidate read, and what was read kept; what was kept is dropped."""
        return self._replace(read=self.next, kept=self.read, next=None, held=0)

    def rolled_back(self) -> Entry:
        """With what is kept read again; what was read is held back until somebody asks for it."""
        return self._replace(read=self.kept, kept=self.read, held=number_of(self.read))

    @property
    def readable(self) -> list[str]:
        """What is read, and then what is kept, for whose code has no other."""
        return [version for version in (self.read, self.kept) if version]

    @property
    def folded(self) -> list[str]:
        """The versions that have rows, or are to have them."""
        return [version for version in (self.read, self.kept, self.next) if version]


@dataclass(frozen=True, slots=True)
class Register:
    """All views. `born` is random and stays, the token is new at each change."""

    views: Mapping[str, Entry]
    born: str = field(default_factory=lambda: secrets.token_hex(8))
    token: str = field(default_factory=lambda: secrets.token_hex(8))

    @classmethod
    def first(cls, versions: Iterable[str]) -> Self:
        """That of a table which was filled for these."""
        return cls({view_of(version): Entry(version) for version in sorted(versions)})

    @classmethod
    def of(cls, row: Row) -> Self:
        """What the row holds."""
        views = {name: Entry.of(entry) for name, entry in row.body["views"].items()}
        return cls(views, row.body["born"], row.body["token"])

    def row(self) -> Put:
        """The row as it is committed."""
        views = {name: entry._asdict() for name, entry in self.views.items()}
        return Put(READY, {"token": self.token, "born": self.born, "views": views})

    def entry(self, view: str) -> Entry:
        """What it says of the view."""
        return self.views.get(view, Entry())

    @property
    def folded(self) -> list[str]:
        """The versions that have rows, or are to have them."""
        return [version for entry in self.views.values() for version in entry.folded]


def read() -> Register | None:
    """The register as it is now; None where the table was never level."""
    return heard(store.get(READY))


def change(before: Register, view: str, entry: Entry, also: Sequence[Guard] = ()) -> Register:
    """The view's entry, changed by one write, if `also` these hold.

    Raises CommitLost where one does not, or it was changed meanwhile.
    """
    views = {**before.views, view: entry}
    after = replace(before, views=views, token=secrets.token_hex(8))
    store.commit(after.row(), Guard(READY, before.token), [], also)
    return _remember(after)


_latest: list[Register] = []
_bound: ContextVar[tuple[Register, ...] | None] = ContextVar("register", default=None)


def heard(row: Row | None) -> Register | None:
    """What the row says, which this process goes by from here on; without one, by its code."""
    if row is None:
        forget()
        return None
    return _remember(Register.of(row))


def known() -> Register | None:
    """The register as this process last heard of it."""
    return next(iter(_latest), None)


def _remember(register: Register) -> Register:
    _latest[:] = [register]
    return register


def forget() -> None:
    """Go by the code again: the next table is another one."""
    _latest[:] = []


@contextmanager
def bound() -> Iterator[None]:
    """All that is read within is of the versions that this process goes by now."""
    token = _bound.set(tuple(_latest))
    try:
        yield
    finally:
        _bound.reset(token)


def reading(view: str) -> list[str]:
    """The versions of the view that can be read here and now, as far as one has heard."""
    held = _bound.get()
    for register in _latest if held is None else held:
        return register.entry(view).readable
    return []
