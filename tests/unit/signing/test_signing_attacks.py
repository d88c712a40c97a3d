"""What an attacker may try on a record, and the reason with which each try is refused."""

import json
import re

import pytest
from signing_cases import (
    CLOCK,
    EVENT,
    KEY,
    PARTNER,
    ROOT,
    STRANGER,
    STREAM,
    TRUST,
    a_document,
    an_event,
    header_of,
    members,
    opened,
    signed,
    signed_as,
    trusting,
)

from chalicelib.errors import (
    BadSignature,
    KeyNotValid,
    Malformed,
    NotAuthorised,
    SecurityError,
    Stale,
    UnknownKey,
    WrongStream,
)
from chalicelib.events.envelope import SYSTEM
from chalicelib.signing import (
    PublicKey,
    SigningKey,
    Trust,
    content,
    identity,
    jws,
    profile,
    seal,
    trust,
)
from chalicelib.signing.keys import new_key

RECORD = seal(EVENT, KEY).encode()
HEADER, PAYLOAD, SIGNATURE = RECORD.split(b".")
GROUP_ORDER = 2**252 + 27742317777372353535851937790883648493
URLSAFE = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"


def test_an_honest_event_is_believed():
    assert opened(RECORD) == EVENT


# Row 1
def test_an_event_signed_by_a_strangers_key_under_a_known_kid_is_refused():
    with pytest.raises(BadSignature):
        opened(signed_as(header_of(KEY), STRANGER))


# Row 2
def test_any_bit_of_the_record_flipped_is_refused_at_every_position():
    for place in range(len(RECORD)):
        for bit in range(8):
            flipped = bytearray(RECORD)
            flipped[place] ^= 1 << bit
            with pytest.raises(SecurityError):
                opened(bytes(flipped))


def test_a_record_cut_short_is_refused_at_every_position():
    for end in range(len(RECORD)):
        with pytest.raises(SecurityError):
            opened(RECORD[:end])


# Row 3
@pytest.mark.parametrize(
    "alg",
    [
        *["none", "None", "", "HS256", "ES256", "Ed448", "ed25519", "ED25519", "EDDSA", "eddsa"],
        *["Ed25519 ", None, 1, True, ["Ed25519"], {"Ed25519": 1}],
    ],
)
def test_an_algorithm_other_than_ed25519_is_refused(alg):
    with pytest.raises(Malformed, match="alg"):
        opened(signed_as(header_of(alg=alg)))


def test_the_older_name_of_the_algorithm_is_read():
    assert opened(signed_as(header_of(alg="EdDSA"))) == EVENT


@pytest.mark.parametrize("signature", [b"", b"AA", jws.base64(bytes(63)), jws.base64(bytes(65))])
def test_a_signature_that_is_empty_or_has_another_length_is_refused(signature):
    with pytest.raises(BadSignature):
        opened(b".".join([HEADER, PAYLOAD, signature]))


# Row 4
@pytest.mark.parametrize(
    "extra",
    [
        {"crit": []},
        {"crit": ["exp"], "exp": 1},
        {"b64": False},
        {"b64": False, "crit": ["b64"]},
        {"jwk": {}},
        {"jku": "https://example.com/keys"},
        {"x5c": []},
        {"cty": "json"},
    ],
)
def test_a_header_member_beyond_the_three_is_refused(extra):
    with pytest.raises(Malformed, match="other members"):
        opened(signed_as(header_of(**extra)))


@pytest.mark.parametrize("missing", ["alg", "kid", "typ"])
def test_a_header_member_that_is_missing_is_refused(missing):
    header = header_of()
    del header[missing]
    with pytest.raises(Malformed, match="other members"):
        opened(signed_as(header))


@pytest.mark.parametrize("twice", ["alg", "kid", "typ"])
def test_a_header_member_that_stands_twice_is_refused(twice):
    header = header_of()
    text = json.dumps(header)[:-1] + f', "{twice}": "{header[twice]}"}}'
    with pytest.raises(Malformed, match="twice"):
        opened(signed_as(text.encode()))


@pytest.mark.parametrize("header", [b"", b"[]", b'"Ed25519"', b"null", b"{}x", b"\xff"])
def test_a_header_that_is_no_object_is_refused(header):
    with pytest.raises(Malformed):
        opened(signed_as(header))


