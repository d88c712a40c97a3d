"""A segment is read back as it was written, or refused."""

import gzip
import json
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.archive import segment as segments
from chalicelib.archive.segment import Segment, decode, encode, with_clock
from chalicelib.events import Record, Shard

SHARD = Shard("tillstream-test-1", "shardId-000000000003")
texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)
moments = st.integers(0, segments.END_MS - 1)
others = st.integers(0, 10**12 - 1).map("tillstream-test-1/shardId-{:012d}".format)
records = st.builds(
    Record,
    sequence=st.integers(1, 10**56 - 1),
    arrival=moments,
    key=texts,
    data=st.one_of(st.binary(max_size=80), texts.map(str.encode)),
)


@st.composite
def made(draw):
    """Any segment that can be put."""
    lines = draw(st.lists(records, min_size=1, max_size=8, unique_by=lambda r: r.sequence))
    lines.sort(key=lambda record: record.sequence)
    before = draw(st.integers(0, lines[0].sequence - 1))
    return Segment(
        SHARD,
        before=before,
        records=tuple(lines),
        previous=draw(st.integers(0, before - 1)) if before else None,
        clock=draw(moments),
        parents=tuple(draw(st.lists(others, max_size=3))),
    )


def segment(*data: bytes) -> Segment:
    lines = tuple(Record(n, 1000 * n, "product/1", each) for n, each in enumerate(data, 1))
    return Segment(SHARD, 0, lines, None, 0)


def text_of(body: bytes) -> list[bytes]:
    return gzip.decompress(body).splitlines(keepends=True)


@given(made())
def test_what_is_read_back_is_what_was_written(one):
    assert decode(encode(one)) == one


@given(made())
def test_the_same_segment_is_the_same_bytes(one):
    assert encode(one) == encode(decode(encode(one)))


def test_a_record_lies_in_the_archive_as_it_came_in_a_line_of_json():
    manifest, ascii_line, raw_line = map(json.loads, text_of(encode(segment(b"a.b", b"\xff\x00"))))
    assert ascii_line == ["1", 1000, "product/1", "a.b"]
    assert raw_line == ["2", 2000, "product/1", {"raw": "/wA="}]
    assert manifest == {
        "v": 1,
        "stream": "tillstream-test-1",
        "shard": "shardId-000000000003",
        "before": "0",
        "first": "1",
        "last": "2",
        "count": 2,
        "previous": None,
        "clock": 0,
        "parents": [],
    }


@pytest.mark.parametrize("key", ["", "\ud800", "\x00\n", "k" * 256])
def test_whatever_a_partition_key_is_the_segment_can_be_read_back(key):
    one = Segment(SHARD, 0, (Record(1, 1, key, b"a.b"),), None, 0)
    assert decode(encode(one)) == one


def test_a_segment_cut_short_anywhere_is_refused():
    body = encode(segment(b"one", b"two", b"three"))
    for end in range(len(body)):
        with pytest.raises(ValueError):
            decode(body[:end])


@pytest.mark.parametrize("dropped", [0, 1, 2, 3])
def test_a_segment_that_lacks_a_line_is_refused(dropped):
    lines = text_of(encode(segment(b"one", b"two", b"three")))
    del lines[dropped]
    with pytest.raises(ValueError):
        decode(gzip.compress(b"".join(lines)))


def test_a_segment_with_a_line_too_many_is_refused():
    lines = text_of(encode(segment(b"one", b"two")))
    with pytest.raises(ValueError):
        decode(gzip.compress(b"".join([*lines, lines[-1]])))


def test_a_segment_that_inflates_too_far_is_refused_without_inflating_it(monkeypatch):
    monkeypatch.setattr(segments, "INFLATED", 1000)
    with pytest.raises(ValueError):
        decode(encode(segment(b"x" * 1000)))
    decode(encode(segment(b"x" * 100)))


@pytest.mark.parametrize(
    "body",
    [b"", b"no gzip", gzip.compress(b""), gzip.compress(b"[]\n"), gzip.compress(b"{}\n[1]\n")],
)
def test_what_is_no_segment_is_refused(body):
    with pytest.raises(ValueError):
        decode(body)


def test_what_trails_a_segment_is_refused():
    with pytest.raises(ValueError):
        decode(encode(segment(b"one")) + b"more")


@given(st.binary(max_size=60))
def test_any_bytes_are_refused_as_no_segment(body):
    for each in (body, zlib.compress(body), gzip.compress(body)):
        with pytest.raises(ValueError):
            decode(each)


@given(st.lists(st.integers(0, 100), min_size=1, max_size=12), st.integers(0, 100))
def test_the_clock_is_the_running_maximum_of_arrivals_its_own_included(arrivals, before):
    lines = tuple(Record(n, at, "k", b"") for n, at in enumerate(arrivals, 1))
    one = Segment(SHARD, 0, lines, None, before)
    clocks = [clock for _, clock in with_clock(one)]
    assert clocks == [max([before, *arrivals[: n + 1]]) for n in range(len(arrivals))]
    assert one.tail.clock == clocks[-1]
