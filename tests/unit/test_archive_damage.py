"""Whatever a segment's object holds is a segment that can be used, or the one error of damage."""

import gzip
import json
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chalicelib import archive
from chalicelib.archive import Gap, Segment, decode, encode, objects, with_clock
from chalicelib.errors import Behind
from chalicelib.events import Position, Record, Shard
from chalicelib.notary.leaf import contents
from ops import shown

SHARD = Shard("tillstream-test-1", "shardId-000000000003")
PARENTS = ("tillstream-test-1/shardId-000000000001", "tillstream-test-1/shardId-000000000002")
ONE = Segment(
    SHARD,
    before=4,
    records=(Record(5, 1000, "product/1", b"a.b"), Record(7, 900, "order/2", b"\xff\x00")),
    previous=2,
    clock=950,
    parents=PARENTS,
    gap=Gap(950, 1000),
)
LINES = [json.loads(line) for line in gzip.decompress(encode(ONE)).splitlines()]
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters()),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)
numbers = st.integers().map(str) | st.sampled_from(["05", "+5", " 5", "5_0", "9" * 57, "٥"])
near = numbers | st.sampled_from([-1, 0, True, 5.0, 2**63, 10**30, float("nan"), "\ud800", PARENTS])


def places(value) -> Iterator[tuple]:
    """The way to each member, however deep."""
    if isinstance(value, dict | list):
        for name, inner in dict(value if isinstance(value, dict) else enumerate(value)).items():
            yield (name,)
            yield from ((name, *rest) for rest in places(inner))


def with_other(value, place, other):
    """The same, but for what stands there."""
    if not place:
        return other
    copy = dict(value) if isinstance(value, dict) else list(value)
    copy[place[0]] = with_other(copy[place[0]], place[1:], other)
    return copy


def body_of(lines) -> bytes:
    return gzip.compress("\n".join(map(json.dumps, lines)).encode(), compresslevel=1)


def used(one: Segment) -> None:
    """All that is done with a segment anywhere, as far as it asks nobody."""
    assert decode(encode(one)) == one
    for record, clock in with_clock(one):
        assert Position.parse(str(Position(one.shard, record.sequence))).shard == one.shard
        assert datetime.fromtimestamp(max(clock, record.arrival) / 1000, UTC).year < 10_000
        assert shown.text(record.key).isascii()
    assert (one.tail.last, one.tail.previous) == (one.last, one.before)
    assert one.tail.clock == clock
    assert archive.name_of(one.shard, one.before) > archive.name_of(one.shard, one.last)
    assert [str(Shard.parse(parent)) for parent in one.parents] == list(one.parents)
    assert all(datetime.fromtimestamp(ms / 1000, UTC) for ms in one.gap or ())


def is_used_or_refused(body: bytes) -> None:
    try:
        found = decode(body)
    except ValueError:
        with pytest.raises(ValueError, match=r"."):
            contents(body)
    else:
        used(found)
        assert contents(body).leaf.last == found.last


def test_a_segment_as_it_was_put_is_used():
    assert decode(body_of(LINES)) == ONE
    used(ONE)


@settings(max_examples=300)
@given(st.sampled_from(list(places(LINES))), values | near)
def test_any_value_in_place_of_any_member(place, other):
    is_used_or_refused(body_of(with_other(LINES, place, other)))


@given(st.integers(0, len(encode(ONE)) - 1), st.integers(1, 255))
def test_any_byte_that_is_changed_and_any_cut(at, flipped):
    body = encode(ONE)
    is_used_or_refused(body[:at] + bytes([body[at] ^ flipped]) + body[at + 1 :])
    is_used_or_refused(body[:at])
    text = gzip.decompress(body)
    at %= len(text)
    is_used_or_refused(gzip.compress(text[:at] + bytes([text[at] ^ flipped]) + text[at + 1 :]))


@pytest.mark.parametrize("deep", ["[" * 200_000, '{"a":' * 200_000, "[" * 9000 + "]" * 9000])
@pytest.mark.parametrize("member", ['"clock":950', '"parents":', "[7,", '"7",900'])
def test_what_lies_too_deep_to_be_read(deep, member):
    text = gzip.decompress(encode(ONE)).decode()
    for changed in (deep, text.replace(member, f"{member}{deep}", 1), f"{text}{deep}"):
        is_used_or_refused(gzip.compress(changed.encode(), compresslevel=1))


@pytest.mark.parametrize(
    ("place", "other"),
    [
        ((0, "clock"), "x"),
        ((0, "clock"), None),
        ((0, "clock"), True),
        ((0, "gap", "found"), 10**30),
        ((0, "parents", 0), "nonsense"),
        ((0, "parents", 0), 7),
        ((0, "stream"), "a/b"),
        ((0, "before"), "-1"),
        ((0, "before"), "6"),
        ((0, "previous"), None),
        ((0, "previous"), "4"),
        ((1, 0), "9"),
        ((1, 1), None),
        ((1, 1), 1e3),
        ((1, 2), 7),
        ((1, 3), None),
        ((2, 3, "raw"), 7),
    ],
)
def test_what_is_nearly_a_segment_is_none(place, other):
    with pytest.raises(ValueError, match=r"."):
        decode(body_of(with_other(LINES, place, other)))


@pytest.mark.parametrize(
    "lies", [Segment(SHARD, 9, (Record(10, 1, "k", b""),), 4, 0), ONE, b"", b"nonsense"]
)
def test_what_lies_under_anothers_name_or_is_none_is_damage(lies, monkeypatch):
    body = lies if isinstance(lies, bytes) else encode(lies)
    monkeypatch.setattr(objects, "body", lambda _: body)
    other = Shard(SHARD.stream, "shardId-000000000009")
    for shard, before in ((SHARD, 3), (other, 4), (other, 9)):
        with pytest.raises(Behind, match=f"^the archive of {shard} is damaged after {before}: "):
            archive.get(shard, before)