def test_a_header_longer_than_any_of_ours_is_refused():
    with pytest.raises(Malformed, match="too long"):
        opened(signed_as(json.dumps(header_of()).encode() + b" " * 100))


@pytest.mark.parametrize("parts", [0, 1, 2, 4, 5])
def test_a_token_of_other_than_three_parts_is_refused(parts):
    with pytest.raises(Malformed, match="three parts"):
        opened(b".".join([HEADER, PAYLOAD, SIGNATURE, b"", b""][:parts]))


# Row 5
@pytest.mark.parametrize("typ", [trust.TYP, "JWT", "tillstream-cert+jwt", "", None, ["x"]])
def test_a_token_of_another_kind_is_no_event(typ):
    with pytest.raises(Malformed, match="typ"):
        opened(signed_as(header_of(typ=typ)))


def test_an_event_signed_by_the_root_is_no_trust_document():
    token = signed(b'{"version":1,"keys":[],"revoked":{}}', ROOT)
    with pytest.raises(Malformed, match="typ"):
        Trust.load(token, {ROOT.kid: ROOT.public})


# Row 6
def test_an_event_under_another_producers_kid_is_refused():
    with pytest.raises(BadSignature):
        opened(signed_as(header_of(PARTNER), KEY))


def test_an_event_under_a_kid_that_is_not_registered_is_refused():
    with pytest.raises(UnknownKey):
        opened(seal(EVENT, STRANGER))


@pytest.mark.parametrize("kid", ["", "system", "A" * 42, "A" * 44, "A" * 42 + "=", None, 7, ["A"]])
def test_a_kid_that_is_no_thumbprint_is_refused(kid):
    with pytest.raises(Malformed, match="thumbprint"):
        opened(signed_as(header_of(kid=kid)))


# Row 7
@pytest.mark.parametrize(
    ("kind", "subject"),
    [
        ("tillstream.invoice.sent.v1", "invoice/1"),
        ("tillstream.products.created.v1", "products/1"),
        ("tillstream.trust.raised.v1", "trust/2"),
    ],
)
def test_the_system_may_not_say_a_type_outside_its_grants(kind, subject):
    with pytest.raises(NotAuthorised):
        opened(seal(an_event(type=kind, subject=subject), KEY), partition_key=subject)


@pytest.mark.parametrize("kind", ["product", "customer", "order", "desk", "ticket"])
def test_the_system_may_say_what_it_is_granted(kind):
    event = an_event(type=f"tillstream.{kind}.updated.v2", subject=f"{kind}/7")
    assert opened(seal(event, KEY), partition_key=event.subject) == event


def test_nobody_may_speak_as_another_source():
    with pytest.raises(NotAuthorised):
        opened(seal(an_event(source="urn:tillstream:partner"), KEY))
    with pytest.raises(NotAuthorised):
        opened(seal(EVENT, PARTNER), trust=trusting(a_document(("*", "*"))))


def test_a_grant_binds_type_and_subject_together():
    may = trusting(a_document(("tillstream.product.viewed.v1", "product/a*"), ("x", "product/b")))
    said = {"source": "urn:tillstream:partner", "type": "tillstream.product.viewed.v1"}
    for subject, granted in [("product/a", True), ("product/abc", True), ("product/b", False)]:
        event = an_event(subject=subject, **said)
        assert may.may(PARTNER.kid, event) is granted
    exact = trusting(a_document(("tillstream.product.viewed.v1", "product/c")))
    for subject, granted in [("product/c", True), ("product/cd", False), ("product/", False)]:
        assert exact.may(PARTNER.kid, an_event(subject=subject, **said)) is granted
    updated = said | {"type": "tillstream.product.viewed.v10"}
    assert not may.may(PARTNER.kid, an_event(subject="product/a", **updated))
    assert not may.may(STRANGER.kid, an_event(subject="product/a", **said))


def test_a_dot_in_a_grant_is_a_dot():
    may = trusting(a_document(("tillstream.product.*", "product/*")))
    event = an_event(source="urn:tillstream:partner", type="tillstreamxproduct.created.v1")
    assert not may.may(PARTNER.kid, event)


def test_a_key_without_grants_may_say_nothing():
    assert not TRUST.may(PARTNER.kid, an_event(source="urn:tillstream:partner"))


