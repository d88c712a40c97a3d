"""Records put and read: routing, order, every iterator, and every limit at its boundary."""

from __future__ import annotations

import hashlib
import tempfile
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from kinesis_cases import (
    Clock,
    client_of,
    data_of,
    first_shard,
    iterator,
    put,
    read,
    refused,
    shards_of,
    stream,
)

from local.kinesis import serving

if TYPE_CHECKING:
    from collections.abc import Iterator

mib = 1024 * 1024


@pytest.fixture(scope="module")
def shared() -> Iterator[tuple[Any, Clock]]:
    """One server for the property tests; each example makes a stream of its own."""
    clock = Clock()
    with (
        tempfile.TemporaryDirectory() as directory,
        serving(directory, clock=clock) as url,
        client_of(url) as client,
    ):
        client.create_stream(StreamName=stream, ShardCount=7)
        yield client, clock


@given(key=st.text(min_size=1, max_size=256))
@settings(max_examples=150)
def test_a_key_goes_to_the_shard_that_holds_its_md5(shared: tuple[Any, Clock], key: str) -> None:
    client, _ = shared
    hash_key = int(hashlib.md5(key.encode()).hexdigest(), 16)
    number = min(hash_key // (2**128 // 7), 6)
    answer = client.put_record(StreamName=stream, PartitionKey=key, Data=b"")
    assert answer["ShardId"] == f"shardId-{number:012d}"


puts = st.lists(st.lists(st.integers(0, 3), min_size=1, max_size=4), min_size=1, max_size=8)


@given(calls=puts, steps=st.lists(st.integers(-2, 3), min_size=8, max_size=8), data=st.data())
@settings(max_examples=25)
def test_whatever_was_put_is_read_back_in_order_from_anywhere(
    shared: tuple[Any, Clock], calls: list[list[int]], steps: list[int], data: st.DataObject
) -> None:
    client, clock = shared
    client.delete_stream(StreamName=stream)
    client.create_stream(StreamName=stream, ShardCount=2)
    expected: dict[str, list[tuple[int, int]]] = {first_shard: [], first_shard[:-1] + "1": []}
    starts = {shard: iterator(client, "LATEST", shard) for shard in expected}
    for call, step in zip(calls, steps, strict=False):
        clock.now += step
        records = [{"PartitionKey": str(key), "Data": str(key)} for key in call]
        answers = client.put_records(StreamName=stream, Records=records)["Records"]
        for answer in answers:
            expected[answer["ShardId"]].append((int(answer["SequenceNumber"]), clock.now))
    clock.now += 10
    for shard, wanted in expected.items():
        assert _found(client.get_records(ShardIterator=starts[shard])["Records"]) == wanted
        assert wanted == sorted(wanted, key=lambda pair: pair[0])
        _check_every_start(client, shard, wanted, data)
    client.delete_stream(StreamName=stream)
    client.create_stream(StreamName=stream, ShardCount=7)


def _found(records: list[dict[str, Any]]) -> list[tuple[int, int]]:
    return [
        (
            int(record["SequenceNumber"]),
            round(record["ApproximateArrivalTimestamp"].timestamp() * 1000),
        )
        for record in records
    ]


def _check_every_start(
    client: Any, shard: str, wanted: list[tuple[int, int]], data: st.DataObject
) -> None:
    assert _found(read(client, "TRIM_HORIZON", shard)) == wanted
    assert read(client, "LATEST", shard) == []
    if not wanted:
        return
    number = data.draw(st.sampled_from(wanted))[0]
    shown = str(number)
    at = _found(read(client, "AT_SEQUENCE_NUMBER", shard, StartingSequenceNumber=shown))
    assert at == [pair for pair in wanted if pair[0] >= number]
    after = _found(read(client, "AFTER_SEQUENCE_NUMBER", shard, StartingSequenceNumber=shown))
    assert after == [pair for pair in wanted if pair[0] > number]
    time = data.draw(st.sampled_from(wanted))[1] + data.draw(st.integers(-1, 1))
    first = next((place for place, pair in enumerate(wanted) if pair[1] >= time), len(wanted))
    by_time = _found(read(client, "AT_TIMESTAMP", shard, Timestamp=time / 1000))
    assert by_time == wanted[first:]


def test_a_sequence_number_has_56_digits_and_grows_though_the_clock_steps_back(
    kinesis: Any, clock: Clock
) -> None:
    numbers = []
    for step in (0, 1, -3_600_000, 0, 5):
        clock.now += step
        numbers.append(put(kinesis, b"x"))
    assert {len(number) for number in numbers} == {56}
    assert sorted(set(numbers), key=int) == numbers
    assert [record["SequenceNumber"] for record in read(kinesis)] == numbers


def test_a_number_without_a_record_starts_at_the_next_one(kinesis: Any, clock: Clock) -> None:
    clock.now += 1
    first = int(put(kinesis, b"1"))
    clock.now += 1
    second = int(put(kinesis, b"2"))
    for number, kind, found in (
        (first - 1, "AT_SEQUENCE_NUMBER", ["1", "2"]),
        (first + 1, "AT_SEQUENCE_NUMBER", ["2"]),
        (second - 1, "AFTER_SEQUENCE_NUMBER", ["2"]),
        (second, "AFTER_SEQUENCE_NUMBER", []),
    ):
        assert data_of(read(kinesis, kind, StartingSequenceNumber=str(number))) == found


def test_a_number_that_this_shard_never_gave_is_refused(kinesis: Any) -> None:
    last = int(put(kinesis, b"1"))
    starting = int(shards_of(kinesis)[0]["SequenceNumberRange"]["StartingSequenceNumber"])
    assert iterator(kinesis, "AT_SEQUENCE_NUMBER", StartingSequenceNumber=str(starting))
    for number in (0, 1, starting - 1, last + 1, 10**56, 10**128):
        with refused("InvalidArgumentException", "did not come from this stream"):
            iterator(kinesis, "AFTER_SEQUENCE_NUMBER", StartingSequenceNumber=str(number))
    for text in ("x", "-1", "01", "1" * 130):
        with refused("ValidationException", "startingSequenceNumber"):
            iterator(kinesis, "AT_SEQUENCE_NUMBER", StartingSequenceNumber=text)


def test_each_iterator_type_takes_its_own_start_and_no_other(kinesis: Any) -> None:
    number = put(kinesis, b"1")
    wrong: list[tuple[str, dict[str, Any]]] = [
        ("TRIM_HORIZON", {"StartingSequenceNumber": number}),
        ("LATEST", {"Timestamp": 1}),
        ("AT_SEQUENCE_NUMBER", {}),
        ("AFTER_SEQUENCE_NUMBER", {"Timestamp": 1}),
        ("AT_TIMESTAMP", {}),
        ("AT_TIMESTAMP", {"Timestamp": 1, "StartingSequenceNumber": number}),
    ]
    for kind, more in wrong:
        with refused("InvalidArgumentException", "Must either specify"):
            iterator(kinesis, kind, **more)
    with refused("ValidationException", "shardIteratorType"):
        iterator(kinesis, "SOMEWHERE")


def test_a_time_to_come_is_refused(kinesis: Any, clock: Clock) -> None:
    assert iterator(kinesis, "AT_TIMESTAMP", Timestamp=clock.now / 1000)
    with refused("InvalidArgumentException", "cannot be greater than"):
        iterator(kinesis, "AT_TIMESTAMP", Timestamp=(clock.now + 1) / 1000)


def test_an_unknown_shard_is_not_found(kinesis: Any) -> None:
    for shard in ("shardId-000000000001", "shardId-0", "nonsense"):
        with refused("ResourceNotFoundException", shard):
            iterator(kinesis, "LATEST", shard)


def test_an_iterator_lasts_five_minutes(kinesis: Any, clock: Clock) -> None:
    start = iterator(kinesis, "TRIM_HORIZON")
    clock.now += 300_000
    assert kinesis.get_records(ShardIterator=start)["Records"] == []
    clock.now += 1
    with refused("ExpiredIteratorException", "Iterator expired"):
        kinesis.get_records(ShardIterator=start)


def test_an_iterator_that_we_did_not_make_is_refused(kinesis: Any) -> None:
    good = iterator(kinesis, "TRIM_HORIZON")
    changed = good[:-2] + ("A" if good[-2] != "A" else "B") + good[-1]
    for text in ("garbage", "AAAA", good[:-4], good + "AAAA", changed, "ü", "x" * 512):
        with refused("InvalidArgumentException", "Invalid ShardIterator"):
            kinesis.get_records(ShardIterator=text)
    with refused("ValidationException", "shardIterator"):
        kinesis.get_records(ShardIterator="x" * 513)


def test_latest_reads_only_what_comes_after_it(kinesis: Any) -> None:
    put(kinesis, b"before")
    start = iterator(kinesis, "LATEST")
    put(kinesis, b"after")
    assert data_of(kinesis.get_records(ShardIterator=start)["Records"]) == ["after"]


def test_a_reader_knows_how_far_it_is_behind(kinesis: Any, clock: Clock) -> None:
    put(kinesis, b"1")
    put(kinesis, b"2")
    clock.now += 1234
    first = kinesis.get_records(ShardIterator=iterator(kinesis, "TRIM_HORIZON"), Limit=1)
    assert first["MillisBehindLatest"] == 1234
    rest = kinesis.get_records(ShardIterator=first["NextShardIterator"])
    assert data_of(rest["Records"]) == ["2"]
    assert rest["MillisBehindLatest"] == 0


def test_arrival_has_milliseconds(kinesis: Any, clock: Clock) -> None:
    clock.now += 123
    put(kinesis, b"1")
    (record,) = read(kinesis)
    assert record["ApproximateArrivalTimestamp"].timestamp() == 1_900_000_000.123


def test_bytes_and_keys_come_back_as_they_went(kinesis: Any) -> None:
    key, data = "Käse\0\U0001f9c0", bytes(range(256))
    put(kinesis, data, key)
    put(kinesis, b"", key)
    assert [(r["PartitionKey"], r["Data"]) for r in read(kinesis)] == [(key, data), (key, b"")]


def test_a_partition_key_has_1_to_256_characters(kinesis: Any, unchecked: Any) -> None:
    put(kinesis, b"", "k")
    put(kinesis, b"", "\U0001f9c0" * 256)
    for key in ("", "k" * 257):
        with refused("ValidationException", "partitionKey"):
            put(unchecked, b"", key)
        with refused("ValidationException", "records.1.member.partitionKey"):
            unchecked.put_records(StreamName=stream, Records=[{"PartitionKey": key, "Data": b""}])
    with refused("ValidationException", "Value null at 'partitionKey'"):
        unchecked.put_record(StreamName=stream, Data=b"")


def test_an_explicit_hash_key_decides_and_has_128_bits(kinesis: Any) -> None:
    put(kinesis, b"", ExplicitHashKey="0")
    put(kinesis, b"", ExplicitHashKey=str(2**128 - 1))
    with refused("InvalidArgumentException", "must be in the range: [0, 2^128-1]"):
        put(kinesis, b"", ExplicitHashKey=str(2**128))
    for text in ("01", "-1", "x", "1" * 40):
        with refused("ValidationException", "explicitHashKey"):
            put(kinesis, b"", ExplicitHashKey=text)


def test_data_and_key_together_have_at_most_one_mebibyte(kinesis: Any) -> None:
    key = "ü" * 10  # 20 bytes
    put(kinesis, b"x" * (mib - 20), key)
    with refused("InvalidArgumentException", "1048576 bytes"):
        put(kinesis, b"x" * (mib - 19), key)
    with refused("InvalidArgumentException", "1048576 bytes"):
        kinesis.put_records(
            StreamName=stream,
            Records=[
                {"PartitionKey": "k", "Data": b"fits"},
                {"PartitionKey": key, "Data": b"x" * (mib - 19)},
            ],
        )
    assert len(read(kinesis)) == 1


def test_a_stream_may_take_records_of_ten_mebibytes(empty: Any) -> None:
    empty.create_stream(StreamName=stream, ShardCount=1, MaxRecordSizeInKiB=10240)
    put(empty, b"x" * (10 * mib - 1))
    with refused("InvalidArgumentException", "10485760 bytes"):
        put(empty, b"x" * (10 * mib))
    with refused("ValidationException", "less than or equal to 10485760"):
        put(empty, b"x" * (10 * mib + 1))


def test_a_call_puts_at_most_500_records(kinesis: Any, unchecked: Any) -> None:
    record = {"PartitionKey": "k", "Data": b"x"}
    answer = kinesis.put_records(StreamName=stream, Records=[record] * 500)
    assert answer["FailedRecordCount"] == 0
    numbers = [int(each["SequenceNumber"]) for each in answer["Records"]]
    assert sorted(set(numbers)) == numbers
    for records in ([record] * 501, []):
        with refused("ValidationException", "records"):
            unchecked.put_records(StreamName=stream, Records=records)
    assert len(read(kinesis)) == 500


def test_a_call_puts_at_most_ten_mebibytes(kinesis: Any) -> None:
    records = [{"PartitionKey": "k", "Data": b"x" * (mib - 1)}] * 10
    kinesis.put_records(StreamName=stream, Records=records)
    with refused("InvalidArgumentException", "10 MB"):
        kinesis.put_records(
            StreamName=stream, Records=[*records, {"PartitionKey": "k", "Data": b""}]
        )


def test_a_call_reads_at_most_ten_mebibytes_and_ten_thousand_records(
    kinesis: Any, clock: Clock
) -> None:
    big = [{"PartitionKey": "k", "Data": b"x" * (mib - 1)}] * 10
    kinesis.put_records(StreamName=stream, Records=big)
    clock.now += 1
    for _ in range(21):
        kinesis.put_records(StreamName=stream, Records=[{"PartitionKey": "k", "Data": b""}] * 500)
    first = kinesis.get_records(ShardIterator=iterator(kinesis, "TRIM_HORIZON"))
    assert len(first["Records"]) == 10
    assert first["MillisBehindLatest"] > 0
    second = kinesis.get_records(ShardIterator=first["NextShardIterator"], Limit=10_000)
    assert len(second["Records"]) == 10_000
    third = kinesis.get_records(ShardIterator=second["NextShardIterator"])
    assert len(third["Records"]) == 500
    with refused("ValidationException", "limit"):
        kinesis.get_records(ShardIterator=first["NextShardIterator"], Limit=10_001)


def test_ordering_by_a_number_that_was_given_is_kept(kinesis: Any) -> None:
    first = put(kinesis, b"1")
    second = put(kinesis, b"2", SequenceNumberForOrdering=first)
    assert int(second) > int(first)
    with refused("InvalidArgumentException", "never given"):
        put(kinesis, b"3", SequenceNumberForOrdering=str(int(second) + 1))
