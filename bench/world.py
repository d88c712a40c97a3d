"""A cloud for a measurement, fresh shops in it, and the events that are measured: seeded.

The events are those of the workshop's game: a product's first event lists it, its next gives it a
picture, and from then on it is bought, now and then photographed anew. Products are picked by
Zipf's law with exponent `s`; 0 is uniform. Ids, times and arrival times follow from the seed, so
two runs measure the same records but for the signatures' key.
"""

from __future__ import annotations

import base64
import contextlib
import itertools
import os
import random
import tempfile
import uuid
import zlib
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from chalicelib import config, store
from chalicelib.events import SYSTEM, Envelope
from chalicelib.signing import keys, seal
from local import provision
from local.cloud import Cloud, Names, enter

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from chalicelib.signing import SigningKey

BEGUN_MS = 1_795_224_680_000
FIRST_SEQUENCE = 98 * 10**54  # past where any shard of a local stream begins
PEOPLE = 20
SHARD = "shardId-000000000000"

_numbers = itertools.count(1)


@dataclass(frozen=True, slots=True)
class Mix:
    """How many events, over how many products, picked how unevenly.

    `earlier` so many come before those that are measured.
    """

    events: int = 3000
    products: int = 100
    s: float = 1.0
    seed: int = 7
    earlier: int = 0


@contextlib.contextmanager
def cloud() -> Iterator[Cloud]:
    """MiniStack and Kinesis on free ports; this process's environment comes back afterwards."""
    before = dict(os.environ)
    with tempfile.TemporaryDirectory() as folder:
        running = Cloud(Path(folder))
        running.start()
        try:
            yield running
        finally:
            running.stop()
            os.environ.clear()
            os.environ |= before
            config.forget()
            keys.forget()


def open_shop(running: Cloud, shards: int = 1) -> Names:
    """A new, empty shop; this process is in it."""
    names = Names(stage=f"bench{next(_numbers)}")
    enter(running.state, names)
    provision.provision(names, running.state, shards)
    return names


def events(mix: Mix, stream: str) -> list[Envelope]:
    """The events, in the order of the log."""
    return list(each(mix, stream))


def each(mix: Mix, stream: str) -> Iterator[Envelope]:
    """The events, one after the other: a million of them take no room."""
    chance = random.Random(mix.seed)
    seen: dict[int, int] = {}
    for number, product in enumerate(_picked(mix, chance)):
        seen[product] = seen.get(product, 0) + 1
        kind = {1: "created", 2: "photographed"}.get(seen[product], "purchased")
        if kind == "purchased" and chance.random() < 0.02:
            kind = "photographed"
        yield _event(chance, number, product, kind, stream)


def _picked(mix: Mix, chance: random.Random) -> list[int]:
    """Of which product each event is."""
    weights = list(itertools.accumulate(rank**-mix.s for rank in range(1, mix.products + 1)))
    count = mix.earlier + mix.events
    return chance.choices(range(mix.products), cum_weights=weights, k=count)


def _event(chance: random.Random, number: int, product: int, kind: str, stream: str) -> Envelope:
    moment = datetime.fromtimestamp((BEGUN_MS + number) / 1000, UTC)
    return Envelope(
        id=str(uuid.UUID(int=chance.getrandbits(128), version=4)),
        source=SYSTEM,
        type=f"tillstream.product.{kind}.v1",
        subject=f"product/thing-{product:06d}",
        time=moment.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        stream=stream,
        actor=_actor(chance, product, kind),
        data=_data(product, kind, number),
    )


def _actor(chance: random.Random, product: int, kind: str) -> str:
    """A product is always the same merchant's; a photographer is whoever comes by."""
    number = product % PEOPLE if kind == "created" else chance.randrange(PEOPLE)
    return f"{kind[:5]}-{number:08d}-5f2b8c1e-3f0a-4b77"


def _data(product: int, kind: str, number: int) -> dict[str, Any]:
    if kind == "created":
        return {
            "brand": "Halde",
            "name": f"Thing {product}",
            "description": "Made by hand, and seldom the same twice. " * 5,
            "category": f"category {product % 12}",
            "price": {"amount": 100 + product, "currency": "EUR"},
        }
    if kind == "photographed":
        return {"image": f"https://pictures.example/thing-{product:06d}-{number}.jpg"}
    return {}


def invocations(
    found: Sequence[Envelope], stream: str, batch: int, shards: int = 1
) -> list[list[dict[str, Any]]]:
    """The events as Lambda's mappings would give them to the consumer, sealed by the shop.

    For each shard its batches: what it got of so many events that came to all of them.
    """
    key = keys.producer()
    shares: list[dict[int, list[Any]]] = [{} for _ in range(shards)]
    for number, event in enumerate(found):
        at = zlib.crc32(event.subject.encode()) % shards
        record = _record(number, event, f"shardId-{at:012d}", stream, key)
        shares[at].setdefault(number // batch, []).append(record)
    return [[{"Records": records} for records in share.values()] for share in shares]


def _record(
    number: int, event: Envelope, shard: str, stream: str, key: SigningKey
) -> dict[str, Any]:
    return {
        "eventID": f"{shard}:{FIRST_SEQUENCE + number}",
        "eventSourceARN": f"arn:aws:kinesis:eu-central-1:000000000000:stream/{stream}",
        "kinesis": {
            "sequenceNumber": str(FIRST_SEQUENCE + number),
            "partitionKey": event.subject,
            "data": base64.b64encode(seal(event, key).encode()).decode(),
            "approximateArrivalTimestamp": (BEGUN_MS + number) / 1000,
        },
    }


def check_folded(mix: Mix) -> None:
    """That the work was done: the catalog lists as many products as were created."""
    created = len(set(_picked(mix, random.Random(mix.seed))))
    listed = sum(item["pk"]["S"].startswith("catalog@1/products/") for item in store.scan())
    if listed != created:
        raise RuntimeError(f"{listed} products are listed, {created} were created")
