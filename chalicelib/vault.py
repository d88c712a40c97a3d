"""The vault: what the shop keeps secret, in a bucket of its own.

`secrets/<name>` is a shop secret of 32 random bytes, made once and never overwritten; under
`people/` lie the keys of `personal`. What is made is put with If-None-Match: of two processes that
make it at once, one wins and both use the winner's.

Raises CloudFailure.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from chalicelib import config
from chalicelib.errors import CloudFailure


@cache
def secret(name: str) -> bytes:
    """The shop's secret of this name, made if there is none."""
    return read(f"secrets/{name}") or create(f"secrets/{name}", secrets.token_bytes(32))


def name_for(*parts: str) -> uuid.UUID:
    """A UUIDv5 that only this shop can derive from the parts."""
    namespace = uuid.UUID(bytes=hmac.digest(secret("names"), b"namespace", hashlib.sha256)[:16])
    return uuid.uuid5(namespace, "\0".join(parts))


def fingerprint(of: str, text: bytes) -> bytes:
    """HMAC-SHA-256 of the text under the secret `of`: equal texts show, and nothing else."""
    return hmac.digest(secret(of), text, hashlib.sha256)


def read(key: str) -> bytes | None:
    """What lies there, if anything does."""
    try:
        with _told():
            found: bytes = _s3().get_object(Bucket=_bucket(), Key=key)["Body"].read()
    except _Missing:
        return None
    return found


def create(key: str, body: bytes) -> bytes:
    """What lies there from now on: this, or what another process put there first."""
    try:
        with _told():
            _s3().put_object(Bucket=_bucket(), Key=key, Body=body, IfNoneMatch="*")
    except _Taken:
        winner = read(key)
        if winner is None:
            raise CloudFailure("the vault: another process is making this") from None
        return winner
    return body


def overwrite(key: str, body: bytes) -> None:
    """This lies there from now on, whatever did before."""
    with _told():
        _s3().put_object(Bucket=_bucket(), Key=key, Body=body)


class _Missing(CloudFailure):
    """Nothing lies there."""


class _Taken(CloudFailure):
    """Something lies there, or is being put there."""


REASONS = {404: _Missing, 409: _Taken, 412: _Taken}


@contextmanager
def _told() -> Iterator[None]:
    try:
        yield
    except ClientError as error:
        missing_bucket = error.response["Error"]["Code"] == "NoSuchBucket"
        status = 0 if missing_bucket else error.response["ResponseMetadata"]["HTTPStatusCode"]
        raise REASONS.get(status, CloudFailure)(f"the vault: {error}") from error
    except BotoCoreError as error:
        raise CloudFailure(f"the vault could not be asked: {error}") from error


def _s3() -> Any:
    return config.client("s3")


def _bucket() -> str:
    return config.settings().vault_bucket
