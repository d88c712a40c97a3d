"""`python -m local.emulator --port N --data DIR`: MiniStack until SIGTERM, loopback only.

It stands for DynamoDB, S3, SSM and what else the app asks for, except Kinesis. Its S3 objects are
files under DIR and outlive it; everything else is memory and is gone with it, as the design has
it: the table comes back from the archive. It has no listener but this one, and no Docker.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import secrets
import socket
import time
import uuid
from pathlib import Path
from typing import Any

import uvloop
from uvicorn import Config, Server

HOST = "127.0.0.1"


def main(port: int, data: Path) -> None:
    listener = socket.create_server((HOST, port), backlog=256)
    port = listener.getsockname()[1]
    _configure(port, data)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_serve(listener))


def _configure(port: int, data: Path) -> None:
    """MiniStack reads its settings when it is imported, so this comes first."""
    os.environ |= {
        "GATEWAY_PORT": str(port),
        "BIND_HOST": HOST,
        "MINISTACK_HOST": HOST,
        "MINISTACK_REGION": os.environ.get("AWS_DEFAULT_REGION", "eu-central-1"),
        "S3_PERSIST": "1",
        "S3_DATA_DIR": str(data),
        "PERSIST_STATE": "0",
        "STATE_DIR": os.devnull,
        "IOT_MTLS_ENABLED": "0",
        "SFTP_ENABLED": "0",
        "DOCKER_HOST": f"unix://{os.devnull}/none",
        "LOG_LEVEL": "ERROR",
    }


async def _serve(listener: socket.socket) -> None:
    from ministack.app import app  # noqa: PLC0415  (MiniStack reads the environment here)
    from ministack.services import sns  # noqa: PLC0415

    application: Any = app
    sns.new_uuid = _dated  # a message of SNS tells by its id alone when it was sent
    server = Server(
        Config(
            application,
            http="httptools",
            timeout_keep_alive=75,
            timeout_graceful_shutdown=1,
            log_level="error",
            access_log=False,
        )
    )
    announcing = asyncio.create_task(_announce(listener.getsockname()[1]))
    await server.serve(sockets=[listener])
    announcing.cancel()


def _dated() -> str:
    """A UUIDv7 (RFC 9562 §5.7): milliseconds, then random."""
    noise = secrets.randbits(74)
    stamp, version, variant = time.time_ns() // 1_000_000, 0x7, 0b10
    parts = stamp << 80 | version << 76 | noise >> 62 << 64 | variant << 62 | noise % 2**62
    return str(uuid.UUID(int=parts))


async def _announce(port: int) -> None:
    """Say so once a request is answered: the listener alone would take connections too early."""
    reader, writer = await asyncio.open_connection(HOST, port)
    writer.write(b"GET /_ministack/health HTTP/1.1\r\nHost: local\r\nConnection: close\r\n\r\n")
    await reader.readline()
    writer.close()
    print(f"ministack http://{HOST}:{port}", flush=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m local.emulator", description=__doc__)
    parser.add_argument("--port", type=int, default=0, help="0 takes a free one")
    parser.add_argument("--data", type=Path, required=True, help="where S3's objects lie")
    given = parser.parse_args()
    main(given.port, given.data)
