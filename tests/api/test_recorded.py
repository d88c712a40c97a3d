"""A 202 is one sealed event on the log, and nothing else anywhere."""

from __future__ import annotations

from typing import Any

import pytest
from shopfront import Answer, Shopfront, names

from chalicelib import config, store
from chalicelib.events import Envelope
from chalicelib.signing import keys, unseal

CUP = {"brand": "B", "name": "Cup", "description": "", "category": "cups"}
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