# Row 8
@pytest.mark.parametrize("late", [0, 1, 60_000, -1, -15_000])
def test_an_event_is_fresh_up_to_its_limits(late):
    assert opened(RECORD, clock=CLOCK + late) == EVENT


@pytest.mark.parametrize("late", [60_001, 3_600_000, 10**12, -15_001, -3_600_000])
def test_an_old_event_said_again_is_stale_and_so_is_one_from_the_future(late):
    with pytest.raises(Stale):
        opened(RECORD, clock=CLOCK + late)


# Row 9, its arithmetic: the memory is the subject row's
def test_a_repeat_has_the_same_identity_and_content_whatever_its_time():
    again = an_event(time="2026-11-21T01:32:00.000Z")
    assert identity(again) == identity(EVENT)
    assert content(again) == content(EVENT)
    assert (len(identity(EVENT)), len(content(EVENT))) == (8, 3)


def test_another_id_or_source_is_another_identity():
    ids = [EVENT.id, "b", "ab"]
    sources = [SYSTEM, SYSTEM + "a", "urn:tillstream:partner"]
    found = {identity(an_event(id=i, source=s)) for i in ids for s in sources}
    assert len(found) == 9


def test_an_identity_cannot_be_reached_by_moving_text_between_source_and_id():
    moved = an_event(source=SYSTEM + "1", id="2"), an_event(source=SYSTEM, id="12")
    assert identity(moved[0]) != identity(moved[1])


@pytest.mark.parametrize(
    "change",
    [
        {"type": "tillstream.product.created.v2"},
        {"data": {}},
        {"data": EVENT.data | {"name": "Kase"}},
        {"data": EVENT.data | {"more": None}},
    ],
)
def test_another_type_or_other_data_is_another_content(change):
    assert content(an_event(**change)) != content(EVENT)


def test_the_order_of_members_is_no_content():
    assert content(an_event(data=dict(reversed(EVENT.data.items())))) == content(EVENT)


def test_a_commandhash_stands_for_the_data():
    hashed = an_event(commandhash="A" * 43)
    assert content(hashed) == content(an_event(commandhash="A" * 43, data={"total": 1}))
    assert content(hashed) != content(an_event(commandhash="A" * 42 + "E"))
    assert content(hashed) != content(EVENT)
    assert content(hashed) != content(an_event(commandhash="A" * 43, type="tillstream.x.y.v1"))


# Rows 10 and 11
@pytest.mark.parametrize("stream", ["tillstream-prod-1", "tillstream-test-2", "tillstream-test"])
def test_an_event_of_another_stage_or_stream_is_refused(stream):
    with pytest.raises(WrongStream):
        opened(RECORD, stream=stream)


# Row 12
@pytest.mark.parametrize("key", ["product/cake-124", "PRODUCT/cake-123", "", "product/cake-123 "])
def test_an_event_under_another_partition_key_is_refused(key):
    with pytest.raises(WrongStream):
        opened(RECORD, partition_key=key)


# Row 15
@pytest.mark.parametrize("window", [{"nbf": CLOCK + 1}, {"exp": CLOCK}, {"nbf": 0, "exp": 1}])
def test_a_key_outside_its_window_is_refused(window):
    event = an_event(source="urn:tillstream:partner")
    may = trusting(a_document(("*", "*"), **window))
    with pytest.raises(KeyNotValid):
        opened(seal(event, PARTNER), trust=may)


@pytest.mark.parametrize("window", [{"nbf": CLOCK}, {"exp": CLOCK + 1}])
def test_a_key_is_good_at_the_first_and_the_last_moment_of_its_window(window):
    event = an_event(source="urn:tillstream:partner")
    may = trusting(a_document(("*", "*"), **window))
    assert opened(seal(event, PARTNER), trust=may) == event


@pytest.mark.parametrize(("since", "good"), [(CLOCK, False), (CLOCK - 1, False), (CLOCK + 1, True)])
def test_a_revoked_key_is_good_for_what_arrived_before(since, good):
    event = an_event(source="urn:tillstream:partner")
    may = trusting(a_document(("*", "*")) | {"revoked": {PARTNER.kid: since}})
    if good:
        assert opened(seal(event, PARTNER), trust=may) == event
    else:
        with pytest.raises(KeyNotValid):
            opened(seal(event, PARTNER), trust=may)


