"""A shop in memory: keys, a log of sealed records over shards, and the two folds side by side."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import lru_cache, partial
from typing import Any, Self

import pytest
from simulator import Cloud

from chalicelib import archive, config, notary, projector, register, store
from chalicelib.config import Settings
from chalicelib.decisions import DECIDERS
from chalicelib.errors import BadSignature, SecurityError
from chalicelib.events import SYSTEM, Batch, Envelope, Record, Shard
from chalicelib.projector import Code
from chalicelib.replay import candidate, pace
from chalicelib.signing import PublicKey, SigningKey, Trust, keys, seal, system_trust, unseal
from chalicelib.signing.jws import Token
from chalicelib.views import VIEWS
from ops import naive

STREAM = "tillstream-test-1"
START = 1_795_000_000_000
ROOT, JWK, STRANGER = (SigningKey(keys.new_key()), keys.new_key(), SigningKey(keys.new_key()))
KEY = SigningKey(JWK)
NOTARY_JWK = keys.new_key()
NOTARY = SigningKey(NOTARY_JWK)
TRUST = Trust.load(Trust.sign(system_trust(JWK, notary=NOTARY_JWK), ROOT), {ROOT.kid: ROOT.public})
SETTINGS = Settings("test", STREAM, "views", "archive", "vault", "/key", ROOT.public.x, "local")
CODE = Code(DECIDERS, VIEWS)
DESCRIBED = {"brand": "b", "name": "n", "description": "", "category": "cakes"}
IMAGE = {"image": "https://pictures.example/1.png"}


def stamp(ms: int) -> str:
    """The time of an envelope."""
    at = datetime.fromtimestamp(ms // 1000, UTC).replace(microsecond=ms % 1000 * 1000)
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def said(move: str, subject: str, at: int, number: int, **changes: Any) -> Envelope:
    """An envelope of the system's, valid but for what is changed."""
    data: Mapping[str, Any] = {
        "created": DESCRIBED,
        "updated": DESCRIBED | {"category": "pies"},
        "photographed": IMAGE,
        "registered": {"publicName": "Ada"},
        "role-claimed": {"role": "merchant"},
    }.get(move, {})
    kind = subject.partition("/")[0]
    made = Envelope(
        id=f"e{number}",
        source=SYSTEM,
        type=f"tillstream.{kind}.{move}.v1",
        subject=subject,
        time=stamp(at),
        stream=STREAM,
        actor="ada",
        data=dict(data),
    )
    return replace(made, **changes)


def commandhash(command: str) -> str:
    """What stands for a command in a keyed event."""
    digest = hashlib.sha256(command.encode()).digest()
    return base64.urlsafe_b64encode(digest).decode().rstrip("=")


@dataclass(repr=False)
class World:
    """Shards with their parents and what lies on them; sequences are global and even apart."""

    parents: dict[str, list[str]] = field(default_factory=lambda: {"shardId-000000000000": []})
    streams: dict[str, str] = field(default_factory=dict)
    logs: dict[str, list[Record]] = field(default_factory=dict)
    cloud: Cloud = field(default_factory=Cloud)
    code: Code = CODE
    number: int = 0

    def __post_init__(self) -> None:
        self.cloud["dynamodb"].create(SETTINGS.table)
        for shard, parents in self.parents.items():
            stream = self.streams.get(shard, STREAM)
            self.cloud["kinesis"].streams.setdefault(stream, {})[shard] = parents
            self.logs[shard] = []

    def __repr__(self) -> str:
        return f"World({self.logs})"

    def shard(self, name: str) -> Shard:
        """The shard of this name, in its stream."""
        return Shard(self.streams.get(name, STREAM), name)

    def put(self, shard: str, arrival: int, key: str, data: bytes) -> Record:
        """One more record on the shard."""
        self.number += 7
        record = Record(self.number, arrival, key, data)
        self.logs[shard].append(record)
        return record

    def say(self, shard: str, envelope: Envelope, arrival: int) -> Record:
        """One more event on the shard, sealed."""
        return self.put(shard, arrival, envelope.subject, seal(envelope, KEY).encode())

    def batch(self, shard: str, start: int = 0, end: int | None = None) -> Batch:
        """These records of the shard, as the consumer gets them."""
        return Batch(self.shard(shard), tuple(self.logs[shard][start:end]))

    def drop(self) -> None:
        """The table is deleted."""
        self.cloud["dynamodb"].drop(SETTINGS.table)

    def create(self) -> None:
        """The table is made anew, if it is missing."""
        if SETTINGS.table not in self.cloud["dynamodb"].tables:
            self.cloud["dynamodb"].create(SETTINGS.table)

    @property
    def items(self) -> dict[tuple[str, str], Any]:
        """The table as it is."""
        return self.cloud["dynamodb"].tables[SETTINGS.table]

    def rows(self) -> naive.Rows:
        """The rows of the table that the log explains."""
        return naive.plain(self.items.values())

    def checkpoints(self) -> dict[str, dict[str, Any]]:
        """Every shard's checkpoint as it lies in the table."""
        found = {
            key[1]: json.loads(item["body"]["S"])
            for key, item in self.items.items()
            if key[0] == "checkpoint/live"
        }
        return dict(sorted(found.items()))

    def fold(self, upto: Mapping[str, naive.Reach] | None = None) -> naive.Fold:
        """The naive fold of what lies on the shards."""
        logs = {
            str(self.shard(name)): naive.Log(
                [str(self.shard(parent)) for parent in self.before(name)], records
            )
            for name, records in self.logs.items()
        }
        return naive.expected(logs, upto, self.code.deciders, self.code.views, lambda: TRUST)

    def before(self, shard: str) -> Sequence[str]:
        """The shards that must be folded before this one."""
        older = [s for s in self.parents if _age(self.shard(s)) < _age(self.shard(shard))]
        return self.parents[shard] or older

    def explained(self) -> naive.Rows:
        """The naive fold up to the checkpoints: what the rows must be at this very moment."""
        upto = {shard: naive.Reach.of(found) for shard, found in self.checkpoints().items()}
        return self.fold(upto).rows


