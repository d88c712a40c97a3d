"""GetRecords."""

from __future__ import annotations

import base64
from contextlib import closing
from typing import TYPE_CHECKING, Any

from local.kinesis import disk, iterators, members
from local.kinesis.reader import Shard

if TYPE_CHECKING:
    from local.kinesis.members import Body
    from local.kinesis.reader import Reader

    Answer = dict[str, Any]
    Record = tuple[int, int, str, bytes]

records_a_read = 10_000
bytes_a_read = 10 * 1024 * 1024


def get_records(reader: Reader, body: Body) -> Answer:
    members.only(body, "ShardIterator Limit StreamARN")
    limit = members.integer(body, "Limit", 1, records_a_read) or records_a_read
    shard, position = iterators.unsealed(reader, body)
    records, more = _records(reader, shard, position, limit)
    answer: Answer = {
        "Records": [_shown_record(record) for record in records],
        "MillisBehindLatest": 0 if more is None else max(1, reader.clock() - more),
    }
    if more is None and shard.closed_at is not None:
        answer["ChildShards"] = _children(reader, shard)
    else:
        position = records[-1][0] + 1 if records else position
        answer["NextShardIterator"] = iterators.sealed(reader, shard, position)
    return answer


def _records(
    reader: Reader, shard: Shard, position: int, limit: int
) -> tuple[list[Record], int | None]:
    """Records from a position on, up to AWS's limits; the arrival of the next one, if there is one.

    The shard was read before: if it was closed then, no record has come since.
    """
    horizon = reader.horizon()
    found = reader.connection.execute(
        "SELECT number, arrival, key, data FROM records"
        " WHERE shard = ? AND number >= ? AND arrival >= ? ORDER BY number",
        (shard.id, max(position, horizon * disk.microseconds), horizon),
    )
    records: list[Record] = []
    size = 0
    with closing(found):
        for record in found:
            size += len(record[3]) + len(record[2].encode())
            if records and (size > bytes_a_read or len(records) == limit):
                return records, record[1]
            records.append(record)
    return records, None


def _shown_record(record: Record) -> Answer:
    number, arrival, key, data = record
    return {
        "SequenceNumber": disk.sequence(number),
        "ApproximateArrivalTimestamp": arrival / 1000,
        "Data": base64.b64encode(data).decode(),
        "PartitionKey": key,
    }


def _children(reader: Reader, shard: Shard) -> list[Answer]:
    found = reader.connection.execute(
        "SELECT * FROM shards WHERE stream = ? AND ? IN (parent, adjacent) ORDER BY number",
        (shard.stream, shard.number),
    )
    return [_child(Shard(*row)) for row in found]


def _child(shard: Shard) -> Answer:
    parents = [number for number in (shard.parent, shard.adjacent) if number is not None]
    return {
        "ShardId": disk.shard_id(shard.number),
        "ParentShards": [disk.shard_id(number) for number in parents],
        "HashKeyRange": shard.hash_range(),
    }
