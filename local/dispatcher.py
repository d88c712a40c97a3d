"""`python -m local.dispatcher`: the Lambda handlers of app.py, called as their mappings would.

- One shard, one batch at a time, in order. A batch that raises is given again, unchanged, after
  0.1 s doubling to 5 s; it is never skipped and never cut.
- No position is kept: a shard starts after the tail of its archive, or at its beginning, where it
  has none or one that lies before the shard: then the consumer refuses it, and is asked again.
- A child shard starts once every ancestor that the stream still lists was read to its end; at once
  when the last of them was.
- `sweep` is called at once and then each minute, or at once again after one that took most of its
  minute: that was cut off with more to catch up on; `work` for each message of its queue (`pokes`).
- A shard that had records is asked again at once, an empty one after 10 ms growing to 50: a shop
  where nothing happens costs a tenth of a core. New shards are looked for every five seconds.

On SIGTERM the batch in hand is finished and nothing else is begun. A batch that fails is not in
hand while it waits to be tried again.
"""

from __future__ import annotations

import importlib
import os
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from chalicelib import archive, config, telemetry
from chalicelib.errors import TillstreamError
from chalicelib.events import Shard
from local.batches import cut, invocation, scheduled, startable
from local.pokes import Pokes
from local.quiet import speak_in_lines
from local.stop import when_told

if TYPE_CHECKING:
    from local.batches import Records

IDLE_S = (0.01, 0.05)
# What comes meanwhile is one batch and one segment, not ten: under load a third of the CPU.
GATHER_S = 0.02
LIST_S = 5.0
SWEEP_S = 60.0
LONG_S = 30.0
BACK_OFF_S = (0.1, 5.0)
READ_LIMIT = 10_000  # several batches a call; Lambda reads so too

Handler = Callable[[dict[str, Any], Any], Any]
Tail = Callable[[Shard], int | None]


def archived(shard: Shard) -> int | None:
    """The last sequence number of the shard that the archive holds."""
    return archive.tail(shard).last or None


@dataclass(frozen=True)
class Context:
    """What a handler may ask of Lambda."""

    function_name: str
    aws_request_id: str = "local"

    def get_remaining_time_in_millis(self) -> int:
        """Time enough: nothing is cut off locally."""
        return 60_000


@dataclass
class Dispatcher:
    """The mappings of one stream. `tail_of` says after which record a shard starts."""

    stream: str
    project: Handler
    sweep: Handler
    tail_of: Tail = archived
    stop: threading.Event = field(default_factory=threading.Event)
    drained: set[str] = field(default_factory=set)
    threads: dict[str, threading.Thread] = field(default_factory=dict)
    starting: threading.Lock = field(default_factory=threading.Lock)

    def run(self) -> None:
        """Until `stop` is set; then once every batch in hand is done."""
        sweeper = threading.Thread(target=self._sweep, name="sweep")
        sweeper.start()
        while not self.stop.is_set():
            self._start_shards()
            self.stop.wait(LIST_S if self.threads else BACK_OFF_S[0])
        with self.starting:  # who is in there has begun all that it will
            begun = [sweeper, *self.threads.values()]
        for thread in begun:
            thread.join()

    def _sweep(self) -> None:
        while not self.stop.is_set():
            begun = time.monotonic()
            try:
                self.sweep(scheduled(), Context("sweep"))
            except Exception as failure:  # noqa: BLE001  (Lambda logs it and calls again)
                telemetry.say("sweep-failed", error=type(failure).__name__)
            spent = time.monotonic() - begun
            self.stop.wait(SWEEP_S - spent if spent < LONG_S else 0.0)

    def _start_shards(self) -> None:
        try:
            listed = _shards(self.stream)
        except (ClientError, BotoCoreError) as failure:
            telemetry.say("no-shards", reason=str(failure))
            return
        begins = {each["ShardId"]: _begins(each) for each in listed}
        with self.starting:
            for name in startable(listed, self.drained):
                if not self.stop.is_set() and self._is_idle(name):
                    driven = (name, begins[name])
                    self.threads[name] = threading.Thread(
                        target=self._drive, args=driven, name=name
                    )
                    self.threads[name].start()

    def _is_idle(self, name: str) -> bool:
        """Whether nobody drives the shard, yet or any more, although it was not read to its end."""
        driver = self.threads.get(name)
        return name not in self.drained and (driver is None or not driver.is_alive())

    def _drive(self, name: str, begins: int) -> None:
        """The shard to its end, or until stopped. What breaks here is begun again."""
        shard = Shard(self.stream, name)
        try:
            for records in _read(shard, begins, self.tail_of, self.stop):
                for batch in cut(records):
                    if not self._deliver(shard, batch):
                        return
        except Exception as failure:  # noqa: BLE001  (no shard stands still in silence)
            telemetry.say("shard-broken", shard=str(shard), error=type(failure).__name__)
            return
        if not self.stop.is_set():
            self.drained.add(name)
            self._start_shards()

    def _deliver(self, shard: Shard, records: Records) -> bool:
        """Whether the batch succeeded; it is tried until it does, or all stops."""
        event, pause = invocation(shard, records), BACK_OFF_S[0]
        while not self.stop.is_set():
            try:
                self.project(event, Context("project"))
            except Exception as failure:  # noqa: BLE001  (whatever it is, Lambda tries again)
                kind = type(failure).__name__
                reason = str(failure) if isinstance(failure, TillstreamError) else ""
                telemetry.say(
                    "batch-failed",
                    shard=str(shard),
                    first=records[0]["SequenceNumber"],
                    records=len(records),
                    error=kind,
                    reason=reason,
                )
                self.stop.wait(pause)
                pause = min(pause * 2, BACK_OFF_S[1])
            else:
                return True
        return False


