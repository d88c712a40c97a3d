"""What a view is: a name, a version, the events that feed it, and its reducer.

Its queries read the version that the register names (`pk`), which may be an older one: that is in
`older` for a release, so that it is folded until the new one is whole, and can be returned to. A
reducer takes a counted event and the subject's state before and after it, and gives writes whose
keys are its own (`pk` within the view). It is pure, and total over the events it names.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any

from chalicelib import register
from chalicelib.errors import Misfit
from chalicelib.events import Event, Fact
from chalicelib.store import Add, Delete, Key, Put, Write

Reducer = Callable[[Event, Any, Any], Iterable[Write]]
MOST_WRITES = 80
BETWEEN = re.compile(r"[^A-Za-z0-9._~/-]+")  # what stands in no subject


@dataclass(frozen=True, slots=True)
class View:
    """One view in one version; its rows lie under `<name>@<version>/`.

    `build` tells two of one version apart, where it was built beside others.
    """

    name: str
    version: int
    feeds: tuple[type[Fact], ...]
    reduce: Reducer
    older: tuple[View, ...] = ()
    build: int = 0

    def __str__(self) -> str:
        build = f".{self.build}" if self.build else ""
        return f"{self.name}@{self.version}{build}"

    def named(self, version: str) -> View | None:
        """The view in the version of this name, if this code has it."""
        name, _, number = version.partition("@")
        if name != self.name:
            return None
        number, _, build = number.partition(".")
        for one in (self, *self.older):
            if (one.name, str(one.version)) == (name, number):
                return replace(one, build=int(build or 0))
        return None

    @property
    def reading(self) -> str:
        """The version that is read: the register's, or the one kept, where this code has that."""
        return self.first_of(register.reading(self.name)) or str(self)

    def first_of(self, versions: Iterable[str]) -> str | None:
        """The first of these that this code has: the release before one lacks its newest."""
        return next(filter(self.named, versions), None)

    def pk(self, partition: str) -> str:
        """The partition key, or the list, that this view calls `partition`, where it is read."""
        return f"{self.reading}/{partition}"

    def _within(self, partition: str) -> str:
        return f"{self}/{partition}"

    def writes(self, event: Event, before: Any, after: Any) -> list[Write]:
        """What the event comes to in the table.

        Raises Misfit where the reducer breaks a rule of the table, and what the reducer raises.
        """
        writes = list(islice(self.reduce(event, before, after), MOST_WRITES + 1))
        if len(writes) > MOST_WRITES:
            raise Misfit(f"one event wrote over {MOST_WRITES} rows of {self}")
        return [self._placed(write, event) for write in writes]

    def _placed(self, write: Write, event: Event) -> Write:
        key = Key(self._within(write.key.pk), write.key.sk)
        match write:
            case Add(amount=amount, ranking=ranking):
                return Add(key, amount, None if ranking is None else self._within(ranking))
            case Put(body=body, listing=listing):
                self._own(write.key, event)
                listed = None if listing is None else (self._within(listing[0]), listing[1])
                return Put(key, body, listed)
            case Delete():
                self._own(write.key, event)
                return Delete(key)
            case _:
                raise Misfit(f"{self} may put, delete or add, and nothing else")

    def _own(self, key: Key, event: Event) -> None:
        if event.subject != key.sk and event.subject not in BETWEEN.split(key.sk):
            raise Misfit(f"{self} writes the row {key.sk!r}, which is not {event.subject}'s own")
