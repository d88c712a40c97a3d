"""GetShardIterator, and what an iterator means when it comes back.

An iterator is the least number that it reads, so every type is a way to find a number.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from local.kinesis import disk, members, tokens
from local.kinesis.errors import KinesisError, invalid_argument, not_found
from local.kinesis.reader import Shard

if TYPE_CHECKING:
    from collections.abc import Callable

    from local.kinesis.members import Body
    from local.kinesis.reader import Reader

    Answer = dict[str, Any]

_kind = b"shard iterator"


def get_shard_iterator(reader: Reader, body: Body) -> Answer:
    members.only(
        body,
        members.stream_words + "ShardId ShardIteratorType StartingSequenceNumber Timestamp",
    )
    name = members.stream_name(body)
    kind = members.choice(body, "ShardIteratorType", tuple(_starts))
    kind = members.required(kind, "ShardIteratorType")
    shard = _shard(reader, name, members.required(members.shard_id(body, "ShardId"), "ShardId"))
    position = _starts[kind](reader, shard, _start_given(body, kind))
    return {"ShardIterator": sealed(reader, shard, position)}


def sealed(reader: Reader, shard: Shard, position: int) -> str:
    return tokens.seal(reader.secret, _kind, reader.clock(), shard.stream, shard.id, position)


def _shard(reader: Reader, name: str, shown: str) -> Shard:
    number = disk.shard_number(shown)
    found = reader.one(
        "SELECT shards.* FROM shards JOIN streams ON streams.id = stream"
        " WHERE name = ? AND number = ?",
        name,
        number,
    )
    if found is None:
        raise not_found(
            f"Shard {shown} in stream {name} under account {disk.account} does not exist"
        )
    return Shard(*found)


def _start_given(body: Body, kind: str) -> Any:
    """The member that the type needs, and no other."""
    given = {
        "StartingSequenceNumber": members.text(
            body, "StartingSequenceNumber", 129, r"0|([1-9]\d{0,128})"
        ),
        "Timestamp": members.moment(body, "Timestamp"),
    }
    needed = {"AT_TIMESTAMP": "Timestamp"}.get(kind, "StartingSequenceNumber")
    if kind in ("TRIM_HORIZON", "LATEST"):
        needed = ""
    if {member for member, value in given.items() if value is not None} != {needed} - {""}:
        raise invalid_argument(
            "Must either specify (1) AT_SEQUENCE_NUMBER or AFTER_SEQUENCE_NUMBER and "
            "StartingSequenceNumber or (2) TRIM_HORIZON or LATEST and no StartingSequenceNumber or "
            f"(3) AT_TIMESTAMP and Timestamp. Request specified {kind}."
        )
    return given.get(needed)


def _trim_horizon(_reader: Reader, shard: Shard, _given: None) -> int:
    return shard.starting


def _latest(reader: Reader, _shard: Shard, _given: None) -> int:
    (last,) = reader.one("SELECT last FROM numbers")
    return int(last) + 1


def _at_sequence_number(reader: Reader, shard: Shard, given: str) -> int:
    """A number without a record is as good as one with, if the shard could have given it."""
    number = disk.number_of(given)
    (last,) = reader.one("SELECT last FROM numbers")
    if not shard.starting <= number <= (last if shard.ending is None else shard.ending):
        raise invalid_argument(
            f"StartingSequenceNumber {given} used in GetShardIterator on shard "
            f"{disk.shard_id(shard.number)} under account {disk.account} is invalid because it did "
            "not come from this stream."
        )
    return number


def _after_sequence_number(reader: Reader, shard: Shard, given: str) -> int:
    return _at_sequence_number(reader, shard, given) + 1


def _at_timestamp(reader: Reader, shard: Shard, given: int) -> int:
    """The first record that arrived at that time or later, in the order of the shard."""
    now = reader.clock()
    if given > now:
        raise invalid_argument(
            "The timestampInMillis parameter cannot be greater than the currentTimestampInMillis. "
            f"timestampInMillis: {given}, currentTimestampInMillis: {now}"
        )
    found = reader.one(
        "SELECT number FROM records WHERE shard = ? AND number >= ? AND arrival >= ?"
        " ORDER BY number LIMIT 1",
        shard.id,
        given * disk.microseconds,
        given,
    )
    return int(found[0]) if found else _latest(reader, shard, None)


_starts: dict[str, Callable[[Reader, Shard, Any], int]] = {
    "AT_SEQUENCE_NUMBER": _at_sequence_number,
    "AFTER_SEQUENCE_NUMBER": _after_sequence_number,
    "TRIM_HORIZON": _trim_horizon,
    "LATEST": _latest,
    "AT_TIMESTAMP": _at_timestamp,
}


def unsealed(reader: Reader, body: Body) -> tuple[Shard, int]:
    text = members.required(members.text(body, "ShardIterator", 512), "ShardIterator")
    token = tokens.unseal(reader.secret, _kind, text)
    if token is None:
        raise invalid_argument("Invalid ShardIterator.")
    now = reader.clock()
    if token.is_expired(now):
        raise KinesisError("ExpiredIteratorException", _expired(token.issued, now))
    stream, shard, position = token.fields
    return _shard_of_iterator(reader, stream, shard, members.stream_name_or_none(body)), position


def _shard_of_iterator(reader: Reader, stream: int, shard: int, name: str | None) -> Shard:
    found = reader.one("SELECT name FROM streams WHERE id = ?", stream)
    if found is None:
        raise not_found("The stream of this ShardIterator is gone.")
    if name not in (None, found[0]):
        raise invalid_argument(f"The ShardIterator is of stream {found[0]}, not of {name}.")
    return Shard(*reader.one("SELECT * FROM shards WHERE id = ?", shard))


def _expired(issued: int, now: int) -> str:
    return (
        f"Iterator expired. The iterator was created at time {_utc(issued)} while right now it is "
        f"{_utc(now)} which is further in the future than the tolerated delay of "
        f"{tokens.lifetime_ms} milliseconds."
    )


def _utc(milliseconds: int) -> str:
    return time.strftime("%a %b %d %H:%M:%S UTC %Y", time.gmtime(milliseconds / 1000))
