"""An emptied table that catches up: how fast, and in how much memory however long the archive is.

The archive is filled as the consumer fills it, in segments of between 100 and 1,000 records. Then
a process of its own, which holds nothing else, sweeps until an empty table is level: the same code
that heals a shop. Its peak is the most memory that it ever had resident, as Linux tells it of this
process alone; libraries and connections are in it, and stand beside it as `idle_mb`. CPU is told in
bare verifications, measured right before and after, as in `consumer`.
"""

from __future__ import annotations

import json
import random
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from bench import consumer, refill, world
from chalicelib import archive
from chalicelib.events import Batch, Record, Shard
from chalicelib.signing import keys, seal

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from chalicelib.events import Envelope
    from local.cloud import Cloud

ROOT = Path(__file__).parents[1]
SMALLEST, LARGEST = 100, 1000


@dataclass(frozen=True, slots=True)
class Replay:
    """Of one archive, from its first event to level."""

    events_per_s: float
    cpu_verifications: float
    peak_mb: float
    idle_mb: float


def measure(running: Cloud, mix: world.Mix) -> Replay:
    """A shop whose archive holds the events and whose table holds nothing, caught up."""
    names = world.open_shop(running)
    fill(Shard(names.stream, world.SHARD), world.events(mix, names.stream), mix.seed)
    verification = consumer.verification_s()
    ran = subprocess.run(
        [sys.executable, "-m", "bench.refill"],
        cwd=ROOT,
        check=True,
        stdout=subprocess.PIPE,
        text=True,
    )
    verification = (verification + consumer.verification_s()) / 2
    world.check_folded(mix)
    spent = refill.Spent(**json.loads(ran.stdout))
    return Replay(
        events_per_s=mix.events / spent.seconds,
        cpu_verifications=spent.cpu_s / mix.events / verification,
        peak_mb=spent.peak_mb,
        idle_mb=spent.idle_mb,
    )


def fill(
    shard: Shard,
    events: Sequence[Envelope],
    seed: int,
    sizes: tuple[int, int] = (SMALLEST, LARGEST),
) -> None:
    """The events, sealed, in the shard's archive and nowhere else."""
    for batch in _batches(events, random.Random(seed), sizes):
        archive.append(Batch(shard, batch), lambda _: ())


def _batches(
    events: Sequence[Envelope], chance: random.Random, sizes: tuple[int, int]
) -> Iterator[tuple[Record, ...]]:
    key, at = keys.producer(), 0
    while at < len(events):
        end = at + chance.randint(*sizes)
        yield tuple(
            Record(
                world.FIRST_SEQUENCE + number,
                world.BEGUN_MS + number,
                event.subject,
                seal(event, key).encode(),
            )
            for number, event in enumerate(events[at:end], at)
        )
        at = end
