"""Shards that split and merge: what AWS refuses, and that nothing is lost or out of order."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from kinesis_cases import (
    Clock,
    client_of,
    data_of,
    first_shard,
    put,
    read,
    refused,
    shards_of,
    split,
    stream,
)

from local.kinesis import serving

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

KEYS = 2**128
moments_ms = 250


def shard(number: int) -> str:
    return f"shardId-{number:012d}"


def open_ranges(client: Any) -> list[tuple[int, int]]:
    ranges = [
        each["HashKeyRange"]
        for each in shards_of(client)
        if "EndingSequenceNumber" not in each["SequenceNumberRange"]
    ]
    return sorted((int(each["StartingHashKey"]), int(each["EndingHashKey"])) for each in ranges)


def equal_parts(count: int) -> list[tuple[int, int]]:
    width = KEYS // count
    starts = [number * width for number in range(count)]
    return list(zip(starts, [start - 1 for start in starts[1:]] + [KEYS - 1], strict=True))


def status(client: Any) -> str:
    return client.describe_stream_summary(StreamName=stream)["StreamDescriptionSummary"][
        "StreamStatus"
    ]


def merge(client: Any, lower: int, upper: int) -> None:
    client.merge_shards(
        StreamName=stream, ShardToMerge=shard(lower), AdjacentShardToMerge=shard(upper)
    )


def scale(client: Any, target: int) -> Any:
    return client.update_shard_count(
        StreamName=stream, TargetShardCount=target, ScalingType="UNIFORM_SCALING"
    )


def test_merged_shards_have_one_child_that_names_both_and_takes_their_keys(empty: Any) -> None:
    empty.create_stream(StreamName=stream, ShardCount=2)
    for key in (0, KEYS - 1):
        put(empty, "before", ExplicitHashKey=str(key))
    merge(empty, 0, 1)
    put(empty, "after", ExplicitHashKey="7")
    *closed, child = shards_of(empty)
    assert (child["ParentShardId"], child["AdjacentParentShardId"]) == (shard(0), shard(1))
    assert child["HashKeyRange"] == {"StartingHashKey": "0", "EndingHashKey": str(KEYS - 1)}
    start = int(child["SequenceNumberRange"]["StartingSequenceNumber"])
    for parent in closed:
        assert int(parent["SequenceNumberRange"]["EndingSequenceNumber"]) < start
        assert data_of(read(empty, shard=parent["ShardId"])) == ["before"]
    assert data_of(read(empty, shard=shard(2))) == ["after"]
    position = empty.get_shard_iterator(
        StreamName=stream, ShardId=shard(1), ShardIteratorType="LATEST"
    )["ShardIterator"]
    (said,) = empty.get_records(ShardIterator=position)["ChildShards"]
    assert said["ParentShards"] == [shard(0), shard(1)]


def test_for_a_moment_after_a_change_the_stream_is_updating_and_takes_no_other(
    kinesis: Any, clock: Clock
) -> None:
    assert status(kinesis) == "ACTIVE"
    split(kinesis)
    assert status(kinesis) == "UPDATING"
    with refused("ResourceInUseException", "not ACTIVE, instead in state UPDATING"):
        split(kinesis, shard(1))
    with refused("ResourceInUseException"):
        merge(kinesis, 1, 2)
    with refused("ResourceInUseException"):
        scale(kinesis, 4)
    assert put(kinesis, "meanwhile")
    clock.now += moments_ms
    assert status(kinesis) == "ACTIVE"
    merge(kinesis, 1, 2)


def test_a_shard_is_split_once_and_merged_once(kinesis: Any, clock: Clock) -> None:
    split(kinesis)
    clock.now += moments_ms
    with refused("InvalidArgumentException", "has already been merged or split"):
        split(kinesis)
    merge(kinesis, 1, 2)
    clock.now += moments_ms
    with refused("InvalidArgumentException", "has already been merged or split"):
        merge(kinesis, 1, 2)
    assert len(shards_of(kinesis)) == 4


@pytest.mark.parametrize("start", [0, 1, KEYS - 1, KEYS, 10**39 - 1])
def test_a_child_has_at_least_two_hash_keys(kinesis: Any, start: int) -> None:
    with refused("InvalidArgumentException", "is not both greater than one plus"):
        kinesis.split_shard(
            StreamName=stream, ShardToSplit=first_shard, NewStartingHashKey=str(start)
        )
    assert len(shards_of(kinesis)) == 1


@pytest.mark.parametrize("pair", [(0, 2), (1, 0), (0, 0)])
def test_only_neighbours_are_merged_the_lower_first(empty: Any, pair: tuple[int, int]) -> None:
    empty.create_stream(StreamName=stream, ShardCount=3)
    with refused("InvalidArgumentException", "not an adjacent pair"):
        merge(empty, *pair)


@pytest.mark.parametrize("named", [shard(9), "elsewhere"])
def test_a_shard_that_is_not_there_is_not_found(kinesis: Any, named: str) -> None:
    with refused("ResourceNotFoundException", f"Could not find shard {named}"):
        kinesis.split_shard(StreamName=stream, ShardToSplit=named, NewStartingHashKey="9")
    with refused("ResourceNotFoundException", f"Could not find shard {named}"):
        kinesis.merge_shards(
            StreamName=stream, ShardToMerge=first_shard, AdjacentShardToMerge=named
        )


def test_a_stream_that_is_not_there_is_not_found(empty: Any) -> None:
    with refused("ResourceNotFoundException"):
        scale(empty, 2)
    with refused("ResourceNotFoundException"):
        merge(empty, 0, 1)


def test_the_shards_of_an_on_demand_stream_are_not_ours_to_change(empty: Any) -> None:
    empty.create_stream(StreamName=stream, StreamModeDetails={"StreamMode": "ON_DEMAND"})
    with refused("ValidationException", "ON_DEMAND"):
        split(empty)
    with refused("ValidationException", "ON_DEMAND"):
        scale(empty, 8)


def test_the_account_has_no_more_than_a_thousand_open_shards(empty: Any) -> None:
    empty.create_stream(StreamName="other", ShardCount=997)
    empty.create_stream(StreamName=stream, ShardCount=3)
    with refused("LimitExceededException", "exceed the shard limit"):
        split(empty)
    with refused("LimitExceededException", "exceed the shard limit"):
        scale(empty, 6)
    merge(empty, 0, 1)
    assert len(open_ranges(empty)) == 2


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({"TargetShardCount": 2}, "scalingType"),
        ({"ScalingType": "UNIFORM_SCALING"}, "targetShardCount"),
        ({"TargetShardCount": 0, "ScalingType": "UNIFORM_SCALING"}, "greater than or equal to 1"),
        ({"TargetShardCount": 2, "ScalingType": "EVENLY"}, "enum value set"),
    ],
)
def test_what_is_missing_or_malformed_is_told_by_its_member(
    unchecked: Any, body: dict[str, Any], words: str
) -> None:
    with refused("ValidationException", words):
        unchecked.update_shard_count(StreamName=stream, **body)
    with refused("ValidationException", "newStartingHashKey"):
        unchecked.split_shard(StreamName=stream, ShardToSplit=first_shard)
    with refused("ValidationException", "newStartingHashKey"):
        unchecked.split_shard(StreamName=stream, ShardToSplit=first_shard, NewStartingHashKey="-1")
    with refused("ValidationException", "adjacentShardToMerge"):
        unchecked.merge_shards(StreamName=stream, ShardToMerge=first_shard)


def test_the_count_is_at_most_doubled_and_at_least_halved(empty: Any) -> None:
    empty.create_stream(StreamName=stream, ShardCount=4)
    with refused("InvalidArgumentException", "cannot scale up over double"):
        scale(empty, 9)
    with refused("InvalidArgumentException", "cannot scale down below half"):
        scale(empty, 1)
    assert len(shards_of(empty)) == 4


def test_after_a_new_count_the_parts_are_equal(empty: Any, clock: Clock) -> None:
    empty.create_stream(StreamName=stream, ShardCount=2)
    before = 2
    for target in (3, 6, 5, 4, 7, 4, 2, 1, 2):
        answer = scale(empty, target)
        assert (answer["CurrentShardCount"], answer["TargetShardCount"]) == (before, target)
        assert (answer["StreamName"], answer["StreamARN"][-len(stream) :]) == (stream, stream)
        assert open_ranges(empty) == equal_parts(target)
        clock.now += moments_ms
        before = target


def test_doubling_splits_each_shard_once_and_halving_merges_each_pair(
    empty: Any, clock: Clock
) -> None:
    empty.create_stream(StreamName=stream, ShardCount=2)
    scale(empty, 4)
    assert len(shards_of(empty)) == 6
    clock.now += moments_ms
    scale(empty, 4)
    assert len(shards_of(empty)) == 6, "what is even stays as it is"
    scale(empty, 2)
    assert len(shards_of(empty)) == 8


# A change is a number: which shard, and where; puts go between. Small, so that it shrinks well.
changes = st.tuples(st.sampled_from(["split", "merge", "scale"]), st.integers(0, 60))
steps = st.lists(changes | st.tuples(st.just("put"), st.integers(0, 7)), max_size=30)


@dataclass
class Tree:
    """A stream of its own, and what was put there in which order."""

    client: Any
    clock: Clock
    said: dict[str, list[str]] = field(default_factory=dict)

    def step(self, move: str, number: int) -> None:
        self.clock.now += moments_ms
        found = self.open()
        match move:
            case "put":
                key, texts = f"k{number}", self.said.setdefault(f"k{number}", [])
                texts.append(f"{number}.{len(texts)}")
                put(self.client, texts[-1], key)
            case "split":
                split(self.client, found[number % len(found)]["ShardId"])
            case "merge" if len(found) > 1:
                pair = found[number % (len(found) - 1) :][:2]
                merge(self.client, *(int(each["ShardId"][8:]) for each in pair))
            case "scale":
                least, most = (len(found) + 1) // 2, 2 * len(found)
                scale(self.client, least + number % (most - least + 1))

    def open(self) -> list[dict[str, Any]]:
        listed = shards_of(self.client, ShardFilter={"Type": "AT_LATEST"})
        return sorted(listed, key=lambda each: int(each["HashKeyRange"]["StartingHashKey"]))

    def read(self) -> Iterator[dict[str, Any]]:
        """All records, each shard to its end, a child once all of its parents were read."""
        waiting = [each["ShardId"] for each in shards_of(self.client) if not parents(each)]
        done: list[str] = []
        while waiting:
            name = waiting.pop(0)
            yield from read(self.client, shard=name)
            done.append(name)
            for child in self.children(name):
                if child["ShardId"] not in waiting and set(child["ParentShards"]) <= set(done):
                    waiting.append(child["ShardId"])

    def children(self, name: str) -> Any:
        position = self.client.get_shard_iterator(
            StreamName=stream, ShardId=name, ShardIteratorType="LATEST"
        )["ShardIterator"]
        return self.client.get_records(ShardIterator=position).get("ChildShards", [])


def parents(listed: dict[str, Any]) -> list[str]:
    return [listed[name] for name in ("ParentShardId", "AdjacentParentShardId") if name in listed]


@pytest.fixture(scope="module")
def forest(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tree]:
    """One Kinesis for all examples; each has the stream anew."""
    directory: Path = tmp_path_factory.mktemp("forest")
    clock = Clock()
    with serving(directory, clock=clock) as url, client_of(url) as client:
        yield Tree(client, clock)


@given(first=st.integers(1, 3), told=steps)
@settings(max_examples=30)
def test_however_shards_split_and_merge_each_record_is_read_once_and_in_the_order_of_its_key(
    forest: Tree, first: int, told: list[tuple[str, int]]
) -> None:
    forest.client.create_stream(StreamName=stream, ShardCount=first)
    try:
        forest.said = {}
        for move, number in told:
            forest.step(move, number)
        found = list(forest.read())
        assert len(found) == sum(map(len, forest.said.values()))
        for key, texts in forest.said.items():
            assert data_of([each for each in found if each["PartitionKey"] == key]) == texts
        ranges = open_ranges(forest.client)
        assert [low for low, _ in ranges] == [0, *(high + 1 for _, high in ranges[:-1])]
        assert ranges[-1][1] == KEYS - 1
    finally:
        forest.client.delete_stream(StreamName=stream)
