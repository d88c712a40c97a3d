"""Whoever has the shop's address can tell its events from others: its keys are published."""

from __future__ import annotations

import json

import pytest
from joserfc.errors import BadSignatureError
from joserfc.jwk import KeySet
from joserfc.jws import JWSRegistry, deserialize_compact
from jwcrypto.jwk import JWKSet
from jwcrypto.jws import JWS
from shopfront import Shopfront

ALGORITHMS = ["Ed25519"]


@pytest.fixture
def record(front: Shopfront) -> bytes:
    """An event as it lies on the log."""
    made = front.call("POST", "/products/published/views", {}, to="customer")
    front.records()
    records = [record for shard in front.pending.values() for record in shard]
    found = {record["PartitionKey"]: record["Data"] for record in records}
    assert made.said["subject"] in found
    front.settle()
    return bytes(found["product/published"])


def test_an_event_off_the_log_verifies_with_the_key_found_there(
    front: Shopfront, record: bytes
) -> None:
    published = front.get("/.well-known/jwks.json").said
    registry = JWSRegistry(algorithms=ALGORITHMS)
    token = deserialize_compact(record, KeySet.import_key_set(published), registry=registry)
    assert json.loads(token.payload)["type"] == "tillstream.product.viewed.v1"
    other = JWS()
    other.allowed_algs = ALGORITHMS
    other.deserialize(record.decode(), JWKSet.from_json(json.dumps(published)))
    assert other.payload == token.payload


def test_another_event_does_not(front: Shopfront, record: bytes) -> None:
    published = KeySet.import_key_set(front.get("/.well-known/jwks.json").said)
    header, payload, signature = record.split(b".")
    changed = payload[:-1] + (b"A" if payload[-1:] != b"A" else b"B")
    with pytest.raises(BadSignatureError):
        deserialize_compact(
            b".".join([header, changed, signature]),
            published,
            registry=JWSRegistry(algorithms=ALGORITHMS),
        )


def test_a_key_is_named_by_its_thumbprint_and_its_secret_is_kept(front: Shopfront) -> None:
    found = front.get("/.well-known/jwks.json").said["keys"]
    assert len(found) == 2, "the shop's own, and its notary's"
    for key in found:
        assert key.keys() == {"kty", "crv", "x", "kid", "alg", "use"}
        assert KeySet.import_key_set({"keys": [key]}).keys[0].thumbprint() == key["kid"]
