"""What one more record costs when the log is long: PutRecord at 1,000,000 stored against 1,000.

Two local Kinesis processes, one with a short log and one with a long one, are put to in turn
through boto3, so that whatever else the machine does falls on both alike.
"""

from __future__ import annotations

import contextlib
import os
import statistics
import subprocess
import sys
import tempfile
import time
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

import boto3

from local.kinesis import disk

if TYPE_CHECKING:
    from collections.abc import Iterator

stream = "tillstream-bench-1"
record_bytes = 900
warm_up = 200
samples = 1_000
_root = Path(__file__).parents[1]


def put_ratio_1m() -> float:
    """The median cost of a PutRecord at 1,000,000 stored records, over that at 1,000."""
    short, long = put_costs(1_000, 1_000_000)
    return long / short


def put_costs(*lengths: int) -> list[float]:
    """The median seconds of a PutRecord for each length of the log, measured in turn."""
    with contextlib.ExitStack() as stack:
        clients = [stack.enter_context(_log_of(length)) for length in lengths]
        for client in clients:
            for turn in range(warm_up):
                _put_time(client, turn)
        times = [[_put_time(client, turn) for client in clients] for turn in range(samples)]
    return [statistics.median(each) for each in zip(*times, strict=True)]


def _put_time(client: Any, turn: int) -> float:
    data = os.urandom(record_bytes)
    begun = time.perf_counter()
    client.put_record(StreamName=stream, PartitionKey=f"order/{turn}", Data=data)
    return time.perf_counter() - begun


@contextlib.contextmanager
def _log_of(length: int) -> Iterator[Any]:
    """A client of a Kinesis whose stream of two shards holds that many records."""
    with tempfile.TemporaryDirectory() as name:
        with _kinesis(Path(name)) as client:
            client.create_stream(StreamName=stream, ShardCount=2)
        _fill(Path(name), length)
        with _kinesis(Path(name)) as client:
            yield client


@contextlib.contextmanager
def _kinesis(directory: Path) -> Iterator[Any]:
    command = [sys.executable, "-m", "local.kinesis", "--data", str(directory)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=_root) as process:
        try:
            assert process.stdout is not None
            url = process.stdout.readline().split()[1]
            with closing(_client(url)) as client:
                yield client
        finally:
            process.terminate()


def _client(url: str) -> Any:
    return boto3.client(
        "kinesis",
        endpoint_url=url,
        region_name=disk.region,
        aws_access_key_id="local",
        aws_secret_access_key="local",
    )


def _fill(directory: Path, length: int, step: int = 20_000) -> None:
    """Records of the last minutes, straight into the tables, over both shards."""
    with closing(disk.connect(directory)) as database:
        database.execute("PRAGMA synchronous = NORMAL")
        shards = [id_ for (id_,) in database.execute("SELECT id FROM shards ORDER BY number")]
        data, kept_ms = os.urandom(record_bytes + step), disk.retention_hours * disk.hour_ms
        for begun in range(0, length, step):
            with disk.transaction(database, disk.wall_clock, kept_ms) as current:
                database.executemany(
                    "INSERT INTO records VALUES (?, ?, ?, ?, ?)",
                    [
                        (
                            current.next_number(),
                            shards[turn % len(shards)],
                            current.now,
                            f"order/{turn}",
                            data[turn - begun : turn - begun + record_bytes],
                        )
                        for turn in range(begun, min(begun + step, length))
                    ],
                )
        database.execute("PRAGMA wal_checkpoint(TRUNCATE)")


if __name__ == "__main__":
    costs = put_costs(1_000, 1_000_000)
    print(f"PutRecord p50 at 1,000 records {costs[0] * 1000:.2f} ms,", end=" ")
    print(f"at 1,000,000 {costs[1] * 1000:.2f} ms: ratio {costs[1] / costs[0]:.2f}")
