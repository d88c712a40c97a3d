"""What is personal is sent everywhere, and kept nowhere in clear.

A real shop is run, and is sent a name, an address, an e-mail address, a telephone number, a payment
token and a wish in every body member, path and query parameter, header and method of every route:
each of them in turn, plain and encoded. Product texts and the public name are what people chose to
publish, and are left out. Whatever is under STATE afterwards is searched, and so is what the parts
of the shop said. What mails and messages say is not: those stores are memory only, and nothing of
them is under STATE.

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
from urllib.parse import quote, urlencode

import boto3
import contract
import pytest
from canaries import (
    ADDRESS,
    CANARIES,
    EMAIL,
    NAME,
    PHONE,
    SPOKEN,
    TOKEN,
    WISH,
    InTurn,
    b64,
    dressed,
    escaped,
    examples,
    spoiled,
    traces,
    wished,
)
from scanner import found, holds
from whole_shop import Shop

from chalicelib.signing import SigningKey, jws, profile
from chalicelib.signing.keys import new_key

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
# Beside the examples of the contract: what hello-retail's stream gives, and what its client posts.
EXPORTED = {
    "schema": "com.nordstrom/retail-stream-egress/1-0-0",
    "origin": f"hello-retail/web-client-purchase-product/{EMAIL}/{PHONE}",
    "timeOrigin": "2017-03-28T23:29:23.160Z",
    "data": {"schema": "com.nordstrom/product/purchase/1-0-0", "id": "cage"},
    "eventId": f"shardId-000000000002:{7:056}",
    "timeIngest": "2017-03-28T23:29:23.262Z",
    "timeProcess": "2017-03-28T23:29:29.720Z",
}
LOGIN = {"schema": "com.nordstrom/user-info/login/1-0-0", "id": EMAIL, "name": NAME}
TELEPHONE = {"schema": "com.nordstrom/user-info/update-phone/1-0-0", "id": EMAIL, "phone": PHONE}
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
QUERIES = ("limit", "cursor", "category", "role", "at")
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


SOUGHT = [EMAIL, PHONE, PHONE[1:], SPOKEN, "canary.person", MIRROR, NAME, "Canarybird", ADDRESS]
SOUGHT += ["Birdcage", TOKEN, WISH]
SOUGHT = sorted({trace for text in SOUGHT for trace in traces(text)})
CLIENT = ["hello-retail", "web-client-update-phone", "x"]
ORIGINS = [
    "/".join([*CLIENT[:at], person, *CLIENT[at:]])
    for person in (EMAIL, PHONE, PHONE[1:], SPOKEN, b64(EMAIL))
    for at in range(4)
]


BODIES, IDS, QUERY, NAMED, IDLY, MEANING = (InTurn(CANARIES) for _ in range(6))


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


def asked(method: str, path: str) -> list[str]:
    """The arguments that the route takes, and one that none does."""
    import app  # noqa: PLC0415

    (route,) = [each for each in app.contract.routes if each[:2] == (method, path)]
    return [*(name for name in QUERIES if name in route.asks), "email"]


def bodies(method: str, path: str) -> Iterator[bytes]:
    """Everything that may be sent to the route in a body, but what is meant to be published."""
    known = [body for kind, body in examples(method, path) if kind == "application/json"]
    if path == "/events":
        known += [EXPORTED, LOGIN, TELEPHONE]
        yield from imported()
    for body in known or [{}]:
        if isinstance(body, dict):
            yield from spoiled(path, body)
    for text in BODIES(4):
        yield json.dumps({text: text}).encode()
        yield json.dumps(text).encode()
        yield text.encode()
        yield f'{{"{text}": 1, "{text}": 2}}'.encode()
    if path.endswith("/photo"):
        yield from pictures("https://a.example/cage.png")


def imported() -> Iterator[bytes]:
    """hello-retail's events, with a person in each part of an origin; and logins of people."""
    for number, origin in enumerate(ORIGINS):
        event = f"shardId-000000000002:{number:056}"
        yield json.dumps(EXPORTED | {"origin": origin, "eventId": event}).encode()
        yield json.dumps(EXPORTED["data"] | {"origin": origin}).encode()
        yield json.dumps(LOGIN | {"origin": origin}).encode()
        yield json.dumps(TELEPHONE | {"origin": origin}).encode()


def pictures(image: str) -> Iterator[bytes]:
    """A picture's address with a person in it."""
    for at in (0, 8, 17, 18, 22):
        for text in (EMAIL, PHONE, quote(EMAIL, safe=""), quote(PHONE, safe="")):
            yield json.dumps({"image": image[:at] + text + image[at:]}).encode()
    yield json.dumps({"image": b64(MIRROR)}).encode()


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
    others = [json.loads(body) for body in imported()]
    for at in range(0, len(others), 100):
        shop.send("POST", "/events/batch", others[at : at + 100])


