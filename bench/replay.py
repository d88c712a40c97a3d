"""An emptied table that catches up: how fast, and in how much memory however long the archive is.

The archive is of segments of between 100 and 1,000 records, or of a handful each. Then a process
of its own, which holds nothing else, sweeps until an empty table is level: the same code that heals
a shop. Its peak is the most memory that it ever had resident, as Linux tells it of this process
alone; libraries and connections are in it, and stand beside it as `idle_mb`. CPU is told in bare
verifications, measured right before and after, as in `consumer`.
"""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from bench import consumer, fill, refill, world
from chalicelib.events import Shard

if TYPE_CHECKING:
    from local.cloud import Cloud

ROOT = Path(__file__).parents[1]


@dataclass(frozen=True, slots=True)
class Replay:
    """Of one archive, from its first event to level."""

    events_per_s: float
    cpu_verifications: float
    peak_mb: float
    idle_mb: float


def measure(running: Cloud, mix: world.Mix, sizes: tuple[int, int] = fill.BUSY) -> Replay:
    """A shop whose archive holds the events and whose table holds nothing, caught up."""
    names = world.open_shop(running)
    fill.fill(Shard(names.stream, world.SHARD), mix, sizes)
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
