"""No personal data enters the log: an e-mail address and a telephone number, sent everywhere.

A real shop is run and sent both in every body member, path and query parameter, header and method
of every route, plain and encoded. Product texts and the public name are what people chose to
publish, and are left out. Whatever is under STATE afterwards is searched.

Out of reach: an id and a picture's address may be any text that their grammar allows, so who
writes base64 of an address into them has it recorded as that base64.
"""

from __future__ import annotations

import base64
import gzip
import json
import re
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import boto3
import pytest
from scanner import found, holds
from whole_shop import Shop

from chalicelib.signing import SigningKey, jws, profile
from chalicelib.signing.keys import new_key

EMAIL, PHONE = "canary.person@example.org", "+4915155501234"
SPOKEN = "+49 151 5550 1234"
MIRROR = "mirror.person@example.org"
ROLES = ["merchant", "photographer", "customer", "barista", "maker", "courier", "support", "admin"]
CUP = {
    "id": "cage",
    "brand": "B",
    "name": "Cage",
    "description": "a cage for one canary",
    "category": "cages",
    "price": {"amount": 500, "currency": "EUR"},
}
BODIES: dict[str, dict[str, Any]] = {
    "POST /sessions": {"name": "Cage Keeper", "roles": ["customer"]},
    "POST /products": CUP,
    "PUT /products/{id}": {name: value for name, value in CUP.items() if name != "id"},
    "PUT /products/{id}/photo": {"image": "https://a.example/cage.png"},
    "POST /events": {
        "schema": "com.nordstrom/retail-stream-egress/1-0-0",
        "origin": f"hello-retail/web-client-purchase-product/{EMAIL}/{PHONE}",
        "timeOrigin": "2017-03-28T23:29:23.160Z",
        "data": {"schema": "com.nordstrom/product/purchase/1-0-0", "id": "cage"},
        "eventId": f"shardId-000000000002:{7:056}",
        "timeIngest": "2017-03-28T23:29:23.262Z",
        "timeProcess": "2017-03-28T23:29:29.720Z",
    },
}
CLOUDEVENT = {
    "specversion": "1.0",
    "id": "seen-1",
    "source": "/till/3",
    "type": "tillstream.product.viewed.v1",
    "subject": "product/cage",
    "time": "2026-11-20T10:00:00Z",
    "datacontenttype": "application/json",
    "data": {},
}
PUBLISHED = {"brand", "name", "description", "category"}
QUERIES = ("limit", "cursor", "category", "role", "at", "email")
MEANT = ("Idempotency-Key", "Read-After", "Authorization", "Content-Type")
IDLE = [
    *(
        "Content-Encoding",
        "Accept",
        "Accept-Language",
        "Cookie",
        "User-Agent",
        "Referer",
        "Origin",
        "From",
        "Via",
    ),
    *("Forwarded", "X-Forwarded-For", "X-Request-Id", "X-Amzn-Trace-Id", "X-Api-Key", "X-Email"),
    *("traceparent", "tracestate", "If-Match", "Range"),
]


def b64(text: str) -> str:
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def encoded(text: str) -> list[str]:
    """The text and its disguises, as a header or a member can carry them."""
    every = "".join(f"%{ord(letter):02X}" for letter in text)
    return [text, quote(text, safe=""), every, quote(quote(text, safe="")), b64(text)]


def escaped(text: str) -> str:
    """The text as JSON with every letter escaped."""
    return '"' + "".join(f"\\u{ord(letter):04x}" for letter in text) + '"'


CANARIES = [variant for text in (EMAIL, PHONE) for variant in encoded(text)] + [SPOKEN]
SOUGHT = [EMAIL, PHONE, PHONE[1:], SPOKEN, "canary.person", MIRROR, b64(EMAIL), b64(PHONE)]
CLIENT = ["hello-retail", "web-client-update-phone", "x"]
ORIGINS = [
    "/".join([*CLIENT[:at], person, *CLIENT[at:]])
    for person in (EMAIL, PHONE, PHONE[1:], SPOKEN, b64(EMAIL))
    for at in range(4)
]


@pytest.fixture
def running(tmp_path: Path) -> Iterator[Shop]:
    shop = Shop(tmp_path / "state", ROLES)
    yield shop
    if shop.process.poll() is None:
        shop.process.kill()
        shop.process.communicate()


def routes() -> list[tuple[str, str]]:
    import app  # noqa: PLC0415

    return [(method, path) for path, methods in app.app.routes.items() for method in methods]


def spoiled(body: dict[str, Any], member: str) -> Iterator[bytes]:
    """The body with the canary in this member, as every type that JSON has for it."""
    coded = member in ("id", "image")
    for text in [*CANARIES[:4], *CANARIES[5:9], PHONE, SPOKEN] if coded else CANARIES:
        yield json.dumps(body | {member: text}).encode()
    for value in ([EMAIL], [PHONE], {"text": EMAIL}, {PHONE: 1}):
        yield json.dumps(body | {member: value}).encode()
    if coded:
        yield json.dumps(body | {member: b64(MIRROR)}).encode()
    for text in (EMAIL, PHONE):
        rest = json.dumps(body | {member: "?"})
        yield rest.replace('"?"', escaped(text)).encode()


