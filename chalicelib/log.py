"""The log: append to Kinesis, decode what Kinesis gives the consumer.

The only file that knows Kinesis. An append is acknowledged once Kinesis has it durably; a retry
of an append whose answer was lost may put the same bytes twice, and the fold ignores the repeat.
"""

from __future__ import annotations

import base64
import time
from collections.abc import Sequence
from typing import Any, NamedTuple

from botocore.exceptions import BotoCoreError, ClientError

from chalicelib import config, telemetry
from chalicelib.errors import CloudFailure
from chalicelib.events import Batch, Position, Record, Shard

PAUSES_S = (0.0, 0.05, 0.2, 0.6)  # before each try of what Kinesis refused
READS = 10
ALL = 10**9


class Kept(NamedTuple):
    """When a stream was created, and how long it keeps a record, in ms."""

    created: int
    retention: int


class Waiting(NamedTuple):
    """What a stream holds of a shard: how many records, and when the first of them arrived (ms).

    `whole` says that all was read; `ended`, that the shard is closed and nothing can follow.
    """

    records: int
    oldest: int | None
    whole: bool
    ended: bool


def append(subject: str, sealed: str) -> Position:
    """Where the sealed event now lies.

    Raises CloudFailure when Kinesis did not say that it has it: it may have it all the same.
    """
    stream = config.settings().stream
    answer = _call("put_record", StreamName=stream, PartitionKey=subject, Data=sealed.encode())
    return Position(Shard(stream, answer["ShardId"]), int(answer["SequenceNumber"]))


def append_each(entries: Sequence[tuple[str, str]]) -> list[Position | None]:
    """Where each sealed event now lies, in one call; None where Kinesis did not say that it has it.

    At most one of a subject: a call promises no order. What Kinesis refuses is sent again for a
    second or so, and nothing else is. Whatever has None may be on the log all the same.
    """
    assert len({subject for subject, _ in entries}) == len(entries)
    found: list[Position | None] = [None] * len(entries)
    for pause in PAUSES_S:
        time.sleep(pause)
        left = [place for place, position in enumerate(found) if position is None]
        if not left or not _append_some(entries, left, found):
            break
    return found


def _append_some(
    entries: Sequence[tuple[str, str]], places: list[int], found: list[Position | None]
) -> bool:
    """Send those at these places, and put down where each now lies; whether Kinesis answered."""
    stream = config.settings().stream
    records = [{"PartitionKey": entries[p][0], "Data": entries[p][1].encode()} for p in places]
    try:
        answer = _call("put_records", StreamName=stream, Records=records)
    except CloudFailure as failure:
        telemetry.say("cloud-failure", reason=str(failure))
        return False
    for place, said in zip(places, answer["Records"], strict=True):
        if "SequenceNumber" in said:
            found[place] = Position(Shard(stream, said["ShardId"]), int(said["SequenceNumber"]))
    return True


def ancestors(shard: Shard) -> list[Shard]:
    """The shards that this one came from by split or merge, nearest first.

    Raises CloudFailure when the stream does not list the shard.
    """
    listed = {entry["ShardId"]: entry for entry in _shards(shard.stream)}
    if shard.id not in listed:
        raise CloudFailure(f"{shard.stream} lists no {shard.id}")
    found: list[str] = []
    waiting = _parents(listed[shard.id])
    while waiting:
        parent = waiting.pop(0)
        if parent not in found:
            found.append(parent)
            waiting += _parents(listed.get(parent, {}))
    return [Shard(shard.stream, parent) for parent in found]


def listed(stream: str) -> dict[Shard, int]:
    """The stream's shards, closed ones for as long as it keeps them; where each begins."""
    return {
        Shard(stream, entry["ShardId"]): int(entry["SequenceNumberRange"]["StartingSequenceNumber"])
        for entry in _shards(stream)
    }


def kept(stream: str) -> Kept:
    """Since when there is the stream, and for how long it keeps what came."""
    told = _call("describe_stream_summary", StreamName=stream)["StreamDescriptionSummary"]
    created = round(told["StreamCreationTimestamp"].timestamp() * 1000)
    return Kept(created, told["RetentionPeriodHours"] * 3_600_000)


def keeps(stream: str) -> int:
    """For how long the stream keeps a record, in ms."""
    return kept(stream).retention


def waiting(
    shard: Shard, after: int, since: int | None = None, most: int = READS, stop: int = ALL
) -> Waiting:
    """What the stream still holds of the shard after the record `after`, or all where that is 0.

    It is read from what arrived at `since` (ms) on, where that is known to be enough; in so many
    calls at `most`, and no further once `stop` records are found.
    """
    iterator: str | None = _iterator(shard, after, since)
    count, oldest = 0, None
    for _ in range(most):
        answer = _call("get_records", ShardIterator=iterator)
        new = [each for each in answer["Records"] if int(each["SequenceNumber"]) > after]
        if new and oldest is None:
            oldest = round(new[0]["ApproximateArrivalTimestamp"].timestamp() * 1000)
        count, iterator = count + len(new), answer.get("NextShardIterator")
        if iterator is None or not answer["MillisBehindLatest"]:
            return Waiting(count, oldest, whole=True, ended=iterator is None)
        if count >= stop:
            break
    return Waiting(count, oldest, whole=False, ended=False)


def _iterator(shard: Shard, after: int, since: int | None) -> str:
    start: dict[str, Any] = {"ShardIteratorType": "TRIM_HORIZON"}
    if since is not None:
        start = {"ShardIteratorType": "AT_TIMESTAMP", "Timestamp": since / 1000}
    elif after:
        start = {
            "ShardIteratorType": "AFTER_SEQUENCE_NUMBER",
            "StartingSequenceNumber": str(after),
        }
    answer = _call("get_shard_iterator", StreamName=shard.stream, ShardId=shard.id, **start)
    found: str = answer["ShardIterator"]
    return found


def _parents(entry: dict[str, Any]) -> list[str]:
    return [entry[name] for name in ("ParentShardId", "AdjacentParentShardId") if name in entry]


def _shards(stream: str) -> list[dict[str, Any]]:
    answer = _call("list_shards", StreamName=stream)
    shards: list[dict[str, Any]] = answer["Shards"]
    while token := answer.get("NextToken"):
        answer = _call("list_shards", NextToken=token)
        shards += answer["Shards"]
    return shards


def decode(invocation: dict[str, Any]) -> Batch:
    """The batch that Lambda's Kinesis mapping hands to the consumer: records of one shard."""
    first = invocation["Records"][0]
    stream = first["eventSourceARN"].partition(":stream/")[2]
    shard = Shard(stream, first["eventID"].partition(":")[0])
    return Batch(shard, tuple(_record(entry["kinesis"]) for entry in invocation["Records"]))


def _record(entry: dict[str, Any]) -> Record:
    return Record(
        sequence=int(entry["sequenceNumber"]),
        arrival=round(entry["approximateArrivalTimestamp"] * 1000),
        key=entry["partitionKey"],
        data=base64.b64decode(entry["data"]),
    )


def _call(operation: str, **request: Any) -> dict[str, Any]:
    try:
        answer: dict[str, Any] = getattr(config.client("kinesis"), operation)(**request)
    except (ClientError, BotoCoreError) as error:
        raise CloudFailure(f"kinesis {operation}: {error}") from error
    return answer
