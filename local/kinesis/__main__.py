"""`python -m local.kinesis`: serve a directory until SIGTERM or SIGINT, then exit with 0."""

from __future__ import annotations

import argparse
import asyncio
import signal
from pathlib import Path

from local.kinesis.serving import serve


async def main(directory: Path, host: str, port: int) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    await serve(directory, stop, announce, (host, port))


def announce(url: str) -> None:
    print(f"kinesis {url}", flush=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m local.kinesis", description=__doc__)
    parser.add_argument("--host", default="127.0.0.1", help="the address to bind (loopback)")
    parser.add_argument("--port", type=int, default=0, help="0 takes a free one")
    parser.add_argument("--data", type=Path, required=True, help="the directory of the database")
    given = parser.parse_args()
    asyncio.run(main(given.data, given.host, given.port))