def test_a_revocation_after_the_end_does_not_lengthen_a_window():
    document = a_document(("*", "*"), exp=CLOCK) | {"revoked": {PARTNER.kid: CLOCK + 9}}
    with pytest.raises(KeyNotValid):
        trusting(document).key(PARTNER.kid, CLOCK)


# Row 17
def test_data_is_kept_as_sent_and_never_normalised():
    nfc, nfd = an_event(data={"name": "\u00e9"}), an_event(data={"name": "e\u0301"})
    assert opened(seal(nfc, KEY)).data["name"] == "\u00e9"
    assert opened(seal(nfd, KEY)).data["name"] == "e\u0301"
    assert content(nfc) != content(nfd)


@pytest.mark.parametrize("odd", ["а", "a\u200b", "é", "a\x00", "a\u202e", "ａ", "a\n", " a", "²"])
@pytest.mark.parametrize("name", ["id", "source", "type", "subject", "time", "stream", "actor"])
def test_a_lookalike_or_unseen_character_in_an_attribute_is_refused(name, odd):
    with pytest.raises(Malformed, match=name):
        opened(signed(members(**{name: getattr(EVENT, name) + odd})))


# Row 18
def test_a_second_spelling_in_base64_is_refused():
    spare = URLSAFE[URLSAFE.index(SIGNATURE[-1:]) ^ 1 :][:1]
    for other in [
        RECORD + b"==",
        RECORD + b"\n",
        RECORD + b" ",
        RECORD[:-1] + spare,
        RECORD[:-1],
        b".".join([HEADER, PAYLOAD + b"=", SIGNATURE]),
        b".".join([HEADER, PAYLOAD[:9] + b"\n" + PAYLOAD[9:], SIGNATURE]),
        b".".join([HEADER + b"=", PAYLOAD, SIGNATURE]),
        b".".join([HEADER, PAYLOAD, b"+" + SIGNATURE[1:]]),
        b".".join([HEADER, PAYLOAD, b"/" + SIGNATURE[1:]]),
        b".".join([HEADER, PAYLOAD, b"A"]),
        b"\xef\xbb\xbf" + RECORD,
    ]:
        with pytest.raises(Malformed):
            opened(other)


def test_a_payload_spelled_otherwise_is_refused_even_under_a_good_signature():
    for payload in [b"A", PAYLOAD + b"==", PAYLOAD[:4] + b"\n" + PAYLOAD[4:], b"++++", b"AB"]:
        text = HEADER + b"." + payload
        with pytest.raises(Malformed, match="base64url"):
            opened(text + b"." + jws.base64(KEY.sign(text)))


def test_a_signature_has_no_second_form_with_s_above_the_order():
    raw = jws.unbase64(SIGNATURE)
    higher = int.from_bytes(raw[32:], "little") + GROUP_ORDER
    forged = jws.base64(raw[:32] + higher.to_bytes(32, "little"))
    with pytest.raises(BadSignature):
        opened(b".".join([HEADER, PAYLOAD, forged]))


# Row 19
def encodings_of_small_order():
    """All 14 ways to write a point of order 1, 2, 4 or 8, found from the curve's equation."""
    p = 2**255 - 19
    d = -121665 * pow(121666, -1, p) % p
    ys = {0, 1, p - 1}
    for y in range(2):  # order 8: 2P has y = 0, so x² = −y² and d·y⁴ + 2·y² − 1 = 0
        root = _root(1 + d, p) * (-1) ** y
        if (square := _root((root - 1) * pow(d, -1, p), p)) is not None:
            ys |= {square, p - square}
    written = {y + k * p for y in ys for k in (0, 1) if y + k * p < 2**255}
    return [(y | sign << 255).to_bytes(32, "little") for y in written for sign in (0, 1)]


