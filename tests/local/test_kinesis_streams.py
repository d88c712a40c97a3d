"""Streams and shards: made, described, listed, deleted; and everything AWS refuses there."""

from __future__ import annotations

import sqlite3
import time
from contextlib import closing
from typing import TYPE_CHECKING, Any

from kinesis_cases import (
    client_of,
    data_of,
    first_shard,
    iterator,
    put,
    read,
    refused,
    shards_of,
    split,
    stream,
)

from local.kinesis import serving

if TYPE_CHECKING:
    from pathlib import Path

    from kinesis_cases import Clock

arn = f"arn:aws:kinesis:eu-central-1:000000000000:stream/{stream}"


def test_a_new_stream_is_active_and_keeps_records_for_a_week(kinesis: Any) -> None:
    summary = kinesis.describe_stream_summary(StreamName=stream)["StreamDescriptionSummary"]
    assert summary["StreamStatus"] == "ACTIVE"
    assert summary["RetentionPeriodHours"] == 168
    assert summary["OpenShardCount"] == 1
    assert summary["StreamARN"] == arn
    assert summary["MaxRecordSizeInKiB"] == 1024
    assert summary["StreamCreationTimestamp"].timestamp() == 1_900_000_000.0


def test_an_on_demand_stream_has_four_shards(empty: Any) -> None:
    empty.create_stream(StreamName=stream, StreamModeDetails={"StreamMode": "ON_DEMAND"})
    summary = empty.describe_stream_summary(StreamName=stream)["StreamDescriptionSummary"]
    assert summary["OpenShardCount"] == 4
    assert summary["StreamModeDetails"] == {"StreamMode": "ON_DEMAND"}


def test_hash_ranges_are_equal_parts_and_cover_every_key(empty: Any) -> None:
    empty.create_stream(StreamName=stream, ShardCount=3)
    ranges = [shard["HashKeyRange"] for shard in shards_of(empty)]
    third = 2**128 // 3
    assert [int(each["StartingHashKey"]) for each in ranges] == [0, third, 2 * third]
    ends = [third - 1, 2 * third - 1, 2**128 - 1]
    assert [int(each["EndingHashKey"]) for each in ranges] == ends


def test_a_stream_that_exists_is_in_use(kinesis: Any) -> None:
    with refused("ResourceInUseException", "already exists"):
        kinesis.create_stream(StreamName=stream, ShardCount=1)


def test_the_thousandth_shard_of_the_account_is_the_last(empty: Any) -> None:
    with refused("LimitExceededException"):
        empty.create_stream(StreamName=stream, ShardCount=1001)
    empty.create_stream(StreamName=stream, ShardCount=1000)
    with refused("LimitExceededException"):
        empty.create_stream(StreamName="another", ShardCount=1)


def test_a_stream_name_has_at_most_128_plain_characters(empty: Any, unchecked: Any) -> None:
    empty.create_stream(StreamName="a" * 128, ShardCount=1)
    for name in ("a" * 129, "", "späti", "a b"):
        with refused("ValidationException", "streamName"):
            unchecked.create_stream(StreamName=name, ShardCount=1)


def test_a_provisioned_stream_needs_a_shard_count(unchecked: Any) -> None:
    for more in ({}, {"ShardCount": 0}, {"ShardCount": -1}):
        with refused("ValidationException", "shardCount"):
            unchecked.create_stream(StreamName="another", **more)
    with refused("ValidationException", "ShardCount"):
        unchecked.create_stream(
            StreamName="another", ShardCount=1, StreamModeDetails={"StreamMode": "ON_DEMAND"}
        )


def test_what_would_have_no_effect_is_refused(empty: Any) -> None:
    with refused("InvalidArgumentException", "WarmThroughputMiBps"):
        empty.create_stream(StreamName=stream, ShardCount=1, WarmThroughputMiBps=4)


