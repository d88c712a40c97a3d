"""Drives app.py's Lambda handlers as Lambda's event-source mappings would.

- One shard, one batch at a time, in order: at most 1,000 records and 6 MB. A batch that raises is
  given again, unchanged, after 0.1 s doubling to 5 s; it is never skipped and never cut.
- No position is kept: a shard starts after the tail of its archive, or at its beginning.
- A child shard starts only when every ancestor that the stream still lists was read to its end.
- `sweep` is called at once and then each minute.

On SIGTERM the batch in hand is finished and nothing else is begun.
"""

from __future__ import annotations

import base64
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from chalicelib import archive, config, telemetry
from chalicelib.errors import TillstreamError
from chalicelib.events import Shard

MOST_RECORDS = 1000
MOST_BYTES = 6 * 1024 * 1024
IDLE_S = 0.02
LIST_S = 5.0
SWEEP_S = 60.0
BACK_OFF_S = (0.1, 5.0)
ARN = "arn:aws:kinesis:eu-central-1:000000000000:stream/"

Handler = Callable[[dict[str, Any], Any], Any]
Tail = Callable[[Shard], int | None]


def archived(shard: Shard) -> int | None:
    """The last sequence number of the shard that the archive holds."""
    return archive.tail(shard).last or None


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

    def run(self) -> None:
        """Until `stop` is set; then once every batch in hand is done."""
        sweeper = threading.Thread(target=self._sweep, name="sweep")
        sweeper.start()
        while not self.stop.is_set():
            self._start_shards()
            self.stop.wait(LIST_S if self.threads else BACK_OFF_S[0])
        for thread in (sweeper, *self.threads.values()):
            thread.join()

    def _sweep(self) -> None:
        while not self.stop.is_set():
            try:
                self.sweep({}, Context("sweep"))
            except Exception as failure:  # noqa: BLE001  (Lambda logs it and calls again)
                telemetry.say("sweep-failed", error=f"{type(failure).__name__}: {failure}")
            self.stop.wait(SWEEP_S)

    def _start_shards(self) -> None:
        try:
            listed = _shards(self.stream)
        except (ClientError, BotoCoreError) as failure:
            telemetry.say("no-shards", reason=str(failure))
            return
        for name in startable(listed, self.drained):
            if name not in self.threads:
                thread = threading.Thread(target=self._drive, args=(name,), name=name)
                self.threads[name] = thread
                thread.start()

    def _drive(self, name: str) -> None:
        """The shard to its end, or until stopped."""
        shard = Shard(self.stream, name)
        for records in _batches(shard, self.tail_of, self.stop):
            for batch in cut(records):
                if not self._deliver(shard, batch):
                    return
        if not self.stop.is_set():
            self.drained.add(name)

    def _deliver(self, shard: Shard, records: Sequence[Mapping[str, Any]]) -> bool:
        """Whether the batch succeeded; it is tried until it does, or all stops."""
        event, pause = invocation(shard, records), BACK_OFF_S[0]
        while not self.stop.is_set():
            try:
                self.project(event, Context("project"))
            except Exception as failure:  # noqa: BLE001  (whatever it is, Lambda tries again)
                reason = f"{type(failure).__name__}: {failure}"
                telemetry.say("batch-failed", shard=str(shard), records=len(records), error=reason)
                self.stop.wait(pause)
                pause = min(pause * 2, BACK_OFF_S[1])
            else:
                return True
        return False


@dataclass(frozen=True)
class Context:
    """What a handler may ask of Lambda."""

    function_name: str
    aws_request_id: str = "local"

    def get_remaining_time_in_millis(self) -> int:
        """Time enough: nothing is cut off locally."""
        return 60_000


def startable(listed: Sequence[Mapping[str, Any]], drained: set[str]) -> list[str]:
    """The shards all of whose listed ancestors are drained."""
    by_name = {entry["ShardId"]: entry for entry in listed}

    def waits(name: str) -> bool:
        entry = by_name[name]
        parents = (entry.get("ParentShardId"), entry.get("AdjacentParentShardId"))
        return any(p in by_name and (p not in drained or waits(p)) for p in parents)

    return [name for name in by_name if not waits(name)]


def cut(records: Sequence[Mapping[str, Any]]) -> Iterator[Sequence[Mapping[str, Any]]]:
    """The records in batches that Lambda would take: base64 within 6 MB."""
    start = size = 0
    for at, record in enumerate(records):
        grown = len(record["Data"]) * 4 // 3 + 400
        if at > start and (at - start >= MOST_RECORDS or size + grown > MOST_BYTES):
            yield records[start:at]
            start, size = at, 0
        size += grown
    if records:
        yield records[start:]


def invocation(shard: Shard, records: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """The event that Lambda gives a Kinesis consumer."""
    return {
        "Records": [
            {
                "eventSource": "aws:kinesis",
                "eventVersion": "1.0",
                "eventID": f"{shard.id}:{record['SequenceNumber']}",
                "eventName": "aws:kinesis:record",
                "invokeIdentityArn": "arn:aws:iam::000000000000:role/local",
                "awsRegion": "eu-central-1",
                "eventSourceARN": ARN + shard.stream,
                "kinesis": {
                    "kinesisSchemaVersion": "1.0",
                    "partitionKey": record["PartitionKey"],
                    "sequenceNumber": record["SequenceNumber"],
                    "data": base64.b64encode(record["Data"]).decode(),
                    "approximateArrivalTimestamp": record[
                        "ApproximateArrivalTimestamp"
                    ].timestamp(),
                },
            }
            for record in records
        ]
    }


def _batches(
    shard: Shard, tail_of: Tail, stop: threading.Event
) -> Iterator[Sequence[Mapping[str, Any]]]:
    """What lies in the shard after the archive's tail, as it comes; ends with a closed shard."""
    last: int | None = None
    iterator: str | None = None
    while not stop.is_set():
        try:
            if iterator is None:
                last = last or tail_of(shard)
                iterator = _iterator(shard, last)
            answer = config.client("kinesis").get_records(ShardIterator=iterator, Limit=10_000)
        except (ClientError, BotoCoreError, TillstreamError) as failure:
            telemetry.say("shard-unread", shard=str(shard), reason=str(failure))
            iterator = None
            stop.wait(BACK_OFF_S[0])
            continue
        if answer["Records"]:
            yield answer["Records"]
            last = int(answer["Records"][-1]["SequenceNumber"])
        iterator = answer.get("NextShardIterator")
        if iterator is None:
            return
        if not answer["Records"]:
            stop.wait(IDLE_S)


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


def _shards(stream: str) -> list[dict[str, Any]]:
    shards: list[dict[str, Any]] = []
    for page in config.client("kinesis").get_paginator("list_shards").paginate(StreamName=stream):
        shards += page["Shards"]
    return shards


def main() -> None:
    """Drive the handlers of app.py in the folder above this one, until told to stop."""
    sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))  # noqa: PTH100, PTH120
    import app  # noqa: PLC0415  (it reads the environment)

    dispatcher = Dispatcher(config.settings().stream, app.project, app.sweep)
    for name in (signal.SIGTERM, signal.SIGINT):
        signal.signal(name, lambda *_: dispatcher.stop.set())
    dispatcher.run()


if __name__ == "__main__":
    main()
