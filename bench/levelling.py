"""How long a killed shop takes to be level again, by the length of its log.

The shop is `python -m local` on a STATE of its own, two shards. Events are put on its log as
routes would, until its consumer has folded them all; then `kill -9` to every process, and time runs
from the new start until /health says `ok`: all processes up, the table filled from the archive.
"""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import islice

from bench import world
from chalicelib import archive, checkpoint, config
from chalicelib.events import Envelope, Position, Shard
from chalicelib.signing import keys, seal
from drills.own import Own, folder

CALL = 500
LOOK_S = 0.1
PATIENCE_S = 900.0


def measure(mix: world.Mix, lengths: Sequence[int]) -> dict[int, float]:
    """Seconds for each length; the log grows from one to the next."""
    found, on_log = {}, 0
    with folder() as place, Own(place) as shop:
        shop.come_back()
        shop.enter()
        events = world.each(replace(mix, events=max(lengths)), config.settings().stream)
        for length in lengths:
            _put(islice(events, length - on_log))
            on_log = length
            found[length] = _killed(shop)
    return found


def _put(events: Iterator[Envelope]) -> None:
    """On the log, and folded."""
    key, ends = keys.producer(), {}
    while some := list(islice(events, CALL)):
        now = time.strftime("%Y-%m-%dT%H:%M:%S.000Z", time.gmtime())
        records = [
            {"PartitionKey": each.subject, "Data": seal(replace(each, time=now), key).encode()}
            for each in some
        ]
        stream = config.settings().stream
        told = config.client("kinesis").put_records(StreamName=stream, Records=records)
        for record in told["Records"]:
            ends[record["ShardId"]] = int(record["SequenceNumber"])
    for name, sequence in ends.items():
        _wait_for(Position(Shard(config.settings().stream, name), sequence))


def _wait_for(position: Position) -> None:
    until = time.monotonic() + PATIENCE_S
    while not checkpoint.passed(checkpoint.read(position.shard), position):
        if time.monotonic() > until:
            raise RuntimeError(f"{position} is not folded")
        time.sleep(LOOK_S)


def _killed(shop: Own) -> float:
    """Seconds from the start after the kill until level."""
    shop.end(signal.SIGKILL)
    begun = time.perf_counter()
    shop.start()
    while not shop.says_ok():
        if time.perf_counter() > begun + PATIENCE_S:
            raise RuntimeError("the shop does not come back")
        time.sleep(LOOK_S)
    spent = time.perf_counter() - begun
    shop.come_back()
    shop.enter()
    if not all(map(_is_whole, archive.shards())):
        raise RuntimeError("the shop says ok, and is behind its archive")
    return spent


def _is_whole(shard: Shard) -> bool:
    return checkpoint.is_level(shard, checkpoint.read(shard))
