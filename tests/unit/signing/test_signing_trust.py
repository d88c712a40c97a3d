"""The trust document: what it must be, and who must have signed it."""

import json

import pytest
from signing_cases import (
    CLOCK,
    JWK,
    KEY,
    PARTNER,
    ROOT,
    STRANGER,
    TRUST,
    a_document,
    trusting,
)

from chalicelib.errors import BadSignature, Malformed, Stale, UnknownKey
from chalicelib.signing import SigningKey, Trust, jws, system_trust, trust
from chalicelib.signing.keys import new_key

ROOTS = {ROOT.kid: ROOT.public}


def entry(**changes):
    (system, partner) = a_document()["keys"]
    changed = partner | changes
    return {"keys": [system, {n: v for n, v in changed.items() if v is not ...}]}


def test_a_document_is_read_as_it_was_signed():
    document = a_document(("tillstream.*", "*")) | {"version": 7}
    read = Trust.load(Trust.sign(document, ROOT), ROOTS)
    assert read.version == 7
    assert read.key(PARTNER.kid, CLOCK).x == PARTNER.public.x


def test_the_first_document_knows_the_system_alone():
    read = trusting(system_trust(JWK, nbf=5))
    assert read.version == 1
    assert read.key(KEY.kid, 5).kid == KEY.kid
    assert [key["kid"] for key in read.jwks()["keys"]] == [KEY.kid]


def test_partners_read_the_public_parts_of_the_keys_and_no_more():
    assert TRUST.jwks()["keys"][0] == {
        "kty": "OKP",
        "crv": "Ed25519",
        "x": KEY.public.x,
        "kid": KEY.kid,
        "alg": "Ed25519",
        "use": "sig",
    }


def test_a_document_that_another_root_signed_is_refused():
    with pytest.raises(UnknownKey):
        Trust.load(Trust.sign(a_document(), STRANGER), ROOTS)
    with pytest.raises(BadSignature):
        Trust.load(Trust.sign(a_document(), STRANGER), {STRANGER.kid: ROOT.public})


def test_a_changed_document_is_refused():
    header, _, signature = Trust.sign(a_document(), ROOT).split(b".")
    other = json.dumps(a_document() | {"version": 2}).encode()
    with pytest.raises(BadSignature):
        Trust.load(b".".join([header, jws.base64(other), signature]), ROOTS)


def test_a_version_below_one_already_seen_is_refused():
    blob = Trust.sign(a_document() | {"version": 4}, ROOT)
    assert Trust.load(blob, ROOTS, at_least=4).version == 4
    with pytest.raises(Stale):
        Trust.load(blob, ROOTS, at_least=5)


@pytest.mark.parametrize(
    "change",
    [
        {"version": 0},
        {"version": -1},
        {"version": True},
        {"version": "1"},
        {"keys": {}},
        {"keys": [7]},
        {"revoked": []},
        {"revoked": {STRANGER.kid: 1}},
        {"revoked": {PARTNER.kid: -1}},
        {"revoked": {PARTNER.kid: None}},
        {"revoked": {PARTNER.kid: "1"}},
        {"more": 1},
        {"keys": [a_document()["keys"][0]] * 2},
        entry(kid=STRANGER.kid),
        entry(kid=None),
        entry(x=STRANGER.public.x),
        entry(x=PARTNER.public.x + "="),
        entry(x=None),
        entry(x=7),
        entry(x="é"),
        entry(x=...),
        entry(nbf=-1),
        entry(nbf=...),
        entry(nbf="0"),
        entry(nbf=True),
        entry(exp=0),
        entry(exp=None),
        entry(exp=2**53),
        entry(nbf=5, exp=5),
        entry(source=None),
        entry(source=""),
        entry(source="urn:tillstream:pärtner"),
        entry(source="a b"),
        entry(grants=None),
        entry(grants={}),
        entry(grants=...),
        entry(grants=["*"]),
        entry(grants=[{"type": "*"}]),
        entry(grants=[{"type": "*", "subject": "*", "source": "*"}]),
        entry(grants=[{"type": "*", "subject": 1}]),
        entry(grants=[{"type": "", "subject": "*"}]),
        entry(grants=[{"type": "* *", "subject": "*"}]),
        entry(grants=[{"type": "*", "subject": "é"}]),
        entry(role="admin"),
    ],
)
def test_a_document_that_is_not_quite_one_is_neither_signed_nor_read(change):
    document = a_document() | change
    with pytest.raises(Malformed):
        Trust.sign(document, ROOT)
    with pytest.raises(Malformed):
        Trust.load(jws.sign(json.dumps(document).encode(), ROOT, trust.TYP), ROOTS)


@pytest.mark.parametrize("missing", ["version", "keys", "revoked"])
def test_a_document_needs_its_three_members(missing):
    document = a_document()
    del document[missing]
    with pytest.raises(Malformed):
        Trust.sign(document, ROOT)


def test_a_document_is_strict_json():
    with pytest.raises(Malformed, match="twice"):
        Trust.load(
            jws.sign(b'{"version":1,"version":1,"keys":[],"revoked":{}}', ROOT, trust.TYP), ROOTS
        )


def test_a_document_may_be_longer_than_an_event_but_not_without_end():
    keys = [SigningKey(new_key()).public for _ in range(600)]
    entries = [a_document(kid=key.kid, x=key.x)["keys"][1] for key in keys]
    blob = Trust.sign(a_document() | {"keys": entries}, ROOT)
    assert len(blob) > 100 * 1024
    assert Trust.load(blob, ROOTS).key(keys[-1].kid, 0)
    with pytest.raises(Malformed, match="longer"):
        Trust.load(blob + b"A" * 1024 * 1024, ROOTS)


def test_a_root_may_not_speak_unless_it_is_registered_too():
    with pytest.raises(UnknownKey):
        TRUST.key(ROOT.kid, CLOCK)


@pytest.mark.parametrize("jwk", [{}, {"x": "AA"}, {"x": 7}])
def test_the_system_needs_a_key(jwk):
    with pytest.raises(Malformed):
        system_trust(jwk)