def test_an_unknown_stream_is_not_found_by_any_operation(empty: Any) -> None:
    calls = [
        lambda: empty.describe_stream_summary(StreamName="nowhere"),
        lambda: empty.list_shards(StreamName="nowhere"),
        lambda: empty.delete_stream(StreamName="nowhere"),
        lambda: empty.put_record(StreamName="nowhere", PartitionKey="k", Data=b""),
        lambda: empty.put_records(
            StreamName="nowhere", Records=[{"PartitionKey": "k", "Data": b""}]
        ),
        lambda: empty.get_shard_iterator(
            StreamName="nowhere", ShardId=first_shard, ShardIteratorType="LATEST"
        ),
    ]
    for call in calls:
        with refused("ResourceNotFoundException", "nowhere"):
            call()


def test_an_arn_does_as_well_as_a_name(kinesis: Any) -> None:
    kinesis.put_record(StreamARN=arn, PartitionKey="k", Data=b"1")
    kinesis.put_records(StreamARN=arn, Records=[{"PartitionKey": "k", "Data": b"2"}])
    kinesis.list_shards(StreamARN=arn)
    kinesis.describe_stream_summary(StreamARN=arn, StreamName=stream)
    start = kinesis.get_shard_iterator(
        StreamARN=arn, ShardId=first_shard, ShardIteratorType="TRIM_HORIZON"
    )["ShardIterator"]
    assert data_of(kinesis.get_records(ShardIterator=start, StreamARN=arn)["Records"]) == ["1", "2"]
    kinesis.delete_stream(StreamARN=arn)
    with refused("ResourceNotFoundException"):
        kinesis.describe_stream_summary(StreamName=stream)


def test_name_and_arn_must_agree_and_one_of_them_must_be_there(kinesis: Any) -> None:
    with refused("InvalidArgumentException", "does not match"):
        kinesis.describe_stream_summary(StreamARN=arn, StreamName="another")
    with refused("InvalidArgumentException", "StreamName or StreamARN"):
        kinesis.describe_stream_summary()
    with refused("InvalidArgumentException", "NextToken or StreamName"):
        kinesis.list_shards()
    with refused("InvalidArgumentException", "is of stream"):
        kinesis.get_records(
            ShardIterator=iterator(kinesis, "LATEST"), StreamARN=arn.replace("test", "other")
        )


def test_a_deleted_stream_is_gone_and_a_new_one_of_its_name_is_empty(kinesis: Any) -> None:
    old, start = put(kinesis, b"old"), iterator(kinesis, "TRIM_HORIZON")
    kinesis.delete_stream(StreamName=stream, EnforceConsumerDeletion=True)
    with refused("ResourceNotFoundException"):
        kinesis.get_records(ShardIterator=start)
    kinesis.create_stream(StreamName=stream, ShardCount=1)
    assert read(kinesis) == []
    assert int(put(kinesis, b"new")) > int(old)
    with refused("InvalidArgumentException", "did not come from this stream"):
        iterator(kinesis, "AT_SEQUENCE_NUMBER", StartingSequenceNumber=old)


def test_the_records_of_a_deleted_stream_leave_the_disk(tmp_path: Path, clock: Clock) -> None:
    with serving(tmp_path, clock=clock) as url, client_of(url) as client:
        client.create_stream(StreamName=stream, ShardCount=1)
        for _ in range(3):
            client.put_records(
                StreamName=stream, Records=[{"PartitionKey": "k", "Data": b"x"}] * 100
            )
        client.delete_stream(StreamName=stream)
    with serving(tmp_path, clock=clock):
        _wait_for(tmp_path, "SELECT (SELECT count(*) FROM records) + count(*) FROM shards", 0)


def test_expired_records_are_hidden_at_once_and_leave_the_disk(
    tmp_path: Path, clock: Clock
) -> None:
    with serving(tmp_path, clock=clock) as url, client_of(url) as client:
        client.create_stream(StreamName=stream, ShardCount=1)
        start = iterator(client, "TRIM_HORIZON")
        put(client, b"old")
        clock.now += 1
        put(client, b"kept")
        clock.now += 168 * 3_600_000
        assert data_of(read(client)) == ["kept"]
        assert data_of(read(client, "AT_TIMESTAMP", Timestamp=1)) == ["kept"]
        with refused("ExpiredIteratorException", "tolerated delay of 300000"):
            client.get_records(ShardIterator=start)
        put(client, b"new")
    with serving(tmp_path, clock=clock):
        _wait_for(tmp_path, "SELECT count(*) FROM records", 2)


