"""A 202 is one sealed event on the log, and nothing else anywhere."""

from __future__ import annotations

from typing import Any

import pytest
from ordering import CART, LEGAL, menu, place, stage
from shopfront import Answer, Shopfront, names

import app
from chalicelib import access, config, store
from chalicelib.events import Envelope
from chalicelib.openapi import Route
from chalicelib.signing import keys, unseal

CUP = {"brand": "B", "name": "Cup", "description": "", "category": "cups"}
BODIES: dict[str, Any] = {
    "/orders": CART,
    "/orders/{id}/payments": {"token": "tok_approved"},
    "/orders/{id}/refunds": {"lines": [{"line": 0, "quantity": 1}]},
    "/fulfillments": {"fulfillmentId": "CakeProducer1"},
    "/deliveries": {"deliveryCompanyId": "CakeCourier1"},
    "/tickets/{id}": {"text": "The lid is loose", "checked": True},
}
COMMANDS = [
    ("POST", "/products", "merchant", CUP),
    ("PUT", "/products/{id}", "merchant", CUP),
    ("PUT", "/products/{id}/photo", "photographer", {"image": "https://a.example/1"}),
    ("POST", "/products/{id}/views", "customer", None),
    ("POST", "/products/{id}/purchases", "customer", None),
]


@pytest.mark.parametrize(("method", "path", "to", "body"), COMMANDS)
def test_a_202_is_one_sealed_event_on_the_log_and_nothing_else(
    front: Shopfront, method: str, path: str, to: str, body: Any
) -> None:
    product = front.product("merchant", id=f"one-{next(names)}")
    records, rest = front.records(), everything_but_the_log()
    answer = front.call(method, path.format(id=product), body, to=to)
    assert answer.status == 202
    assert front.records() == records + 1
    assert everything_but_the_log() == rest
    event = at_the_position(front, answer)
    assert (event.id, event.type, event.subject) == tuple(
        answer.said[name] for name in ("id", "type", "subject")
    )


WRITES = [route for route in app.contract.routes if route.method != "GET"]
STAGED = [route for route in WRITES if route.path in ("/orders", *LEGAL)]


@pytest.mark.parametrize("route", STAGED, ids=lambda route: " ".join(route[:2]))
def test_so_it_is_of_orders_tickets_and_photographers(front: Shopfront, route: Route) -> None:
    somebody = front.person(*sorted(access.ROLES))
    menu(front)
    place(front, to=somebody)
    path, named = stage(front, route, somebody)
    records, rest = front.records(), everything_but_the_log()
    body = None if route.method == "DELETE" else BODIES.get(route.path, {}) | named
    answer = front.call(route.method, path, body, to=somebody)
    assert answer.status == 202, answer.body
    assert front.records() == records + 1
    assert everything_but_the_log() == rest
    assert at_the_position(front, answer).subject == answer.said["subject"]


def test_a_first_order_writes_its_persons_key_beside_and_a_refused_one_nothing(
    front: Shopfront,
) -> None:
    menu(front)
    new = front.person("customer")
    front.settle()
    rest = everything_but_the_log()
    bad = CART | {"lines": [{"productId": "nothing-here", "quantity": 1}]}
    assert front.call("POST", "/orders", bad, to=new).status == 422
    assert front.call("POST", "/orders/nowhere/payments", {"token": "t"}, to=new).status == 404
    assert everything_but_the_log() == rest
    assert front.call("POST", "/orders", CART, to=new).status == 202
    (key,) = (each for each in everything_but_the_log() if each not in rest)
    assert key[1].startswith("people/")


def everything_but_the_log() -> list[Any]:
    """Every row, and every object in both buckets."""
    settings = config.settings()
    found: list[Any] = sorted(map(repr, store.scan()))
    for bucket in (settings.archive_bucket, settings.vault_bucket):
        listed = config.client("s3").list_objects_v2(Bucket=bucket).get("Contents", ())
        found += [(bucket, each["Key"], each["ETag"]) for each in listed]
    return found


def at_the_position(front: Shopfront, answer: Answer) -> Envelope:
    """What the record says that lies where the 202 has it, believed."""
    shard, _, sequence = answer.said["position"].partition(":")
    (record,) = [
        record
        for record in front.pending[shard.partition("/")[2]]
        if int(record["SequenceNumber"]) == int(sequence)
    ]
    return unseal(
        record["Data"],
        partition_key=record["PartitionKey"],
        stream=config.settings().stream,
        clock=int(record["ApproximateArrivalTimestamp"].timestamp() * 1000),
        trust=keys.trust(),
    )
