"""`POST /events` with a partner's own event: believed at the door, on the log byte for byte."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from ordering import fulfilled, menu, state
from shopfront import Answer, Shopfront, names

from chalicelib import config
from chalicelib.errors import SecurityError
from chalicelib.events import Envelope
from chalicelib.signing import SigningKey, Trust, jws, keys, profile, seal, system_trust, unseal
from chalicelib.writer import partner
from local import provision

KIND = "application/jose"
SOURCE = "urn:tillstream:till-maker"
CUP = {"brand": "B", "name": "Cup", "description": "", "category": "cups"}
PARTNER, EXPIRED, STRANGER = (SigningKey(keys.new_key()) for _ in range(3))
GRANTS = [
    {"type": "tillstream.product.*", "subject": "product/till-*"},
    {"type": "tillstream.customer.*", "subject": "customer/*"},
    {"type": "tillstream.order.delivered.v1", "subject": "order/*"},
]


@pytest.fixture(scope="module", autouse=True)
def _trusted(front: Shopfront, cloud: Any) -> Iterator[None]:
    """The shop's second trust document names the partner, and a key whose time is over."""
    system = provision.key(cloud.state, "system").public
    document = system_trust(system.jwk) | {"version": 2}
    for key, window in ((PARTNER, {}), (EXPIRED, {"exp": 5})):
        entry = {"kid": key.kid, "x": key.public.x, "nbf": 0, "source": SOURCE, "grants": GRANTS}
        document["keys"].append(entry | window)
    config.client("s3").put_object(
        Bucket=config.settings().archive_bucket,
        Key="trust/2.json",
        Body=Trust.sign(document, provision.key(cloud.state, "root")),
    )
    keys.forget()
    yield
    keys.forget()


def now(seconds: float = 0.0) -> str:
    moment = datetime.fromtimestamp(time.time() + seconds, UTC)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def event(move: str = "product.viewed", entity: str = "till-1", **changes: Any) -> Envelope:
    whole: dict[str, Any] = {
        "id": f"partner-{next(names)}",
        "source": SOURCE,
        "type": f"tillstream.{move}.v1",
        "subject": f"{move.partition('.')[0]}/{entity}",
        "time": now(),
        "stream": config.settings().stream,
        "actor": "till-7",
        "data": {},
    }
    return Envelope(**whole | changes)


def send(front: Shopfront, sealed: str | bytes, to: str = "customer", **headers: str) -> Answer:
    raw = sealed.encode() if isinstance(sealed, str) else sealed
    return front.call("POST", "/events", raw=raw, to=to, **{"Content_Type": KIND} | headers)


def told(front: Shopfront, answer: Answer) -> dict[str, Any]:
    assert answer.status == 202, answer.body
    front.settle()
    return dict(
        front.get(f"/events/{answer.said['id']}", at=answer.said["position"], to="admin").said
    )


def last_record(front: Shopfront) -> bytes:
    front.records()
    records = [record for shard in front.pending.values() for record in shard]
    return bytes(max(records, key=lambda each: int(each["SequenceNumber"]))["Data"])


@pytest.mark.parametrize("to", ["merchant", "photographer", "customer", "admin"])
def test_whoever_sends_it_it_is_on_the_log_as_it_was_sealed(front: Shopfront, to: str) -> None:
    entity = f"till-{next(names)}"
    created = event("product.created", entity, data=CUP)
    sealed = seal(created, PARTNER)
    answer = send(front, sealed, to)
    assert last_record(front) == sealed.encode()
    assert answer.said["id"] == created.id
    assert answer.headers["Location"] == f"/events/{created.id}?at={answer.said['position']}"
    found = told(front, answer)
    assert (found["verdict"], found["data"]) == ("counted", CUP)
    assert front.get(f"/products/{entity}").said["merchant"] == "till-7"


def test_a_repeat_is_202_again_and_counts_once(front: Shopfront) -> None:
    sealed = seal(event("product.purchased"), PARTNER)
    first, again = send(front, sealed), send(front, sealed)
    assert (again.status, again.said["id"]) == (202, first.said["id"])
    assert told(front, first)["verdict"] == "counted"
    assert told(front, again)["reason"] == "repeat"