def test_what_is_off_for_weeks_has_kept_all_and_says_for_how_long_it_keeps(
    tmp_path: Path, clock: Clock
) -> None:
    with serving(tmp_path, clock=clock) as url, client_of(url) as client:
        client.create_stream(StreamName=stream, ShardCount=1)
        put(client, b"said last")
    clock.now += 21 * 24 * 3_600_000
    with serving(tmp_path, clock=clock) as url, client_of(url) as client:
        assert data_of(read(client)) == ["said last"]
        summary = client.describe_stream_summary(StreamName=stream)["StreamDescriptionSummary"]
        assert summary["RetentionPeriodHours"] == 28 * 24
        clock.now += 7 * 24 * 3_600_000 + 1
        assert data_of(read(client)) == []
    clock.now += 20 * 365 * 24 * 3_600_000
    with serving(tmp_path, clock=clock) as url, client_of(url) as client:
        summary = client.describe_stream_summary(StreamName=stream)["StreamDescriptionSummary"]
        assert summary["RetentionPeriodHours"] == 8_760, "AWS keeps nothing for longer"


def _wait_for(directory: Path, question: str, expected: int) -> None:
    with closing(sqlite3.connect(directory / "kinesis.sqlite", timeout=10)) as database:
        until = time.monotonic() + 10
        while database.execute(question).fetchone() != (expected,):
            assert time.monotonic() < until, question
            time.sleep(0.01)


def test_shards_are_listed_by_pages(empty: Any) -> None:
    empty.create_stream(StreamName=stream, ShardCount=5)
    first = empty.list_shards(StreamName=stream, MaxResults=3)
    rest = empty.list_shards(NextToken=first["NextToken"], MaxResults=2)
    assert "NextToken" not in rest
    listed = [shard["ShardId"] for shard in first["Shards"] + rest["Shards"]]
    assert listed == [f"shardId-{number:012d}" for number in range(5)]
    later = shards_of(empty, ExclusiveStartShardId=listed[2])
    assert [shard["ShardId"] for shard in later] == listed[3:]


def test_a_page_has_at_most_a_thousand_shards_and_max_results_ten_thousand(empty: Any) -> None:
    empty.create_stream(StreamName=stream, ShardCount=1000)
    assert len(shards_of(empty, MaxResults=10_000)) == 1000
    with refused("ValidationException", "maxResults"):
        empty.list_shards(StreamName=stream, MaxResults=10_001)


def test_a_next_token_stands_alone_and_lasts_five_minutes(empty: Any, clock: Clock) -> None:
    empty.create_stream(StreamName=stream, ShardCount=2)
    token = empty.list_shards(StreamName=stream, MaxResults=1)["NextToken"]
    with refused("InvalidArgumentException", "cannot be provided together"):
        empty.list_shards(StreamName=stream, NextToken=token)
    with refused("InvalidArgumentException", "cannot be provided together"):
        empty.list_shards(NextToken=token, ExclusiveStartShardId=first_shard)
    with refused("InvalidArgumentException", "Invalid NextToken"):
        empty.list_shards(NextToken="garbage")
    with refused("InvalidArgumentException", "Invalid NextToken"):
        empty.list_shards(NextToken=iterator(empty, "LATEST"))
    clock.now += 300_000
    assert len(empty.list_shards(NextToken=token)["Shards"]) == 1
    clock.now += 1
    with refused("ExpiredNextTokenException"):
        empty.list_shards(NextToken=token)


