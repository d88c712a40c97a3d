"""Events on the archive of a fresh shop, folded or not, without a stream."""

from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from chalicelib import archive, projector
from chalicelib.events import SYSTEM, Batch, Envelope, Position, Record, Shard
from chalicelib.signing import keys, seal

BEGUN_MS = 1_795_224_680_000


class Logbook:
    """One shard of the shop. Sequence numbers and arrivals count up from 1."""

    def __init__(self, names, shard=0):
        self.shard = Shard(names.stream, f"shardId-{shard:012d}")
        self.last = 0

    def record(self, kind="viewed", product="cup", actor="cleo", at=0, **data):
        """A sealed event; `at` milliseconds are added to its arrival."""
        event = self.event(kind, product, actor, at, **data)
        return self.put(seal(event, keys.producer()).encode(), event.subject, at)

    def event(self, kind="viewed", product="cup", actor="cleo", at=0, **data):
        """What the next record says, as it would be sealed."""
        number = self.last + 1
        arrival = BEGUN_MS + number + at
        moment = datetime.fromtimestamp(arrival / 1000, UTC).isoformat(timespec="milliseconds")
        return Envelope(
            id=f"event-{self.shard.id[-1]}-{number}",
            source=SYSTEM,
            type=f"tillstream.product.{kind}.v1",
            subject=f"product/{product}",
            time=moment.replace("+00:00", "Z"),
            stream=self.shard.stream,
            actor=actor,
            data=data,
        )

    def put(self, data, key="product/cup", at=0):
        """The next record, whatever it holds."""
        self.last += 1
        return Record(self.last, BEGUN_MS + self.last + at, key, data)

    def nonsense(self):
        return self.put(b"no.such\xfftoken")

    def position(self, record):
        return str(Position(self.shard, record.sequence))

    def archive(self, *records):
        """One segment that nobody has folded."""
        archive.append(Batch(self.shard, records), lambda _: [])

    def fold(self, *records):
        projector.project(Batch(self.shard, records))


def explodes(*_):
    raise ZeroDivisionError("by this \x1b[2J event")


def unable(name):
    """The code of this shop, but its view of this name can fold nothing."""
    views = [replace(v, reduce=explodes) if v.name == name else v for v in projector.LIVE.views]
    return replace(projector.LIVE, views=views)


@contextmanager
def folds_by(code):
    """Meanwhile the logbooks fold by other code."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(projector.project, "__defaults__", (code,))
        yield
