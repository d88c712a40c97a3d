"""What holds for every envelope and for any bytes at all."""

import json
from datetime import UTC, datetime, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st
from signing_cases import KEY, a_document, members, opened, signed, trusting

from chalicelib.errors import SecurityError
from chalicelib.events.envelope import SYSTEM, Envelope
from chalicelib.signing import content, identity, jws, seal, unseal

EVERYTHING = a_document()
EVERYTHING["keys"][0]["grants"] = [{"type": "*", "subject": "*"}]
TRUSTING = trusting(EVERYTHING)

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53) + 1, 2**53 - 1) | TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4),
    max_leaves=20,
)
TIMES = st.datetimes(datetime(1970, 1, 1), datetime(9999, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001
VISIBLE = st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E), min_size=1, max_size=64)


@st.composite
def envelopes(draw):
    kind = draw(st.from_regex(r"[a-z][a-z0-9-]{0,31}", fullmatch=True))
    past = draw(st.from_regex(r"[a-z][a-z0-9-]{0,63}\.v[1-9][0-9]{0,3}", fullmatch=True))
    entity = draw(st.from_regex(r"[A-Za-z0-9][A-Za-z0-9._~-]{0,63}", fullmatch=True))
    return Envelope(
        id=draw(st.from_regex(r"[A-Za-z0-9._~-]{1,64}", fullmatch=True)),
        source=SYSTEM,
        type=f"tillstream.{kind}.{past}",
        subject=f"{kind}/{entity}",
        time=draw(TIMES).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        stream=draw(st.from_regex(r"[A-Za-z0-9._-]{1,128}", fullmatch=True)),
        actor=draw(VISIBLE),
        data=draw(st.dictionaries(TEXT, JSON, max_size=5)),
        expects=draw(st.none() | st.integers(0, 2**53 - 1)),
        causationid=draw(st.none() | VISIBLE),
        correlationid=draw(st.none() | VISIBLE),
        traceparent=draw(st.none() | st.just("00-" + "a" * 32 + "-" + "b" * 16 + "-01")),
        commandhash=draw(st.none() | st.binary(min_size=32, max_size=32).map(_hashed)),
    )


def _hashed(raw):
    return jws.base64(raw).decode()


@settings(max_examples=120)
@given(envelope=envelopes())
def test_every_envelope_comes_back_as_it_was_sealed(envelope):
    record = seal(envelope, KEY)
    assert record.isascii()
    clock = (datetime.fromisoformat(envelope.time) - datetime(1970, 1, 1, tzinfo=UTC)) // (
        timedelta(milliseconds=1)
    )
    read = unseal(
        record.encode(),
        partition_key=envelope.subject,
        stream=envelope.stream,
        clock=clock,
        trust=TRUSTING,
    )
    assert read == envelope
    assert (identity(read), content(read)) == (identity(envelope), content(envelope))


def believed_or_refused(data):
    try:
        assert isinstance(opened(data), Envelope)
    except SecurityError as reason:
        assert reason.code  # noqa: PT017


@settings(max_examples=250)
@given(data=st.binary() | st.text(alphabet="eyJhbGc0.-_=").map(str.encode))
def test_any_bytes_are_believed_or_refused(data):
    believed_or_refused(data)


PARTS = st.binary(max_size=60) | st.binary(max_size=60).map(jws.base64)


@settings(max_examples=300)
@given(parts=st.lists(PARTS, min_size=1, max_size=4))
def test_any_parts_are_believed_or_refused(parts):
    header = signed(b"{}").split(b".")[0]
    believed_or_refused(b".".join(parts))
    believed_or_refused(b".".join([header, *parts]))


@settings(max_examples=250)
@given(header=st.binary() | JSON.map(lambda value: json.dumps(value).encode()))
def test_any_header_is_believed_or_refused(header):
    believed_or_refused(b".".join([jws.base64(header), *signed(b"{}").split(b".")[1:]]))


@settings(max_examples=250)
@given(payload=st.binary() | JSON.map(lambda value: json.dumps(value).encode()))
def test_any_payload_under_a_good_signature_is_believed_or_refused(payload):
    believed_or_refused(signed(payload))


@settings(max_examples=250)
@given(name=st.sampled_from([*sorted(members()), "expects", "traceparent", "more"]), value=JSON)
def test_any_value_of_an_attribute_is_believed_or_refused(name, value):
    believed_or_refused(signed(members(**{name: value})))


@settings(max_examples=250)
@given(st.data())
def test_any_change_to_a_good_record_is_believed_or_refused(data):
    record = bytearray(signed(members()))
    for _ in range(data.draw(st.integers(1, 4))):
        place = data.draw(st.integers(0, len(record)))
        record[place : place + data.draw(st.integers(0, 3))] = data.draw(st.binary(max_size=3))
    believed_or_refused(bytes(record))