def test_a_split_shard_is_read_to_its_end_and_then_names_its_children(empty: Any) -> None:
    empty.create_stream(StreamName=stream, ShardCount=2)
    numbers = [put(empty, data, ExplicitHashKey="0") for data in (b"1", b"2")]
    split(empty)
    start = iterator(empty, "TRIM_HORIZON")
    first = empty.get_records(ShardIterator=start, Limit=1)
    assert "ChildShards" not in first
    last = empty.get_records(ShardIterator=first["NextShardIterator"])
    assert data_of(last["Records"]) == ["2"]
    assert "NextShardIterator" not in last
    assert [child["ShardId"] for child in last["ChildShards"]] == [
        "shardId-000000000002",
        "shardId-000000000003",
    ]
    assert {tuple(child["ParentShards"]) for child in last["ChildShards"]} == {(first_shard,)}
    assert iterator(empty, "AFTER_SEQUENCE_NUMBER", StartingSequenceNumber=numbers[1])
    with refused("InvalidArgumentException", "did not come from this stream"):
        beyond = str(int(shards_of(empty)[0]["SequenceNumberRange"]["EndingSequenceNumber"]) + 1)
        iterator(empty, "AT_SEQUENCE_NUMBER", StartingSequenceNumber=beyond)


def test_after_a_split_puts_go_to_the_children_at_once(empty: Any) -> None:
    empty.create_stream(StreamName=stream, ShardCount=2)
    put(empty, b"before", ExplicitHashKey="0")
    split(empty)
    middle = int(shards_of(empty)[3]["HashKeyRange"]["StartingHashKey"])
    for key, shard in ((0, 2), (middle - 1, 2), (middle, 3), (2**127, 1)):
        answer = empty.put_record(
            StreamName=stream, PartitionKey="k", Data=b"", ExplicitHashKey=str(key)
        )
        assert answer["ShardId"] == f"shardId-{shard:012d}"
    summary = empty.describe_stream_summary(StreamName=stream)["StreamDescriptionSummary"]
    assert summary["OpenShardCount"] == 3


def test_a_closed_shard_is_listed_with_its_end_until_it_expires(empty: Any, clock: Clock) -> None:
    empty.create_stream(StreamName=stream, ShardCount=2)
    last = put(empty, b"last", ExplicitHashKey="0")
    clock.now += 1000
    split(empty)
    closed, other, *children = shards_of(empty)
    assert int(closed["SequenceNumberRange"]["EndingSequenceNumber"]) >= int(last)
    assert "EndingSequenceNumber" not in other["SequenceNumberRange"]
    assert [child["ParentShardId"] for child in children] == [first_shard] * 2
    clock.now += 168 * 3_600_000
    assert len(shards_of(empty)) == 4
    clock.now += 1
    assert len(shards_of(empty)) == 3


def test_a_shard_filter_picks_by_time(empty: Any, clock: Clock) -> None:
    empty.create_stream(StreamName=stream, ShardCount=2)
    born = clock.now
    clock.now += 1000
    split(empty)
    clock.now += 1000

    def listed(**given: Any) -> list[int]:
        return [int(shard["ShardId"][8:]) for shard in shards_of(empty, ShardFilter=given)]

    assert listed(Type="AT_LATEST") == [1, 2, 3]
    assert listed(Type="AT_TRIM_HORIZON") == [0, 1]
    assert listed(Type="FROM_TRIM_HORIZON") == [0, 1, 2, 3]
    assert listed(Type="AFTER_SHARD_ID", ShardId="shardId-000000000001") == [2, 3]
    assert listed(Type="AT_TIMESTAMP", Timestamp=born / 1000) == [0, 1]
    assert listed(Type="AT_TIMESTAMP", Timestamp=clock.now / 1000) == [1, 2, 3]
    assert listed(Type="FROM_TIMESTAMP", Timestamp=born / 1000) == [0, 1, 2, 3]
    assert listed(Type="FROM_TIMESTAMP", Timestamp=clock.now / 1000) == [1, 2, 3]
    with refused("InvalidArgumentException", "Timestamp"):
        listed(Type="AT_TIMESTAMP")
    with refused("InvalidArgumentException", "ShardId"):
        listed(Type="AFTER_SHARD_ID")


def test_a_stream_of_the_same_name_is_told_by_its_creation(kinesis: Any, clock: Clock) -> None:
    assert shards_of(kinesis, StreamCreationTimestamp=clock.now / 1000)
    with refused("ResourceNotFoundException"):
        shards_of(kinesis, StreamCreationTimestamp=clock.now / 1000 - 1)
