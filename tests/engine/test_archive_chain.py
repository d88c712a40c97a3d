"""The chain of a shard's segments: it does not fork, whatever races; it is read in order."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count
from typing import Any

import pytest
from botocore.exceptions import ConnectionClosedError
from hypothesis import given
from hypothesis import strategies as st
from schedules import PerProcess, Schedule
from simulator import refusal
from stories import plans, sizes
from worlds import START, World, simulated

from chalicelib import archive, checkpoint, log, projector
from chalicelib.errors import Behind, CloudFailure
from chalicelib.events import Batch, Position, Record, Shard

NAMES = [f"shardId-{number:012d}" for number in range(8)]


def written(world: World, arrivals: list[int], shard: str = NAMES[0]) -> None:
    """Records that nobody can verify, arriving then."""
    for number, arrival in enumerate(arrivals):
        data = b"\xff\x00" if number % 3 == 0 else f"record {number}".encode()
        world.put(shard, START + arrival, "product/1", data)


def chain(shard: Shard) -> list[archive.Segment]:
    """The shard's segments, oldest first; each begins where the one before it ends."""
    found = list(archive.read_after(shard, 0))
    before, previous, clock = 0, None, found[0].clock if found else 0
    for segment in found:
        assert (segment.before, segment.previous, segment.clock) == (before, previous, clock)
        clock = max(clock, *(record.arrival for record in segment.records))
        before, previous = segment.last, segment.before
    return found


def archived(world: World, shard: str = NAMES[0]) -> list[Record]:
    """Every record of the shard that the archive holds."""
    return [record for segment in chain(world.shard(shard)) for record in segment.records]


def objects(world: World, shard: str = NAMES[0]) -> int:
    """How many objects lie in the shard's folder."""
    names = world.cloud["s3"].buckets.get("archive", {})
    return sum(name.startswith(f"segments/{world.shard(shard)}/") for name in names)


@pytest.fixture
def world() -> Iterator[World]:
    """A shop with one shard of twelve records, whose arrivals step back."""
    made = World()
    written(made, [0, 5, 3, 4, 9, 1, 2, 30, 10, 11, 12, 13])
    with simulated(made):
        yield made


def put(world: World, start: int, end: int) -> list[archive.Segment]:
    return archive.append(world.batch(NAMES[0], start, end), log.ancestors, log.listed)


class Appender(Schedule):
    """A schedule whose consumers only archive."""

    def appender(self, start: int, cuts: list[int]) -> Any:
        def script() -> None:
            at, tries = start, 0
            while at < len(self.world.logs[NAMES[0]]):
                end = at + cuts[tries % len(cuts)]
                batch = self.world.batch(NAMES[0], at, end)
                tries += 1
                if self.attempt(
                    lambda batch=batch: archive.append(batch, log.ancestors, log.listed)
                ):
                    at = end

        return script


@given(plans, st.lists(sizes, min_size=2, max_size=4))
def test_any_race_of_appenders_leaves_one_chain_of_every_record_once(plan, appenders):
    world = World()
    written(world, [0, 5, 3, 4, 9, 1, 2, 30, 10, 11])
    with simulated(world) as patch:
        patch.setattr(archive, "_tails", PerProcess())
        schedule = Appender(world, [each for each in plan if each[1] != "drop"])
        for cuts in appenders:
            schedule.add(schedule.appender(0, cuts))
        schedule.run()
        world.cloud.around = lambda *_: None
        assert archived(world) == world.logs[NAMES[0]]
        assert objects(world) == len(chain(world.shard(NAMES[0])))


@given(st.lists(st.tuples(st.integers(0, 12), st.integers(1, 12)), max_size=12))
def test_redeliveries_cut_anywhere_leave_the_records_once_and_verbatim(cuts):
    world = World()
    written(world, [0, 5, 3, 4, 9, 1, 2, 30, 10, 11, 12, 13])
    with simulated(world):
        done = 0
        for asked, length in [*cuts, (0, 12)]:
            start = min(asked, done)
            segments = put(world, start, start + length)
            held = [record for segment in segments for record in segment.records]
            new = world.logs[NAMES[0]][done : start + length]
            assert held[: len(new)] == new
            done = max(done, min(12, start + length))
        assert archived(world) == world.logs[NAMES[0]]


