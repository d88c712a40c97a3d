"""How many events one thread seals and unseals a second, beside what bounds it, in the same run.

The bare Ed25519 operations are the floor that no profile can go below; joserfc signs and verifies
a token of the same payload without any of our checks. Each figure is the best of five rounds, and
the rounds of all subjects take turns, so that a busy moment of the machine falls upon each.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from joserfc.jwk import OKPKey
from joserfc.jws import JWSRegistry, deserialize_compact, serialize_compact

from chalicelib.events.envelope import SYSTEM, Envelope
from chalicelib.signing import SigningKey, Trust, jws, profile, seal, system_trust, unseal
from chalicelib.signing.keys import new_key

if TYPE_CHECKING:
    from collections.abc import Callable

ROUNDS, SECONDS, BURST = 5, 0.2, 100
CLOCK = 1_795_224_680_000


def seal_per_s() -> float:
    """Events sealed a second."""
    return _best({"seal": lambda: seal(EVENT, KEY)})["seal"]


def unseal_per_s() -> float:
    """Events unsealed a second, every check included."""
    return _best({"unseal": _unseal})["unseal"]


def figures() -> dict[str, float]:
    """All figures, per second."""
    return _best(
        {
            "seal_per_s": lambda: seal(EVENT, KEY),
            "sign_bare_per_s": lambda: KEY.sign(TOKEN.signed),
            "sign_joserfc_per_s": lambda: serialize_compact(
                HEADER, TOKEN.payload, OTHER, registry=REGISTRY
            ),
            "unseal_per_s": _unseal,
            "verify_bare_per_s": lambda: KEY.public.verify(TOKEN),
            "verify_joserfc_per_s": lambda: deserialize_compact(RECORD, OTHER, registry=REGISTRY),
        }
    )


def _unseal() -> Envelope:
    return unseal(
        RECORD, partition_key=EVENT.subject, stream=EVENT.stream, clock=CLOCK, trust=TRUST
    )


def _best(subjects: dict[str, Callable[[], object]]) -> dict[str, float]:
    best = dict.fromkeys(subjects, 0.0)
    for _ in range(ROUNDS):
        for name, subject in subjects.items():
            best[name] = max(best[name], _per_second(subject))
    return best


def _per_second(subject: Callable[[], object]) -> float:
    done, start = 0, time.perf_counter()
    while (spent := time.perf_counter() - start) < SECONDS:
        for _ in range(BURST):
            subject()
        done += BURST
    return done / spent


EVENT = Envelope(
    id="019aa3f0-5b1c-7c4e-9d21-6f0e8a7b3c55",
    source=SYSTEM,
    type="tillstream.product.created.v1",
    subject="product/cake-000123",
    time="2026-11-21T01:31:19.123Z",
    stream="tillstream-bench-1",
    actor="5f2b8c1e-3f0a-4b77-8a51-0d6e2c9f4a10",
    data={
        "brand": "Konditorei Süß",
        "name": "Sacher",
        "description": "Chocolate, apricot, and a good deal of patience. " * 3,
        "category": "cakes",
        "price": {"amount": 3200, "currency": "EUR"},
    },
)
JWK = new_key()
KEY, ROOT = SigningKey(JWK), SigningKey(new_key())
TRUST = Trust.load(Trust.sign(system_trust(JWK), ROOT), {ROOT.kid: ROOT.public})
RECORD = seal(EVENT, KEY).encode()
TOKEN = jws.parse(RECORD, profile.TYP)
HEADER = {"alg": jws.ALGORITHM, "kid": KEY.kid, "typ": profile.TYP}
OTHER = OKPKey.import_key({**JWK})
REGISTRY = JWSRegistry(algorithms=[jws.ALGORITHM])

if __name__ == "__main__":
    print(f"payload {len(TOKEN.payload)} bytes, record {len(RECORD)} bytes")
    for figure, value in figures().items():
        print(f"{figure:<22}{value:>9,.0f}")
