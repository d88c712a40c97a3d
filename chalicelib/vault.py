"""The vault: secrets that the shop keeps, in a bucket of its own. Made once, never overwritten.

A shop secret is 32 random bytes at `secrets/<name>`, put with If-None-Match: of two processes that
make it at once, one wins and both use the winner's.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
import uuid
from functools import cache

from botocore.exceptions import BotoCoreError, ClientError

from chalicelib import config
from chalicelib.errors import CloudFailure


@cache
def secret(name: str) -> bytes:
    """The shop's secret of this name, made if there is none. Raises CloudFailure."""
    try:
        return _read(name) or _make(name)
    except BotoCoreError as error:
        raise CloudFailure(f"the vault could not be asked: {error}") from error


def _read(name: str) -> bytes | None:
    try:
        answer = config.client("s3").get_object(Bucket=_bucket(), Key=f"secrets/{name}")
    except ClientError as error:
        if error.response["Error"]["Code"] == "NoSuchKey":
            return None
        raise CloudFailure(f"the vault: {error}") from error
    found: bytes = answer["Body"].read()
    return found


def _make(name: str) -> bytes:
    made = secrets.token_bytes(32)
    try:
        config.client("s3").put_object(
            Bucket=_bucket(), Key=f"secrets/{name}", Body=made, IfNoneMatch="*"
        )
    except ClientError as error:
        if error.response["ResponseMetadata"]["HTTPStatusCode"] not in (409, 412):
            raise CloudFailure(f"the vault: {error}") from error
        winner = _read(name)
        if winner is None:
            raise CloudFailure("the vault: another process is making this secret") from error
        return winner
    return made


def _bucket() -> str:
    return config.settings().vault_bucket


def name_for(*parts: str) -> uuid.UUID:
    """A UUIDv5 that only this shop can derive from the parts."""
    namespace = uuid.UUID(bytes=hmac.digest(secret("names"), b"namespace", hashlib.sha256)[:16])
    return uuid.uuid5(namespace, "\0".join(parts))


def fingerprint(of: str, text: bytes) -> bytes:
    """HMAC-SHA-256 of the text under the secret `of`: equal texts show, and nothing else."""
    return hmac.digest(secret(of), text, hashlib.sha256)
