"""What a handler is given: records of one shard, a message, or a tick, in Lambda's shapes.

A batch holds at most 1,000 records and 6 MB as they travel; a record alone is always a batch.
A shard may be read once every ancestor that the stream still lists was read to its end.
"""

from __future__ import annotations

import base64
import uuid
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from collections.abc import Set as AbstractSet

    from chalicelib.events import Shard

    Records = Sequence[Mapping[str, Any]]

MOST_RECORDS = 1000
MOST_BYTES = 6 * 1024 * 1024
AROUND_DATA = 600  # what stands around a record's data in the event, partition key aside
REGION = "eu-central-1"
ARN = f"arn:aws:kinesis:{REGION}:000000000000:stream/"


def startable(listed: Sequence[Mapping[str, Any]], drained: AbstractSet[str]) -> list[str]:
    """The shards all of whose listed ancestors are drained. Parents are listed before children."""
    by_name = {entry["ShardId"]: entry for entry in listed}
    waiting: set[str] = set()
    for name in by_name:
        if any(each in waiting or each not in drained for each in _parents(by_name, name)):
            waiting.add(name)
    return [name for name in by_name if name not in waiting]


def _parents(listed: Mapping[str, Mapping[str, Any]], name: str) -> list[str]:
    named = (listed[name].get("ParentShardId"), listed[name].get("AdjacentParentShardId"))
    return [parent for parent in named if parent is not None and parent in listed]


def cut(records: Records) -> Iterator[Records]:
    """The records in batches that Lambda would take."""
    start = size = 0
    for at, record in enumerate(records):
        grown = travelling(record)
        if at > start and (at - start >= MOST_RECORDS or size + grown > MOST_BYTES):
            yield records[start:at]
            start, size = at, 0
        size += grown
    if records:
        yield records[start:]


def travelling(record: Mapping[str, Any]) -> int:
    """The bytes that a record takes in an event, or a few more."""
    key = len(record["PartitionKey"].encode()) * 2
    return (len(record["Data"]) + 2) // 3 * 4 + key + AROUND_DATA


def invocation(shard: Shard, records: Records) -> dict[str, Any]:
    """The event that Lambda gives a Kinesis consumer."""
    return {"Records": [_record(shard, record) for record in records]}


def poked(queue: str, message: Mapping[str, Any]) -> dict[str, Any]:
    """The event that Lambda gives the worker of a queue, for one message."""
    return {
        "Records": [
            {
                "messageId": message["MessageId"],
                "receiptHandle": message["ReceiptHandle"],
                "body": message["Body"],
                "attributes": message.get("Attributes", {}),
                "messageAttributes": {},
                "md5OfBody": message["MD5OfBody"],
                "eventSource": "aws:sqs",
                "eventSourceARN": f"arn:aws:sqs:{REGION}:000000000000:{queue}",
                "awsRegion": REGION,
            }
        ]
    }


def scheduled() -> dict[str, Any]:
    """The event that EventBridge gives a scheduled function."""
    return {
        "version": "0",
        "id": str(uuid.uuid4()),
        "detail-type": "Scheduled Event",
        "source": "aws.events",
        "account": "000000000000",
        "time": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "region": REGION,
        "resources": [f"arn:aws:events:{REGION}:000000000000:rule/sweep"],
        "detail": {},
    }


def _record(shard: Shard, record: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "eventSource": "aws:kinesis",
        "eventVersion": "1.0",
        "eventID": f"{shard.id}:{record['SequenceNumber']}",
        "eventName": "aws:kinesis:record",
        "invokeIdentityArn": "arn:aws:iam::000000000000:role/local",
        "awsRegion": REGION,
        "eventSourceARN": ARN + shard.stream,
        "kinesis": {
            "kinesisSchemaVersion": "1.0",
            "partitionKey": record["PartitionKey"],
            "sequenceNumber": record["SequenceNumber"],
            "data": base64.b64encode(record["Data"]).decode(),
            "approximateArrivalTimestamp": record["ApproximateArrivalTimestamp"].timestamp(),
        },
    }
