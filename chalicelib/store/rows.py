"""Rows and writes as values, and what DynamoDB would refuse of them: refused here, as Misfit.

A row is `pk`, `sk` and a JSON `body`; a tally has a number `rank` that is only ever added to.
`listing` puts a row into a newest-first list, `ranking` a tally into a top-n list.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, NamedTuple

from chalicelib.errors import Misfit

ROW_BYTES = 350_000
PARKED_BYTES = 380_000  # a row that keeps what another row has held; DynamoDB takes 400 KB
TALLY_BYTES = 1000
MOST_ADDED = 10**15  # so that no sum comes near the 38 digits of DynamoDB


class Key(NamedTuple):
    """The primary key of a row."""

    pk: str
    sk: str


@dataclass(frozen=True, slots=True)
class Put:
    """The whole row. `listing` is (list, order); `memory` is a subject's own."""

    key: Key
    body: Mapping[str, Any]
    listing: tuple[str, str] | None = None
    blob: bytes | None = None


@dataclass(frozen=True, slots=True)
class PutFirst:
    """The whole row, unless there is one: the first stays."""

    key: Key
    body: dict[str, Any]
    listing: tuple[str, str] | None = None


@dataclass(frozen=True, slots=True)
class Delete:
    """No such row any more."""

    key: Key


@dataclass(frozen=True, slots=True)
class Add:
    """More (or less) on a tally. `ranking` is its top-n list, a constant of its key."""

    key: Key
    amount: int
    ranking: str | None = None

    def after(self, earlier: Add | None) -> Add:
        """The one write that comes to the same as both."""
        amount = self.amount + (0 if earlier is None else earlier.amount)
        return Add(self.key, amount, self.ranking)


Owned = Put | PutFirst | Delete
Write = Owned | Add


@dataclass(frozen=True, slots=True)
class Row:
    """A row as read."""

    key: Key
    body: dict[str, Any] = field(default_factory=dict)
    blob: bytes = b""
    rank: int = 0


def merge(earlier: Owned | None, later: Owned) -> Owned:
    """The one write that comes to the same as both, in this order."""
    match earlier, later:
        case ((Put() | PutFirst()), PutFirst()):
            return earlier
        case Delete(), PutFirst():
            return Put(later.key, later.body, later.listing)
        case _:
            return later


def size(write: Write, most: int = ROW_BYTES) -> int:
    """About how many bytes the row takes, at most.

    Raises Misfit where DynamoDB would refuse the row.
    """
    pk, sk = (len(part.encode()) for part in write.key)
    if not (0 < pk <= 2048 and 0 < sk <= 1024):
        raise Misfit(f"the key of a row is {pk} and {sk} bytes long")
    total = pk + sk + _payload(write)
    if total > most:
        raise Misfit(f"a row of {total} bytes is over {most}")
    return total


def _payload(write: Write) -> int:
    match write:
        case Put() | PutFirst():
            listed = sum(_index_key(part) for part in write.listing or ())
            blob = len(write.blob or b"") if isinstance(write, Put) else 0
            return len(text_of(write.body).encode()) + listed + blob + 100
        case Add():
            return _added(write)
        case Delete():
            return 0


def _added(tally: Add) -> int:
    if type(tally.amount) is not int or abs(tally.amount) >= MOST_ADDED:
        raise Misfit("a tally adds a whole number of at most 15 digits")
    return _named(tally.key, tally.ranking)


@lru_cache(maxsize=4096)  # the same few tallies are added to again and again
def _named(key: Key, ranking: str | None) -> int:
    """A hundred tallies wait in one checkpoint, so each is small, whatever it counts."""
    told = len(text_of([*key, ranking]).encode())
    if told > TALLY_BYTES:
        raise Misfit(f"the name of a tally takes {told} bytes of JSON, which is over {TALLY_BYTES}")
    return 100 + (0 if ranking is None else _index_key(ranking))


def _index_key(text: str) -> int:
    length = len(text.encode())
    if not 0 < length <= 1024:
        raise Misfit(f"the key of an index is {length} bytes long")
    return length


# A prepared encoder takes half the time of json.dumps with options.
_encode = json.JSONEncoder(separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode


def text_of(body: Mapping[str, Any] | Sequence[Any]) -> str:
    try:
        return _encode(body)
    except (TypeError, ValueError) as error:
        raise Misfit(f"a row's body is no JSON: {error}") from error
