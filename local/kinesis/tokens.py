"""Shard iterators and next tokens: a few integers and their time, sealed by the database's secret.

A token cannot be made, or changed, without the secret; it survives a restart.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import struct
from typing import NamedTuple

lifetime_ms = 300_000
_seal_length = 16


class Token(NamedTuple):
    """What was sealed, and when."""

    issued: int
    fields: tuple[int, ...]

    def is_expired(self, now: int) -> bool:
        return now - self.issued > lifetime_ms


def seal(secret: bytes, kind: bytes, now: int, *fields: int) -> str:
    payload = struct.pack(f">{len(fields) + 1}q", now, *fields)
    return base64.b64encode(_mark(secret, kind, payload) + payload).decode()


def unseal(secret: bytes, kind: bytes, text: str) -> Token | None:
    """The token, or None where we did not make it."""
    try:
        raw = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return None
    mark, payload = raw[:_seal_length], raw[_seal_length:]
    if not hmac.compare_digest(mark, _mark(secret, kind, payload)):
        return None
    issued, *fields = struct.unpack(f">{len(payload) // 8}q", payload)
    return Token(issued, tuple(fields))


def _mark(secret: bytes, kind: bytes, payload: bytes) -> bytes:
    return hmac.digest(secret, kind + b"\0" + payload, hashlib.sha256)[:_seal_length]