def _root(square, p):
    root = pow(square, (p + 3) // 8, p)
    if root * root % p != square % p:
        root = root * pow(2, (p - 1) // 4, p) % p
    return root if root * root % p == square % p else None


def test_there_are_fourteen_encodings_of_points_of_small_order():
    assert len(encodings_of_small_order()) == 14


@pytest.mark.parametrize("raw", encodings_of_small_order())
def test_a_key_of_small_order_is_never_registered(raw):
    with pytest.raises(Malformed):
        PublicKey(raw)
    x = jws.base64(raw).decode()
    document = a_document(kid=jws.thumbprint(x), x=x)
    with pytest.raises(Malformed, match="safe"):
        Trust.load(
            jws.sign(json.dumps(document).encode(), ROOT, trust.TYP), {ROOT.kid: ROOT.public}
        )


@pytest.mark.parametrize("y", [2**255 - 19 + 3, 2**255 - 1])
def test_a_key_whose_y_is_not_canonical_is_never_registered(y):
    with pytest.raises(Malformed, match="safe"):
        PublicKey(y.to_bytes(32, "little"))


@pytest.mark.parametrize("raw", [b"", bytes(31), bytes(33)])
def test_a_key_of_another_length_is_never_registered(raw):
    with pytest.raises(Malformed, match="32 bytes"):
        PublicKey(raw)


# Row 20
@pytest.mark.parametrize("name", sorted(members()))
def test_a_required_attribute_that_is_missing_is_refused(name):
    with pytest.raises(Malformed, match="no others"):
        opened(signed(members(**{name: ...})))


@pytest.mark.parametrize("name", ["dataschema", "Id", "data_base64", "sequence", "recordedtime"])
def test_an_attribute_that_is_not_known_is_refused(name):
    with pytest.raises(Malformed, match="no others"):
        opened(signed(members(**{name: "x"})))


@pytest.mark.parametrize("value", [None, 1, True, "", [], {}, ["x"]])
@pytest.mark.parametrize("name", sorted(members().keys() - {"data"}))
def test_an_attribute_of_the_wrong_kind_is_refused(name, value):
    with pytest.raises(Malformed):
        opened(signed(members(**{name: value})))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("specversion", "1.0.1"),
        ("specversion", "1x0"),
        ("datacontenttype", "application/json; charset=utf-8"),
        ("id", "a" * 65),
        ("id", "a/b"),
        ("source", "urn:tillstream:"),
        ("source", "urn:tillstream:System"),
        ("source", "urn:other:system"),
        ("type", "tillstream.product.created"),
        ("type", "tillstream.product.created.v0"),
        ("type", "tillstream.product.created.v01"),
        ("type", "tillstream.product.v1"),
        ("type", "tillstream.product.x.created.v1"),
        ("type", "tillstreamxproduct.created.v1"),
        ("type", "retail.product.created.v1"),
        ("type", "tillstream.Product.created.v1"),
        ("subject", "customer/cake-123"),
        ("subject", "product/"),
        ("subject", "product/-a"),
        ("subject", "product/a/b"),
        ("subject", "product/" + "a" * 65),
        ("subject", "cake-123"),
        ("time", "2026-11-21T01:31:19Z"),
        ("time", "2026-11-21T01:31:19.12Z"),
        ("time", "2026-11-21T01:31:19.123456Z"),
        ("time", "2026-11-21T01:31:19.123z"),
        ("time", "2026-11-21T01:31:19.123+00:00"),
        ("time", "2026-11-21 01:31:19.123Z"),
        ("time", "2026-11-21T01:31:19,123Z"),
        ("time", "2026-11-21T24:00:00.000Z"),
        ("time", "2026-11-21T01:60:19.123Z"),
        ("time", "2026-11-21T01:31:60.123Z"),
        ("time", "2026-02-29T01:31:19.123Z"),
        ("time", "2026-13-01T01:31:19.123Z"),
        ("time", "2026-11-31T01:31:19.123Z"),
        ("time", "2026-00-10T01:31:19.123Z"),
        ("time", "0000-01-01T01:31:19.123Z"),
        ("stream", "a/b"),
        ("stream", "a" * 129),
        ("actor", "a" * 65),
        ("actor", "a b"),
        ("data", []),
        ("data", None),
        ("data", "{}"),
        ("expects", -1),
        ("expects", "1"),
        ("expects", True),
        ("expects", None),
        ("causationid", ""),
        ("causationid", None),
        ("causationid", "a" * 257),
        ("causationid", "a b"),
        ("correlationid", "é"),
        ("correlationid", 1),
        ("traceparent", "00-" + "0" * 32 + "-00f067aa0ba902b7-01"),
        ("traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-" + "0" * 16 + "-01"),
        ("traceparent", "01-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"),
        ("traceparent", "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01"),
        ("traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-x"),
        ("commandhash", "A" * 42),
        ("commandhash", "A" * 44),
        ("commandhash", "A" * 42 + "B"),
        ("commandhash", "A" * 42 + "="),
    ],
)
def test_an_attribute_outside_its_grammar_is_refused_and_never_sealed(name, value):
    with pytest.raises(Malformed, match=name):
        opened(signed(members(**{name: value})))
    if name not in {"specversion", "datacontenttype"} and value is not None:
        with pytest.raises(Malformed, match=name):
            seal(an_event(**{name: value}), KEY)


