"""The consumer: what it costs to archive, verify, judge and fold an event, over the wire.

Every round has a shop of its own, so that no round finds rows of another. Requests are counted
where botocore sends them; write units are the `CapacityUnits` that the table reports of each
transaction, indexes included, by AWS's rule: two for each started KB of a row, one for each of an
index entry, two when the entry moves. CPU is also told in bare Ed25519 verifications, measured
right before and after: that number stays where it is when the machine is slower.
"""

from __future__ import annotations

import statistics
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any

from bench import signing, world
from chalicelib import config, log, projector, store
from chalicelib.errors import Conflict
from chalicelib.signing import keys

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from local.cloud import Cloud

BATCH = 1000
ROUNDS = 3


@dataclass(frozen=True, slots=True)
class Cost:
    """Of one round, per event but for the rate."""

    events_per_s: float
    cpu_us: float
    cpu_verifications: float
    dynamodb_requests: float
    requests: float
    write_units: float


def measure(running: Cloud, mix: world.Mix, rounds: int, shards: int = 1) -> Cost:
    """The median round."""
    return median([_round(running, mix, shards) for _ in range(rounds)])


def median(costs: Sequence[Cost]) -> Cost:
    """Each number's own median."""
    return Cost(
        **{
            field.name: statistics.median(getattr(cost, field.name) for cost in costs)
            for field in fields(Cost)
        }
    )


def _round(running: Cloud, mix: world.Mix, shards: int) -> Cost:
    names = world.open_shop(running, shards)
    found = world.events(mix, names.stream)
    given = world.invocations(found, names.stream, BATCH, shards)
    _warm_up(names.stream)
    earlier = mix.earlier // BATCH
    _consume([batches[:earlier] for batches in given])
    meter, verification = Meter(), verification_s()
    with meter:
        begun, cpu = time.perf_counter(), time.process_time()
        _consume([batches[earlier:] for batches in given])
        cpu, spent = time.process_time() - cpu, time.perf_counter() - begun
    verification = (verification + verification_s()) / 2
    world.check_folded(mix)
    return Cost(
        events_per_s=mix.events / spent,
        cpu_us=cpu / mix.events * 1e6,
        cpu_verifications=cpu / mix.events / verification,
        dynamodb_requests=meter.dynamodb / mix.events,
        requests=meter.requests / mix.events,
        write_units=meter.write_units / mix.events,
    )


def _consume(given: Sequence[Sequence[dict[str, Any]]]) -> None:
    """Every shard by a thread of its own, as in the local dispatcher: one batch after the other."""
    with ThreadPoolExecutor(len(given)) as pool:
        for done in [pool.submit(_consume_shard, batches) for batches in given]:
            done.result()


def _consume_shard(batches: Sequence[dict[str, Any]]) -> None:
    for batch in batches:
        while True:
            try:
                projector.project(log.decode(batch))
            except Conflict:  # another shard is at the same tally: the mapping brings it again
                continue
            break


def _warm_up(stream: str) -> None:
    """Connections, keys and the trust document, as any batch but a process's first finds them."""
    store.get(store.Key("nothing", "nothing"))
    keys.trust()
    config.client("s3").list_objects_v2(Bucket=config.settings().archive_bucket, MaxKeys=1)
    config.client("kinesis").list_shards(StreamName=stream)


def verification_s(count: int = 1000) -> float:
    """CPU seconds of one bare verification, here and now."""
    begun = time.process_time()
    for _ in range(count):
        signing.KEY.public.verify(signing.TOKEN)
    return (time.process_time() - begun) / count


class Meter:
    """Counts what is sent to DynamoDB and S3, and the write units that come back."""

    def __init__(self) -> None:
        self.dynamodb = self.requests = 0
        self.write_units = 0.0
        self._lock = threading.Lock()

    def __enter__(self) -> None:
        for event, handler in self._hooks():
            config.client("dynamodb").meta.events.register(event, handler)
        config.client("s3").meta.events.register("before-call.s3", self._sent)

    def __exit__(self, *_: object) -> None:
        for event, handler in self._hooks():
            config.client("dynamodb").meta.events.unregister(event, handler)
        config.client("s3").meta.events.unregister("before-call.s3", self._sent)

    def _hooks(self) -> Iterator[tuple[str, Any]]:
        yield "before-call.dynamodb", self._sent
        yield "provide-client-params.dynamodb.TransactWriteItems", _ask_for_units
        yield "after-call.dynamodb.TransactWriteItems", self._answered

    def _sent(self, model: Any, **_: Any) -> None:
        with self._lock:
            self.requests += 1
            self.dynamodb += model.service_model.service_name == "dynamodb"

    def _answered(self, parsed: dict[str, Any], **_: Any) -> None:
        used = sum(each["CapacityUnits"] for each in parsed.get("ConsumedCapacity", ()))
        with self._lock:
            self.write_units += used


def _ask_for_units(params: dict[str, Any], **_: Any) -> dict[str, Any]:
    return params | {"ReturnConsumedCapacity": "INDEXES"}