def test_a_stale_tail_goes_on_after_what_others_have_put(world):
    put(world, 0, 2)
    stale = dict(archive._tails)
    put(world, 2, 4)
    put(world, 4, 7)
    archive._tails.clear()
    archive._tails.update(stale)
    segments = put(world, 2, 9)
    assert [segment.before for segment in segments] == [14, 28, 49]
    assert archived(world) == world.logs[NAMES[0]][:9]


def test_a_winner_who_put_more_than_we_have_is_taken_whole(world):
    put(world, 0, 2)
    stale = dict(archive._tails)
    put(world, 2, 9)
    archive._tails.update(stale)
    (segment,) = put(world, 2, 4)
    assert list(segment.records) == world.logs[NAMES[0]][2:9]


def test_what_is_archived_already_is_not_put_again(world):
    put(world, 0, 5)
    calls: list[str] = []
    world.cloud.around = lambda when, service, operation, request: calls.append(operation)
    assert put(world, 1, 4) == []
    assert "put_object" not in calls


def answers(world: World, *errors: Exception | None) -> list[str]:
    """The puts of the world meet these errors, before they have any effect."""
    tried: list[str] = []
    coming = iter(errors)

    def around(when: str, service: str, operation: str, request: Any) -> None:
        if (when, operation) == ("before", "put_object"):
            tried.append(request["Key"])
            if (error := next(coming, None)) is not None:
                raise error

    world.cloud.around = around
    return tried


CONFLICT = refusal("PutObject", "ConditionalRequestConflict", 409)


def test_a_put_that_meets_another_is_tried_again_under_the_same_name(world):
    tried = answers(world, CONFLICT, CONFLICT)
    put(world, 0, 3)
    assert len(tried) == 3
    assert len(set(tried)) == 1
    assert archived(world) == world.logs[NAMES[0]][:3]


def test_a_put_that_always_meets_another_fails_the_batch(world):
    answers(world, *[CONFLICT] * 50)
    with pytest.raises(CloudFailure):
        put(world, 0, 3)
    assert objects(world) == 0


@pytest.mark.parametrize(
    "error",
    [
        refusal("PutObject", "SlowDown", 503),
        refusal("PutObject", "AccessDenied", 403),
        ConnectionClosedError(endpoint_url="http://127.0.0.1"),
    ],
)
def test_a_put_that_fails_fails_the_batch_and_the_next_one_does_it(world, error):
    answers(world, error)
    with pytest.raises(CloudFailure):
        put(world, 0, 3)
    put(world, 0, 3)
    assert archived(world) == world.logs[NAMES[0]][:3]


def test_a_put_whose_answer_was_lost_is_found_to_be_our_own(world):
    lost = count()

    def around(when: str, service: str, operation: str, request: Any) -> None:
        if (when, operation) == ("after", "put_object") and next(lost) == 0:
            raise ConnectionClosedError(endpoint_url="http://127.0.0.1")

    world.cloud.around = around
    with pytest.raises(CloudFailure):
        put(world, 0, 3)
    assert [len(segment.records) for segment in put(world, 0, 4)] == [3, 1]
    assert archived(world) == world.logs[NAMES[0]][:4]


def test_more_segments_than_a_listing_holds_are_read_in_order_from_anywhere(monkeypatch):
    monkeypatch.setattr(archive, "HELD_NAMES", 700)
    world = World()
    written(world, list(range(2500)))
    with simulated(world) as patch:
        patch.setattr(archive, "HELD_NAMES", 700)
        for start in range(2500):
            put(world, start, start + 1)
        pages: list[int] = []
        world.cloud.around = lambda when, _, operation, request: (
            pages.append(1) if (when, operation) == ("after", "list_objects_v2") else None
        )
        assert archived(world) == world.logs[NAMES[0]]
        assert len(pages) > 6
        shard, middle = world.shard(NAMES[0]), world.logs[NAMES[0]][1200]
        after = [segment.records[0] for segment in archive.read_after(shard, middle.sequence)]
        assert after == world.logs[NAMES[0]][1201:]
        assert archive.head(shard) == world.logs[NAMES[0]][-2].sequence