def bodies(method: str, path: str) -> Iterator[bytes]:
    """Everything that may be sent to the route in a body, but what is meant to be published."""
    body = BODIES.get(f"{method} {path}", {})
    for member in [*body, "email", "phone", "actor", "publicName"]:
        if member not in PUBLISHED:
            yield from spoiled(body, member)
    for number, origin in enumerate(ORIGINS if "origin" in body else ()):
        event = f"shardId-000000000002:{number:056}"
        yield json.dumps(body | {"origin": origin, "eventId": event}).encode()
        yield json.dumps(body["data"] | {"origin": origin}).encode()
    for text in CANARIES:
        yield json.dumps(body | {text: text}).encode()
        yield json.dumps(text).encode()
        yield text.encode()
        yield f'{{"{text}": 1, "{text}": 2}}'.encode()
    if "price" in body:
        for text in CANARIES:
            for price in ({"amount": text, "currency": "EUR"}, {"amount": 5, "currency": text}):
                yield json.dumps(body | {"price": price}).encode()
    for at in range(len(body.get("image", ""))):
        for text in (EMAIL, PHONE, quote(EMAIL, safe=""), quote(PHONE, safe="")):
            if at in (0, 8, 17, 18, 22):
                image = body["image"][:at] + text + body["image"][at:]
                yield json.dumps({"image": image}).encode()
    for number in (int(PHONE), -int(PHONE)):
        yield json.dumps(body | {"phone": number}).encode()


def cloudevents() -> Iterator[dict[str, Any]]:
    """A CloudEvent with the canary in each attribute, in others that it does not have, and in data.

    An id and a source may hold anything: such an event is recorded, and they are not.
    """
    for text in CANARIES:
        for member in ("id", "source", "time", "type", "specversion", "datacontenttype", "data"):
            yield CLOUDEVENT | {member: text}
        yield CLOUDEVENT | {"source": f"mailto:{text}", "id": f"{text} {text}"}
        yield CLOUDEVENT | {"time": f"2026-11-20T10:00:00Z {text}"}
        for extension in ("customeremail", "phone", "traceparent", "dataschema", text):
            yield CLOUDEVENT | {extension: text}
        for member in ("claimed", "email", text):
            yield CLOUDEVENT | {"data": {member: text}}
        yield CLOUDEVENT | {"data": {"claimed": {"origin": text, "timeOrigin": text}}}
    for text in (EMAIL, PHONE, SPOKEN, quote(EMAIL, safe="")):
        yield CLOUDEVENT | {"subject": f"product/{text}"}
        yield CLOUDEVENT | {"subject": text}


def sealed() -> Iterator[bytes]:
    """Events that nobody is trusted to seal, with the canary in each part; and what is no event."""
    key = SigningKey(new_key())
    for text in CANARIES:
        for member in ("id", "source", "type", "subject", "time", "stream", "actor", "data"):
            payload = json.dumps(CLOUDEVENT | {member: text}).encode()
            yield jws.sign(payload, key, profile.TYP)
        yield jws.sign(text.encode(), key, profile.TYP)
        yield jws.sign(b"{}", key, text[:60])
        yield text.encode()
        yield f"{b64(text)}.{b64(text)}.{b64(text)}".encode()


def send_events(shop: Shop) -> None:
    """The canary in every format that the event writer takes, in batches too."""
    told = list(cloudevents())
    for event in told:
        shop.send("POST", "/events", event, Content_Type="application/cloudevents+json")
    for raw in sealed():
        shop.send("POST", "/events", raw, Content_Type="application/jose")
    kind = "application/cloudevents-batch+json"
    for at in range(0, len(told), 100):
        shop.send("POST", "/events/batch", told[at : at + 100], Content_Type=kind)
    imported = [json.loads(body) for body in bodies("POST", "/events") if body[:1] == b"{"]
    for at in range(0, len(imported), 100):
        shop.send("POST", "/events/batch", imported[at : at + 100])


def send_everywhere(shop: Shop) -> None:
    """The canary, in every place of every route."""
    for method, path in routes():
        plain = path.replace("{id}", "cage")
        for body in bodies(method, path) if method in ("POST", "PUT") else ():
            shop.send(method, plain, body)
        for text in CANARIES:
            if "{id}" in path and text != b64(EMAIL) and text != b64(PHONE):
                shop.send(method, path.replace("{id}", quote(text, safe="%")), b"{}")
            for name in QUERIES:
                shop.send(method, f"{plain}?{name}={quote(text)}")
            shop.send(method, f"{plain}?{quote(text, safe='')}=1")
        send_headers(shop, method, plain, BODIES.get(f"{method} {path}"))


