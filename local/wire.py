"""HTTP/1.1 as a public server reads it: strictly, and never without an answer.

A request that can be read in two ways is refused, and the connection is closed behind the answer,
because nobody knows where the next request would begin (RFC 9112 §6.3, §11.2). An answer leaves
in one write. Limits are API Gateway's: 10 MB of body, 10,240 bytes of headers.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from email.utils import formatdate
from functools import lru_cache
from http import HTTPStatus
from time import time
from typing import TYPE_CHECKING, BinaryIO

from local.answers import Answer, problem

if TYPE_CHECKING:
    from collections.abc import Iterator

MOST_LINE = 8 * 1024
MOST_HEADERS = 10_240
MOST_BODY = 10 * 1024 * 1024

_LINE = re.compile(rb"([A-Z]{1,32}) (?:http://[^/ ?#]+)?(/[!-~]*) HTTP/1\.([01])\r?\n")
_OTHER_VERSION = re.compile(rb"[!-~]+ [!-~]+ HTTP/[0-9.]+\r?\n")
_HEADER = re.compile(rb"([!#$%&'*+.^_`|~0-9A-Za-z-]+):([^\x00-\x08\x0a-\x1f\x7f]*)\r?\n")
_LENGTH = re.compile(r"[0-9]{1,18}")
_ONCE = {"host", "content-length", "authorization", "content-type", "transfer-encoding"}


@dataclass(frozen=True, slots=True)
class Request:
    """One request. Header names are in lower case; a repeated one is joined by commas."""

    method: str
    target: str
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    keeps: bool = True


class UnreadableError(Exception):
    """The request is not read; `answer` says why, and then the connection is closed."""

    def __init__(self, status: int, slug: str, detail: str, field: str | None = None) -> None:
        super().__init__(detail)
        self.answer = problem(status, slug, detail, field=field)


def read(stream: BinaryIO, out: BinaryIO) -> Request | None:
    """The next request; None if the client has closed. `out` takes a `100 Continue`.

    Raises UnreadableError; TimeoutError and ConnectionError as the socket has them.
    """
    line = stream.readline(MOST_LINE + 1)
    if line in (b"\r\n", b"\n"):  # RFC 9112 §2.2: one empty line before a request is tolerated
        line = stream.readline(MOST_LINE + 1)
    if not line:
        return None
    method, target, minor = _request_line(line)
    headers = _headers(stream)
    if minor == b"1" and "host" not in headers:
        raise UnreadableError(400, "bad-request", "HTTP/1.1 asks for one Host header")
    length = _length(headers)
    _continue(headers, out)
    body = _body(stream, length) if length else b""
    return Request(method, target, headers, body, _keeps(headers, minor))


def write(answer: Answer, *, head: bool, keeps: bool) -> bytes:
    """The answer's bytes."""
    lines = [f"HTTP/1.1 {answer.status} {_reason(answer.status)}", f"Date: {_date(int(time()))}"]
    lines += _header_lines(answer)
    bare = answer.status in (204, 304)
    if not bare:
        lines.append(f"Content-Length: {len(answer.body)}")
    if not keeps:
        lines.append("Connection: close")
    start = "\r\n".join(lines).encode("latin-1", "replace") + b"\r\n\r\n"
    return start if head or bare else start + answer.body


def _request_line(line: bytes) -> tuple[str, str, bytes]:
    found = _LINE.fullmatch(line)
    if found:
        return found[1].decode(), found[2].decode(), found[3]
    if len(line) > MOST_LINE:
        raise UnreadableError(414, "uri-too-long", f"a request line has up to {MOST_LINE} bytes")
    if _OTHER_VERSION.fullmatch(line) and b" HTTP/1." not in line:
        raise UnreadableError(505, "http-version-not-supported", "HTTP/1.1 is spoken here")
    raise UnreadableError(400, "bad-request", "the request line cannot be read")


def _headers(stream: BinaryIO) -> dict[str, str]:
    headers: dict[str, str] = {}
    for line in _header_block(stream):
        found = _HEADER.fullmatch(line)
        if not found:
            raise UnreadableError(400, "bad-request", "a header line cannot be read", "headers")
        name, value = found[1].decode().lower(), found[2].decode("latin-1").strip(" \t")
        if name in headers and name in _ONCE:
            raise UnreadableError(400, "bad-request", f"{name} stands more than once")
        headers[name] = f"{headers[name]}, {value}" if name in headers else value
    return headers


def _header_block(stream: BinaryIO) -> Iterator[bytes]:
    left = MOST_HEADERS
    while (line := stream.readline(left + 1)) not in (b"\r\n", b"\n"):
        left -= len(line)
        if left < 0:
            detail = f"headers have up to {MOST_HEADERS} bytes"
            raise UnreadableError(431, "headers-too-large", detail)
        if not line.endswith(b"\n"):
            raise ConnectionError("closed within the headers")
        yield line


def _length(headers: dict[str, str]) -> int:
    if "transfer-encoding" in headers:
        detail = "send the body with a Content-Length, not in chunks"
        raise UnreadableError(411, "length-required", detail)
    given = headers.get("content-length", "0")
    if not _LENGTH.fullmatch(given):
        raise UnreadableError(400, "bad-request", "send a number of bytes", "Content-Length")
    if int(given) > MOST_BODY:
        raise UnreadableError(413, "too-large", f"a body has up to {MOST_BODY} bytes", "body")
    return int(given)


def _continue(headers: dict[str, str], out: BinaryIO) -> None:
    expected = headers.get("expect", "").lower()
    if expected == "100-continue":
        out.write(b"HTTP/1.1 100 Continue\r\n\r\n")
    elif expected:
        raise UnreadableError(417, "expectation-failed", "only 100-continue can be expected")


def _body(stream: BinaryIO, length: int) -> bytes:
    body = stream.read(length)
    if len(body) < length:
        raise ConnectionError("closed within the body")
    return body


def _keeps(headers: dict[str, str], minor: bytes) -> bool:
    said = headers.get("connection", "").lower()
    return minor == b"1" and "close" not in said


def _header_lines(answer: Answer) -> Iterator[str]:
    for name, value in answer.headers:
        if "\r" in value or "\n" in value:
            raise ValueError(f"{name} holds a line break")
        yield f"{name}: {value}"


def _reason(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "Unknown"


@lru_cache(maxsize=1)
def _date(second: int) -> str:
    return formatdate(second, usegmt=True)
