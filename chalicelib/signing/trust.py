"""Whose word counts, for what, and when: one document, signed by the root key.

- The document is a JWS of its own `typ`; no event can stand in for it, nor it for an event.
- It names keys, each with its window, its one source, and its grants: pairs of patterns for type
  and subject in which `*` stands for any run of characters. What is not granted is refused.
- A window is `nbf` ≤ clock < `exp`, and a revocation ends it at its `since`: integer milliseconds,
  asked of the clock of the record in hand, so that a replay years later gives the same verdict.
- A key is registered under its thumbprint, once, and only if it is fit (see `jws.PublicKey`).
- A version lower than one already seen is refused.
- A grant that is added holds for the past too: an event that was refused for want of it counts in
  the next replay. What a key may no longer say is said by a new key; no grant is ever taken back.
- A key whose source is the notary's signs tree heads. A tree head says no time, so such a key is
  asked for no window: it holds until it is revoked, and then nothing that it signed holds.

Pure: the bytes come from `keys`. Raises Malformed, BadSignature, UnknownKey, KeyNotValid, Stale.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from typing_extensions import TypedDict

from chalicelib.errors import KeyNotValid, Malformed, Stale, UnknownKey
from chalicelib.events.envelope import SYSTEM, Envelope
from chalicelib.signing import jws, strict
from chalicelib.signing.jws import PublicKey, SigningKey

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

TYP = "tillstream-trust+jws"
LIMIT = 1024 * 1024
NOTARY = "urn:tillstream:notary"


class Jwk(TypedDict):
    """A public key (RFC 8037 §2); `kid` is its RFC 7638 thumbprint."""

    kty: Literal["OKP"]
    crv: Literal["Ed25519"]
    x: str
    kid: str
    alg: Literal["Ed25519"]
    use: Literal["sig"]


class Jwks(TypedDict):
    """Every key of the trust document, the ones that are over too: their events stay true."""

    keys: list[Jwk]


@dataclass(frozen=True, slots=True)
class Producer:
    """One registered key: from when until when it may say what, as whom."""

    key: PublicKey
    start: int
    end: int
    source: str
    granted: re.Pattern[str]
    revoked: bool


class Trust:
    """A trust document that was believed: its keys and what they may say."""

    __slots__ = ("_producers", "version")

    def __init__(self, version: int, producers: Mapping[str, Producer]) -> None:
        self.version = version
        self._producers = dict(producers)

    @classmethod
    def load(cls, blob: bytes, roots: Mapping[str, PublicKey], at_least: int = 0) -> Trust:
        """The document, if one of the roots signed it and its version is not from before.

        Raises Malformed, BadSignature, UnknownKey (no such root), Stale (a lower version).
        """
        trust = _read(opened(blob, roots))
        if trust.version < at_least:
            raise Stale(f"trust document {trust.version}, but {at_least} was seen before")
        return trust

    @staticmethod
    def sign(document: dict[str, Any], root: SigningKey) -> bytes:
        """The document as `load` takes it.

        Raises Malformed for one that `load` would refuse.
        """
        _read(document)
        return jws.sign(strict.encode(document, limit=LIMIT), root, TYP)

    def key(self, kid: str, at_ms: int) -> PublicKey:
        """The key of this name, which was valid at this clock.

        Raises UnknownKey, KeyNotValid.
        """
        producer = self._producers.get(kid)
        if producer is None:
            raise UnknownKey(f"no key {kid}")
        if not producer.start <= at_ms < producer.end:
            raise KeyNotValid(f"key {kid} was not valid at {at_ms}")
        return producer.key

    def may(self, kid: str, envelope: Envelope) -> bool:
        """Whether this key may say this type, for this source and subject."""
        producer = self._producers.get(kid)
        return (
            producer is not None
            and producer.source == envelope.source
            and producer.granted.fullmatch(f"{envelope.type} {envelope.subject}") is not None
        )

    def notaries(self) -> list[PublicKey]:
        """The keys whose word on the tree is believed."""
        found = self._producers.values()
        return [each.key for each in found if each.source == NOTARY and not each.revoked]

    def jwks(self) -> Jwks:
        """The keys as partners' libraries read them (RFC 7517 §5)."""
        return {"keys": [_public(producer.key) for producer in self._producers.values()]}


def _public(key: PublicKey) -> Jwk:
    return {
        "kty": "OKP",
        "crv": "Ed25519",
        "x": key.x,
        "kid": key.kid,
        "alg": "Ed25519",
        "use": "sig",
    }


def opened(blob: bytes, roots: Mapping[str, PublicKey]) -> Any:
    """The document that one of the roots signed, as JSON.

    Raises Malformed, BadSignature, UnknownKey (no such root).
    """
    if len(blob) > LIMIT:
        raise Malformed(f"a trust document longer than {LIMIT} bytes")
    token = jws.parse(blob, TYP)
    root = roots.get(token.kid)
    if root is None:
        raise UnknownKey(f"no root {token.kid}")
    root.verify(token)
    return strict.decode(token.payload, limit=LIMIT)


