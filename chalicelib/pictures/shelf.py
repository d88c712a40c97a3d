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
from typing import Annotated

from pydantic import StringConstraints

from chalicelib import http
from chalicelib.archive import objects
from chalicelib.errors import UnknownPicture
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
    objects.put(FOLDER + name + SMALL, picture.small, ContentType=KIND)
    objects.put(FOLDER + name, picture.large, ContentType=KIND)
    return f"/{FOLDER}{name}"


def has(address: str) -> bool:
    """Whether a picture lies at this path of ours. Raises CloudFailure."""
    return objects.find(address.removeprefix("/"), Range="bytes=0-0") is not None


def picture(request: Request, name: str) -> Answer:
    """One of the pictures; 304 where the caller has it already. Raises UnknownPicture."""
    body = objects.find(FOLDER + name) if NAME.fullmatch(name) else None
    if body is None:
        raise UnknownPicture("the shop has no such picture")
    answer = http.tagged(request, body, f'"{name}"', FOR_GOOD)
    kind = {"Content-Type": KIND} if answer.body else {}
    return replace(answer, headers={**answer.headers, **HEADERS, **kind})
