"""The server itself: HTTP, many clients at once, its end by signal, its death by kill -9."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import sqlite3
import subprocess
import sys
import threading
import urllib.parse
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import BotoCoreError
from kinesis_cases import client_of, data_of, iterator, put, read, refused, shards_of, stream

from local.kinesis import disk, serving, shards, writes

if TYPE_CHECKING:
    from collections.abc import Iterator

root = Path(__file__).parents[2]


@contextlib.contextmanager
def process(directory: Path) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """`python -m local.kinesis` and its URL."""
    command = [sys.executable, "-m", "local.kinesis", "--data", str(directory)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=root) as running:
        try:
            assert running.stdout is not None
            name, url = running.stdout.readline().split()
            assert name == "kinesis"
            yield running, url
        finally:
            running.kill()


@contextlib.contextmanager
def connected(url: str) -> Iterator[socket.socket]:
    address = urllib.parse.urlsplit(url)
    with socket.create_connection((address.hostname, address.port), timeout=5) as client:
        yield client


def request(target: str, body: bytes, *more: str, method: str = "POST") -> bytes:
    lines = [
        f"{method} / HTTP/1.1",
        "Host: localhost",
        "Content-Type: application/x-amz-json-1.1",
        f"X-Amz-Target: Kinesis_20131202.{target}",
        *(more or [f"Content-Length: {len(body)}"]),
    ]
    return "\r\n".join([*lines, "", ""]).encode() + body


def answer(client: socket.socket) -> tuple[int, dict[str, Any]]:
    with client.makefile("rb") as stream_:
        status = int(stream_.readline().split()[1])
        length = 0
        for line in iter(stream_.readline, b"\r\n"):
            name, _, value = line.partition(b":")
            if name.lower() == b"content-length":
                length = int(value)
        return status, json.loads(stream_.read(length) or b"{}")


def describe() -> bytes:
    return request("DescribeStreamSummary", json.dumps({"StreamName": stream}).encode())


def test_one_connection_serves_many_requests(url: str, kinesis: Any) -> None:
    assert kinesis
    with connected(url) as client:
        for _ in range(3):
            client.sendall(describe())
            assert answer(client)[0] == 200


def test_a_request_may_arrive_byte_by_byte_and_two_at_once(url: str, kinesis: Any) -> None:
    assert kinesis
    with connected(url) as client:
        for byte in describe():
            client.sendall(bytes([byte]))
        assert answer(client)[0] == 200
        body = {"StreamName": stream, "PartitionKey": "k", "Data": ""}
        both = request("PutRecord", json.dumps(body).encode()) + request("Nonsense", b"{}")
        client.sendall(both)
        with client.makefile("rb") as raw:
            first = raw.read1(65536)
            while b"UnknownOperation" not in first:
                first += raw.read1(65536)
    assert first.index(b"SequenceNumber") < first.index(b"UnknownOperation")


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (request("PutRecord", b"", "Transfer-Encoding: chunked"), 411),
        (request("PutRecord", b"", "Accept: */*"), 411),
        (request("PutRecord", b"", "Content-Length: x"), 400),
        (request("PutRecord", b"", "Content-Length: 33554433"), 413),
        (request("PutRecord", b"", "Content-Length: 2", "Expect: 100-continue"), 417),
        (request("PutRecord", b"{}", method="GET"), 405),
        (request("PutRecord", b"{}").replace(b"HTTP/1.1", b"HTTP/1.0"), 505),
        (request("PutRecord", b"{}").replace(b"x-amz-json", b"x-amz-cbor"), 415),
        (b"nonsense\r\n\r\n", 400),
        (b"x" * 65536, 431),
    ],
)
def test_other_http_is_refused_and_the_connection_closed(
    url: str, sent: bytes, status: int
) -> None:
    with connected(url) as client:
        client.sendall(sent)
        assert answer(client)[0] == status
        assert client.recv(1) == b""


def test_connection_close_is_heeded(url: str) -> None:
    with connected(url) as client:
        client.sendall(request("Nonsense", b"{}", "Content-Length: 2", "Connection: close"))
        assert answer(client)[0] == 400
        assert client.recv(1) == b""


@pytest.mark.parametrize(
    ("target", "body", "code"),
    [
        ("PutRecord", b"{", "SerializationException"),
        ("PutRecord", b"[]", "SerializationException"),
        ("PutRecord", b"\xff", "SerializationException"),
        ("PutRecord", b"[" * 100_000, "SerializationException"),
        ("PutRecord", b'{"StreamName": 1}', "SerializationException"),
        (
            "PutRecord",
            b'{"StreamName": "s", "PartitionKey": "k", "Data": "*"}',
            "SerializationException",
        ),
        (
            "PutRecord",
            b'{"StreamName": "s", "PartitionKey": "\\ud800", "Data": ""}',
            "SerializationException",
        ),
        ("PutRecords", b'{"StreamName": "s", "Records": [1]}', "SerializationException"),
        ("CreateStream", b'{"StreamName": "s", "ShardCount": "1"}', "SerializationException"),
        ("ListShards", b'{"StreamName": "s", "MaxResults": true}', "SerializationException"),
        ("EnableEnhancedMonitoring", b"{}", "UnknownOperationException"),
    ],
)
def test_what_cannot_be_read_is_said_so(url: str, target: str, body: bytes, code: str) -> None:
    with connected(url) as client:
        client.sendall(request(target, body))
        status, said = answer(client)
        assert (status, said["__type"]) == (400, code)


def test_an_error_of_ours_is_a_500_with_its_traceback_logged(
    kinesis: Any, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_given: object) -> None:
        raise RuntimeError("broken on purpose")

    monkeypatch.setattr(shards, "_shards", broken)
    with refused("InternalFailure"):
        kinesis.list_shards(StreamName=stream)
    assert "broken on purpose" in caplog.text
    caplog.clear()
    with monkeypatch.context() as patched:
        patched.setattr(writes, "_open_shard", broken)
        with refused("InternalFailure"):
            put(kinesis, b"lost")
    assert "broken on purpose" in caplog.text
    put(kinesis, b"kept")
    assert data_of(read(kinesis)) == ["kept"]


def test_each_of_many_clients_finds_its_records_in_its_order(url: str, kinesis: Any) -> None:
    def work(client: Any, who: int) -> list[str]:
        return [put(client, f"{who}.{turn}", str(who)) for turn in range(40)]

    with contextlib.ExitStack() as stack, ThreadPoolExecutor(8) as pool:
        clients = [stack.enter_context(client_of(url)) for _ in range(8)]
        given = list(pool.map(work, clients, range(8)))
    found = read(kinesis)
    numbers = [record["SequenceNumber"] for record in found]
    assert sorted(set(numbers), key=int) == numbers
    assert set(numbers) == {number for each in given for number in each}
    for who, each in enumerate(given):
        own = [record for record in found if record["PartitionKey"] == str(who)]
        assert [record["SequenceNumber"] for record in own] == each
        assert data_of(own) == [f"{who}.{turn}" for turn in range(40)]


def test_iterators_and_numbers_outlive_a_restart(tmp_path: Path) -> None:
    with serving(tmp_path) as url, client_of(url) as client:
        client.create_stream(StreamName=stream, ShardCount=1)
        first, start = put(client, b"1"), iterator(client, "TRIM_HORIZON")
    with serving(tmp_path) as url, client_of(url) as client:
        second = put(client, b"2")
        assert int(second) > int(first)
        assert data_of(client.get_records(ShardIterator=start)["Records"]) == ["1", "2"]


def test_every_commit_is_synced(tmp_path: Path) -> None:
    with contextlib.closing(disk.connect(tmp_path)) as database:
        assert database.execute("PRAGMA journal_mode").fetchone() == ("wal",)
        assert database.execute("PRAGMA synchronous").fetchone() == (2,)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_cleanly(tmp_path: Path, number: signal.Signals) -> None:
    with process(tmp_path) as (running, url), connected(url) as idle:
        running.send_signal(number)
        assert running.wait(timeout=10) == 0
        assert idle.recv(1) == b""


def test_a_server_that_cannot_start_says_so(tmp_path: Path) -> None:
    with contextlib.closing(sqlite3.connect(tmp_path / "kinesis.sqlite")) as database:
        database.execute("PRAGMA user_version = 99")
    with pytest.raises(RuntimeError, match="schema 99"), serving(tmp_path):
        pass


def test_after_kill_9_every_acknowledged_record_is_there_once_and_in_order(
    tmp_path: Path,
) -> None:
    acknowledged: list[list[tuple[str, str]]] = [[] for _ in range(4)]
    highest = 0
    for round_ in range(3):
        with process(tmp_path) as (running, url), client_of(url) as client:
            if round_ == 0:
                client.create_stream(StreamName=stream, ShardCount=2)
            number = int(put(client, f"round.{round_}", "between"))
            assert number > highest
            _write_until_killed(running, url, round_, acknowledged)
        highest = max(int(number) for each in acknowledged for number, _ in each)
    with process(tmp_path) as (_, url), client_of(url) as client:
        assert int(put(client, b"last", "between")) > highest
        found = [read(client, shard=shard["ShardId"]) for shard in shards_of(client)]
    for each in found:
        numbers = [int(record["SequenceNumber"]) for record in each]
        assert sorted(set(numbers)) == numbers
    everything = [
        (record["SequenceNumber"], record["Data"].decode()) for each in found for record in each
    ]
    assert len({data for _, data in everything}) == len(everything)
    for each in acknowledged:
        assert len(each) > 30
        assert set(each) <= set(everything)


def _write_until_killed(
    running: subprocess.Popen[str], url: str, round_: int, acknowledged: list[list[Any]]
) -> None:
    """Four writers; the server is killed once each of them has had twenty acknowledgements more."""
    enough = threading.Barrier(5)

    def write(who: int) -> None:
        with client_of(url) as client, contextlib.suppress(BotoCoreError):
            for turn in range(100_000):
                data = f"{round_}.{who}.{turn}"
                acknowledged[who].append((put(client, data, data), data))
                if turn == 20:
                    enough.wait(30)

    threads = [threading.Thread(target=write, args=(who,)) for who in range(4)]
    for thread in threads:
        thread.start()
    enough.wait(30)
    os.kill(running.pid, signal.SIGKILL)
    for thread in threads:
        thread.join()