def send_headers(shop: Shop, method: str, path: str, body: Any) -> None:
    for text in CANARIES:
        shop.send(method, path, body, **dict.fromkeys(IDLE, text))
        for header in MEANT:
            shop.send(method, path, body, **{header: text})
    shop.send(method, path, body, Cookie=f"mail={EMAIL}; phone={PHONE}")
    shop.send(method, path, body, Content_Type=f"application/json; charset={EMAIL}")
    basic = base64.b64encode(f"{EMAIL}:{PHONE}".encode()).decode()
    shop.send(method, path, body, Authorization=f"Basic {basic}")
    token = f"{b64(EMAIL)}.{b64(PHONE)}.{b64(EMAIL)}"
    shop.send(method, path, body, Authorization=f"Bearer {token}")


def send_what_is_no_request(shop: Shop) -> None:
    for text in (EMAIL, PHONE, quote(EMAIL, safe="")):
        for path in (f"/{text}", f"/products/{text}/{text}", f"//{text}", f"/{text}/../products"):
            shop.send("GET", path)
            shop.send("POST", path, {"email": EMAIL})
        line = text.encode()
        shop.send_bytes(line + b"\r\n\r\n")
        shop.send_bytes(line + b" /products HTTP/1.1\r\nHost: " + line + b"\r\n\r\n")
        shop.send_bytes(b"GET /products HTTP/" + line + b"\r\n\r\n")
        shop.send_bytes(b"GET /products HTTP/1.1\r\n" + line + b"\r\n\r\n")
        shop.send_bytes(b"GET /products HTTP/1.1\r\nContent-Length: " + line + b"\r\n\r\n")
        shop.send_bytes(b"POST /products HTTP/1.1\r\nContent-Length: 500\r\n\r\n" + line)
        shop.send_bytes(b"GET /" + line * 4_000 + b" HTTP/1.1\r\n\r\n")


def table_of(shop: Shop) -> bytes:
    """Every row of every table, as DynamoDB has it now."""
    port = json.loads((shop.state / "ports.json").read_text())["ministack"]
    dynamodb = boto3.client(
        "dynamodb",
        endpoint_url=f"http://127.0.0.1:{port}",
        region_name="eu-central-1",
        aws_access_key_id="local",
        aws_secret_access_key="local",
    )
    rows: list[Any] = []
    for name in dynamodb.list_tables()["TableNames"]:
        for page in dynamodb.get_paginator("scan").paginate(TableName=name):
            rows += page["Items"]
    return json.dumps(rows, default=str).encode()


def test_an_address_sent_everywhere_is_kept_nowhere(running: Shop) -> None:
    status, _ = running.send("POST", "/products", CUP)
    assert status == 202
    send_everywhere(running)
    send_what_is_no_request(running)
    recorded = running.statuses[202]
    send_events(running)
    assert running.statuses[202] > recorded + 20, "no CloudEvent got as far as the log"
    status, last = running.send("POST", "/products/cage/views", {})
    assert status == 202
    wait_for(running, json.loads(last)["position"])
    rows = table_of(running)
    said = running.stop()
    allowed = ["a cage for one canary", "Cage Keeper"]
    assert found(running.state, allowed).keys() == set(allowed), "the scanner sees nothing"
    assert holds(rows, allowed) == set(allowed)
    assert running.statuses[202] > 60, "too little of it got as far as the log"
    assert not running.statuses.keys() & {500, 502}, running.statuses
    assert found(running.state, SOUGHT) == {}
    assert holds(rows, SOUGHT) == set()
    assert holds(said, SOUGHT) == set()


def wait_for(shop: Shop, position: str) -> None:
    """Until everything up to here is judged."""
    for _ in range(50):
        if shop.send("GET", "/products/cage", Read_After=position)[0] == 200:
            return
    raise AssertionError("the last event is not judged")


@pytest.mark.parametrize("text", [EMAIL, PHONE])
def test_the_scanner_sees_through_every_packing(tmp_path: Path, text: str) -> None:
    places: dict[str, bytes] = {
        "raw": f"... {text} ...".encode(),
        "upper": text.upper().encode(),
        "percent": quote(text, safe="").encode(),
        "percent twice": quote(quote(text, safe=""), safe="").encode(),
        "escaped": escaped(text).encode(),
        "gzip": gzip.compress(f'["{text}"]'.encode()),
        "jws": f"{b64('{}')}xxxxxx.{b64(json.dumps({'data': text}))}.{'s' * 86}".encode(),
        "gzipped jws": gzip.compress(
            f'[1,"{b64("{}xxxxxx")}.{b64(escaped(text))}.{"s" * 86}"]'.encode()
        ),
    }
    for name, held in places.items():
        (tmp_path / name).write_bytes(held)
    (tmp_path / f"name {text}").mkdir()
    database = sqlite3.connect(tmp_path / "wal")
    database.execute("PRAGMA journal_mode = WAL")
    database.execute("CREATE TABLE t (a, b)")
    database.execute("INSERT INTO t VALUES (1, ?)", (b64("x") + f" {text}",))
    database.commit()
    seen = found(tmp_path, [text])[text]
    database.close()
    assert {*places, "wal", f"name {text}"} <= {re.sub("-wal$", "", name) for name in seen}


def test_the_scanner_does_not_see_what_is_not_there(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(gzip.compress(b"nobody here"))
    assert found(tmp_path, SOUGHT) == {}
