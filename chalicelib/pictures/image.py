"""A picture: whether bytes are one, and what of it is kept.

- What is taken is JPEG, PNG or WebP, of so many bytes and pixels, and is really decoded; the
  bounds are asked before a pixel is. A JPEG that is drawn over and over is none.
- What is kept is made anew from the pixels alone, upright and on white, as JPEG in two sizes: so
  nothing else that the file said (where and when it was taken, by what) is in it.
- The same bytes give the same picture.
"""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, NamedTuple

from chalicelib.errors import NoPicture, PictureTooLarge

if TYPE_CHECKING:
    from PIL.Image import Image

KINDS = ("image/jpeg", "image/png", "image/webp")
FORMATS = ("JPEG", "PNG", "WEBP")
MOST_BYTES = 10 * 1024 * 1024
MOST_PIXELS = 50_000_000
MOST_SCANS = 50
LARGE, SMALL = 1600, 480
QUALITY = 85
ORIENTATION = 0x0112  # in EXIF: what has to be done so that up is up
TURNS: dict[object, str] = {
    2: "FLIP_LEFT_RIGHT",
    3: "ROTATE_180",
    4: "FLIP_TOP_BOTTOM",
    5: "TRANSPOSE",
    6: "ROTATE_270",
    7: "TRANSVERSE",
    8: "ROTATE_90",
}
JPEG, END, SCAN = b"\xff\xd8", 0xD9, 0xDA


class Picture(NamedTuple):
    """A picture as the shop keeps it: two JPEGs, the longer edge up to LARGE and SMALL pixels."""

    large: bytes
    small: bytes


def cleaned(data: bytes) -> Picture:
    """The picture that the bytes are. Raises NoPicture, PictureTooLarge."""
    if len(data) > MOST_BYTES:
        raise PictureTooLarge(f"a picture has up to {MOST_BYTES} bytes")
    try:
        whole = _decoded(data)
    except PictureTooLarge:
        raise
    except Exception as flaw:  # whatever a decoder stumbles over: what it stumbles over is none
        raise NoPicture("this is no JPEG, PNG or WebP picture that can be decoded") from flaw
    return Picture(_encoded(whole, LARGE), _encoded(whole, SMALL))


def _decoded(data: bytes) -> Image:
    """The pixels, upright, no larger than they are kept."""
    from PIL import Image  # noqa: PLC0415  (a twentieth of a cold start)

    if _scans(data) > MOST_SCANS:
        raise NoPicture("it is drawn over and over")
    Image.MAX_IMAGE_PIXELS = None  # our own bound comes first, and is lower
    with Image.open(io.BytesIO(data), formats=FORMATS) as opened:
        if opened.width * opened.height > MOST_PIXELS:
            raise PictureTooLarge(f"a picture has up to {MOST_PIXELS} pixels")
        opened.draft("RGB", (LARGE, LARGE))
        opened.load()
        pixels = _in_colour(opened)
        pixels.thumbnail((LARGE, LARGE), Image.Resampling.LANCZOS)
        return _upright(_on_white(pixels), opened.getexif().get(ORIENTATION))


def _scans(data: bytes) -> int:
    """How often a JPEG is drawn over: a few times, where each time shows more of it."""
    at, scans = len(JPEG), 0
    while data.startswith(JPEG) and (at := data.find(b"\xff", at)) >= 0:
        kind, length = data[at + 1 : at + 2], data[at + 2 : at + 4]
        if kind == bytes([END]):
            break
        if kind == b"" or kind[0] < 0xC0 or 0xD0 <= kind[0] <= 0xD8 or kind == b"\xff":
            at += 1  # what is drawn, and no segment of its own
        else:
            scans += kind[0] == SCAN
            at += 2 + max(2, int.from_bytes(length, "big"))
    return scans


def _in_colour(opened: Image) -> Image:
    """The pixels in eight bits a colour, with alpha where they have one."""
    if opened.mode.startswith(("I", "F")):
        return opened.point(lambda level: level * (1 / 256)).convert("L").convert("RGB")
    has_alpha = opened.has_transparency_data
    return opened.convert("RGBA" if has_alpha else "RGB")


def _on_white(pixels: Image) -> Image:
    """The pixels, and nothing else that was said of them."""
    from PIL import Image  # noqa: PLC0415

    canvas = Image.new("RGB", pixels.size, "white")
    canvas.paste(pixels, mask=pixels if pixels.mode == "RGBA" else None)
    return canvas


def _upright(pixels: Image, orientation: object) -> Image:
    """The pixels as the camera was held."""
    from PIL import Image  # noqa: PLC0415

    turn = TURNS.get(orientation)
    return pixels.transpose(Image.Transpose[turn]) if turn else pixels


def _encoded(whole: Image, edge: int) -> bytes:
    sized = whole.copy()
    sized.thumbnail((edge, edge))
    written = io.BytesIO()
    sized.save(written, "JPEG", quality=QUALITY, optimize=True)
    return written.getvalue()
