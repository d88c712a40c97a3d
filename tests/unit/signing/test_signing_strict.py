"""JSON that can be read in two ways is not read at all (row 16)."""

import json
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from signing_cases import members, opened, signed

from chalicelib.errors import Malformed
from chalicelib.signing import strict

AMBIGUOUS = {
    "duplicate members": b'{"a":1,"a":1}',
    "duplicate members, one escaped": b'{"a":1,"\\u0061":2}',
    "duplicate members deep inside": b'{"a":[{"b":{"c":1,"c":2}}]}',
    "NaN": b'{"a":NaN}',
    "Infinity": b'{"a":Infinity}',
    "-Infinity": b'{"a":-Infinity}',
    "1e400": b'{"a":1e400}',
    "-1e400": b'{"a":-1e400}',
    "2^53": b'{"a":9007199254740992}',
    "-2^53": b'{"a":-9007199254740992}',
    "a 5,000-digit int": b'{"a":' + b"9" * 5_000 + b"}",
    "a 60,000-digit int": b'{"a":' + b"9" * 60_000 + b"}",
    "depth 33": b'{"a":' + b"[" * 32 + b"]" * 32 + b"}",
    "depth 40": b"[" * 40 + b"]" * 40,
    "depth 40 of objects": b'{"a":' * 40 + b"1" + b"}" * 40,
    "depth 40 behind an escaped quote": b'["\\"",' + b"[" * 40 + b"]" * 40 + b"]",
    "depth 40 behind many pairs": b"[" + b"[]," * 99 + b"[" * 40 + b"]" * 40 + b"]",
    "depth 30,000": b"[" * 30_000 + b"]" * 30_000,
    "depth 30,000, never closed": b"[" * 30_000,
    "depth 10,000 of objects": b'{"a":' * 10_000,
    "trailing data": b'{"a":1}{"b":2}',
    "a trailing comma": b'{"a":1,}',
    "a byte order mark": b'\xef\xbb\xbf{"a":1}',
    "UTF-16": '{"a":1}'.encode("utf-16"),
    "not UTF-8": b'{"a":"\xff"}',
    "UTF-8 of more bytes than needed": b'{"a":"\xc0\xaf"}',
    "a surrogate in UTF-8": b'{"a":"\xed\xa0\x80"}',
    "a lone high surrogate": b'{"a":"\\ud800"}',
    "a lone high surrogate, in capitals": b'{"a":"\\uD83D"}',
    "a lone low surrogate": b'{"a":"\\udc00"}',
    "a lone surrogate in a name": b'{"\\udc00":1}',
    "surrogates in the wrong order": b'{"a":"\\udc00\\ud800"}',
    "a control character": b'{"a":"\n"}',
    "single quotes": b"{'a':1}",
    "a comment": b'{"a":1/**/}',
    "a leading zero": b'{"a":01}',
    "a plus": b'{"a":+1}',
    "an unquoted name": b"{a:1}",
    "70 kB": b'{"a":"' + b"x" * 70_000 + b'"}',
    "nothing": b"",
    "white space": b" ",
}


@pytest.mark.parametrize("floats", [True, False])
@pytest.mark.parametrize("data", AMBIGUOUS.values(), ids=AMBIGUOUS.keys())
def test_what_can_be_read_in_two_ways_is_refused(data, floats):
    with pytest.raises(Malformed):
        strict.decode(data, floats=floats)


@pytest.mark.parametrize("data", AMBIGUOUS.values(), ids=AMBIGUOUS.keys())
def test_what_can_be_read_in_two_ways_is_refused_in_a_signed_event(data):
    text = json.dumps(members(data="?")).encode().replace(b'"?"', data)
    with pytest.raises(Malformed):
        opened(signed(text))


@pytest.mark.parametrize("number", [b"1.0", b"0.5", b"1e2", b"-0.0", b"1E400"])
def test_a_fraction_is_refused_in_an_event(number):
    with pytest.raises(Malformed):
        opened(signed(json.dumps(members(data={"n": "?"})).encode().replace(b'"?"', number)))


def test_a_fraction_is_read_where_it_is_asked_for():
    assert strict.decode(b"[1.5,1e2,-0.25]", floats=True) == [1.5, 100.0, -0.25]


@pytest.mark.parametrize("number", [2**53 - 1, 1 - 2**53, 0, -1])
def test_integers_are_read_up_to_their_limits(number):
    assert strict.decode(b"%d" % number) == number


def test_pairs_of_surrogates_and_other_escapes_are_read():
    assert strict.decode(b'"\\ud83d\\ude00 \\u00e9 \\\\ud800 \\n"') == "\U0001f600 é \\ud800 \n"


def test_depth_is_counted_outside_of_strings_only():
    deep = b"[" * 31 + b'"' + b"[{" * 99 + b'\\"' + b"[{" * 99 + b'"' + b"]" * 31
    assert strict.decode(b"[" + deep + b',"]","}"]')
    wide = b"[" + b",".join([b'{"a":[{"b":"}]"}]}'] * 99) + b"]"
    assert len(strict.decode(wide)) == 99


def test_a_string_that_never_ends_is_refused_in_a_moment():
    begun = time.process_time()
    with pytest.raises(Malformed):
        strict.decode(b"[" * 33 + b'"' + b'\\"' * 32_000)
    assert time.process_time() - begun < 0.2


def test_a_limit_can_be_given():
    assert strict.decode(b"[1]", limit=3) == [1]
    with pytest.raises(Malformed, match="longer"):
        strict.decode(b"[1]", limit=2)
    with pytest.raises(Malformed, match="longer"):
        strict.encode([1], limit=2)


@pytest.mark.parametrize(
    "value",
    [1.0, [0.5], float("nan"), (1,), {1: 2}, {None: 1}, {"a": {True: 1}}, b"x", object(), 2**53],
)
def test_nothing_is_written_that_would_be_read_as_another_value(value):
    with pytest.raises(Malformed):
        strict.encode(value)


def test_a_value_within_itself_or_too_deep_is_not_written():
    around: list[object] = []
    around.append(around)
    deep: list[object] = []
    for _ in range(100_000):
        deep = [deep]
    for value in (around, deep):
        with pytest.raises(Malformed):
            strict.encode(value)
    while deep:  # taken apart by hand: deeper than an interpreter's stack
        deep = deep.pop()


def test_text_is_written_as_itself():
    assert strict.encode({"name": "Käse \U0001f600", "n": [1, None]}) == (
        '{"name":"Käse \U0001f600","n":[1,null]}'.encode()
    )


TEXT = st.text(st.characters(exclude_categories=["Cs"]))
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53) + 1, 2**53 - 1) | TEXT,
    lambda inner: st.lists(inner) | st.dictionaries(TEXT, inner),
    max_leaves=60,
)


@settings(max_examples=150)
@given(value=VALUES, ascii_only=st.booleans(), indent=st.sampled_from([None, 1]))
def test_it_agrees_with_the_standard_library_on_every_good_value(value, ascii_only, indent):
    data = json.dumps(value, ensure_ascii=ascii_only, indent=indent).encode()
    assert strict.decode(data) == json.loads(data) == value
    assert strict.decode(strict.encode(value)) == value


@settings(max_examples=500)
@given(data=st.text(alphabet='[]{}",:\\u0d8e1.- ').map(str.encode) | st.binary())
def test_it_reads_no_more_than_the_standard_library_does(data):
    try:
        value = strict.decode(data, floats=True)
    except Malformed:
        return
    assert value == json.loads(data)