def system_trust(
    jwk: Mapping[str, Any],
    *,
    notary: Mapping[str, Any] | None = None,
    nbf: int = 0,
    after: dict[str, Any] | None = None,
) -> dict[str, Any]:
    """The document by which the shop's own key may say all that this code says.

    That is the one before it, where it grants so much already; else the version after that, in
    which nothing else is changed: version 1 names this key, and the notary's, and nobody else's.
    Raises Malformed if a JWK is not that of a fit key.
    """
    document = after or {"version": 0, "keys": [], "revoked": {}}
    named = {entry["kid"]: entry for entry in document["keys"]}
    wanted = [_widened(named, jwk, SYSTEM, SYSTEM_GRANTS, nbf)]
    wanted += [] if notary is None else [_widened(named, notary, NOTARY, (), nbf)]
    if all(named.get(entry["kid"]) == entry for entry in wanted):
        return document
    named |= {entry["kid"]: entry for entry in wanted}
    return document | {"version": document["version"] + 1, "keys": list(named.values())}


def _widened(
    named: Mapping[str, Any],
    jwk: Mapping[str, Any],
    source: str,
    grants: Iterable[tuple[str, str]],
    nbf: int,
) -> dict[str, Any]:
    """The key's entry, with these grants among its own."""
    key = PublicKey.from_x(str(jwk.get("x")))
    new = {"kid": key.kid, "x": key.x, "nbf": nbf, "source": source, "grants": []}
    entry: dict[str, Any] = named.get(key.kid, new)
    wanted = [{"type": pattern, "subject": subject} for pattern, subject in grants]
    missing = [grant for grant in wanted if grant not in entry["grants"]]
    return entry | {"grants": [*entry["grants"], *missing]}


def _read(document: Any) -> Trust:
    version, keys, revoked = _members(document, "version", "keys", "revoked")
    if not (_is_count(version) and version >= 1 and type(keys) is list):
        raise Malformed("a trust document has a version from 1 and a list of keys")
    if type(revoked) is not dict or not all(map(_is_count, revoked.values())):
        raise Malformed("revoked maps keys to milliseconds")
    producers: dict[str, Producer] = {}
    for entry in keys:
        producer = _producer(entry, revoked)
        if producer.key.kid in producers:
            raise Malformed(f"key {producer.key.kid} stands twice")
        producers[producer.key.kid] = producer
    if not revoked.keys() <= producers.keys():
        raise Malformed("revoked names a key that is not registered")
    return Trust(version, producers)


def _producer(entry: Any, revoked: Mapping[str, int]) -> Producer:
    kid, x, nbf, source, grants, exp = _members(
        entry, "kid", "x", "nbf", "source", "grants", exp=strict.LARGEST
    )
    if type(x) is not str:
        raise Malformed("x is not text")
    key = PublicKey.from_x(x)
    if kid != key.kid:
        raise Malformed(f"kid of {key.kid} is not its thumbprint")
    if not (_is_count(nbf) and _is_count(exp) and nbf < exp):
        raise Malformed(f"the window of {kid} is not nbf < exp in milliseconds")
    if type(source) is not str or not _SOURCE.fullmatch(source) or type(grants) is not list:
        raise Malformed(f"source or grants of {kid} are not such")
    end = min(exp, revoked.get(kid, exp))
    return Producer(key, nbf, end, source, _granted(grants), kid in revoked)


def _granted(grants: Iterable[Any]) -> re.Pattern[str]:
    """One pattern over `<type> <subject>`; a space lies in neither, so they cannot run together."""
    choices = []
    for grant in grants:
        patterns = _members(grant, "type", "subject")
        if not all(type(each) is str and _GLOB.fullmatch(each) for each in patterns):
            raise Malformed("a grant is a pattern of visible ASCII each for type and subject")
        choices.append(" ".join(re.escape(each).replace(r"\*", "[!-~]*") for each in patterns))
    return re.compile("|".join(choices))


def _members(value: Any, *required: str, **optional: Any) -> list[Any]:
    """The values of exactly these members, the optional ones last."""
    if type(value) is not dict or not value.keys() - optional.keys() == set(required):
        raise Malformed(f"not exactly the members {', '.join(required)}")
    return [value[name] for name in required] + [value.get(*each) for each in optional.items()]


def _is_count(value: Any) -> bool:
    return type(value) is int and value >= 0


_SOURCE = re.compile(r"[!-~]{1,128}")
_GLOB = re.compile(r"[!-~]{1,128}")

SYSTEM_GRANTS = [
    ("tillstream.product.*", "product/*"),
    ("tillstream.customer.*", "customer/*"),
    ("tillstream.order.*", "order/*"),
    ("tillstream.desk.*", "desk/*"),
    ("tillstream.ticket.*", "ticket/*"),
]
