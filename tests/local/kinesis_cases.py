"""What the tests of the local Kinesis share: an unmodified client, and a few words about shards."""

from __future__ import annotations

import contextlib
from contextlib import closing
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

if TYPE_CHECKING:
    from collections.abc import Iterator

first_shard = "shardId-000000000000"
stream = "tillstream-test-1"


class Clock:
    """A clock that stands still until it is moved; milliseconds."""

    def __init__(self) -> None:
        self.now = 1_900_000_000_000

    def __call__(self) -> int:
        return self.now


@contextlib.contextmanager
def client_of(url: str, *, checked: bool = True) -> Iterator[Any]:
    """An unmodified boto3 client; unchecked, it sends what the model forbids."""
    made = boto3.client(
        "kinesis",
        endpoint_url=url,
        region_name="eu-central-1",
        aws_access_key_id="local",
        aws_secret_access_key="local",
        config=Config(retries={"total_max_attempts": 1}, parameter_validation=checked),
    )
    with closing(made):
        yield made


@contextlib.contextmanager
def refused(code: str, words: str = "") -> Iterator[None]:
    with pytest.raises(ClientError) as caught:
        yield
    error = caught.value.response["Error"]
    assert error["Code"] == code
    assert words in error["Message"]


def put(client: Any, data: bytes | str, key: str = "k", **more: Any) -> str:
    return client.put_record(StreamName=stream, PartitionKey=key, Data=data, **more)[
        "SequenceNumber"
    ]


def iterator(client: Any, kind: str, shard: str = first_shard, **more: Any) -> str:
    return client.get_shard_iterator(
        StreamName=stream, ShardId=shard, ShardIteratorType=kind, **more
    )["ShardIterator"]


def read(client: Any, kind: str = "TRIM_HORIZON", shard: str = first_shard, **more: Any) -> list:
    """All records from there to the end, through as many calls as it takes."""
    position, found = iterator(client, kind, shard, **more), []
    while position:
        answer = client.get_records(ShardIterator=position)
        found += answer["Records"]
        position = answer.get("NextShardIterator") if answer["MillisBehindLatest"] else None
    return found


def data_of(records: list[dict[str, Any]]) -> list[str]:
    return [record["Data"].decode() for record in records]


def shards_of(client: Any, **more: Any) -> list[dict[str, Any]]:
    return client.list_shards(StreamName=stream, **more)["Shards"]


def split(client: Any, shard: str = first_shard) -> None:
    """Close the shard, and give it two children of equal parts."""
    (found,) = [each for each in shards_of(client) if each["ShardId"] == shard]
    keys = found["HashKeyRange"]
    middle = (int(keys["StartingHashKey"]) + int(keys["EndingHashKey"])) // 2 + 1
    client.split_shard(StreamName=stream, ShardToSplit=shard, NewStartingHashKey=str(middle))
