"""A shop in memory that owes: orders by card on its log, a provider of charges, and a worker."""

from __future__ import annotations

import json
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import order_moves
import pytest
from botocore.exceptions import BotoCoreError, ClientError
from worlds import KEY, SETTINGS, START, World, said, simulated

from chalicelib import archive, config, door, projector, todos, vault
from chalicelib.decisions.order import Order
from chalicelib.errors import TryAgain
from chalicelib.events import order
from chalicelib.events.product import Price
from chalicelib.signing import jws, keys
from chalicelib.todos import Kind, Owed, expire, lease
from ops import retry as retrying

PLACED = order_moves.PLACED | {"branch": "collect", "card": True, "channels": []}
SHARDS = ("shardId-000000000000", "shardId-000000000001")
QUEUE = "work"
OWING = replace(SETTINGS, work_queue=QUEUE)
LATER_MS = 16 * 60_000


class Provider:
    """It charges once for a key, as long as it knows the key."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.known: dict[str, str] = {}
        self.effects: Counter[str] = Counter()

    def charge(self, key: str) -> Any:
        """The payment under this key."""
        if key not in self.known:
            self.effects[key] += 1
            self.known[key] = f"pay-{self.effects.total()}"
        return {"payment": self.known[key]}

    def forget(self) -> None:
        """As Stripe does after a day."""
        self.known.clear()


def charge(owed: Owed) -> order.Paid:
    """The kind under test: whatever the provider does not say may be said later."""
    try:
        answer = config.client("provider").charge(key=owed.id)
    except (BotoCoreError, ClientError) as failure:
        raise TryAgain("the provider does not answer") from failure
    return order.Paid(todo=owed.id, payment=answer["payment"], amount=owed.state.total)


def refund(owed: Owed) -> order.Refunded:
    """The same for what is given back: the provider knows the key of each."""
    try:
        answer = config.client("provider").charge(key=owed.id)
    except (BotoCoreError, ClientError) as failure:
        raise TryAgain("the provider does not answer") from failure
    amount = Price(amount=owed.todo.amount, currency=owed.state.total.currency)
    return order.Refunded(todo=owed.id, refund=answer["payment"], amount=amount)


DONE: dict[str, Kind] = {"charge": charge, "refund": refund, "expire": expire.do}


@dataclass
class Till:
    """The world with a clock of its own, and what was poked."""

    world: World
    provider: Provider = field(default_factory=Provider)
    now: int = START
    kinds: dict[str, Kind] = field(default_factory=lambda: dict(DONE))
    delivered: Counter[str] = field(default_factory=Counter)
    said: int = 0

    @property
    def pokes(self) -> list[str]:
        """What lies on the queue."""
        return self.world.cloud["sqs"].queues.setdefault(QUEUE, [])

    def say(self, move: str, subject: str, data: Any, **changes: Any) -> None:
        """One more event, by a customer."""
        self.said += 1
        event = said(move, subject, self.now, self.said, data=data, **changes)
        self.world.say(shard_of(subject), event, self.now)

    def deliver(self) -> None:
        """The consumer has all that is on the log."""
        for shard in self.world.logs:
            start = self.delivered[shard]
            batch = self.world.batch(shard, start)
            if batch.records:
                projector.project(batch)
                self.delivered[shard] = max(self.delivered[shard], start + len(batch.records))

    def later(self, by_ms: int = LATER_MS) -> None:
        """Time goes by."""
        self.now += by_ms

    def work(self) -> int:
        """The worker takes what is poked now; how many pokes there were."""
        taken, self.pokes[:] = list(self.pokes), []
        for body in taken:
            todos.work(poked(body))
        return len(taken)

    def settle(self) -> None:
        """All quiet: what is owed gets done, if it ever does."""
        self.world.cloud.around = lambda *_: None
        self.world.create()
        archive._tails.clear()
        for _ in range(12):
            self.deliver()
            projector.sweep()
            todos.sweep()
            self.work()
            if self.is_quiet():
                return
            self.later()

    def is_quiet(self) -> bool:
        """Whether all that was said is folded, and nothing is owed."""
        behind = any(len(log) > self.delivered[shard] for shard, log in self.world.logs.items())
        return not (behind or self.pokes or self.open() or self.given_up())

    def order(self, subject: str = "order/1") -> Order:
        """The order as its row has it."""
        found = self.world.items[f"subject@1/{subject}", subject]
        return Order.model_validate_json(json.loads(found["body"]["S"])["state"])

    def open(self) -> list[str]:
        """The to-dos that the view has in its list of what is open."""
        return self._listed("open/")

    def given_up(self) -> list[str]:
        """And in that of what was given up."""
        return self._listed("given-up")

    def _listed(self, which: str) -> list[str]:
        begun, items = f"todos@2/{which}", self.world.items.items()
        listed = [(pk, item["listing"]["S"]) for (pk, _), item in items if "listing" in item]
        return sorted(pk.partition("/")[2] for pk, name in listed if name.startswith(begun))

    def retry(self) -> None:
        """An operator has all tried again that was given up."""
        retrying.retry(retrying.given_up())

    def outcomes(self) -> Counter[str]:
        """How many outcomes of each to-do count."""
        return self._counted(given_up=False)

    def given_ups(self) -> Counter[str]:
        """How often it counts of each to-do that it was given up."""
        return self._counted(given_up=True)

    def _counted(self, *, given_up: bool) -> Counter[str]:
        found: Counter[str] = Counter()
        for shard, records in self.world.logs.items():
            for record in records:
                place = f"verdict/{self.world.shard(shard)}:{record.sequence}", "verdict"
                payload = json.loads(jws.unbase64(record.data.split(b".")[1]))
                meant = "todo" in payload["data"] and given_up == (".given-up." in payload["type"])
                if meant and place not in self.world.items:
                    found[payload["data"]["todo"]] += 1
        return found


def shard_of(subject: str) -> str:
    """Which shard the subject lives on."""
    return SHARDS[ord(subject[-1]) % 2]


def poked(body: str) -> dict[str, Any]:
    """What Lambda hands over."""
    return {"Records": [{"body": body}]}


@contextmanager
def owing() -> Iterator[Till]:
    """A shop whose worker, sweep and consumer run in memory."""
    world = World({name: [] for name in SHARDS})
    till = Till(world)
    world.cloud.services["provider"] = till.provider
    with simulated(world) as patch:
        _patched(patch, till)
        yield till


def _patched(patch: pytest.MonkeyPatch, till: Till) -> None:
    clock = SimpleNamespace(now=lambda zone: datetime.fromtimestamp(till.now / 1000, UTC))
    patch.setattr(keys, "producer", lambda: KEY)
    patch.setattr(vault, "secret", lambda name: name.encode() * 8)
    patch.setattr(config, "settings", lambda: OWING)
    patch.setattr(lease, "now", lambda: till.now)
    patch.setattr(door, "datetime", clock)
    patch.setattr(todos, "KINDS", till.kinds)
    patch.setattr(todos, "LEVEL_S", 0.0)

    def put_record(StreamName: str, PartitionKey: str, Data: bytes) -> Any:
        shard = shard_of(PartitionKey)
        record = till.world.put(shard, till.now, PartitionKey, Data)
        return {"ShardId": shard, "SequenceNumber": str(record.sequence)}

    till.world.cloud["kinesis"].put_record = put_record
