"""The one that writes: a thread that puts all that waits into one transaction.

While one commit is on its way to the disk, the next one's jobs gather. An outcome is handed over
only after the commit that holds it.
"""

from __future__ import annotations

import logging
import queue
import threading
import time
from typing import TYPE_CHECKING, Any

from local.kinesis import disk, writes
from local.kinesis.errors import KinesisError, internal_failure

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable

    from local.kinesis.writes import Job

    Outcome = dict[str, Any] | None | KinesisError
    Done = Callable[[Outcome], None]
    Waiting = tuple[Job, Done]
    Delivered = list[tuple[Done, Outcome]]

log = logging.getLogger(__name__)

jobs_a_commit = 256
trim_again_s = 0.02
trim_pause_s = 60.0


class Writer(threading.Thread):
    """Runs jobs in the order of `submit`; `deliver` gets a commit's outcomes, in this thread.

    A record is kept for so many hours.
    """

    def __init__(
        self,
        connection: sqlite3.Connection,
        clock: Callable[[], int],
        deliver: Callable[[Delivered], object],
        hours: int,
    ) -> None:
        super().__init__(name="kinesis-writer", daemon=True)
        self._connection = connection
        self._clock = clock
        self._deliver = deliver
        self._kept_ms = hours * disk.hour_ms
        self._queue: queue.SimpleQueue[Waiting | None] = queue.SimpleQueue()
        self._next_trim = 0.0

    def submit(self, job: Job, done: Done) -> None:
        self._queue.put((job, done))

    def stop(self) -> None:
        """What was submitted is committed; then the thread ends."""
        self._queue.put(None)
        self.join()

    def run(self) -> None:
        going = True
        while going:
            batch, going = self._take()
            delivered = self._commit(batch)
            if delivered:
                self._deliver(delivered)

    def _take(self) -> tuple[list[Waiting], bool]:
        """All that waits, up to a limit; nothing when it is time to trim. False: asked to stop."""
        batch: list[Waiting] = []
        try:
            first = self._queue.get(timeout=max(0.0, self._next_trim - time.monotonic()))
            while first is not None:
                batch.append(first)
                if len(batch) == jobs_a_commit:
                    return batch, True
                first = self._queue.get_nowait()
        except queue.Empty:
            return batch, True
        return batch, False

    def _commit(self, batch: list[Waiting]) -> Delivered:
        try:
            with disk.transaction(self._connection, self._clock, self._kept_ms) as current:
                outcomes = [_outcome(job, current) for job, _ in batch]
                self._trim_if_due(current)
        except Exception:
            log.exception("a commit failed: none of its %d requests is on disk", len(batch))
            outcomes = [internal_failure() for _ in batch]
        return [(done, outcome) for (_, done), outcome in zip(batch, outcomes, strict=True)]

    def _trim_if_due(self, current: disk.Transaction) -> None:
        if time.monotonic() >= self._next_trim:
            pause = trim_again_s if writes.trim(current) else trim_pause_s
            self._next_trim = time.monotonic() + pause


def _outcome(job: Job, current: disk.Transaction) -> Outcome:
    try:
        return job(current)
    except KinesisError as refusal:
        return refusal
