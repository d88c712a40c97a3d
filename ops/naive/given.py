"""What the naive fold is given: logs, how far their rows are, and in which order to read them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from chalicelib.errors import Behind
from chalicelib.events import Record


@dataclass(frozen=True)
class Log:
    """One shard's records in order, and the shards that it came from."""

    parents: Sequence[str]
    records: Iterable[Record]


class Reach(NamedTuple):
    """How far the rows of a shard are, as its checkpoint says: see chalicelib.checkpoint.Ahead."""

    position: int = 0
    ahead: tuple[int, str, int] | None = None

    @classmethod
    def of(cls, body: Mapping[str, Any]) -> Reach:
        """What the body of a checkpoint's row says."""
        to, subject, sequence, _ = body["ahead"] or (0, "", 0, ())
        return cls(int(body["position"]), (int(to), subject, int(sequence)))

    def holds(self, subject: str, sequence: int) -> bool:
        """Whether the rows have this record in them."""
        if sequence <= self.position:
            return True
        to, *done = self.ahead or (0, "", 0)
        return sequence <= to and [subject, sequence] <= done


def parents_first(logs: Mapping[str, Log]) -> Iterator[str]:
    """The shards' names, each after all of its parents. Raises Behind where one is not there."""
    done: set[str] = set()
    while (count := len(done)) < len(logs):
        for name, log in logs.items():
            if name not in done and done.issuperset(log.parents):
                done.add(name)
                yield name
        if len(done) == count:
            left = min(logs.keys() - done)
            raise Behind(f"the archive has lost a shard that {left} came after")
