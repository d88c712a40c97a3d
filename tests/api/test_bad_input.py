"""Whatever a client gets wrong is a 4xx problem that names it, and nothing of it is on the log."""

from __future__ import annotations

import json
from typing import Any, NamedTuple

import pytest
from ordering import CAKES, CART, HOME
from shopfront import Shopfront

from chalicelib import config


class Route(NamedTuple):
    """A route that records, with a body that it takes."""

    method: str
    path: str
    to: str | None
    body: dict[str, Any]
    kind: str = "application/json"

    def __str__(self) -> str:
        return f"{self.method} {self.path} {self.kind}"


CUP = {"brand": "B", "name": "Cup", "description": "", "category": "cups"}
SESSIONS = Route("POST", "/sessions", None, {"name": "Nobody yet", "roles": ["customer"]})
MOVES = [
    Route("POST", "/products", "merchant", CUP),
    Route("PUT", "/products/bad-input", "merchant", CUP),
    Route("PUT", "/products/bad-input/photo", "photographer", {"image": "https://a.example/p"}),
    Route("POST", "/products/bad-input/views", "customer", {}),
    Route("POST", "/products/bad-input/purchases", "customer", {}),
]
ME = Route("PUT", "/customers/me", "customer", {"contact": {"email": "me@example.com"}})
PHIL = Route("POST", "/photographers", "photographer", {"phone": "+49 151 5550198"})
SOLD = {"schema": "com.nordstrom/product/purchase/1-0-0", "id": "bad-input"}
SEEN = {
    "specversion": "1.0",
    "id": "seen",
    "source": "/till",
    "type": "tillstream.product.viewed.v1",
    "subject": "product/bad-input",
}
SAID = Route("POST", "/events", "customer", SOLD)
TOLD = Route("POST", "/events", "customer", SEEN, "application/cloudevents+json")
WRITES = [SESSIONS, *MOVES, ME, PHIL, SAID, TOLD]
ORDERS = [
    Route("POST", "/orders", "customer", CART),
    Route("POST", "/orders", "customer", HOME),
    Route("POST", "/orders", "customer", CAKES),
    Route("POST", "/orders/bad-input/payments", "customer", {"token": "tok_approved"}),
    Route("POST", "/orders/bad-input/ready", "barista", {}),
    Route("POST", "/orders/bad-input/collected", "barista", {}),
    Route("POST", "/orders/bad-input/cancelled", "customer", {}),
    Route("POST", "/orders/bad-input/refunds", "support", {"lines": [{"line": 0, "quantity": 1}]}),
    Route("POST", "/fulfillments", "maker", {"orderId": "bad-input", "fulfillmentId": "f"}),
    Route("POST", "/deliveries", "courier", {"orderId": "bad-input", "deliveryCompanyId": "d"}),
]
UNREADABLE = [
    b"{",
    b"<cup/>",
    b"{} {}",
    b'{"a": 1, "a": 2}',
    b'{"a": "\\ud83d"}',
    b'{"a": "\xff"}',
    b'{"a": "\x00"}',
    b'{"a": 1e400}',
    b'{"a": NaN}',
    b'{"a": 9007199254740993}',
    b'{"a": ' + b"7" * 5_000 + b"}",
    b"[" * 1_000 + b"]" * 1_000,
    b'{"a":' * 33 + b"1" + b"}" * 33,
    b"[" * 65_000,
]


@pytest.fixture(autouse=True, scope="module")
def product(front: Shopfront) -> None:
    """The product that the moves are about."""
    front.product("merchant", id="bad-input")


def test_the_bodies_that_these_tests_spoil_are_taken_as_they_are(front: Shopfront) -> None:
    for method, path, to, body, kind in WRITES:
        assert front.call(method, path, body, to=to, Content_Type=kind).status in (200, 202)
    front.settle()


