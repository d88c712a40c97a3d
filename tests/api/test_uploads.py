"""A picture without a phone: sent to where the shop says, then given to a product, then shown."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from drawn import bomb, opened, picture
from photographing import id_of
from shopfront import Answer, Shopfront
from uploading import uploaded

from chalicelib import config
from chalicelib.errors import CloudFailure
from chalicelib.pictures import uploads
from chalicelib.pictures.image import LARGE, MOST_BYTES, SMALL

WEBP = {"contentType": "image/webp"}
JPEG = {"contentType": "image/jpeg"}


@pytest.fixture(scope="module")
def phil(front: Shopfront) -> str:
    return front.person("photographer")


def begun(front: Shopfront, to: str, **wish: Any) -> dict[str, Any]:
    """What the shop says of where a picture may be sent."""
    place = front.call("POST", "/uploads", JPEG | wish, to=to)
    assert place.status == 200, place.body
    return dict(place.said)


def given(front: Shopfront, to: str, product: str, place: dict[str, Any], **headers: str) -> Answer:
    body = {"upload": place["upload"]}
    return front.call("PUT", f"/products/{product}/photo", body, to=to, **headers)


def test_what_is_uploaded_is_the_products_picture_in_the_pages_sizes(
    front: Shopfront, phil: str
) -> None:
    product, place = front.product("merchant"), begun(front, phil)
    assert uploaded(place, picture(size=(2000, 1000))) in (200, 201, 204)
    assert given(front, phil, product, place).status == 202
    front.settle()
    address = front.get(f"/products/{product}").said["image"]
    for name, width in ((address, LARGE), (f"{address}-small", SMALL)):
        shown = front.get(name)
        assert opened(shown.body).size == (width, width // 2)
        assert shown.headers["Content-Type"] == "image/jpeg"
        assert shown.headers["X-Content-Type-Options"] == "nosniff"
        assert shown.headers["Cache-Control"] == "public, max-age=31536000, immutable"
        again = front.call("GET", name, If_None_Match=shown.headers["ETag"])
        assert (again.status, again.body) == (304, b"")


@pytest.mark.parametrize(
    "accept", ["image/avif,image/webp,*/*;q=0.8", "image/png", "text/html", ""]
)
def test_a_picture_is_shown_to_whoever_asks(front: Shopfront, phil: str, accept: str) -> None:
    product, place = front.product("merchant"), begun(front, phil)
    uploaded(place, picture())
    given(front, phil, product, place)
    front.settle()
    address = front.get(f"/products/{product}").said["image"]
    headers = {"Accept": accept} if accept else {}
    assert front.call("GET", address, **headers).body.startswith(b"\xff\xd8")


@pytest.mark.parametrize("name", ["x", "0" * 63, "0" * 64, "0" * 64 + "-small", "0" * 64 + "-x"])
def test_there_is_no_other_picture(refused: Any, name: str) -> None:
    assert refused(404, "GET", f"/pictures/{name}").slug == "unknown-picture"


@pytest.mark.parametrize("name", ["..%2Ftrust%2F1.json", "%2e%2e/done", "segments"])
def test_nothing_else_of_the_archive_is_shown(refused: Any, name: str) -> None:
    refused(404, "GET", f"/pictures/{name}")


def lying(place: dict[str, Any]) -> bool:
    """Whether what was uploaded still lies where it was sent to."""
    bucket, key = config.settings().upload_bucket, place["fields"]["key"]
    found = config.client("s3").list_objects_v2(Bucket=bucket, Prefix=key)
    return bool(found["KeyCount"])


def test_what_a_product_has_got_lies_with_the_uploads_no_longer(
    front: Shopfront, refused: Any, phil: str
) -> None:
    product, place = front.product("merchant"), begun(front, phil)
    uploaded(place, picture("PNG"))
    assert lying(place)
    first = given(front, phil, product, place, Idempotency_Key="photo-1")
    assert first.status == 202
    assert not lying(place)
    front.settle()
    again = given(front, phil, product, place, Idempotency_Key="photo-1")
    assert (again.status, again.said) == (202, first.said)
    for each in (product, front.product("merchant")):
        answer = refused(
            422, "PUT", f"/products/{each}/photo", {"upload": place["upload"]}, to=phil
        )
        assert (answer.slug, answer.fields) == ("unknown-upload", {"upload"})


def test_what_a_failure_left_with_the_uploads_is_gone_when_the_key_is_used_again(
    front: Shopfront, phil: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def failing(*_: str) -> None:
        raise CloudFailure("s3 delete_object: not now")

    product, place = front.product("merchant"), begun(front, phil)
    uploaded(place, picture("PNG"))
    with monkeypatch.context() as patch:
        patch.setattr(uploads, "_remove", failing)
        assert given(front, phil, product, place, Idempotency_Key="photo-2").status == 503
    front.settle()
    assert lying(place)
    before = front.records()
    assert given(front, phil, product, place, Idempotency_Key="photo-2").status == 202
    assert front.records() == before
    assert not lying(place)


def test_what_is_refused_stays_to_be_given_again(front: Shopfront, refused: Any, phil: str) -> None:
    place = begun(front, phil)
    uploaded(place, b"hello")
    refused(422, "PUT", "/products/mug/photo", {"upload": place["upload"]}, to=phil)
    assert lying(place)


def test_a_path_of_the_shop_leads_to_a_picture_that_it_has(
    front: Shopfront, refused: Any, phil: str
) -> None:
    product, place = front.product("merchant"), begun(front, phil)
    other = front.product("merchant")
    before = front.records()
    nothing = {"image": f"/pictures/{'0' * 64}"}
    answer = refused(422, "PUT", f"/products/{other}/photo", nothing, to=phil)
    assert (answer.slug, answer.fields) == ("no-picture", {"image"})
    assert front.records() == before
    uploaded(place, picture())
    given(front, phil, product, place)
    front.settle()
    image = {"image": front.get(f"/products/{product}").said["image"]}
    assert front.call("PUT", f"/products/{other}/photo", image, to=phil).status == 202


def test_who_was_erased_gives_no_picture_though_their_token_holds(
    front: Shopfront, refused: Any
) -> None:
    gone, product = front.person("photographer"), front.product("merchant")
    place = begun(front, gone)
    uploaded(place, picture())
    person = id_of(front, gone)
    assert front.call("DELETE", f"/customers/{person}", to=gone).status == 202
    front.settle()
    before, path = front.records(), f"/products/{product}/photo"
    refused(410, "POST", "/uploads", JPEG, to=gone)
    for body in ({"upload": place["upload"]}, {"image": "https://pictures.example/mug.jpg"}):
        refused(410, "PUT", path, body, to=gone)
    assert front.records() == before


def test_what_was_not_uploaded_or_by_somebody_else_is_refused(
    front: Shopfront, refused: Any, phil: str
) -> None:
    product, place = front.product("merchant"), begun(front, phil)
    path = f"/products/{product}/photo"
    answer = refused(422, "PUT", path, {"upload": place["upload"]}, to=phil)
    assert (answer.slug, answer.fields) == ("unknown-upload", {"upload"})
    uploaded(place, picture())
    other = front.person("photographer")
    answer = refused(422, "PUT", path, {"upload": place["upload"]}, to=other)
    assert (answer.slug, answer.fields) == ("unknown-upload", {"upload"})
    assert given(front, phil, product, place).status == 202


@pytest.mark.parametrize(
    ("data", "slug"),
    [
        (b"hello", "no-picture"),
        (picture()[:200], "no-picture"),
        (b"GIF89a" + bytes(50), "no-picture"),
        (bomb(60_000, 60_000), "picture-too-large"),
    ],
)
def test_what_is_no_picture_is_refused(
    front: Shopfront, refused: Any, phil: str, data: bytes, slug: str
) -> None:
    place = begun(front, phil)
    assert uploaded(place, data) < 300
    answer = refused(422, "PUT", "/products/mug/photo", {"upload": place["upload"]}, to=phil)
    assert (answer.slug, answer.fields) == (slug, {"upload"})


def test_what_is_too_large_is_not_read_to_its_end(
    front: Shopfront, refused: Any, phil: str
) -> None:
    """S3 does not take it; if it lay there all the same, it would not be read."""
    place = begun(front, phil)
    config.client("s3").put_object(
        Bucket=config.settings().upload_bucket,
        Key=place["fields"]["key"],
        Body=bytes(MOST_BYTES + 2),
    )
    answer = refused(422, "PUT", "/products/mug/photo", {"upload": place["upload"]}, to=phil)
    assert (answer.slug, answer.fields) == ("picture-too-large", {"upload"})


def test_s3_takes_what_was_signed_and_nothing_else(front: Shopfront, phil: str) -> None:
    place = begun(front, phil, bytes=100)
    assert uploaded(place, bytes(101)) >= 400
    assert uploaded(place, bytes(99)) >= 400
    for change in ({"key": "another"}, {"Content-Type": "text/html"}):
        assert uploaded(place, bytes(100), **change) >= 400
    assert uploaded(place, bytes(100)) < 300
    assert place["upload"] not in place["fields"]["key"]


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "contentType"),
        ({"contentType": "image/gif"}, "contentType"),
        ({"contentType": "image/svg+xml"}, "contentType"),
        ({"contentType": 5}, "contentType"),
        (JPEG | {"bytes": 0}, "bytes"),
        (JPEG | {"bytes": MOST_BYTES + 1}, "bytes"),
        (JPEG | {"bytes": "9"}, "bytes"),
        (JPEG | {"key": "x"}, "key"),
    ],
)
def test_an_upload_is_of_a_picture_and_bounded(
    refused: Any, phil: str, body: dict[str, Any], field: str
) -> None:
    assert refused(422, "POST", "/uploads", body, to=phil).fields == {field}


@pytest.mark.parametrize(
    ("body", "fields"),
    [
        ({"upload": "x"}, {"upload"}),
        ({"upload": "../" + "0" * 29}, {"upload"}),
        ({"upload": 5}, {"upload"}),
        ({"upload": "0" * 32, "image": "https://x.example/y"}, {"image"}),
        ({"image": "/pictures/x"}, {"image"}),
        ({"image": "/products/x"}, {"image"}),
    ],
)
def test_a_photo_is_an_address_or_an_upload(
    refused: Any, phil: str, body: dict[str, Any], fields: set[str]
) -> None:
    assert refused(422, "PUT", "/products/mug/photo", body, to=phil).fields == fields


def test_an_upload_is_over_in_ten_minutes(front: Shopfront, phil: str) -> None:
    place = begun(front, phil)
    policy = json.loads(base64.b64decode(place["fields"]["policy"]))
    until = place["expires"].replace("Z", "+00:00")
    for stamp in (until, policy["expiration"].replace("Z", "+00:00")):
        left = datetime.fromisoformat(stamp) - datetime.now(UTC)
        assert timedelta(minutes=9) < left <= timedelta(minutes=10)
