"""The log: append to Kinesis, decode what Kinesis gives the consumer.

The only file that knows Kinesis. An append is acknowledged once Kinesis has it durably; a retry
of an append whose answer was lost may put the same bytes twice, and the fold ignores the repeat.
"""

from __future__ import annotations

import base64
import time
from collections.abc import Sequence
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from chalicelib import config, telemetry
from chalicelib.errors import CloudFailure
from chalicelib.events import Batch, Position, Record, Shard

PAUSES_S = (0.0, 0.05, 0.2, 0.6)  # before each try of what Kinesis refused


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