def test_midnight_is_written_in_one_way_whichever_python_reads_it():
    assert not re.fullmatch(profile._TEXT["time"], "2026-11-21T24:00:00.000Z")
    assert re.fullmatch(profile._TEXT["time"], "2026-11-22T00:00:00.000Z")


@pytest.mark.parametrize("payload", [b"[]", b"null", b'"event"', b"7", b""])
def test_a_payload_that_is_no_object_is_refused(payload):
    with pytest.raises(Malformed):
        opened(signed(payload))


@pytest.mark.parametrize(
    "data",
    [
        {"price": 19.99},
        {"price": float("nan")},
        {"n": 2**53},
        {"lines": (1, 2)},
        {1: "one"},
        {"text": "\ud800"},
        {"when": object()},
        {"text": "x" * 64 * 1024},
    ],
)
def test_data_that_would_not_be_read_back_is_never_sealed(data):
    with pytest.raises(Malformed):
        seal(an_event(data=data), KEY)


def test_a_record_may_be_as_long_as_the_limit_and_no_longer():
    fits = an_event(data={"text": "x" * 48_400})
    assert opened(seal(fits, KEY)) == fits
    with pytest.raises(Malformed, match="longer"):
        seal(an_event(data={"text": "x" * 48_900}), KEY)
    with pytest.raises(Malformed, match="longer"):
        opened(signed(members(data={"text": "x" * 48_900})))


# The order of the checks
@pytest.mark.parametrize("payload", [b"{", b'{"a":1,"a":2}', b"\xff", b"[" * 30_000])
def test_nothing_is_looked_into_before_the_signature_is_checked(payload):
    text = HEADER + b"." + jws.base64(payload)
    with pytest.raises(BadSignature):
        opened(text + b"." + jws.base64(STRANGER.sign(text)))


def test_the_reason_given_is_that_of_the_first_check_that_fails():
    wrong = {"stream": "other", "partition_key": "product/0", "clock": CLOCK + 10**9}
    invoice = an_event(type="tillstream.invoice.sent.v1", subject="invoice/1")
    closed = trusting(a_document(nbf=CLOCK + 10**10))
    with pytest.raises(KeyNotValid):
        opened(RECORD[:-9] + b"AAAAAAAA" + RECORD[-1:], **wrong | {"trust": closed, "clock": -1})
    with pytest.raises(BadSignature):
        opened(b".".join([HEADER, jws.base64(b"{"), SIGNATURE]), **wrong)
    with pytest.raises(Malformed):
        opened(signed(members(actor="")), **wrong)
    with pytest.raises(WrongStream, match="stream"):
        opened(seal(invoice, KEY), **wrong)
    with pytest.raises(WrongStream, match="partition"):
        opened(seal(invoice, KEY), **wrong | {"stream": STREAM})
    with pytest.raises(NotAuthorised):
        opened(seal(invoice, KEY), partition_key="invoice/1", clock=CLOCK + 10**9)


# Keys
@pytest.mark.parametrize(
    "change",
    [
        {"kty": "EC"},
        {"crv": "Ed448"},
        {"d": None},
        {"d": "AA"},
        {"d": ""},
        {"d": "é"},
        {"x": STRANGER.public.x},
        {"x": None},
        {"kid": STRANGER.kid},
        {"kid": None},
    ],
)
def test_a_private_jwk_that_does_not_hold_together_is_refused(change):
    with pytest.raises(Malformed):
        SigningKey(new_key() | change)


@pytest.mark.parametrize("jwk", [None, [], "secret", {}])
def test_what_is_no_jwk_is_no_key(jwk):
    with pytest.raises(Malformed):
        SigningKey(jwk)


def test_the_thumbprint_is_that_of_rfc_8037():
    x = "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"
    assert jws.thumbprint(x) == "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"
