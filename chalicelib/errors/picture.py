"""Answers that say no to a picture, or to who says that they sent one (RFC 9457)."""

from __future__ import annotations

from chalicelib.errors.problem import Forbidden, Invalid, NotFound


class NotFromTwilio(Forbidden):
    """The signature is not what Twilio makes of this request."""

    slug = "not-from-twilio"


class UnknownPicture(NotFound):
    """The shop has no such picture."""

    slug = "unknown-picture"


class NoPicture(Invalid):
    """It is no JPEG, PNG or WebP picture that can be decoded."""

    slug = "no-picture"


class PictureTooLarge(Invalid):
    """The picture has more bytes or pixels than are taken."""

    slug = "picture-too-large"


class NoUpload(Invalid):
    """Nothing was uploaded under this id by this person, or it is gone."""

    slug = "unknown-upload"
