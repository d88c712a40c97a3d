"""Where an event lies: the record that carries it, its shard and its position.

A sequence number is an int in memory (56 digits fit no DynamoDB number and text sorts wrong
unpadded) and decimal text on the wire. Arrival is the log's own clock, in integer ms since 1970.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import NamedTuple, Self

POSITION = re.compile(r"([A-Za-z0-9_.-]{1,128})/(shardId-[0-9]{12}):([0-9]{1,56})")


class Shard(NamedTuple):
    """One shard of one stream; as text `<stream>/<shard>`."""

    stream: str
    id: str

    def __str__(self) -> str:
        return f"{self.stream}/{self.id}"

    @classmethod
    def parse(cls, text: str) -> Self:
        """The shard that `str` gave as `<stream>/<shard>`."""
        stream, _, shard = text.partition("/")
        return cls(stream, shard)


class Position(NamedTuple):
    """A place in the log; as text `<stream>/<shard>:<sequence>`."""

    shard: Shard
    sequence: int

    def __str__(self) -> str:
        return f"{self.shard}:{self.sequence}"

    @classmethod
    def parse(cls, text: str) -> Self:
        """The position written as `<stream>/<shard>:<sequence>`.

        Raises ValueError when it is written in any other way.
        """
        found = POSITION.fullmatch(text)
        if found is None:
            raise ValueError("a position is written <stream>/<shard>:<sequence>")
        stream, shard, sequence = found.groups()
        return cls(Shard(stream, shard), int(sequence))


@dataclass(frozen=True, slots=True)
class Record:
    """One record of a shard, as it arrived: nothing in it is believed yet."""

    sequence: int
    arrival: int
    key: str
    data: bytes


@dataclass(frozen=True, slots=True)
class Batch:
    """Records of one shard in the order of the log."""

    shard: Shard
    records: tuple[Record, ...]
