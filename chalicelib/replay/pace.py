"""How fast a candidate may write: half of what the live set used in the last minute, and a little.

A row of a transaction counts as two write units, the live set's and the candidate's alike: what
the live set used stands in its checkpoints.
"""

from __future__ import annotations

import threading
import time

from chalicelib import archive, checkpoint
from chalicelib.store.used import minute

UNITS = 2  # of a row of up to 1 KB in a transaction
BESIDE = 200.0
LOOK_S = 10.0


class Pace:
    """Called with the rows of each commit, it waits until the next may come; for all threads."""

    def __init__(self, rate: float | None = None) -> None:
        self._given, self._rate = rate, rate or BESIDE
        self._lock = threading.Lock()
        self._free = self._looked = 0.0

    def __call__(self, rows: int) -> None:
        """So many rows were written."""
        with self._lock:
            now = time.monotonic()
            self._look(now)
            self._free = max(self._free, now) + rows * UNITS / self._rate
            wait = self._free - now
        time.sleep(wait)

    def _look(self, now: float) -> None:
        if self._given is None and now - self._looked > LOOK_S:
            self._looked, self._rate = now, allowed()


def allowed() -> float:
    """Write units a second, as the live set's checkpoints now say."""
    live = checkpoint.all_of(archive.shards()).values()
    return BESIDE + UNITS * sum(found.used.of_last(minute()) for found in live) / 60 / 2