def _age(shard: Shard) -> int:
    return int(shard.stream.rpartition("-")[2])


class Promptly:
    """An executor whose work is done when it is asked for, so that a schedule is one order."""

    def __init__(self, _: int) -> None:
        pass

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def submit(self, work: Callable[..., Any], *arguments: Any) -> Future[Any]:
        """The work, done."""
        future: Future[Any] = Future()
        future.set_result(work(*arguments))
        return future

    map = staticmethod(map)


_unsealed: dict[Any, Any] = {}


def unsealed(data: bytes, **known: Any) -> Envelope:
    """`unseal`, which is pure, once for each record and clock."""
    asked = (data, *known.values())
    if asked not in _unsealed:
        try:
            _unsealed[asked] = unseal(data, **known)
        except SecurityError as doubt:
            _unsealed[asked] = doubt
    if isinstance(_unsealed[asked], SecurityError):
        raise _unsealed[asked]
    return _unsealed[asked]


decoded = lru_cache(maxsize=None)(archive.decode)  # pure too, and read again and again


def _signature(kid: str, signed: bytes) -> bytes:
    return hashlib.blake2b(signed, key=kid.encode(), digest_size=64).digest()


def _verify(key: PublicKey, token: Token) -> None:
    if token.signature != _signature(key.kid, token.signed):
        raise BadSignature("the signature does not fit")


def cheaply_signed(patch: pytest.MonkeyPatch) -> None:
    """Signatures cost next to nothing: what they are worth is the signing layer's own tests'."""
    for key in (KEY, NOTARY):
        patch.setattr(key, "sign", partial(_signature, key.kid))
    patch.setattr(PublicKey, "verify", _verify)


@contextmanager
def simulated(world: World) -> Iterator[pytest.MonkeyPatch]:
    """The engine runs on this world's clouds; what a process remembers is forgotten."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(config, "client", world.cloud.client)
        patch.setattr(config, "settings", lambda: SETTINGS)
        patch.setattr(keys, "trust", lambda *, reload=False: TRUST)
        patch.setattr(keys, "notary", lambda: NOTARY)
        patch.setattr(projector, "unseal", unsealed)
        patch.setattr(naive, "unseal", unsealed)
        patch.setattr(archive, "decode", decoded)
        patch.setattr(archive, "ThreadPoolExecutor", Promptly)
        patch.setattr(archive, "_tails", {})
        patch.setattr(archive.gaps, "now", lambda: 0)  # no shard was quiet for long
        for room in (candidate, notary):
            patch.setattr(room, "ThreadPoolExecutor", Promptly)
        patch.setattr(pace, "BESIDE", 1e9)
        patch.setattr(projector, "CATCH_UP_S", 60.0)
        patch.setattr(projector, "GROUP", 5)
        patch.setattr(store, "MOST_ROWS", 9)
        patch.setattr(archive, "HELD_NAMES", 3)
        yield patch
        register.forget()
        _unsealed.clear()
        decoded.cache_clear()
