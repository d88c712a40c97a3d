"""DescribeStreamSummary and ListShards."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from local.kinesis import disk, members, tokens
from local.kinesis.errors import KinesisError, invalid_argument, not_found
from local.kinesis.reader import Shard

if TYPE_CHECKING:
    from local.kinesis.members import Body
    from local.kinesis.reader import Reader, Stream

    Answer = dict[str, Any]

shards_a_page = 1_000
_page = b"next token"
_never = 2**62
_filter_types = (
    "AFTER_SHARD_ID",
    "AT_TRIM_HORIZON",
    "FROM_TRIM_HORIZON",
    "AT_LATEST",
    "AT_TIMESTAMP",
    "FROM_TIMESTAMP",
)


class Filter(NamedTuple):
    """Which shards to list: numbers above `after`, born by a time, and open at a time or later."""

    after: int
    born_by: int
    alive_from: int


def describe_stream_summary(reader: Reader, body: Body) -> Answer:
    members.only(body, members.stream_words)
    stream = reader.stream(members.stream_name(body))
    (shards,) = reader.one(
        "SELECT count(*) FROM shards WHERE stream = ? AND closed_at IS NULL", stream.id
    )
    updating = disk.is_updating(reader.connection, stream.id, reader.clock())
    summary = {
        "StreamName": stream.name,
        "StreamARN": disk.stream_arn(stream.name),
        "StreamStatus": "UPDATING" if updating else "ACTIVE",
        "StreamModeDetails": {"StreamMode": stream.mode},
        "RetentionPeriodHours": reader.hours,
        "StreamCreationTimestamp": stream.created_at / 1000,
        "EnhancedMonitoring": [{"ShardLevelMetrics": []}],
        "EncryptionType": "NONE",
        "OpenShardCount": shards,
        "ConsumerCount": 0,
        "MaxRecordSizeInKiB": stream.max_record // 1024,
    }
    return {"StreamDescriptionSummary": summary}


def list_shards(reader: Reader, body: Body) -> Answer:
    members.only(
        body,
        members.stream_words
        + "NextToken MaxResults ExclusiveStartShardId StreamCreationTimestamp ShardFilter",
    )
    limit = members.integer(body, "MaxResults", 1, 10_000) or shards_a_page
    limit = min(limit, shards_a_page)
    stream, chosen = _first_page(reader, body) or _next_page(reader, body)
    found = _shards(reader, stream, chosen, limit + 1)
    answer: Answer = {"Shards": [_shown(shard) for shard in found[:limit]]}
    if len(found) > limit:
        rest = chosen._replace(after=found[limit - 1].number)
        answer["NextToken"] = tokens.seal(reader.secret, _page, reader.clock(), stream, *rest)
    return answer


def _first_page(reader: Reader, body: Body) -> tuple[int, Filter] | None:
    """The stream and the shards asked for, unless a NextToken asks."""
    name = members.stream_name_or_none(body)
    if name is None and "NextToken" not in body:
        raise invalid_argument("Either NextToken or StreamName should be provided.")
    if name is None:
        return None
    if "NextToken" in body:
        raise invalid_argument("NextToken and StreamName cannot be provided together.")
    stream = reader.stream(name)
    created = members.moment(body, "StreamCreationTimestamp")
    if created not in (None, stream.created_at):
        raise not_found(f"No stream {name} was created at that time.")
    return stream.id, _filter_given(reader, stream, body)


def _next_page(reader: Reader, body: Body) -> tuple[int, Filter]:
    text = members.required(members.text(body, "NextToken", 1_048_576), "NextToken")
    for other in ("ExclusiveStartShardId", "StreamCreationTimestamp", "ShardFilter"):
        if other in body:
            raise invalid_argument(f"NextToken and {other} cannot be provided together.")
    token = tokens.unseal(reader.secret, _page, text)
    if token is None:
        raise invalid_argument("Invalid NextToken.")
    if token.is_expired(reader.clock()):
        raise KinesisError("ExpiredNextTokenException", "The NextToken has expired.")
    stream, *chosen = token.fields
    if reader.one("SELECT 1 FROM streams WHERE id = ?", stream) is None:
        raise not_found("The stream of this NextToken is gone.")
    return stream, Filter(*chosen)


def _filter_given(reader: Reader, stream: Stream, body: Body) -> Filter:
    horizon = max(reader.horizon(), stream.created_at)
    start = members.shard_id(body, "ExclusiveStartShardId")
    given = members.structure(body, "ShardFilter", "Type ShardId Timestamp")
    if given is None:
        return Filter(_number_given(start), _never, horizon)
    if start is not None:
        raise invalid_argument("ExclusiveStartShardId and ShardFilter cannot be used together.")
    return _filters(given, horizon)


def _filters(given: Body, horizon: int) -> Filter:
    kind = members.required(members.choice(given, "Type", _filter_types), "ShardFilter.Type")
    time = members.moment(given, "Timestamp")
    start = members.shard_id(given, "ShardId")
    if (start is not None) != (kind == "AFTER_SHARD_ID"):
        raise invalid_argument("ShardId goes with the filter AFTER_SHARD_ID, and only with it.")
    if (time is not None) != kind.endswith("TIMESTAMP"):
        raise invalid_argument("Timestamp goes with AT_TIMESTAMP and FROM_TIMESTAMP only.")
    at = max(time or 0, horizon)
    return {
        "AFTER_SHARD_ID": Filter(_number_given(start), _never, horizon),
        "AT_TRIM_HORIZON": Filter(-1, horizon, horizon),
        "FROM_TRIM_HORIZON": Filter(-1, _never, horizon),
        "AT_LATEST": Filter(-1, _never, _never),
        "AT_TIMESTAMP": Filter(-1, time or 0, at),
        "FROM_TIMESTAMP": Filter(-1, _never, at),
    }[kind]


def _number_given(start: str | None) -> int:
    """The number behind an exclusive start; -1 without one."""
    if start is None:
        return -1
    number = disk.shard_number(start)
    if number is None:
        raise invalid_argument(f"{start} is not a shard id.")
    return number


def _shards(reader: Reader, stream: int, chosen: Filter, limit: int) -> list[Shard]:
    found = reader.connection.execute(
        "SELECT * FROM shards WHERE stream = ? AND number > ? AND created_at <= ?"
        " AND (closed_at IS NULL OR closed_at >= ?) ORDER BY number LIMIT ?",
        (stream, *chosen, limit),
    )
    return [Shard(*row) for row in found]


def _shown(shard: Shard) -> Answer:
    numbers = {"StartingSequenceNumber": disk.sequence(shard.starting)}
    if shard.ending is not None:
        numbers["EndingSequenceNumber"] = disk.sequence(shard.ending)
    shown = {
        "ShardId": disk.shard_id(shard.number),
        "HashKeyRange": shard.hash_range(),
        "SequenceNumberRange": numbers,
    }
    if shard.parent is not None:
        shown["ParentShardId"] = disk.shard_id(shard.parent)
    if shard.adjacent is not None:
        shown["AdjacentParentShardId"] = disk.shard_id(shard.adjacent)
    return shown
