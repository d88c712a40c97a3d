"""What a view is: a name, a version, the events that feed it, and its reducer.

A reducer takes a counted event and the subject's state before and after it, and gives writes whose
keys are its own (`pk` within the view). It is pure, and total over the events it names.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from itertools import islice
from typing import Any

from chalicelib.errors import Misfit
from chalicelib.events import Event, Fact
from chalicelib.store import Add, Delete, Key, Put, Write

Reducer = Callable[[Event, Any, Any], Iterable[Write]]
MOST_WRITES = 80
BETWEEN = re.compile(r"[^A-Za-z0-9._~/-]+")  # what stands in no subject


@dataclass(frozen=True, slots=True)
class View:
    """One view in one version; its rows lie under `<name>@<version>/`."""

    name: str
    version: int
    feeds: tuple[type[Fact], ...]
    reduce: Reducer

    def __str__(self) -> str:
        return f"{self.name}@{self.version}"

    def pk(self, partition: str) -> str:
        """The partition key, or the list, that this view calls `partition`."""
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
        key = Key(self.pk(write.key.pk), write.key.sk)
        match write:
            case Add(amount=amount, ranking=ranking):
                return Add(key, amount, None if ranking is None else self.pk(ranking))
            case Put(body=body, listing=listing):
                self._own(write.key, event)
                listed = None if listing is None else (self.pk(listing[0]), listing[1])
                return Put(key, body, listed)
            case Delete():
                self._own(write.key, event)
                return Delete(key)
            case _:
                raise Misfit(f"{self} may put, delete or add, and nothing else")

    def _own(self, key: Key, event: Event) -> None:
        if event.subject != key.sk and event.subject not in BETWEEN.split(key.sk):
            raise Misfit(f"{self} writes the row {key.sk!r}, which is not {event.subject}'s own")