def open_shop(shop: Shop) -> str:
    """What the contract's examples speak of is on the menu; an order of it, as a person orders."""
    examples = said_of_orders()
    wanted = {"cage", *re.findall(r'"productId": "([^"]+)"', json.dumps(examples))}
    for product in sorted(wanted):
        status, said = shop.send("POST", "/products", CUP | {"id": product})
        assert status == 202, said
        wait_for(shop, json.loads(said)["position"])
    full = [wished(body) for body in examples if "lines" in body]
    for body in [*full, *(dressed("/orders", body) for body in examples)]:
        shop.send("POST", "/orders", body)
        cash = {name: value for name, value in body.items() if name != "payment"}
        status, said = shop.send("POST", "/orders", cash)
        assert status == 202, said
    return str(json.loads(said)["subject"]).removeprefix("order/")


def open_tickets(shop: Shop) -> dict[str, str]:
    """Tickets of every canary, by a guest's form and by JSON with a token: texts by address."""
    found, opened = {}, []
    for text in (EMAIL, PHONE, SPOKEN, NAME, ADDRESS, TOKEN, WISH):
        form = urlencode({"text": text}).encode()
        guest = {"Authorization": None, "Content_Type": contract.FORM}
        for status, said in (
            shop.send("POST", "/tickets", form, **guest),
            shop.send("POST", "/tickets", {"text": text}),
        ):
            assert status == 202, said
            opened.append(json.loads(said))
            path = "/tickets/" + opened[-1]["subject"].removeprefix("ticket/")
            found[path + (f"?key={opened[-1]['key']}" if "key" in opened[-1] else "")] = text
    for ticket, (path, text) in zip(opened, found.items(), strict=True):
        wait_for(shop, ticket["position"])
        body = {"text": text, "checked": True}
        status, said = shop.send("PUT", path, body, **whose(path))
        assert status == 202, said
    return found


def whose(path: str) -> dict[str, Any]:
    """The headers of whoever opened the ticket there: a guest sends no token."""
    return {"Authorization": None} if "key=" in path else {}


def said_of_orders() -> list[Any]:
    return [body for _, body in examples("POST", "/orders")]


def send_everywhere(shop: Shop, order: str) -> None:
    """The canaries, in every place of every route."""
    for method, path in routes():
        plain = path.replace("{id}", order if path.startswith("/orders") else "cage")
        for body in bodies(method, path) if method in ("POST", "PUT") else ():
            shop.send(method, plain, body)
        for kind, body in examples(method, path):
            named = {"orderId": order} if "orderId" in body else {}
            shop.send(method, plain, dressed(path, body | named), Content_Type=kind)
        for text in IDS(7) if "{id}" in path else ():
            if text not in (b64(EMAIL), b64(PHONE)):
                shop.send(method, path.replace("{id}", quote(text, safe="%")), b"{}")
        for name in asked(method, path):
            for text in QUERY(7):
                shop.send(method, f"{plain}?{name}={quote(text)}")
        for text in NAMED(4):
            shop.send(method, f"{plain}?{quote(text, safe='')}=1")
        send_headers(shop, method, plain, next((body for _, body in examples(method, path)), None))


def send_headers(shop: Shop, method: str, path: str, body: Any) -> None:
    for text in IDLY(4):
        shop.send(method, path, body, **dict.fromkeys(IDLE, text))
    for header in MEANT:
        for text in MEANING(4):
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


def test_what_is_personal_is_sent_everywhere_and_kept_nowhere_in_clear(running: Shop) -> None:
    order = open_shop(running)
    tickets = open_tickets(running)
    come_to_the_desk(running)
    send_everywhere(running, order)
    send_what_is_no_request(running)
    recorded = running.statuses[202]
    send_events(running)
    assert running.statuses[202] > recorded + 20, "no CloudEvent got as far as the log"
    read_in_clear(running, order)
    for path, text in tickets.items():
        assert json.loads(running.send("GET", path, **whose(path))[1])["text"] == text
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


def read_in_clear(shop: Shop, order: str) -> None:
    """So it is all there, for who may read it."""
    body = dressed("/customers/me", next(body for _, body in examples("PUT", "/customers/me")))
    body |= {"publicName": "Cage Keeper"}
    status, said = shop.send("PUT", "/customers/me", body)
    assert status == 202, said
    wait_for(shop, json.loads(said)["position"])
    known = json.loads(shop.send("GET", "/customers/me")[1])
    assert (known["name"], known["contact"]["email"]) == (NAME, EMAIL)
    mine = json.loads(shop.send("GET", f"/orders/{order}")[1])
    assert (mine["name"], mine["address"]) == (NAME, ADDRESS)


def come_to_the_desk(shop: Shop) -> None:
    """A photographer under the canary's name, who reads it in clear."""
    (body,) = [body for _, body in examples("POST", "/photographers")]
    status, said = shop.send("POST", "/photographers", body | {"name": NAME})
    assert status == 202, said
    wait_for(shop, json.loads(said)["position"])
    me = json.loads(shop.send("GET", "/customers/me")[1])["id"]
    assert json.loads(shop.send("GET", f"/photographers/{me}")[1])["name"] == NAME


def wait_for(shop: Shop, position: str) -> None:
    """Until everything up to here is judged."""
    for _ in range(50):
        if shop.send("GET", "/customers/me", Read_After=position)[0] == 200:
            return
    raise AssertionError("the last event is not judged")


@pytest.mark.parametrize("text", [EMAIL, PHONE, NAME, ADDRESS, TOKEN])
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
