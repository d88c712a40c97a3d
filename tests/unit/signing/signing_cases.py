"""A believed event and everything around it: each test changes one thing and says what follows."""

import json
from dataclasses import replace
from typing import Any

from chalicelib.events.envelope import SYSTEM, Envelope
from chalicelib.signing import SigningKey, Trust, jws, profile, seal, system_trust, unseal
from chalicelib.signing.keys import new_key

STREAM = "tillstream-test-1"
CLOCK = 1_795_224_679_123  # 2026-11-21T01:31:19.123Z

ROOT = SigningKey(new_key())
JWK = new_key()
KEY = SigningKey(JWK)
PARTNER_JWK = new_key()
PARTNER = SigningKey(PARTNER_JWK)
STRANGER = SigningKey(new_key())

EVENT = Envelope(
    id="019aa3f0-5b1c-7c4e-9d21-6f0e8a7b3c55",
    source=SYSTEM,
    type="tillstream.product.created.v1",
    subject="product/cake-123",
    time="2026-11-21T01:31:19.123Z",
    stream=STREAM,
    actor="5f2b8c1e-3f0a-4b77-8a51-0d6e2c9f4a10",
    data={"name": "Käse", "price": {"amount": 1999, "currency": "EUR"}},
)


def an_event(**changes: Any) -> Envelope:
    return replace(EVENT, **changes)


def a_document(*partner_grants: tuple[str, str], **partner: Any) -> dict[str, Any]:
    """The system's trust document, and a partner that may say what is asked for."""
    document = system_trust(JWK)
    entry = {
        "kid": PARTNER.kid,
        "x": PARTNER.public.x,
        "nbf": 0,
        "source": "urn:tillstream:partner",
        "grants": [{"type": kind, "subject": subject} for kind, subject in partner_grants],
    }
    document["keys"].append(entry | partner)
    return document


def trusting(document: dict[str, Any]) -> Trust:
    return Trust.load(Trust.sign(document, ROOT), {ROOT.kid: ROOT.public})


TRUST = trusting(a_document())


def members(**changes: Any) -> dict[str, Any]:
    """The JSON object of the event; a change to `...` leaves the member out."""
    token = jws.parse(seal(EVENT, KEY).encode(), profile.TYP)
    changed = json.loads(token.payload) | changes
    return {name: value for name, value in changed.items() if value is not ...}


def signed(payload: bytes | dict[str, Any], key: SigningKey = KEY, typ: str = profile.TYP) -> bytes:
    """A token over any payload at all, with a good signature."""
    if isinstance(payload, dict):
        payload = json.dumps(payload, ensure_ascii=False).encode()
    return jws.sign(payload, key, typ)


def signed_as(header: bytes | dict[str, Any], key: SigningKey = KEY) -> bytes:
    """The event's token under any header at all, with a good signature."""
    if isinstance(header, dict):
        header = json.dumps(header).encode()
    token = jws.parse(seal(EVENT, KEY).encode(), profile.TYP)
    text = jws.base64(header) + b"." + jws.base64(token.payload)
    return text + b"." + jws.base64(key.sign(text))


def header_of(key: SigningKey = KEY, **changes: Any) -> dict[str, Any]:
    return {"alg": "Ed25519", "kid": key.kid, "typ": profile.TYP} | changes


def opened(data: bytes | str, **changes: Any) -> Envelope:
    """`unseal`, where all that surrounds the record is as the event has it."""
    around = {"partition_key": EVENT.subject, "stream": STREAM, "clock": CLOCK, "trust": TRUST}
    return unseal(data.encode() if isinstance(data, str) else data, **around | changes)
