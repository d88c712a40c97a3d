"""That nothing expired unread is shown, or told as a gap: on a Kinesis whose clock is moved."""

import json
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from simulator import S3
from worlds import SETTINGS, STREAM, TRUST, Promptly

sys.path.insert(0, str(Path(__file__).parent.parent / "local"))
from kinesis_cases import Clock, client_of

from chalicelib import archive, config, log, unread
from chalicelib.archive import Gap, decode, encode, gaps, objects
from chalicelib.archive.gaps import HOUR_MS, Seen
from chalicelib.errors import CloudFailure
from chalicelib.events import Batch, Record, Shard
from chalicelib.signing import keys
from local.kinesis import serving

ZERO, ONE, TWO, THREE = (Shard(STREAM, f"shardId-{number:012d}") for number in range(4))
DAY = 24 * HOUR_MS
WEEK = 7 * DAY


class Shop:
    """A stream of two shards, an archive, and one clock; its consumer and sweep are called."""

    def __init__(self, kinesis, clock):
        self.kinesis, self.clock, self.s3 = kinesis, clock, S3()
        self.asked = []
        self.create(STREAM)

    def client(self, service):
        self.asked.append(service)
        return {"kinesis": self.kinesis, "s3": self.s3}[service]

    def create(self, stream, shards=2):
        self.kinesis.create_stream(StreamName=stream, ShardCount=shards)

    def put(self, *shards):
        """A record on each of these, or on each that is open."""
        for entry in self.kinesis.list_shards(StreamName=STREAM)["Shards"]:
            if (not shards or Shard(STREAM, entry["ShardId"]) in shards) and (
                "EndingSequenceNumber" not in entry["SequenceNumberRange"]
            ):
                at = entry["HashKeyRange"]["StartingHashKey"]
                self.kinesis.put_record(
                    StreamName=STREAM, Data=b"x", PartitionKey="k", ExplicitHashKey=at
                )

    def consume(self, *shards):
        """All that the stream holds is archived, as Lambda's mapping gives it; how many."""
        archive._tails.clear()
        return sum(self._consume(shard) for shard in shards or log.listed(STREAM))

    def _consume(self, shard):
        start = self.kinesis.get_shard_iterator(
            StreamName=STREAM, ShardId=shard.id, ShardIteratorType="TRIM_HORIZON"
        )
        found = self.kinesis.get_records(ShardIterator=start["ShardIterator"])["Records"]
        records = tuple(
            Record(
                int(each["SequenceNumber"]),
                round(each["ApproximateArrivalTimestamp"].timestamp() * 1000),
                each["PartitionKey"],
                each["Data"],
            )
            for each in found
        )
        batch, asked = Batch(shard, records), (log.ancestors, log.listed, log.keeps)
        held = archive.append(batch, *asked) if records else []
        return sum(len(segment.records) for segment in held)

    def pass_(self, ms, step=DAY):
        """Time passes, and the sweep comes."""
        for _ in range(ms // step):
            self.clock.now += step
            unread.sweep()

    def gaps(self):
        return [(shard, before, gap.since) for shard, before, gap in gaps.every()]


@pytest.fixture
def shop(tmp_path, monkeypatch):
    clock = Clock()
    with serving(tmp_path, clock=clock) as url, client_of(url) as kinesis:
        made = Shop(kinesis, clock)
        monkeypatch.setattr(config, "client", made.client)
        monkeypatch.setattr(config, "settings", lambda: SETTINGS)
        monkeypatch.setattr(keys, "trust", lambda **_: TRUST)
        monkeypatch.setattr(gaps, "now", clock)
        monkeypatch.setattr(archive, "_tails", {})
        monkeypatch.setattr(archive, "ThreadPoolExecutor", Promptly)
        yield made


def tail(shard):
    return archive.tail(shard)


def test_shards_that_are_idle_for_weeks_have_no_gap_though_one_never_had_a_record(shop):
    shop.put(ZERO)
    shop.consume()
    shop.pass_(3 * WEEK)
    assert shop.gaps() == []
    shop.put()
    assert shop.consume() == 2
    assert all(archive.get(shard, tail(shard).previous).gap is None for shard in (ZERO, ONE))


def test_what_expired_while_nobody_took_it_is_a_gap_that_the_next_segment_says(shop):
    """The consumer stands still for nine days, and the sweep does not."""
    shop.put()
    shop.consume()
    shop.pass_(DAY)
    seen, before = shop.clock.now, tail(ZERO).last
    shop.clock.now += 1000
    shop.put(ZERO)
    shop.pass_(WEEK, HOUR_MS * 12)
    shop.pass_(DAY)
    assert shop.gaps() == [(ZERO, before, seen)]
    shop.put()
    assert shop.consume() == 2, "one of three was never archived"
    whole, broken = (archive.get(shard, tail(shard).previous) for shard in (ONE, ZERO))
    assert whole.gap is None
    assert broken.gap is not None
    assert broken.gap.since == seen
    assert WEEK - HOUR_MS < broken.gap.found - seen < WEEK + 13 * HOUR_MS
    shop.pass_(3 * WEEK)
    assert len(shop.gaps()) == 1, "told once"


def test_what_waits_and_has_not_expired_is_no_gap(shop):
    shop.put()
    shop.pass_(WEEK - DAY)
    assert shop.consume() == 2
    shop.pass_(HOUR_MS, HOUR_MS)
    shop.pass_(2 * WEEK)
    assert shop.gaps() == []


def test_a_last_record_that_is_young_shows_it_without_a_sweep(shop):
    """The sweep is away for ten days; the consumer is not, and the shards are busy."""
    unread.sweep()
    for _ in range(10):
        shop.clock.now += DAY
        shop.put()
        shop.consume()
    unread.sweep()
    assert shop.gaps() == []


def test_a_consumer_that_comes_back_before_the_sweep_does_finds_the_gap_by_itself(shop, capsys):
    """Both stand still for nine days: after it, the end of the archive is as young as ever."""
    shop.put()
    shop.consume()
    shop.pass_(DAY)
    seen, before = shop.clock.now, tail(ZERO).last
    shop.clock.now += 1000
    shop.put(ZERO)
    shop.clock.now += 9 * DAY
    shop.put(ZERO)
    assert shop.consume(ZERO) == 1, "one of two was never archived"
    assert shop.gaps() == [(ZERO, before, seen)]
    assert archive.get(ZERO, before).gap == Gap(seen, shop.clock.now)
    assert json.loads(capsys.readouterr().err)["what"] == "gap"
    shop.clock.now += HOUR_MS
    shop.put(ZERO)
    shop.consume(ZERO)
    unread.sweep()
    assert [shard for shard, _, _ in shop.gaps()] == [ZERO, ONE], "the other the sweep finds"


def test_so_does_one_that_comes_back_between_two_looks(shop):
    unread.sweep()
    seen = shop.clock.now
    shop.put(ZERO)
    shop.pass_(WEEK - 12 * HOUR_MS, 12 * HOUR_MS)
    shop.clock.now += 12 * HOUR_MS - 15 * 60_000
    shop.put(ZERO)
    unread.sweep()
    assert shop.gaps() == []
    shop.clock.now += 15 * 60_000 + 1
    assert shop.consume(ZERO) == 1
    assert shop.gaps() == [(ZERO, 0, seen)]


def test_one_that_comes_back_in_time_finds_none(shop):
    shop.put(ZERO)
    shop.pass_(WEEK - DAY)
    assert shop.consume() == 1
    shop.pass_(HOUR_MS, HOUR_MS)
    shop.clock.now += 6 * DAY
    shop.put(ZERO)
    assert shop.consume() == 1
    assert shop.gaps() == []


def test_an_idle_shard_that_nobody_looked_at_for_longer_than_records_are_kept_is_not_shown(shop):
    shop.put(ZERO)
    shop.consume()
    unread.sweep()
    seen = shop.clock.now
    shop.clock.now += WEEK
    unread.sweep()
    assert shop.gaps() == [(ZERO, tail(ZERO).last, seen), (ONE, 0, seen)]
    shop.pass_(2 * WEEK)
    assert len(shop.gaps()) == 2, "from then on it is looked at again"
    shop.put(ONE)
    shop.consume()
    assert archive.get(ONE, 0).gap == Gap(seen, seen + WEEK)


def test_a_shard_whose_end_is_damaged_keeps_nobody_from_looking_at_the_others(shop, capsys):
    shop.put(ZERO)
    shop.consume()
    unread.sweep()
    seen = shop.clock.now
    name = archive.name_of(ZERO, 0)
    body = objects.body(name)
    objects.overwrite(name, b"damaged")
    shop.clock.now += WEEK
    unread.sweep()
    assert shop.gaps() == [(ONE, 0, seen)]
    assert f"the archive of {ZERO} is damaged" in capsys.readouterr().err
    objects.overwrite(name, body)
    shop.clock.now += HOUR_MS
    unread.sweep()
    assert (ZERO, tail(ZERO).last, seen) in shop.gaps(), "and it is told once it can be read"


def test_a_stream_that_keeps_for_a_day_alone_is_held_to_that(shop, monkeypatch):
    monkeypatch.setattr(log, "kept", lambda _: log.Kept(shop.clock.now, DAY))
    unread.sweep()
    shop.clock.now += 23 * HOUR_MS
    unread.sweep()
    assert shop.gaps() == []
    shop.clock.now += DAY
    unread.sweep()
    assert len(shop.gaps()) == 2


def test_a_closed_shard_that_was_read_to_its_end_is_forgotten_in_peace(shop):
    shop.put()
    shop.kinesis.split_shard(
        StreamName=STREAM, ShardToSplit=ZERO.id, NewStartingHashKey=str(2**126)
    )
    shop.put(TWO)
    shop.consume(ZERO, ONE, TWO)
    shop.pass_(3 * WEEK)
    assert shop.gaps() == []
    assert ZERO not in log.listed(STREAM)
    shop.put(THREE)
    shop.consume(THREE)
    assert archive.get(THREE, 0).gap is None


def test_a_closed_shard_that_expired_before_its_end_was_read_is_a_gap(shop):
    shop.put()
    shop.consume()
    shop.pass_(HOUR_MS, HOUR_MS)
    seen, before = shop.clock.now, tail(ZERO).last
    shop.clock.now += 1000
    shop.put(ZERO)
    shop.kinesis.split_shard(
        StreamName=STREAM, ShardToSplit=ZERO.id, NewStartingHashKey=str(2**126)
    )
    shop.pass_(WEEK - DAY)
    shop.clock.now += 2 * DAY
    assert ZERO not in log.listed(STREAM)
    unread.sweep()
    assert (ZERO, before, seen) in shop.gaps()


def test_a_child_came_to_be_after_the_last_that_its_parent_said(shop):
    """The sweep is away for ten days, and the child is made on the last of them."""
    unread.sweep()
    for _ in range(10):
        shop.clock.now += DAY
        shop.put()
        shop.consume()
    shop.kinesis.split_shard(
        StreamName=STREAM, ShardToSplit=ZERO.id, NewStartingHashKey=str(2**126)
    )
    unread.sweep()
    assert shop.gaps() == []


def test_a_stream_with_the_next_number_begins_with_nothing_to_show(shop, monkeypatch):
    shop.put()
    shop.consume()
    shop.pass_(DAY)
    shop.clock.now += WEEK
    later = STREAM[:-1] + "2"
    shop.create(later)
    monkeypatch.setattr(config, "settings", lambda: replace(SETTINGS, stream=later))
    unread.sweep()
    shop.pass_(DAY)
    assert shop.gaps() == []


def test_a_shop_that_was_off_for_weeks_comes_back_without_a_gap_and_loses_nothing(shop, tmp_path):
    """On one machine the log is off with it; what nobody had archived yet is there."""
    shop.put()
    shop.consume()
    unread.sweep()
    shop.put(ZERO)
    shop.clock.now += 3 * WEEK
    with serving(tmp_path, clock=shop.clock) as url, client_of(url) as shop.kinesis:
        assert shop.consume() == 1
        unread.sweep()
        shop.pass_(2 * WEEK)
        assert shop.gaps() == []


def test_a_sweep_that_dies_once_it_put_a_gap_is_followed_by_one_that_goes_on(shop, monkeypatch):
    unread.sweep()
    shop.clock.now += 2 * WEEK
    with monkeypatch.context() as patch:
        patch.setattr(objects, "overwrite", None)
        with pytest.raises(TypeError):
            unread.sweep()
    told = shop.gaps()
    assert len(told) == 2
    shop.pass_(2 * WEEK)
    assert shop.gaps() == told


def test_of_the_time_before_an_older_stream_was_looked_at_first_nothing_is_said(shop):
    shop.put(ZERO)
    shop.consume()
    shop.clock.now += 3 * WEEK
    unread.sweep()
    assert shop.gaps() == []
    assert set(gaps.seen(STREAM).until.values()) == {shop.clock.now}


def test_the_stream_is_asked_once_an_hour_and_the_bucket_once_a_minute(shop):
    unread.sweep()
    for _ in range(59):
        shop.clock.now += 60_000
        shop.asked.clear()
        unread.sweep()
        assert shop.asked == ["s3"]
    shop.clock.now += 60_000
    unread.sweep()
    assert "kinesis" in shop.asked


def test_a_segment_that_follows_soon_asks_for_no_gap(shop, monkeypatch):
    shop.put()
    shop.consume()
    monkeypatch.setattr(objects, "find", None)
    shop.clock.now += 22 * HOUR_MS
    shop.put()
    assert shop.consume() == 2
    shop.clock.now += 24 * HOUR_MS
    shop.put()
    with pytest.raises(TypeError):
        shop.consume()


def test_a_segment_says_its_gap_and_one_without_has_the_bytes_it_always_had(shop):
    shop.put(ZERO)
    shop.consume()
    plain = archive.get(ZERO, 0)
    assert b"gap" not in archive.segment.lines(archive.stored(ZERO, 0))[0]
    told = encode(replace(plain, gap=Gap(1, 2)))
    assert decode(told).gap == Gap(1, 2)
    for said in ({"since": 1}, {"since": "1", "found": 2}, {"since": 1, "found": 2, "x": 3}, 7):
        first, *rest = archive.segment.lines(told)
        manifest = json.dumps(json.loads(first) | {"gap": said}).encode()
        with pytest.raises(ValueError, match=r"not a (segment|time)|other records"):
            archive.segment.read([manifest, *rest])


def test_what_is_remembered_and_cannot_be_read_is_told_and_begun_anew(shop, capsys):
    unread.sweep()
    for damaged in (b"{", b"[]", b'{"looked": 1, "until": {"x": "y"}}'):
        objects.overwrite(f"seen/{STREAM}", damaged)
        unread.sweep()
        assert json.loads(capsys.readouterr().err.splitlines()[-1])["what"] == "seen-damaged"
        assert gaps.seen(STREAM) == Seen(
            shop.clock.now, {ZERO: shop.clock.now, ONE: shop.clock.now}
        )


def test_a_gap_that_cannot_be_read_stops_no_shard(shop, capsys):
    objects.put(f"gaps/{ZERO}/{archive.MAX:056d}", b"nonsense")
    shop.put(ZERO)
    assert shop.consume() == 1
    assert json.loads(capsys.readouterr().err)["what"] == "gap-damaged"
    with pytest.raises(ValueError, match=r"not a gap|Expecting"):
        list(gaps.every())


def test_a_stream_that_does_not_answer_is_looked_at_by_the_next_sweep(shop, monkeypatch):
    kinesis = shop.kinesis
    shop.kinesis.delete_stream(StreamName=STREAM)
    with pytest.raises(CloudFailure):
        unread.sweep()
    assert gaps.seen(STREAM) is None
    kinesis.create_stream(StreamName=STREAM, ShardCount=1)
    unread.sweep()
    assert gaps.seen(STREAM) is not None
