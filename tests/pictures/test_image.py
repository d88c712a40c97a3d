"""What is a picture is kept as one, without what else it said; what is none is refused."""

import hashlib
import random

import pytest
from drawn import bomb, drawn, drawn_over, opened, picture, written
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageFile

from chalicelib.errors import NoPicture, PictureTooLarge
from chalicelib.pictures import image
from chalicelib.pictures.image import LARGE, MOST_BYTES, MOST_PIXELS, SMALL, cleaned

ORIENTATION, GPS, MAKE = 0x0112, 0x8825, 0x010F
SAMPLES = [picture(kind) for kind in ("JPEG", "PNG", "WEBP")]


def told(orientation=1):
    """What a phone says beside the picture."""
    exif = Image.Exif()
    exif[ORIENTATION], exif[MAKE] = orientation, "Secret Phone"
    exif.get_ifd(GPS)[2] = (53.0, 33.0, 1.0)
    return exif


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_a_picture_is_kept_as_jpeg_in_the_pages_sizes(kind):
    kept = cleaned(picture(kind, (2000, 1000)))
    assert [opened(each).format for each in kept] == ["JPEG", "JPEG"]
    assert opened(kept.large).size == (LARGE, LARGE // 2)
    assert opened(kept.small).size == (SMALL, SMALL // 2)


def test_a_small_picture_is_not_blown_up():
    assert [opened(each).size for each in cleaned(picture())] == [(64, 48), (64, 48)]


@pytest.mark.parametrize("mode", ["L", "LA", "P", "1", "RGBA", "I;16", "CMYK"])
def test_pixels_of_every_kind_become_plain_ones(mode):
    given = Image.new(mode, (8, 8), 40_000) if mode == "I;16" else drawn(mode=mode)
    kept = opened(cleaned(written(given, "JPEG" if mode == "CMYK" else "PNG")).large)
    assert (kept.mode, kept.size) == ("RGB", given.size)


def test_sixteen_bits_a_pixel_are_neither_black_nor_white():
    kept = opened(cleaned(written(Image.new("I;16", (8, 8), 40_000), "PNG")).large)
    assert kept.getpixel((4, 4))[0] == pytest.approx(40_000 / 256, abs=3)


def test_what_is_transparent_is_white():
    kept = opened(cleaned(written(Image.new("RGBA", (8, 8), (0, 0, 0, 0)), "PNG")).large)
    assert kept.getpixel((4, 4)) == (255, 255, 255)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_nothing_that_was_said_beside_the_picture_is_kept(kind):
    options = {"comment": b"Secret Phone"} if kind == "JPEG" else {}
    given = picture(kind, exif=told(), icc_profile=b"Secret Phone", **options)
    assert b"Secret Phone" in given
    for each in cleaned(given):
        assert b"Secret" not in each
        assert not opened(each).getexif()
        assert set(opened(each).info) <= {"jfif", "jfif_version", "jfif_unit", "jfif_density"}


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
@pytest.mark.parametrize(
    ("orientation", "size", "red"),
    [
        (1, (64, 48), "left"),
        (2, (64, 48), "right"),
        (3, (64, 48), "right"),
        (4, (64, 48), "left"),
        (5, (48, 64), "top"),
        (6, (48, 64), "top"),
        (7, (48, 64), "bottom"),
        (8, (48, 64), "bottom"),
        (9, (64, 48), "left"),
    ],
)
def test_a_picture_stands_as_the_camera_was_held(kind, orientation, size, red):
    kept = opened(cleaned(picture(kind, exif=told(orientation))).large)
    width, height = kept.size
    at = {"left": (3, height // 2), "right": (width - 4, height // 2)}
    at |= {"top": (width // 2, 3), "bottom": (width // 2, height - 4)}
    shade = kept.getpixel(at[red])
    assert kept.size == size
    assert shade[0] > 200
    assert shade[2] < 60


def test_the_same_bytes_give_the_same_picture():
    given = picture("PNG", (700, 500))
    first, second = cleaned(given), cleaned(given)
    assert hashlib.sha256(first.large).digest() == hashlib.sha256(second.large).digest()
    assert first == second


def test_of_an_animation_the_first_picture_is_kept():
    frames = [drawn(), Image.new("RGB", (64, 48), "green")]
    for kind in ("PNG", "WEBP"):
        given = written(frames[0], kind, save_all=True, append_images=frames[1:])
        assert opened(given).n_frames == 2
        assert opened(cleaned(given).large).getpixel((3, 3))[0] > 200


def test_a_picture_of_noise_fits_an_answer_of_lambda():
    noise = random.Random(1).randbytes(LARGE * LARGE * 3)
    large, _ = cleaned(written(Image.frombytes("RGB", (LARGE, LARGE), noise), quality=75))
    assert len(large) * 4 / 3 < 6_000_000


@pytest.mark.parametrize("size", [(MOST_PIXELS // 1000, 1001), (60_000, 60_000), (2**31 - 1, 1)])
def test_too_many_pixels_are_refused_before_one_is_decoded(size, monkeypatch):
    monkeypatch.setattr(ImageFile.ImageFile, "load", None)
    with pytest.raises(PictureTooLarge, match="50000000 pixels"):
        cleaned(bomb(*size))


def test_fifty_million_pixels_are_too_many_by_one_row():
    with pytest.raises(PictureTooLarge, match="50000000 pixels"):
        cleaned(bomb(10_000, 5_001))
    with pytest.raises(NoPicture):  # as many as may be, and not there
        cleaned(bomb(10_000, 5_000))


def test_too_many_bytes_are_refused_before_they_are_looked_at(monkeypatch):
    monkeypatch.setattr(image, "_decoded", None)
    with pytest.raises(PictureTooLarge, match="10485760 bytes"):
        cleaned(b"\xff\xd8" + bytes(MOST_BYTES))


def test_a_picture_that_is_drawn_over_and_over_is_none():
    assert cleaned(drawn_over(10))
    with pytest.raises(NoPicture):
        cleaned(drawn_over(100))


@pytest.mark.parametrize(
    "given",
    [
        b"",
        b"hello",
        b"<svg xmlns='http://www.w3.org/2000/svg'/>",
        b"GIF89a",
        b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n",
        b"\xff\xd8",
        b"\xff\xd8\xff",
        b"RIFF\x00\x00\x00\x00WEBP",
        *(written(drawn(), kind) for kind in ("GIF", "BMP", "TIFF", "ICO", "PPM", "JPEG2000")),
    ],
)
def test_what_is_no_picture_is_refused(given):
    with pytest.raises(NoPicture):
        cleaned(given)


@pytest.mark.parametrize("whole", SAMPLES)
@given(data=st.data())
def test_a_picture_cut_or_garbled_is_refused_or_is_one(whole, data):
    """Whatever of it is wrong: one of our refusals, or a picture that can be opened."""
    garbled = bytearray(whole[: data.draw(st.integers(0, len(whole)))])
    for at in data.draw(st.lists(st.integers(0, max(0, len(garbled) - 1)), max_size=6)):
        if garbled:
            garbled[at] = data.draw(st.integers(0, 255))
    try:
        kept = cleaned(bytes(garbled))
    except (NoPicture, PictureTooLarge):
        return
    assert opened(kept.large).format == "JPEG"


@given(st.binary(max_size=200), st.sampled_from([b"", b"\xff\xd8", b"\x89PNG\r\n\x1a\n", b"RIFF"]))
def test_any_bytes_are_refused_or_are_a_picture(data, magic):
    try:
        cleaned(magic + data)
    except (NoPicture, PictureTooLarge):
        return
    raise AssertionError("so few bytes are a picture")