def test_a_courier_whose_key_is_granted_it_says_that_an_order_was_delivered(
    front: Shopfront, refused: Any
) -> None:
    menu(front)
    entity, data = fulfilled(front, "customer"), {"deliveryCompanyId": "CakeCourier1"}
    brought = event("order.delivered", entity, data=data)
    assert told(front, send(front, seal(brought, PARTNER)))["verdict"] == "counted"
    assert state(entity).status == "delivered"
    again = told(front, send(front, seal(event("order.delivered", entity, data=data), PARTNER)))
    assert (again["verdict"], again["reason"]) == ("ignored", "illegal-move")
    for move in ("ready", "cancelled"):
        sealed = seal(event(f"order.{move}", entity), PARTNER)
        answer = refused(
            403, "POST", "/events", raw=sealed.encode(), to="courier", Content_Type=KIND
        )
        assert answer.slug == "not-authorised"


def test_it_is_a_fact_that_its_subject_judges(front: Shopfront) -> None:
    update = event("product.updated", f"till-{next(names)}", data=CUP)
    found = told(front, send(front, seal(update, PARTNER)))
    assert (found["verdict"], found["reason"]) == ("ignored", "unknown-product")


@pytest.mark.parametrize("kind", [f"{KIND}; charset=utf-8", "Application/JOSE"])
def test_the_type_may_have_parameters_and_any_case(front: Shopfront, kind: str) -> None:
    assert send(front, seal(event(), PARTNER), Content_Type=kind).status == 202


def test_without_a_token_it_is_401(front: Shopfront) -> None:
    raw = seal(event(), PARTNER).encode()
    assert front.call("POST", "/events", raw=raw, Content_Type=KIND).status == 401


def changed(**members: Any) -> bytes:
    """A good signature over a payload that is not as it must be."""
    token = jws.parse(seal(event(), PARTNER).encode(), profile.TYP)
    payload = json.dumps(json.loads(token.payload) | members).encode()
    return jws.sign(payload, PARTNER, profile.TYP)


def forged() -> bytes:
    """Another payload under the signature of a good one."""
    head, _, signature = seal(event(), PARTNER).encode().split(b".")
    return b".".join([head, seal(event(), PARTNER).encode().split(b".")[1], signature])


BAD: dict[str, tuple[Any, str, str, int]] = {
    "empty": (lambda: b"", "malformed", "body", 422),
    "json": (lambda: b'{"specversion": "1.0"}', "malformed", "body", 422),
    "a line break after it": (lambda: seal(event(), PARTNER) + "\n", "malformed", "body", 422),
    "not ASCII": (lambda: b"\xff.\xfe.\xfd", "malformed", "body", 422),
    "another typ": (
        lambda: jws.sign(b"{}", PARTNER, "tillstream-trust+jws"),
        "malformed",
        "body",
        422,
    ),
    "an unknown attribute": (lambda: changed(email="jo@x.example"), "malformed", "body", 422),
    "a time that is none": (
        lambda: changed(time="2026-02-30T00:00:00.000Z"),
        "malformed",
        "body",
        422,
    ),
    "forged": (forged, "bad-signature", "signature", 422),
    "a stranger's": (lambda: seal(event(), STRANGER), "unknown-key", "kid", 422),
    "a key that is over": (lambda: seal(event(), EXPIRED), "key-not-valid", "kid", 422),
    "of another stream": (
        lambda: seal(event(stream="prod-1"), PARTNER),
        "wrong-stream",
        "stream",
        422,
    ),
    "as another source": (
        lambda: seal(event(source="urn:tillstream:system"), PARTNER),
        "not-authorised",
        "kid",
        403,
    ),
    "of a subject not granted": (
        lambda: seal(event(entity="a"), PARTNER),
        "not-authorised",
        "kid",
        403,
    ),
    "a minute old": (lambda: seal(event(time=now(-70)), PARTNER), "stale", "time", 422),
    "of the future": (lambda: seal(event(time=now(+25)), PARTNER), "stale", "time", 422),
    "of no known type": (
        lambda: seal(event("product.sold"), PARTNER),
        "unknown-type",
        "type",
        422,
    ),
    "of no known version": (
        lambda: seal(event(type="tillstream.product.viewed.v2"), PARTNER),
        "unknown-type",
        "type",
        422,
    ),
    "data of another model": (
        lambda: seal(event(data={"email": "x"}), PARTNER),
        "invalid",
        "data.email",
        422,
    ),
}


@pytest.mark.parametrize("what", BAD)
def test_what_the_fold_would_not_believe_is_refused_with_what_to_mend(
    refused: Any, what: str
) -> None:
    make, slug, named, status = BAD[what]
    sealed = make()
    raw = sealed.encode() if isinstance(sealed, str) else sealed
    answer = refused(status, "POST", "/events", raw=raw, to="customer", Content_Type=KIND)
    assert (answer.slug, answer.fields) == (slug, {named})
    assert b"example" not in answer.body
    for key in (PARTNER, EXPIRED, STRANGER):
        assert key.kid.encode() not in answer.body


