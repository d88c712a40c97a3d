"""Streams and records, put and deleted; how a job is made, and the trimming.

Each reads its request and gives a job, which the writer runs in a transaction that it may share
with others. A job refuses before it writes, so a refusal never undoes its neighbours.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from local.kinesis import disk, members
from local.kinesis.errors import KinesisError, invalid_argument, not_found

if TYPE_CHECKING:
    from collections.abc import Callable

    from local.kinesis.disk import Transaction
    from local.kinesis.members import Body, Entry

    Job = Callable[[Transaction], dict[str, Any] | None]

account_shards = 1_000
on_demand_shards = 4
trim_step = 100


def create_stream(body: Body) -> Job:
    members.only(body, "StreamName ShardCount StreamModeDetails MaxRecordSizeInKiB Tags")
    name = members.stream_name(
        {"StreamName": members.required(body.get("StreamName"), "StreamName")}
    )
    mode, shards = _mode_and_shards(body)
    kibibytes = members.integer(body, "MaxRecordSizeInKiB", 1024, 10240) or 1024

    def create(current: Transaction) -> None:
        _refuse_name(current, name)
        refuse_more_shards(current, shards)
        made = current.connection.execute(
            "INSERT INTO streams (name, mode, max_record, created_at) VALUES (?, ?, ?, ?)",
            (name, mode, kibibytes * 1024, current.now),
        ).lastrowid
        current.connection.executemany(
            "INSERT INTO shards (stream, number, first_hash, last_hash, starting, created_at)"
            " VALUES (?, ?, ?, ?, ?, ?)",
            [
                (made, number, *hashes, current.next_number(), current.now)
                for number, hashes in enumerate(hash_ranges(shards))
            ],
        )

    return create


def delete_stream(body: Body) -> Job:
    """The stream is gone at once; its records go by trimming."""
    members.only(body, members.stream_words + "EnforceConsumerDeletion")
    name = members.stream_name(body)

    def delete(current: Transaction) -> None:
        stream(current, name)
        current.connection.execute("DELETE FROM streams WHERE name = ?", (name,))

    return delete


def put_record(body: Body) -> Job:
    members.only(
        body, members.stream_words + "Data PartitionKey ExplicitHashKey SequenceNumberForOrdering"
    )
    name, entry = members.stream_name(body), members.entry(body)
    after = members.text(body, "SequenceNumberForOrdering", 129, r"0|([1-9]\d{0,128})")

    def put(current: Transaction) -> dict[str, Any]:
        if after is not None and disk.number_of(after) > current.last:
            raise invalid_argument(f"SequenceNumberForOrdering {after} was never given.")
        return _put(current, name, [entry])[0]

    return put


def put_records(body: Body) -> Job:
    members.only(body, members.stream_words + "Records")
    name, entries = members.stream_name(body), members.entries(body)

    def put(current: Transaction) -> dict[str, Any]:
        return {"FailedRecordCount": 0, "Records": _put(current, name, entries)}

    return put


def trim(current: Transaction) -> bool:
    """Delete a few records past retention and a few of a deleted stream; true: more may be left."""
    return any([_trim_expired(current), _trim_deleted(current)])


def _mode_and_shards(body: Body) -> tuple[str, int]:
    details = members.structure(body, "StreamModeDetails", "StreamMode") or {}
    mode = members.choice(details, "StreamMode", ("PROVISIONED", "ON_DEMAND")) or "PROVISIONED"
    shards = members.integer(body, "ShardCount", 1)
    if mode == "PROVISIONED":
        return mode, members.required(shards, "ShardCount")
    if shards is not None:
        raise KinesisError("ValidationException", "ShardCount is not for an ON_DEMAND stream.")
    return mode, on_demand_shards


def _refuse_name(current: Transaction, name: str) -> None:
    found = current.connection.execute("SELECT 1 FROM streams WHERE name = ?", (name,))
    if found.fetchone():
        message = f"Stream {name} under account {disk.account} already exists."
        raise KinesisError("ResourceInUseException", message)


def refuse_more_shards(current: Transaction, more: int) -> None:
    """Where the account would have more open shards than it may."""
    (taken,) = current.connection.execute(
        "SELECT count(*) FROM shards JOIN streams ON streams.id = stream WHERE closed_at IS NULL"
    ).fetchone()
    if taken + more > account_shards:
        message = (
            f"This request would exceed the shard limit for the account {disk.account}. "
            f"Current shard count for the account: {taken}. Limit: {account_shards}. "
            f"Number of additional shards that would have resulted from this request: {more}."
        )
        raise KinesisError("LimitExceededException", message)


def hash_ranges(shards: int) -> list[tuple[str, str]]:
    """The hash keys in equal parts, the last taking what is left over: as AWS divides them."""
    width = disk.hash_keys // shards
    starts = [number * width for number in range(shards)]
    ends = [start - 1 for start in starts[1:]] + [disk.hash_keys - 1]
    return [
        (disk.hash_text(first), disk.hash_text(last))
        for first, last in zip(starts, ends, strict=True)
    ]


def stream(current: Transaction, name: str) -> tuple[int, int]:
    """Its id, and the largest record it takes."""
    found: tuple[int, int] | None = current.connection.execute(
        "SELECT id, max_record FROM streams WHERE name = ?", (name,)
    ).fetchone()
    if found is None:
        raise not_found(f"Stream {name} under account {disk.account} not found.")
    return found


def _put(current: Transaction, name: str, entries: list[Entry]) -> list[dict[str, Any]]:
    place, largest = stream(current, name)
    if any(entry.size > largest for entry in entries):
        raise invalid_argument(
            f"The data and partition key of a record in stream {name} may have {largest} bytes."
        )
    shards = [_open_shard(current, place, entry.hash_key) for entry in entries]
    numbers = [current.next_number() for _ in entries]
    current.connection.executemany(
        "INSERT INTO records VALUES (?, ?, ?, ?, ?)",
        [
            (number, shard, current.now, entry.key, entry.data)
            for number, (shard, _), entry in zip(numbers, shards, entries, strict=True)
        ],
    )
    return [
        {"ShardId": disk.shard_id(shown), "SequenceNumber": disk.sequence(number)}
        for number, (_, shown) in zip(numbers, shards, strict=True)
    ]


def _open_shard(current: Transaction, stream: int, hash_key: str) -> tuple[int, int]:
    """The open shard whose range holds the hash key: its id and its number."""
    found: tuple[int, int] = current.connection.execute(
        "SELECT id, number FROM shards WHERE stream = ? AND closed_at IS NULL AND first_hash <= ?"
        " ORDER BY first_hash DESC LIMIT 1",
        (stream, hash_key),
    ).fetchone()
    return found


def _trim_expired(current: Transaction) -> bool:
    """By number alone: whatever is below it arrived before it."""
    return _delete(current, "number < ?", current.horizon * disk.microseconds)


def _trim_deleted(current: Transaction) -> bool:
    orphan = current.connection.execute(
        "SELECT id FROM shards WHERE stream NOT IN (SELECT id FROM streams) LIMIT 1"
    ).fetchone()
    if orphan is None:
        return False
    if not _delete(current, "shard = ?", orphan[0]):
        current.connection.execute("DELETE FROM shards WHERE id = ?", orphan)
    return True


def _delete(current: Transaction, condition: str, value: int) -> bool:
    """At most a step of records; true: there were some."""
    found = current.connection.execute(
        f"SELECT number FROM records WHERE {condition} ORDER BY number LIMIT {trim_step}",  # noqa: S608
        (value,),
    ).fetchall()
    current.connection.executemany("DELETE FROM records WHERE number = ?", found)
    return bool(found)
