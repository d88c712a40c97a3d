"""HTTP/1.1, as much of it as an AWS client speaks: POST with a Content-Length, kept alive.

Requests of one connection are answered in order, each by a single write. Anything else is refused
with a 4xx and the connection is closed.
"""

from __future__ import annotations

import asyncio
import json
import uuid
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable

    Reply = Callable[[int, dict[str, Any] | None], None]
    Handle = Callable[[str, bytes, Reply], None]

largest_head = 64 * 1024
largest_body = 32 * 1024 * 1024
_media_type = "application/x-amz-json-1.1"
_reasons = {
    200: "OK", 400: "Bad Request", 405: "Method Not Allowed", 411: "Length Required",
    413: "Content Too Large", 415: "Unsupported Media Type", 417: "Expectation Failed",
    431: "Request Header Fields Too Large", 500: "Internal Server Error",
    505: "HTTP Version Not Supported",
}  # fmt: skip


class NotOurHttpError(Exception):
    """The request is not of the kind that is read here."""

    def __init__(self, status: int) -> None:
        super().__init__(_reasons[status])
        self.status = status


class Head(NamedTuple):
    """What matters of a request's head: X-Amz-Target, Content-Length, and who closes."""

    target: str
    length: int
    closes: bool


class Connection(asyncio.Protocol):
    """One client. `handle(target, body, reply)` is called for one request at a time."""

    def __init__(self, handle: Handle, connections: set[Connection]) -> None:
        self._handle = handle
        self._connections = connections
        self._buffer = bytearray()
        self._head: Head | None = None
        self._is_busy = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._connections.add(self)

    def connection_lost(self, exc: Exception | None) -> None:
        del exc
        self._connections.discard(self)

    def close(self) -> None:
        self._transport.close()

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        if not self._is_busy:
            self._advance()
        elif len(self._buffer) > largest_head + largest_body:
            self._transport.abort()

    def _advance(self) -> None:
        """Take one whole request off the buffer, if it is there."""
        try:
            self._head = self._head or self._take_head()
        except NotOurHttpError as refusal:
            self._refuse(refusal)
            return
        if self._head is None or len(self._buffer) < self._head.length:
            return
        self._is_busy = True
        self._handle(self._head.target, self._take(self._head.length), self._reply)

    def _take_head(self) -> Head | None:
        end = self._buffer.find(b"\r\n\r\n", 0, largest_head)
        if end >= 0:
            return read_head(self._take(end + 4))
        if len(self._buffer) >= largest_head:
            raise NotOurHttpError(431)
        return None

    def _take(self, length: int) -> bytes:
        taken = bytes(memoryview(self._buffer)[:length])
        del self._buffer[:length]
        return taken

    def _reply(self, status: int, answer: dict[str, Any] | None) -> None:
        closes = self._head is not None and self._head.closes
        self._head = None
        self._is_busy = False
        if self._transport.is_closing():
            return
        self._transport.write(response(status, answer, closes=closes))
        if closes:
            self._transport.close()
        elif self._buffer:
            asyncio.get_running_loop().call_soon(self._resume)

    def _resume(self) -> None:
        if not self._is_busy and not self._transport.is_closing():
            self._advance()

    def _refuse(self, refusal: NotOurHttpError) -> None:
        self._buffer.clear()
        self._is_busy = True  # nothing more is read from this client
        answer = {"__type": "BadRequest", "message": str(refusal)}
        self._transport.write(response(refusal.status, answer, closes=True))
        self._transport.close()


def read_head(raw: bytes) -> Head:
    request, *lines = raw.decode("latin-1").rstrip("\r\n").split("\r\n")
    parts = request.split(" ")
    if len(parts) != 3:
        raise NotOurHttpError(400)
    if parts[2] != "HTTP/1.1":
        raise NotOurHttpError(505)
    if parts[0] != "POST":
        raise NotOurHttpError(405)
    pairs = (line.partition(":") for line in lines)
    return _head_of({name.lower(): value.strip() for name, _, value in pairs})


def _head_of(fields: dict[str, str]) -> Head:
    length = fields.get("content-length")
    if length is None or "transfer-encoding" in fields:
        raise NotOurHttpError(411)
    if not (length.isascii() and length.isdecimal()):
        raise NotOurHttpError(400)
    if len(length) > 12 or int(length) > largest_body:
        raise NotOurHttpError(413)
    if "expect" in fields:
        raise NotOurHttpError(417)
    if fields.get("content-type", "").partition(";")[0].strip().lower() != _media_type:
        raise NotOurHttpError(415)
    closes = fields.get("connection", "").lower() == "close"
    return Head(fields.get("x-amz-target", ""), int(length), closes)


def response(status: int, answer: dict[str, Any] | None, *, closes: bool) -> bytes:
    body = b"" if answer is None else json.dumps(answer, separators=(",", ":")).encode()
    head = (
        f"HTTP/1.1 {status} {_reasons[status]}\r\n"
        f"Content-Type: {_media_type}\r\n"
        f"Content-Length: {len(body)}\r\n"
        f"x-amzn-RequestId: {uuid.uuid4()}\r\n"
        f"Connection: {'close' if closes else 'keep-alive'}\r\n\r\n"
    )
    return head.encode() + body