@pytest.mark.parametrize("raw", [b'{"id": ' + b"7" * 5_000 + b"}", b'{"a": "\\ud83d"}', b'"\xff"'])
def test_what_is_said_of_a_body_that_cannot_be_read_is_of_json_and_not_of_python(
    refused: Any, raw: bytes
) -> None:
    detail = refused(400, "POST", "/products", raw=raw, to="merchant").said["detail"]
    assert not [word for word in ("sys.", "codec", "position") if word in detail]


def test_a_refusal_by_the_decider_names_the_id(refused: Any, front: Shopfront) -> None:
    front.person("merchant", name="another merchant")
    for status, path, who in (
        (404, "/products/nothing-here", "merchant"),
        (403, "/products/bad-input", "another merchant"),
    ):
        front.settle()
        assert refused(status, "PUT", path, CUP, to=who).fields == {"id"}


@pytest.mark.parametrize("route", [*WRITES, *ORDERS], ids=str)
class TestEveryRouteWithABody:
    def test_json_that_cannot_be_read_is_400(self, refused: Any, route: Route) -> None:
        for raw in UNREADABLE:
            answer = refused(
                400, route.method, route.path, raw=raw, to=route.to, Content_Type=route.kind
            )
            assert answer.fields == {"body"}

    def test_json_that_is_no_object_is_422(self, refused: Any, route: Route) -> None:
        for raw in (b"null", b"[]", b"5", b'"text"', b"true"):
            answer = refused(
                422, route.method, route.path, raw=raw, to=route.to, Content_Type=route.kind
            )
            assert answer.fields == {"body"}

    def test_an_unknown_member_is_422_and_named(self, refused: Any, route: Route) -> None:
        for name in ("email", "actor", "publicNames", "public_name", "__class__", "\x00"):
            body = route.body | {name: "x"}
            answer = refused(
                422, route.method, route.path, body, to=route.to, Content_Type=route.kind
            )
            assert answer.fields == {name}

    def test_over_64_kib_is_413(self, refused: Any, route: Route) -> None:
        fat = json.dumps(route.body).encode().ljust(65_537)
        answer = refused(
            413, route.method, route.path, raw=fat, to=route.to, Content_Type=route.kind
        )
        assert answer.fields == {"body"}

    def test_another_content_type_is_415(self, refused: Any, route: Route) -> None:
        for kind in ("text/plain", "application/x-www-form-urlencoded", "image/png"):
            refused(415, route.method, route.path, route.body, to=route.to, Content_Type=kind)

    def test_a_query_parameter_is_400(self, refused: Any, route: Route) -> None:
        path = route.path + "?dryRun=true"
        answer = refused(400, route.method, path, route.body, to=route.to, Content_Type=route.kind)
        assert answer.fields == {"dryRun"}

    def test_a_read_after_that_is_no_position_is_400(self, refused: Any, route: Route) -> None:
        stream = f"{config.settings().stream}/shardId-000000000000"
        bad = [
            "",
            "x",
            "5",
            stream,
            f"{stream}:",
            f"{stream}:-1",
            f"{stream}:1:2",
            f" {stream}:1 x",
        ]
        bad += [
            f"{stream}:{'9' * 57}",
            f"{config.settings().stream}/shardId-1:5",
            f"other-1/{stream}:5",
        ]
        bad += ["other/shardId-000000000000:5", f"{stream}:1, {stream}:2"]
        for text in bad:
            given = {"Content_Type": route.kind, "Read_After": text}
            answer = refused(400, *route[:2], route.body, to=route.to, **given)
            assert answer.fields == {"Read-After"}, text


@pytest.mark.parametrize("route", [*MOVES, ME, PHIL, SAID, *ORDERS], ids=str)
def test_an_idempotency_key_is_1_to_255_visible_ascii_characters(
    refused: Any, route: Route
) -> None:
    for key in ("", " ", "a b", "x" * 256, "clé", "a\tb"):
        answer = refused(400, *route[:2], route.body, to=route.to, Idempotency_Key=key)
        assert answer.fields == {"Idempotency-Key"}, key


