"""The shelf: pictures in the archive bucket, each under the hash of its bytes.

    pictures/<sha256>          the picture, as `image` has it
    pictures/<sha256>-small    the same for a tile of the page

What lies under a name never changes, so whoever has it need not ask again. An event holds a path of
this API, `/pictures/<sha256>`, and no host: the page is right wherever the shop is seen from.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import replace
from typing import Annotated, Any

from botocore.exceptions import BotoCoreError, ClientError
from pydantic import StringConstraints

from chalicelib import http
from chalicelib.config import client, settings
from chalicelib.errors import CloudFailure, UnknownPicture
from chalicelib.http import Answer, Request
from chalicelib.pictures.image import Picture

FOLDER, SMALL = "pictures/", "-small"
KIND = "image/jpeg"
FOR_GOOD = "public, max-age=31536000, immutable"
HEADERS = {"X-Content-Type-Options": "nosniff"}
NAME = re.compile(r"[0-9a-f]{64}(-small)?")
Name = Annotated[str, StringConstraints(pattern=f"^{NAME.pattern}$")]


def keep(picture: Picture) -> str:
    """The picture's address, where it lies from now on. Raises CloudFailure."""
    name = hashlib.sha256(picture.large).hexdigest()
    _put(name + SMALL, picture.small)
    _put(name, picture.large)
    return f"/{FOLDER}{name}"


def has(address: str) -> bool:
    """Whether a picture lies at this path of ours. Raises CloudFailure."""
    return read(settings().archive_bucket, address.removeprefix("/"), 1) is not None


def picture(request: Request, name: str) -> Answer:
    """One of the pictures; 304 where the caller has it already. Raises UnknownPicture."""
    body = read(settings().archive_bucket, FOLDER + name) if NAME.fullmatch(name) else None
    if body is None:
        raise UnknownPicture("the shop has no such picture")
    answer = http.tagged(request, body, f'"{name}"', FOR_GOOD)
    kind = {"Content-Type": KIND} if answer.body else {}
    return replace(answer, headers={**answer.headers, **HEADERS, **kind})


def read(bucket: str, name: str, most: int | None = None) -> bytes | None:
    """The bytes that lie there, no more than so many; None if none do. Raises CloudFailure."""
    part = {} if most is None else {"Range": f"bytes=0-{most - 1}"}
    try:
        answer = client("s3").get_object(Bucket=bucket, Key=name, **part)
        found: bytes = answer["Body"].read()
    except ClientError as error:
        if error.response["Error"]["Code"] == "NoSuchKey":
            return None
        raise CloudFailure(f"s3 get_object: {error}") from error
    except BotoCoreError as error:
        raise CloudFailure(f"s3 get_object: {error}") from error
    return found


def remove(bucket: str, name: str) -> None:
    """Nothing lies there from now on, if anything did. Raises CloudFailure."""
    try:
        client("s3").delete_object(Bucket=bucket, Key=name)
    except (BotoCoreError, ClientError) as error:
        raise CloudFailure(f"s3 delete_object: {error}") from error


def _put(name: str, body: bytes) -> None:
    """It lies there from now on, if it did not before."""
    asked: dict[str, Any] = {"Bucket": settings().archive_bucket, "Key": FOLDER + name}
    try:
        client("s3").put_object(Body=body, ContentType=KIND, IfNoneMatch="*", **asked)
    except ClientError as error:
        if error.response["ResponseMetadata"]["HTTPStatusCode"] not in (409, 412):
            raise CloudFailure(f"s3 put_object: {error}") from error
    except BotoCoreError as error:
        raise CloudFailure(f"s3 put_object: {error}") from error