def _read(shard: Shard, begins: int, tail_of: Tail, stop: threading.Event) -> Iterator[Records]:
    """What lies in the shard after the archive's tail, as it comes; ends with a closed shard."""
    last: int | None = None
    iterator: str | None = None
    pause = IDLE_S[0]
    while not stop.is_set():
        try:
            if iterator is None:
                last = last or tail_of(shard)
                iterator = _iterator(shard, last if last and last >= begins else None)
            answer = config.client("kinesis").get_records(ShardIterator=iterator, Limit=READ_LIMIT)
        except (ClientError, BotoCoreError, TillstreamError) as failure:
            telemetry.say("shard-unread", shard=str(shard), reason=str(failure))
            iterator = None
            stop.wait(BACK_OFF_S[0])
            continue
        if answer["Records"]:
            yield answer["Records"]
            stop.wait(GATHER_S)
            last = int(answer["Records"][-1]["SequenceNumber"])
            pause = IDLE_S[0]
        iterator = answer.get("NextShardIterator")
        if iterator is None:
            return
        if not answer["Records"]:
            stop.wait(pause)
            pause = min(pause * 1.25, IDLE_S[1])


def _iterator(shard: Shard, last: int | None) -> str:
    start = {"ShardIteratorType": "TRIM_HORIZON"}
    if last is not None:
        start = {
            "ShardIteratorType": "AFTER_SEQUENCE_NUMBER",
            "StartingSequenceNumber": str(last),
        }
    answer = config.client("kinesis").get_shard_iterator(
        StreamName=shard.stream, ShardId=shard.id, **start
    )
    found: str = answer["ShardIterator"]
    return found


def _begins(listed: dict[str, Any]) -> int:
    return int(listed["SequenceNumberRange"]["StartingSequenceNumber"])


def _shards(stream: str) -> list[dict[str, Any]]:
    shards: list[dict[str, Any]] = []
    for page in config.client("kinesis").get_paginator("list_shards").paginate(StreamName=stream):
        shards += page["Shards"]
    return shards


def main() -> None:
    """Drive the handlers of the app until told to stop."""
    speak_in_lines()
    app = importlib.import_module(os.environ.get("TILLSTREAM_APP", "app"))
    dispatcher = Dispatcher(config.settings().stream, app.project, app.sweep)
    pokes = Pokes(config.settings().work_queue, app.work, Context("work"), dispatcher.stop)
    when_told(dispatcher.stop.set)
    print(f"dispatcher {dispatcher.stream}", flush=True)
    worker = threading.Thread(target=pokes.run, name="work")
    worker.start()
    dispatcher.run()
    worker.join()


if __name__ == "__main__":
    main()