def test_every_record_is_found_at_its_position_with_the_clock_there_and_nothing_between(world):
    for start, end in ((0, 1), (1, 5), (5, 12)):
        put(world, start, end)
    shard, clock = world.shard(NAMES[0]), 0
    for record in world.logs[NAMES[0]]:
        clock = max(clock, record.arrival)
        assert archive.record_at(Position(shard, record.sequence)) == (record, clock)
        for beside in (record.sequence - 1, record.sequence + 1):
            assert archive.record_at(Position(shard, beside)) is None
    for nowhere in (0, 10**56 - 1):
        assert archive.record_at(Position(shard, nowhere)) is None
    assert archive.record_at(Position(Shard("tillstream-test-1", NAMES[7]), 7)) is None


def test_a_childs_first_manifest_names_the_nearest_ancestors_that_have_segments():
    one, empty, two, child, grandchild = NAMES[:5]
    parents = {one: [], empty: [one], two: [], child: [empty, two], grandchild: [child]}
    world = World(parents)
    with simulated(world):
        for name, arrivals in ((one, [50]), (two, [70, 20]), (child, [10, 60]), (grandchild, [1])):
            written(world, arrivals, name)
            archive.append(world.batch(name), log.ancestors, log.listed)
        (first,) = chain(world.shard(child))
        assert first.parents == (str(world.shard(two)), str(world.shard(one)))
        assert first.clock == START + 70
        (last,) = chain(world.shard(grandchild))
        assert last.parents == (str(world.shard(child)),)
        assert [clock for _, clock in archive.with_clock(last)] == [START + 70]


def test_a_childs_later_manifests_name_no_parents_and_go_on_with_the_clock(world):
    put(world, 0, 8)
    put(world, 8, 12)
    first, second = chain(world.shard(NAMES[0]))
    assert (first.clock, first.parents) == (0, ())
    assert (second.clock, second.parents) == (START + 30, ())


def test_a_shard_that_kinesis_does_not_list_fails_the_batch():
    world = World()
    stray = Shard("tillstream-test-1", NAMES[6])
    batch = Batch(stray, (Record(1, START, "k", b""),))
    with simulated(world), pytest.raises(CloudFailure):
        archive.append(batch, log.ancestors, log.listed)


def test_shards_of_older_streams_come_first_by_their_number():
    streams = ["tillstream-test-2", "tillstream-test-10", "tillstream-test-9"]
    names = dict(zip(NAMES, streams, strict=False))
    world = World({name: [] for name in names}, streams=names)
    with simulated(world):
        for name in names:
            written(world, [1], name)
            archive.append(world.batch(name), log.ancestors, log.listed)
        assert [shard.stream for shard in archive.shards()] == [
            "tillstream-test-2",
            "tillstream-test-9",
            "tillstream-test-10",
        ]


def test_the_first_shards_of_a_stream_come_after_every_shard_of_the_streams_before_it():
    old, older, new = NAMES[:3]
    streams = {old: "tillstream-test-9", older: "tillstream-test-8", new: "tillstream-test-10"}
    world = World({name: [] for name in streams}, streams=streams)
    with simulated(world):
        for name, arrivals in ((older, [90]), (old, [60]), (new, [1])):
            written(world, arrivals, name)
            if name == new:
                world.cloud["kinesis"].streams.pop("tillstream-test-9")
            archive.append(world.batch(name), log.ancestors, log.listed)
        (first,) = chain(world.shard(new))
        assert str(world.shard(old)) in first.parents
        assert first.clock == START + 90


def test_a_segment_that_was_lost_stops_its_shard_and_is_told_not_passed_over(world, capsys):
    for number in range(6):
        projector.project(world.batch(NAMES[0], number, number + 1), world.code)
    kept = world.cloud["s3"].buckets["archive"]
    del kept[sorted(name for name in kept if name.startswith("segments/"))[2]]
    with pytest.raises(Behind, match="has lost the segment after"):
        list(archive.read_after(world.shard(NAMES[0]), 0))
    world.drop()
    world.create()
    projector.sweep(world.code)
    assert not checkpoint.is_ready(), "what is not whole answers nothing"
    assert "has lost the segment after" in capsys.readouterr().err


def test_what_lies_among_the_segments_and_is_none_stops_its_shard_by_name(world):
    projector.project(world.batch(NAMES[0]), world.code)
    stray = f"segments/{world.shard(NAMES[0])}/0.jsonl.gz"
    kept = world.cloud["s3"].buckets["archive"]
    kept[stray] = kept[next(name for name in kept if name.startswith("segments/"))]
    with pytest.raises(Behind, match=f"{stray} lies among the segments and is none"):
        archive.tail(world.shard(NAMES[0]))