def test_every_doubt_that_a_seal_can_raise_has_its_mend() -> None:
    said = (unseal.__doc__ or "").rpartition("Raises ")[2].strip().rstrip(".").split(", ")
    assert {doubt.__name__ for doubt in partner.MEND} == set(said)
    assert all(issubclass(doubt, SecurityError) for doubt in partner.MEND)


def test_a_wrong_clock_is_told_the_right_one(front: Shopfront) -> None:
    answer = send(front, seal(event(time=now(-3600)), PARTNER))
    clock = datetime.fromisoformat(answer.said["clock"])
    assert abs(clock.timestamp() - time.time()) < 5


def test_another_stream_is_told_this_one(front: Shopfront) -> None:
    answer = send(front, seal(event(stream="elsewhere-1"), PARTNER))
    assert answer.said["stream"] == config.settings().stream


@pytest.mark.parametrize(
    ("header", "value"),
    [("Idempotency-Key", "k"), ("If-Match", '"1-catalog@1"'), ("Read-After", "x")],
)
def test_a_header_that_speaks_of_a_decision_is_400(refused: Any, header: str, value: str) -> None:
    raw = seal(event(), PARTNER).encode()
    given = {"Content_Type": KIND, header.replace("-", "_"): value}
    assert refused(400, "POST", "/events", raw=raw, to="customer", **given).fields == {header}


def test_over_64_kib_is_413(refused: Any) -> None:
    raw = b"a" * 65_537
    answer = refused(413, "POST", "/events", raw=raw, to="customer", Content_Type=KIND)
    assert answer.fields == {"body"}


def test_a_query_parameter_is_400(refused: Any) -> None:
    raw = seal(event(), PARTNER).encode()
    answer = refused(400, "POST", "/events?dry=1", raw=raw, to="customer", Content_Type=KIND)
    assert answer.fields == {"dry"}


def test_a_key_that_was_just_registered_is_found(
    front: Shopfront, cloud: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keys, "RELOAD_S", 0.0)
    answer = send(front, seal(event(), STRANGER))
    assert answer.slug == "unknown-key"
    document = json.loads(_payload(_stored("trust/2.json"))) | {"version": 3}
    entry = {"kid": STRANGER.kid, "x": STRANGER.public.x, "nbf": 0, "source": SOURCE}
    document["keys"].append(entry | {"grants": GRANTS})
    config.client("s3").put_object(
        Bucket=config.settings().archive_bucket,
        Key="trust/3.json",
        Body=Trust.sign(document, provision.key(cloud.state, "root")),
    )
    assert told(front, send(front, seal(event(), STRANGER)))["verdict"] == "counted"


def _stored(key: str) -> bytes:
    bucket = config.settings().archive_bucket
    return bytes(config.client("s3").get_object(Bucket=bucket, Key=key)["Body"].read())


def _payload(token: bytes) -> bytes:
    part = token.split(b".")[1]
    return base64.urlsafe_b64decode(part + b"=" * (-len(part) % 4))


def test_a_partner_that_takes_the_id_of_a_command_takes_nothing_from_it(front: Shopfront) -> None:
    path, key = "/products/till-taken/purchases", f"key-{next(names)}"
    bought = front.call("POST", path, to="customer", Idempotency_Key=key)
    front.records()
    late = {shard: front.pending.pop(shard) for shard in list(front.pending)}
    for number in range(8):  # some of them on shards that are ahead of the customer's
        taken = event(id=bought.said["id"], entity=f"till-{number}", commandhash="A" * 43)
        assert send(front, seal(taken, PARTNER)).status == 202
    front.records()
    ours = bought.said["position"].partition("/")[2].partition(":")[0]
    late[ours] += front.pending.pop(ours, [])
    assert any(front.pending.values())
    front.settle()
    again = front.call("POST", path, to="customer", Idempotency_Key=key)
    assert (again.status, again.said["id"]) == (202, bought.said["id"])
    front.records()
    for shard, records in late.items():
        front.pending[shard] = records + front.pending[shard]
    front.settle()


def test_it_is_taken_while_the_views_catch_up(front: Shopfront) -> None:
    front.settle()
    front.empty_table()
    assert front.get("/products").slug == "catching-up"
    assert send(front, seal(event(), PARTNER)).status == 202
    front.sweep()
