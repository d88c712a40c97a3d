"""Uploads: a picture without a phone. The shop says where to send it, and S3 takes it.

Whoever may send what is signed: so many bytes, of one type, to one place, within ten minutes. Where
that is hangs on who asked, and is told to nobody else: what a person uploaded nobody else can give
to a product. It lies in a bucket of its own, from which it is gone after a day.
"""

from __future__ import annotations

import uuid
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from botocore.exceptions import BotoCoreError, ClientError
from pydantic import Field, StringConstraints
from typing_extensions import TypedDict

from chalicelib import door, http, vault
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
    """Say where a picture may be sent."""
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

    Raises NoUpload, NoPicture, PictureTooLarge.
    """
    document, named = http.document(request), http.entity(entity)
    if not isinstance(document, dict) or "upload" not in document:
        return door.move(request, entity, Photograph)
    given = http.parse(request, Give)

    def asked(_: Product | None) -> Photograph:
        return Photograph(image=shelf.keep(_picture(_uploaded(request, given.upload))))

    return door.decided(request, f"{KIND}/{named}", asked, door.keyed(request))


def _uploaded(request: Request, upload: str) -> bytes:
    found = shelf.read(settings().upload_bucket, _key(request, upload), MOST_BYTES + 1)
    if not found:
        raise NoUpload("you uploaded nothing under this id, or it is gone", field="upload")
    return found


def _picture(uploaded: bytes) -> Picture:
    try:
        return cleaned(uploaded)
    except (NoPicture, PictureTooLarge) as flaw:
        raise type(flaw)(flaw.detail, field="upload") from flaw


def _key(request: Request, upload: str) -> str:
    """Where it lies: of one person's making, whoever else knows the id."""
    return str(vault.name_for("upload", request.actor, upload))
