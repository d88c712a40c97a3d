"""A compact JWS (RFC 7515 §7.1) with nothing left to choose, and Ed25519 keys (RFC 8037).

- The protected header is exactly `alg`, `kid` and `typ`. Its `alg` only has to be a name of
  Ed25519 (RFC 9864, or RFC 8037's older one); which operation runs follows from the registered
  key, never from the header (RFC 8725 §3.1).
- Every kind of token has its own `typ` (RFC 8725 §3.11), so none can stand in for another.
- `kid` is the key's RFC 7638 thumbprint: a key has one name and a name has one key.
- There is one spelling: base64url without padding, spare bits or white space, and a signature
  whose S is below the group's order (RFC 8032 §5.1.7, held by OpenSSL).
- A public key is refused if its y is not canonical (RFC 8032 §5.1.3) or its point has small
  order: under such a key one signature would fit every message.

Raises Malformed, BadSignature.
"""

from __future__ import annotations

import hashlib
import re
from binascii import Error as NotBase64
from binascii import a2b_base64, b2a_base64
from functools import lru_cache
from typing import Any, NamedTuple

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from chalicelib.errors import BadSignature, Malformed
from chalicelib.signing import strict

ALGORITHM = "Ed25519"


class Token(NamedTuple):
    """A token taken apart: its form is right, its signature is not checked yet."""

    kid: str
    payload: bytes
    signed: bytes
    signature: bytes


def parse(token: bytes, typ: str) -> Token:
    """The parts of a token of this `typ`.

    Raises Malformed.
    """
    parts = token.split(b".")
    if len(parts) != 3:
        raise Malformed("a compact JWS has three parts")
    header, payload, signature = parts
    if len(header) > 256:
        raise Malformed("the header is too long")
    kid = _kid(header, typ)
    return Token(kid, unbase64(payload), token[: token.rindex(b".")], unbase64(signature))


def sign(payload: bytes, key: SigningKey, typ: str) -> bytes:
    """The payload as a token of this `typ`."""
    signed = _header(key.kid, typ) + b"." + base64(payload)
    return signed + b"." + base64(key.sign(signed))


class PublicKey:
    """An Ed25519 key that is fit to be registered: 32 bytes, canonical, not of small order.

    Raises Malformed.
    """

    __slots__ = ("_key", "kid", "x")

    def __init__(self, raw: bytes) -> None:
        if len(raw) != 32:
            raise Malformed("an Ed25519 key has 32 bytes")
        y = int.from_bytes(raw, "little") & (2**255 - 1)
        if y >= _P or y in _SMALL_ORDER:
            raise Malformed("not a safe Ed25519 key")
        self.x = base64(raw).decode()
        self.kid = thumbprint(self.x)
        self._key = Ed25519PublicKey.from_public_bytes(raw)

    @classmethod
    def from_x(cls, x: str) -> PublicKey:
        """The key whose JWK has this `x`.

        Raises Malformed.
        """
        return cls(unbase64(x.encode()))

    @property
    def jwk(self) -> dict[str, str]:
        """The key as a public JWK (RFC 8037 §2)."""
        return {"kty": "OKP", "crv": "Ed25519", "x": self.x, "kid": self.kid}

    def verify(self, token: Token) -> None:
        """Nothing, if this key signed the token.

        Raises BadSignature.
        """
        try:
            self._key.verify(token.signature, token.signed)
        except InvalidSignature:
            raise BadSignature("the signature does not fit") from None


class SigningKey:
    """A private key, made from the JWK that a file or a secret holds.

    Raises Malformed for anything but an Ed25519 JWK whose `x` belongs to its `d`.
    """

    __slots__ = ("kid", "public", "sign")

    def __init__(self, jwk: dict[str, Any]) -> None:
        if type(jwk) is not dict or (jwk.get("kty"), jwk.get("crv")) != ("OKP", "Ed25519"):
            raise Malformed("not an Ed25519 JWK")
        secret = unbase64(str(jwk.get("d")).encode())
        if len(secret) != 32:
            raise Malformed("an Ed25519 secret has 32 bytes")
        key = Ed25519PrivateKey.from_private_bytes(secret)
        self.public = PublicKey(key.public_key().public_bytes_raw())
        self.kid = self.public.kid
        self.sign = key.sign
        if jwk.get("x") != self.public.x or jwk.get("kid", self.kid) != self.kid:
            raise Malformed("the JWK's public part is not that of its secret")


def thumbprint(x: str) -> str:
    """The name of a key: its RFC 7638 thumbprint (RFC 8037 §2 lists the members)."""
    members = f'{{"crv":"Ed25519","kty":"OKP","x":"{x}"}}'
    return base64(hashlib.sha256(members.encode()).digest()).decode()


def base64(data: bytes) -> bytes:
    """Bytes as base64url without padding (RFC 7515 §2)."""
    return b2a_base64(data, newline=False).translate(_TO_URL).rstrip(b"=")


def unbase64(text: bytes) -> bytes:
    """What this base64url says, if it is the one spelling of it.

    Raises Malformed.
    """
    try:
        data = a2b_base64(text.translate(_FROM_URL) + b"=" * (-len(text) % 4))
    except NotBase64:
        raise Malformed("not base64url") from None
    if base64(data) != text:
        raise Malformed("not the one spelling in base64url")
    return data


@lru_cache(maxsize=1024)
def _kid(header: bytes, typ: str) -> str:
    """Whom a header names. Only headers that are right are remembered."""
    members = strict.decode(unbase64(header))
    if type(members) is not dict or members.keys() != _MEMBERS:
        raise Malformed("the header has other members than alg, kid, typ")
    if members["alg"] not in _NAMES or members["typ"] != typ:
        raise Malformed("the header has another alg or typ")
    if type(members["kid"]) is not str or not _THUMBPRINT.fullmatch(members["kid"]):
        raise Malformed("kid is not a thumbprint")
    return str(members["kid"])


@lru_cache(maxsize=64)
def _header(kid: str, typ: str) -> bytes:
    return base64(strict.encode({"alg": ALGORITHM, "kid": kid, "typ": typ}))


_MEMBERS = {"alg", "kid", "typ"}
_NAMES = ("Ed25519", "EdDSA")
_THUMBPRINT = re.compile(r"[A-Za-z0-9_-]{43}")
_TO_URL = bytes.maketrans(b"+/", b"-_")
_FROM_URL = bytes.maketrans(b"-_", b"+/")

_P = 2**255 - 19
_ORDER_8 = 0x7A03AC9277FDC74EC6CC392CFA53202A0F67100D760B3CBA4FD84D3D706A17C7
# The y of the eight points whose order divides the cofactor; the sign of x does not matter here.
_SMALL_ORDER = frozenset({0, 1, _P - 1, _ORDER_8, _P - _ORDER_8})
