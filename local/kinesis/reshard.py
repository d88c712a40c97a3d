"""SplitShard, MergeShards and UpdateShardCount: the shards of a stream, changed.

A shard is closed and its children are open in one commit: every put finds exactly one open shard
for its hash key, and no record of a closed shard comes after those of its children. A closed shard
is read to its end like any other. For a moment after each change the stream is UPDATING: it takes
puts and reads, and refuses the next change, as AWS does for longer.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from local.kinesis import disk, members, writes
from local.kinesis.errors import KinesisError, invalid_argument, not_found
from local.kinesis.reader import Shard

if TYPE_CHECKING:
    from collections.abc import Sequence

    from local.kinesis.disk import Transaction
    from local.kinesis.members import Body
    from local.kinesis.writes import Job


def split_shard(body: Body) -> Job:
    members.only(body, members.stream_words + "ShardToSplit NewStartingHashKey")
    name = members.stream_name(body)
    shown = members.required(members.shard_id(body, "ShardToSplit"), "ShardToSplit")
    given = members.text(body, "NewStartingHashKey", 39, members.hash_pattern)
    start = int(members.required(given, "NewStartingHashKey"))

    def split(current: Transaction) -> None:
        stream = _changeable(current, name)
        shard = _shard(current, stream, name, shown)
        _refuse_start(shard, start, name)
        writes.refuse_more_shards(current, 1)
        _split(current, shard, start)

    return split


def merge_shards(body: Body) -> Job:
    members.only(body, members.stream_words + "ShardToMerge AdjacentShardToMerge")
    name = members.stream_name(body)
    pair = [
        members.required(members.shard_id(body, member), member)
        for member in ("ShardToMerge", "AdjacentShardToMerge")
    ]

    def merge(current: Transaction) -> None:
        stream = _changeable(current, name)
        lower, upper = (_shard(current, stream, name, shown) for shown in pair)
        if int(lower.last_hash) + 1 != int(upper.first_hash):
            raise invalid_argument(
                f"Shards {pair[0]} and {pair[1]} in stream {name} under account {disk.account} "
                "are not an adjacent pair of shards eligible for merging"
            )
        _merge(current, lower, upper)

    return merge


def update_shard_count(body: Body) -> Job:
    """Equal parts: what a target part begins in is split there, and what lies in one is merged."""
    members.only(body, members.stream_words + "TargetShardCount ScalingType")
    name = members.stream_name(body)
    target = members.required(members.integer(body, "TargetShardCount", 1), "TargetShardCount")
    members.required(members.choice(body, "ScalingType", ("UNIFORM_SCALING",)), "ScalingType")

    def update(current: Transaction) -> dict[str, Any]:
        stream = _changeable(current, name)
        before = _open_shards(current, stream)
        _refuse_target(len(before), target)
        parts = writes.hash_ranges(target)
        starts = {first for first, _ in parts} - {shard.first_hash for shard in before}
        writes.refuse_more_shards(current, len(starts))
        for start in sorted(starts):
            _split(current, _within(current, stream, "0" * 39, start)[-1], int(start))
        for part in parts:
            _merge_all(current, stream, *part)
        return {
            "StreamName": name,
            "CurrentShardCount": len(before),
            "TargetShardCount": target,
            "StreamARN": disk.stream_arn(name),
        }

    return update


def _changeable(current: Transaction, name: str) -> int:
    """The stream's id. Refuses where its shards are AWS's affair, or change just now."""
    stream, _ = writes.stream(current, name)
    (mode,) = current.connection.execute(
        "SELECT mode FROM streams WHERE id = ?", (stream,)
    ).fetchone()
    if mode != "PROVISIONED":
        raise KinesisError(
            "ValidationException",
            f"The shards of stream {name} under account {disk.account} cannot be changed: "
            f"its capacity mode is {mode}.",
        )
    if disk.is_updating(current.connection, stream, current.now):
        raise KinesisError(
            "ResourceInUseException",
            f"Stream {name} under account {disk.account} not ACTIVE, instead in state UPDATING",
        )
    return stream


def _shard(current: Transaction, stream: int, name: str, shown: str) -> Shard:
    """The open shard of that id."""
    found = current.connection.execute(
        "SELECT * FROM shards WHERE stream = ? AND number = ?", (stream, disk.shard_number(shown))
    ).fetchone()
    if found is None:
        raise not_found(
            f"Could not find shard {shown} in stream {name} under account {disk.account}."
        )
    shard = Shard(*found)
    if shard.closed_at is not None:
        raise invalid_argument(
            f"Shard {shown} in stream {name} under account {disk.account} has already been merged "
            "or split, and thus is not eligible for merging or splitting."
        )
    return shard


def _refuse_start(shard: Shard, start: int, name: str) -> None:
    if not int(shard.first_hash) + 1 < start < int(shard.last_hash):
        raise invalid_argument(
            f"NewStartingHashKey {start} used in SplitShard() on shard "
            f"{disk.shard_id(shard.number)} in stream {name} under account {disk.account} is not "
            f"both greater than one plus the shard's StartingHashKey {int(shard.first_hash)} and "
            f"less than the shard's EndingHashKey {int(shard.last_hash)}."
        )


def _refuse_target(count: int, target: int) -> None:
    bounds = {"up over double": target > 2 * count, "down below half": 2 * target < count}
    for words, broken in bounds.items():
        if broken:
            raise invalid_argument(
                f"UpdateShardCount cannot scale {words} your current open shard count. "
                f"Current open shard count: {count} Target shard count: {target}"
            )


def _open_shards(current: Transaction, stream: int) -> list[Shard]:
    return _within(current, stream, "0" * 39, "9" * 39)


def _within(current: Transaction, stream: int, first: str, last: str) -> list[Shard]:
    """The open shards that begin in the range, in the order of their hash keys."""
    found = current.connection.execute(
        "SELECT * FROM shards WHERE stream = ? AND closed_at IS NULL"
        " AND first_hash BETWEEN ? AND ? ORDER BY first_hash",
        (stream, first, last),
    )
    return [Shard(*row) for row in found]


def _split(current: Transaction, shard: Shard, start: int) -> None:
    _close(current, shard)
    _open(current, (shard,), shard.first_hash, disk.hash_text(start - 1))
    _open(current, (shard,), disk.hash_text(start), shard.last_hash)


def _merge(current: Transaction, lower: Shard, upper: Shard) -> None:
    _close(current, lower)
    _close(current, upper)
    _open(current, (lower, upper), lower.first_hash, upper.last_hash)


def _merge_all(current: Transaction, stream: int, first: str, last: str) -> None:
    """One shard of all those in the range, two at a time, as AWS merges them."""
    while len(pieces := _within(current, stream, first, last)) > 1:
        _merge(current, pieces[0], pieces[1])


def _close(current: Transaction, shard: Shard) -> None:
    """Its ending number is one that no record has."""
    current.connection.execute(
        "UPDATE shards SET ending = ?, closed_at = ? WHERE id = ?",
        (current.next_number(), current.now, shard.id),
    )


def _open(current: Transaction, parents: Sequence[Shard], first: str, last: str) -> None:
    parent, adjacent = (*(each.number for each in parents), None)[:2]
    stream = parents[0].stream
    current.connection.execute(
        "INSERT INTO shards (stream, number, parent, adjacent, first_hash, last_hash, starting,"
        " created_at) SELECT ?, max(number) + 1, ?, ?, ?, ?, ?, ? FROM shards WHERE stream = ?",
        (stream, parent, adjacent, first, last, current.next_number(), current.now, stream),
    )
