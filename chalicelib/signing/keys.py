"""Where keys and the trust document are kept: the only part of signing that reads and writes.

- The producer's key and the notary's are read once a process from SSM SecureStrings; they are
  never written to disk.
- The trust document is the highest `trust/<version>.json` of the archive bucket, believed only if
  the root key named in the settings signed it. It is read again after five minutes, or when asked
  (an unknown key may be a new one) at most every ten seconds; a process never goes back to a
  lower version than it has seen.
- A key file (the root's, a partner's) is created exclusively, for its owner alone, and is not
  read once others may read it.

What fails here leaves as CloudFailure, never as SecurityError: a trust document that cannot be
believed says nothing about the record in hand, so the batch waits and nothing is quarantined.

Raises CloudFailure; PermissionError, FileExistsError, Malformed (key files).
"""

from __future__ import annotations

import json
import os
import re
import secrets
import time
from dataclasses import dataclass
from functools import cache
from threading import Lock
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from chalicelib.config import client, parameter, settings
from chalicelib.errors import CloudFailure, SecurityError
from chalicelib.signing import strict
from chalicelib.signing.jws import PublicKey, SigningKey, base64
from chalicelib.signing.trust import Trust

if TYPE_CHECKING:
    from pathlib import Path

FRESH_S, RELOAD_S = 300.0, 10.0


@cache
def producer() -> SigningKey:
    """The key under which this process speaks.

    Raises CloudFailure.
    """
    return _secret(settings().producer_key)


@cache
def notary() -> SigningKey:
    """The key under which tree heads are signed.

    Raises CloudFailure.
    """
    return _secret(settings().notary_key)


def _secret(name: str) -> SigningKey:
    try:
        return SigningKey(strict.decode(parameter(name).encode()))
    except SecurityError as error:
        raise CloudFailure(f"no key in {name}: {error}") from error


def trust(*, reload: bool = False) -> Trust:
    """The trust document, as new as the rules above have it.

    Raises CloudFailure.
    """
    with _lock:
        age = time.monotonic() - _held.read_at
        if _held.trust is None or age >= FRESH_S or (reload and age >= RELOAD_S):
            try:
                _held.trust = _newest(_held.trust)
            except (BotoCoreError, ClientError, SecurityError) as error:
                raise CloudFailure(f"no trust document: {error}") from error
            _held.read_at = time.monotonic()
        return _held.trust


def newest(above: int = 0) -> tuple[int, bytes] | None:
    """The highest version of the document in the archive bucket, if it is above this one.

    Raises ClientError, BotoCoreError: nothing of it is believed here.
    """
    version = max(_versions(), default=0)
    if version <= above:
        return None
    answer = client("s3").get_object(Bucket=settings().archive_bucket, Key=f"trust/{version}.json")
    return version, answer["Body"].read()


def document() -> str:
    """The newest trust document, as the root signed it. Raises CloudFailure."""
    try:
        found = newest()
    except (BotoCoreError, ClientError) as error:
        raise CloudFailure(f"no trust document: {error}") from error
    if found is None:
        raise CloudFailure("the archive bucket has no trust document")
    return found[1].decode("ascii")


def forget() -> None:
    """Read everything anew: for tests that run several shops in turn."""
    producer.cache_clear()
    notary.cache_clear()
    _held.trust, _held.read_at = None, 0.0


def new_key() -> dict[str, str]:
    """A new Ed25519 key as a private JWK (RFC 8037 §2)."""
    secret = secrets.token_bytes(32)
    public = Ed25519PrivateKey.from_private_bytes(secret).public_key().public_bytes_raw()
    return PublicKey(public).jwk | {"d": base64(secret).decode()}


def write_key_file(path: Path) -> SigningKey:
    """A new key, kept in a new file that its owner alone may read.

    Raises FileExistsError.
    """
    jwk = new_key()
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    with open(handle, "w", encoding="ascii") as file:  # noqa: PTH123  (a descriptor has no path)
        json.dump(jwk, file)
        file.flush()
        os.fsync(handle)
    return SigningKey(jwk)


def read_key_file(path: Path) -> SigningKey:
    """The key that lies in this file.

    Raises PermissionError if others than its owner may read it, Malformed if it holds no key.
    """
    with open(os.open(path, os.O_RDONLY | os.O_NOFOLLOW), "rb") as file:  # noqa: PTH123
        if os.fstat(file.fileno()).st_mode & 0o077:
            raise PermissionError(f"{path} may be read by others: chmod 600 it")
        return SigningKey(strict.decode(file.read(strict.LIMIT)))


@dataclass(slots=True)
class _Held:
    trust: Trust | None = None
    read_at: float = 0.0


def _newest(held: Trust | None) -> Trust:
    found = newest(above=0 if held is None else held.version)
    if found is None:
        if held is None:
            raise CloudFailure("the archive bucket has no trust document")
        return held
    version, blob = found
    root = PublicKey.from_x(settings().trust_root)
    return Trust.load(blob, {root.kid: root}, at_least=version)


def _versions() -> list[int]:
    pages: Any = client("s3").get_paginator("list_objects_v2")
    found = pages.paginate(Bucket=settings().archive_bucket, Prefix="trust/")
    names = [NAME.fullmatch(item["Key"]) for page in found for item in page.get("Contents", [])]
    return [int(name[1]) for name in names if name]


NAME = re.compile(r"trust/([1-9][0-9]{0,14})\.json")
_held = _Held()
_lock = Lock()