@pytest.mark.parametrize(
    "path",
    ["/products/{}", "/products/{}/photo", "/products/{}/views", "/products/{}/purchases"],
)
@pytest.mark.parametrize(
    "entity",
    [
        "%20",
        "a%2Fb",
        "a%2fphoto",
        "..%2f..",
        "%00",
        "%ff",
        "a%0ab",
        ".a",
        "x" * 65,
        "%C3%A9",
        "a@b",
    ],
)
def test_an_id_that_no_product_can_have_is_422(refused: Any, path: str, entity: str) -> None:
    by_path = {
        "/products/{}": ("PUT", "merchant", CUP),
        "/products/{}/photo": ("PUT", "photographer", {"image": "https://a.example/p"}),
        "/products/{}/views": ("POST", "customer", {}),
        "/products/{}/purchases": ("POST", "customer", {}),
    }
    method, to, body = by_path[path]
    assert refused(422, method, path.format(entity), body, to=to).fields == {"id"}
    assert refused(422, "GET", f"/products/{entity}").fields == {"id"}


@pytest.mark.parametrize(
    "price",
    [
        {"amount": -1, "currency": "EUR"},
        {"amount": True, "currency": "EUR"},
        {"amount": 1.5, "currency": "EUR"},
        {"amount": 100.0, "currency": "EUR"},
        {"amount": "100", "currency": "EUR"},
        {"amount": 10**12 + 1, "currency": "EUR"},
        {"currency": "EUR"},
    ],
)
def test_a_price_is_a_whole_number_of_cents(refused: Any, price: dict[str, Any]) -> None:
    for method, path in (("POST", "/products"), ("PUT", "/products/bad-input")):
        answer = refused(422, method, path, CUP | {"price": price}, to="merchant")
        assert answer.fields == {"price.amount"}


@pytest.mark.parametrize("currency", ["eur", "EURO", "E", "", "€€€", 5, None])
def test_a_currency_is_three_capitals(refused: Any, currency: Any) -> None:
    body = CUP | {"price": {"amount": 5, "currency": currency}}
    assert refused(422, "POST", "/products", body, to="merchant").fields == {"price.currency"}


@pytest.mark.parametrize(
    "image",
    [
        "",
        "cup.png",
        "//a.example/p",
        "javascript:alert(1)",
        "JavaScript:alert(1)//https://a.example",
        "data:image/png;base64,AAAA",
        "ftp://a.example/p",
        "file:///etc/passwd",
        "https://mia@a.example/p",
        "https://mia:secret@a.example/p",
        "https://a.example/mia@b.example",
        "https://a.example/mia%40b.example",
        "https://a.example/?by=mia%2540b.example",
        "https://a.example/?by=mia%252540b.example",
        "https://a.example/+4915155501234.png",
        "https://a.example/?tel=%2B49%20151%2055501234",
        "https://a.example/a b",
        " https://a.example/p",
        "https://a.example/p\n",
        "https://a.example/\u202egnp.exe",
        "https://ä.example/p",
        'https://a.example/"><script>',
        "https://a.example\\@b.example/",
        "https://a.example:٣٣/p",
        "https://a.example:123456/p",
        "https:///p",
        "https://a.example/" + "x" * 2_048,
        5,
        None,
        ["https://a.example/p"],
    ],
    ids=str,
)
def test_a_picture_is_an_http_address_that_names_nobody(refused: Any, image: Any) -> None:
    path = "/products/bad-input/photo"
    assert refused(422, "PUT", path, {"image": image}, to="photographer").fields == {"image"}


@pytest.mark.parametrize(
    "image",
    [
        "http://127.0.0.1:8000/a.png",
        "https://a.example",
        "https://a.example/v1571218039/cup_1.png?w=400&sig=a%2Bb%3D#top",
        "https://a.example/" + "x" * 2_000,
    ],
    ids=len,
)
def test_a_plain_address_is_taken(front: Shopfront, image: str) -> None:
    path = "/products/bad-input/photo"
    assert front.call("PUT", path, {"image": image}, to="photographer").status == 202


