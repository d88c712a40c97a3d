"""A small shop as copies of its buckets and keys: folders, made without any cloud."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from typer.testing import CliRunner

from chalicelib import archive, personal
from chalicelib.archive import Segment
from chalicelib.events import SYSTEM, Envelope, Record, Shard
from chalicelib.signing import SigningKey, Trust, keys, seal, system_trust
from ops.__main__ import app
from ops.restore.copies import Copies

BEGUN_MS = 1_795_224_680_000
PII = f"e30..{'a' * 16}.c2VjcmV0.{'t' * 22}"
STREAM = "tillstream-local-3"
ZERO, ONE = "shardId-000000000000", "shardId-000000000001"


@dataclass
class Shop:
    """What is written here can be spoilt, and is then refused."""

    folder: Path
    stream: str = STREAM
    number: int = 0
    ends: dict[str, Segment] = field(default_factory=dict)

    @property
    def copies(self) -> Copies:
        return Copies(self.folder / "archive", self.folder / "vault", self.folder / "keys")

    def begin(self) -> Shop:
        """Keys, a trust document, and the secrets."""
        for place in (self.copies.archive, self.copies.vault, self.copies.keys):
            place.mkdir(parents=True)
        named = {
            name: keys.write_key_file(self.copies.key_file(name))
            for name in ("root", "system", "notary")
        }
        self.root, self.system = named["root"], named["system"]
        document = system_trust(self.system.public.jwk, notary=named["notary"].public.jwk)
        self.archived("trust/1.json", Trust.sign(document, self.root))
        self.secret("secrets/names", b"n" * 32)
        return self

    def archived(self, name: str, body: bytes) -> Path:
        return written(self.copies.archive / name, body)

    def secret(self, name: str, body: bytes) -> Path:
        return written(self.copies.vault / name, body)

    def person(self, name: str) -> None:
        """They have a key in the vault's copy."""
        jwk = {"kty": "oct", "kid": f"of-{name}", "k": "a" * 43}
        self.secret(personal.place(name), json.dumps(jwk).encode())

    def said(
        self,
        subject: str,
        move: str,
        actor: str,
        key: SigningKey | None = None,
        /,
        **members: object,
    ) -> Record:
        """One record; what is not an attribute of the event is its data."""
        self.number += 1
        arrival, kind = BEGUN_MS + self.number, subject.partition("/")[0]
        moment = datetime.fromtimestamp(arrival / 1000, UTC).isoformat(timespec="milliseconds")
        event = Envelope(
            id=f"event-{self.number}",
            source=SYSTEM,
            type=f"tillstream.{kind}.{move}.v1",
            subject=subject,
            time=moment.replace("+00:00", "Z"),
            stream=self.stream,
            actor=actor,
            expects=members.pop("expects", None),
            data=members,
        )
        return Record(self.number, arrival, subject, seal(event, key or self.system).encode())

    def segment(
        self, *records: Record, shard: str = ZERO, parents: tuple[str, ...] = (), clock: int = 0
    ) -> Path:
        """The next of the shard's segments, in its file."""
        place, last = Shard(self.stream, shard), self.ends.get(shard)
        if last is None:
            made = Segment(place, 0, records, None, clock, parents)
        else:
            made = Segment(place, last.last, records, last.before, last.tail.clock)
        self.ends[shard] = made
        return self.archived(archive.name_of(place, made.before), archive.encode(made))

    def of(self, shard: str) -> str:
        return str(Shard(self.stream, shard))


def written(path: Path, body: bytes) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(body)
    return path


def furnished(folder: Path, stream: str = STREAM) -> Shop:
    """Two shards; ann has a key, ben was erased though he has one, and cid's is missing."""
    shop = Shop(folder, stream).begin()
    for name in ("ann", "ben", "secret.ann"):
        shop.person(name)
    shop.segment(
        shop.said("customer/ann", "registered", "ann", publicName="Ann"),
        shop.said("customer/ann", "updated", "ann", pii=PII),
        shop.said("customer/ben", "updated", "ben", pii=PII),
    )
    shop.segment(
        shop.said("product/cup", "viewed", "cid"),
        shop.said("customer/cid", "updated", "cid", pii=PII),
        shop.said("customer/ben", "erased", "admin"),
    )
    shop.segment(shop.said("ticket/1", "opened", "dot", pii=PII), shard=ONE)
    shop.archived("done/charge@x", b"{}")
    shop.archived("pictures/" + "a" * 64, b"picture")
    shop.archived("tree-head", b"head")
    shop.archived("tree-heads/3", b"head")
    return shop


def asked(state: Path, *words: str | Path) -> Any:
    """The verb, typed by somebody who is in no shop."""
    none = dict.fromkeys(("STAGE", "STREAM", "TABLE"))
    return CliRunner().invoke(app, ["restore", *map(str, words)], env={**none, "STATE": str(state)})


def restored(shop: Shop, state: Path) -> Any:
    """The same, of these copies."""
    copies = shop.copies
    return asked(state, "--archive", copies.archive, "--vault", copies.vault, "--keys", copies.keys)
