"""Uploads: a picture without a phone. The shop says where to send it, and S3 takes it.

Whoever may send what is signed: so many bytes, of one type, to one place, within ten minutes. Where
that is hangs on who asked, and is told to nobody else: what a person uploaded nobody else can give
to a product. It lies in a bucket of its own, from which it is gone as soon as a product has it; the
rest goes after a day, by a rule that AWS carries out and a local shop has not.
"""

from __future__ import annotations

import uuid
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from botocore.exceptions import BotoCoreError, ClientError
from pydantic import Field, StringConstraints
from typing_extensions import TypedDict

from chalicelib import customers, door, http, read, vault
from chalicelib.config import client, settings
from chalicelib.decisions.product import KIND, Photograph, Product
from chalicelib.errors import CloudFailure, NoPicture, NoUpload, PictureTooLarge
from chalicelib.events import Model
from chalicelib.events.envelope import example
from chalicelib.http import Answer, Request
from chalicelib.pictures import shelf
from chalicelib.pictures.image import MOST_BYTES, Picture, cleaned

MINUTES = 10
Upload = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{32}$")]


class Wish(Model):
    """What is to be uploaded: of which type, and how many bytes of it."""

    model_config = example(contentType="image/jpeg")

    content_type: Literal["image/jpeg", "image/png", "image/webp"]
    bytes: Annotated[int, Field(ge=1, le=MOST_BYTES)] | None = None


class Form(TypedDict):
    """Where it goes: a form (multipart/form-data) of these fields, and the picture last, as `file`.

    `upload` is what `PUT /products/{id}/photo` then takes; the form is taken until `expires`.
    """

    upload: str
    url: str
    fields: dict[str, str]
    expires: str


class Give(Model):
    """Give a product the picture that was uploaded."""

    model_config = example(upload="0f8fad5bd9cb469fa16570867728950e")

    upload: Upload


def begin(request: Request) -> Form:
    """Say where a picture may be sent. Raises Erased."""
    _refuse_erased(request)
    wish, upload = http.parse(request, Wish), uuid.uuid4().hex
    expires = datetime.now(UTC) + timedelta(minutes=MINUTES)
    signed = _signed(
        _key(request, upload),
        Fields={"Content-Type": wish.content_type},
        Conditions=[
            {"Content-Type": wish.content_type},
            ["content-length-range", wish.bytes or 1, wish.bytes or MOST_BYTES],
        ],
        ExpiresIn=MINUTES * 60,
    )
    stamp = expires.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    form: Form = {
        "upload": upload,
        "url": signed["url"],
        "fields": signed["fields"],
        "expires": stamp,
    }
    return form


def origin() -> str:
    """Where every such form goes, as a browser's policy names a place. Raises CloudFailure."""
    place = urlsplit(_signed("anything")["url"])
    return f"{place.scheme}://{place.netloc}"


def _signed(key: str, **asked: Any) -> Any:
    """A form that S3 takes for this key. Raises CloudFailure."""
    try:
        return client("s3").generate_presigned_post(settings().upload_bucket, key, **asked)
    except (BotoCoreError, ClientError) as error:
        raise CloudFailure(f"s3 presigned post: {error}") from error


def photograph(request: Request, entity: str) -> Answer:
    """Give a product its picture: one at an address, or one that was uploaded.

    Raises Erased, NoUpload, NoPicture, PictureTooLarge.
    """
    _refuse_erased(request)
    document, subject = http.document(request), f"{KIND}/{http.entity(entity)}"
    if isinstance(document, dict) and "upload" in document:
        return _give(request, subject, http.parse(request, Give).upload)
    command = http.parse(request, Photograph)
    return door.decided(request, subject, lambda _: _shown(command), door.keyed(request))


def _give(request: Request, subject: str, upload: str) -> Answer:
    """What was uploaded is the product's from now on, and lies where uploads do no longer.

    A used key has its answer again, and what a failure may have left there is gone then too.
    """

    def asked(_: Product | None) -> Photograph:
        return Photograph(image=shelf.keep(_picture(_uploaded(request, upload))))

    answer = door.decided(request, subject, asked, door.keyed(request))
    _remove(_key(request, upload))
    return answer


def _shown(command: Photograph) -> Photograph:
    """The command, where a path of our own leads to a picture. Raises NoPicture."""
    if command.image.startswith("/") and not shelf.has(command.image):
        raise NoPicture("the shop has no such picture", field="image")
    return command


def _refuse_erased(request: Request) -> None:
    """Raises Erased: who was erased gives nothing more, though their token holds for a while."""
    customers.refuse_erased(*read.rows(request, customers.key(request.actor)))


def _uploaded(request: Request, upload: str) -> bytes:
    found = _read(_key(request, upload))
    if not found:
        raise NoUpload("you uploaded nothing under this id, or it is gone", field="upload")
    return found


def _read(key: str) -> bytes | None:
    """What lies there, of no more bytes than show that it is too large. Raises CloudFailure."""
    place = {"Bucket": settings().upload_bucket, "Key": key}
    try:
        answer = client("s3").get_object(Range=f"bytes=0-{MOST_BYTES}", **place)
        found: bytes = answer["Body"].read()
    except ClientError as error:
        if error.response["Error"]["Code"] == "NoSuchKey":
            return None
        raise CloudFailure(f"s3 get_object: {error}") from error
    except BotoCoreError as error:
        raise CloudFailure(f"s3 get_object: {error}") from error
    return found


def _remove(key: str) -> None:
    """Nothing lies there from now on, if anything did. Raises CloudFailure."""
    try:
        client("s3").delete_object(Bucket=settings().upload_bucket, Key=key)
    except (BotoCoreError, ClientError) as error:
        raise CloudFailure(f"s3 delete_object: {error}") from error


def _picture(uploaded: bytes) -> Picture:
    try:
        return cleaned(uploaded)
    except (NoPicture, PictureTooLarge) as flaw:
        raise type(flaw)(flaw.detail, field="upload") from flaw


def _key(request: Request, upload: str) -> str:
    """Where it lies: of one person's making, whoever else knows the id."""
    return str(vault.name_for("upload", request.actor, upload))
