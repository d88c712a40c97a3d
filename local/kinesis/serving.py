"""The parts put together: a request finds its operation, reads are answered at once, writes wait.

The event loop's thread parses, reads and replies; the writer's thread commits.
"""

from __future__ import annotations

import asyncio
import functools
import json
import logging
import threading
from concurrent.futures import Future
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from local.kinesis import disk, iterators, records, reshard, shards, writes
from local.kinesis.errors import KinesisError, internal_failure, unreadable
from local.kinesis.reader import Reader
from local.kinesis.wire import Connection
from local.kinesis.writer import Writer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from local.kinesis.members import Body
    from local.kinesis.wire import Reply
    from local.kinesis.writer import Delivered, Outcome

    Clock = Callable[[], int]

log = logging.getLogger(__name__)

_target = "Kinesis_20131202."
_writes: dict[str, Callable[[Body], writes.Job]] = {
    "CreateStream": writes.create_stream,
    "DeleteStream": writes.delete_stream,
    "PutRecord": writes.put_record,
    "PutRecords": writes.put_records,
    "SplitShard": reshard.split_shard,
    "MergeShards": reshard.merge_shards,
    "UpdateShardCount": reshard.update_shard_count,
}
_reads: dict[str, Callable[[Reader, Body], dict[str, Any]]] = {
    "DescribeStreamSummary": shards.describe_stream_summary,
    "ListShards": shards.list_shards,
    "GetShardIterator": iterators.get_shard_iterator,
    "GetRecords": records.get_records,
}


async def serve(
    directory: Path,
    stop: asyncio.Event,
    announce: Callable[[str], object],
    address: tuple[str, int] = ("127.0.0.1", 0),
    clock: Clock = disk.wall_clock,
) -> None:
    """Serve until `stop` is set; `announce` hears the URL once connections are taken.

    On the way out every write that came in is committed and answered.
    """
    loop = asyncio.get_running_loop()
    connections: set[Connection] = set()
    with closing(disk.connect(directory)) as reads, closing(disk.connect(directory)) as commits:
        hours = disk.hours_kept(reads, clock())
        writer = Writer(commits, clock, lambda d: loop.call_soon_threadsafe(_deliver, d), hours)
        handle = functools.partial(_handle, Reader(reads, clock, hours), writer)
        server = await loop.create_server(lambda: Connection(handle, connections), *address)
        writer.start()
        try:
            host, port = server.sockets[0].getsockname()[:2]
            announce(f"http://{host}:{port}")
            await stop.wait()
        finally:
            server.close()
            await asyncio.to_thread(writer.stop)
            await asyncio.sleep(0)
            for each in tuple(connections):
                each.close()
            await server.wait_closed()


@contextmanager
def serving(directory: Path | str, *, clock: Clock = disk.wall_clock) -> Iterator[str]:
    """A server in a thread of this process; gives its URL. All is committed at the end."""
    started: Future[tuple[str, Callable[[], object]]] = Future()
    thread = threading.Thread(target=_run, args=(Path(directory), clock, started))
    thread.start()
    try:
        url, stop = started.result()
        try:
            yield url
        finally:
            stop()
    finally:
        thread.join()


def _run(directory: Path, clock: Clock, started: Future[tuple[str, Callable[[], object]]]) -> None:
    async def main() -> None:
        loop, stop = asyncio.get_running_loop(), asyncio.Event()

        def announce(url: str) -> None:
            started.set_result((url, functools.partial(loop.call_soon_threadsafe, stop.set)))

        await serve(directory, stop, announce, clock=clock)

    try:
        asyncio.run(main())
    except BaseException as error:
        if started.done():
            raise
        started.set_exception(error)


def _handle(reader: Reader, writer: Writer, target: str, raw: bytes, reply: Reply) -> None:
    """Answer one request, now or when its commit is on disk."""
    try:
        operation, body = target.removeprefix(_target), _body(raw)
        if operation in _writes:
            writer.submit(_writes[operation](body), functools.partial(_answer, reply))
        elif operation in _reads:
            _answer(reply, _reads[operation](reader, body))
        else:
            _answer(reply, KinesisError("UnknownOperationException", f"no operation {target!r}"))
    except KinesisError as refusal:
        _answer(reply, refusal)
    except Exception:
        log.exception("%s failed", target)
        _answer(reply, internal_failure())


def _body(raw: bytes) -> Body:
    try:
        body = json.loads(raw)
    except (ValueError, RecursionError) as error:
        raise unreadable(f"The body is not JSON: {error}") from None
    if not isinstance(body, dict):
        raise unreadable("The body is not a structure.")
    return body


def _answer(reply: Reply, outcome: Outcome) -> None:
    if isinstance(outcome, KinesisError):
        reply(outcome.status, {"__type": outcome.code, "message": outcome.message})
    else:
        reply(200, outcome)


def _deliver(delivered: Delivered) -> None:
    for done, outcome in delivered:
        done(outcome)
