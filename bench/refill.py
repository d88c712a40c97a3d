"""The process that catches up, alone: it sweeps until the table is level, and says what that took.

It imports what ships and nothing else, so that its memory is that of a Lambda that heals a shop.
"""

from __future__ import annotations

import json
import time
from dataclasses import asdict, dataclass
from pathlib import Path

from chalicelib import checkpoint, config, projector, register, store
from chalicelib.signing import keys


@dataclass(frozen=True, slots=True)
class Spent:
    """What catching up took; `idle_mb` is the peak before the first segment was read."""

    seconds: float
    cpu_s: float
    peak_mb: float
    idle_mb: float


def refill() -> Spent:
    """From here until level; connections and keys are there, as any process but a new one has."""
    store.get(register.READY)
    keys.trust()
    config.client("s3").list_objects_v2(Bucket=config.settings().archive_bucket, MaxKeys=1)
    idle, begun, cpu = _peak_mb(), time.perf_counter(), time.process_time()
    while not checkpoint.is_ready():
        projector.sweep()
    return Spent(time.perf_counter() - begun, time.process_time() - cpu, _peak_mb(), idle)


def _peak_mb() -> float:
    """Not by getrusage, which tells the peak of the process that started this one, if larger."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) / 1024
    raise RuntimeError("the system does not tell the peak of a process")


if __name__ == "__main__":
    print(json.dumps(asdict(refill())))