class TestQueries:
    @pytest.mark.parametrize("path", ["/products", "/categories", "/contributions"])
    @pytest.mark.parametrize("limit", ["", "0", "-1", "101", "1e1", "ten", "+5", "%D9%A3", "5.0"])
    def test_a_limit_is_1_to_100(self, refused: Any, path: str, limit: str) -> None:
        assert refused(400, "GET", f"{path}?limit={limit}").fields == {"limit"}

    @pytest.mark.parametrize(
        ("path", "field"),
        [
            ("/products?colour=red", "colour"),
            ("/products/p1?fields=name", "fields"),
            ("/categories?category=a", "category"),
            ("/contributions?role=creator", "role"),
            ("/scores", "role"),
            ("/scores?role=", "role"),
            ("/scores?role=admin", "role"),
            ("/scores?role=creator&user=1", "user"),
            ("/products?category=", "category"),
            ("/products?category=" + "x" * 101, "category"),
            ("/products?limit=5&limit=5", "limit"),
            ("/products?category=a&category=b", "category"),
            ("/products?%3Cscript%3E=1", "query"),
        ],
    )
    def test_a_parameter_that_cannot_be_is_named(self, refused: Any, path: str, field: str) -> None:
        assert refused(400, "GET", path).fields == {field}

    @pytest.mark.parametrize("path", ["/sales", "/sales?by=", "/sales?by=day", "/sales?by=hours"])
    def test_sales_are_by_the_hour_or_by_product(self, refused: Any, path: str) -> None:
        assert refused(400, "GET", path, to="admin").fields == {"by"}

    @pytest.mark.parametrize(
        "path",
        ["/views?shard=1", "/events/x?since=1", "/events/x?at=1", "/sales?by=hour&since=1"],
    )
    def test_a_parameter_of_a_guarded_route_too(self, refused: Any, path: str) -> None:
        name = path.replace("by=hour&", "").partition("?")[2].partition("=")[0]
        assert refused(400, "GET", path, to="admin").fields == {name}

    @pytest.mark.parametrize("event", ["a%2Fb", "%00", "x" * 65, "%F0%9F%98%80" * 60, "a%20b"])
    def test_an_id_that_no_event_can_have_is_422(self, refused: Any, event: str) -> None:
        assert refused(422, "GET", f"/events/{event}", to="admin").fields == {"id"}

    def test_a_content_type_that_is_not_json_is_415_on_a_read_too(self, refused: Any) -> None:
        refused(415, "GET", "/products", Content_Type="text/html")


def test_a_method_that_a_route_does_not_have_is_405(refused: Any) -> None:
    for method, path in (("PATCH", "/products"), ("DELETE", "/products/p1"), ("PUT", "/sessions")):
        answer = refused(405, method, path, to="merchant")
        assert answer.slug == "method-not-allowed"
        assert "Allow" in answer.headers


def test_a_path_that_no_route_has_is_404(refused: Any) -> None:
    for path in ("/nope", "/products/a/b/c", "/products/a/photo/b", "/%70roducts", "/.env"):
        assert refused(404, "GET", path, to="merchant").slug == "not-found"


def test_a_product_that_is_there_is_not_created_again(refused: Any) -> None:
    answer = refused(409, "POST", "/products", CUP | {"id": "bad-input"}, to="merchant")
    assert (answer.slug, answer.fields) == ("exists", {"id"})


def test_a_product_that_is_not_there_is_404(refused: Any) -> None:
    for method, to, body in (("GET", None, None), ("PUT", "merchant", CUP)):
        assert refused(404, method, "/products/nowhere", body, to=to).slug == "unknown-product"


def test_the_product_of_another_merchant_is_403(front: Shopfront, refused: Any) -> None:
    other = front.person("merchant")
    assert refused(403, "PUT", "/products/bad-input", CUP, to=other).slug == "not-yours"


def test_nothing_more_than_a_body_is_missing_where_none_is_needed(front: Shopfront) -> None:
    for path in ("/products/bad-input/views", "/products/bad-input/purchases"):
        for raw in (None, b"", b" ", b"{}"):
            assert front.call("POST", path, raw=raw, to="customer").status == 202
