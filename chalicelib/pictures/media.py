"""Media: what somebody sent, fetched from where it lies, over https.

Whoever sends a message says where its picture is, so an address is believed in nothing:

- A host is asked only if it is on the list `MEDIA_HOSTS`, and only if every address that its name
  has is public; the connection goes to an address that was looked at, and no name is asked twice.
- So is each of at most two redirects. There is no other port, no user in an address, no proxy.
- The answer is a picture by its own word, is not unpacked, has so many bytes, and is there in time.

Locally (IDENTITY=local) `127.0.0.1` may be on the list: then it is asked by http too, at any port.
"""

from __future__ import annotations

import contextlib
import http.client
import io
import ipaddress
import re
import socket
import ssl
import time
from dataclasses import dataclass
from typing import Any, NamedTuple
from urllib.parse import urljoin, urlsplit

from chalicelib.config import settings
from chalicelib.errors import NoPicture, PictureTooLarge, TryAgain, Unreachable
from chalicelib.pictures.image import MOST_BYTES

HERE = "127.0.0.1"
ADDRESS = re.compile(r"[!-~]+")  # what a request can be made of as it is
MOST_REDIRECTS = 2
WITHIN_S = 20.0
REDIRECTS = {301, 302, 303, 307, 308}
LATER = {404, 408, 425, 429}  # it may not be there yet
HEADERS = {"Accept": "image/jpeg, image/png, image/webp", "Accept-Encoding": "identity"}

PUBLIC_V6 = ipaddress.IPv6Network("2000::/3")
NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
# Within 2000::/3: IETF's own (Teredo among it), documentation, 6to4, documentation again.
NOT_PUBLIC_V6 = [
    ipaddress.IPv6Network(each) for each in ("2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20")
]


class Hop(NamedTuple):
    """One request: whom it asks, and for what."""

    is_secure: bool
    host: str
    port: int
    target: str


def fetch(address: str) -> bytes:
    """What lies at the address.

    Raises Unreachable, NoPicture, PictureTooLarge, and TryAgain where it may be had later.
    """
    until = time.monotonic() + WITHIN_S
    for _ in range(MOST_REDIRECTS + 1):
        with contextlib.closing(_asked(hop(address), until)) as answer:
            if answer.status not in REDIRECTS:
                return _taken(answer)
            address = _joined(address, answer.headers.get("Location", ""))
    raise Unreachable(f"it is over {MOST_REDIRECTS} redirects away")


def hop(address: str) -> Hop:
    """Whom to ask. Raises Unreachable for whom we do not."""
    if not ADDRESS.fullmatch(address):
        raise Unreachable("this is no address")
    try:
        parts = urlsplit(address)
        host, port = parts.hostname or "", parts.port
    except ValueError as flaw:
        raise Unreachable("this is no address") from flaw
    listed = {each.strip().lower() for each in settings().media_hosts.split(",")} - {""}
    if host not in listed or "@" in parts.netloc:
        raise Unreachable("this host is not on the list")
    is_secure = parts.scheme == "https"
    if not _is_here(host) and (not is_secure or port not in (None, 443)):
        raise Unreachable("this is asked over https, at its own port, alone")
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return Hop(is_secure, host, port or (443 if is_secure else 80), target)


def _is_here(host: str) -> bool:
    return host == HERE and settings().identity == "local"


def _joined(address: str, location: str) -> str:
    try:
        return urljoin(address, location)
    except ValueError as flaw:
        raise Unreachable("it leads to no address") from flaw


def is_public(text: str) -> bool:
    """Whether an address is of the internet at large, and of nobody's inner network."""
    address = ipaddress.ip_address(text.partition("%")[0])
    if isinstance(address, ipaddress.IPv6Address):
        if (inner := _inner(address)) is None:
            return address in PUBLIC_V6 and not any(address in each for each in NOT_PUBLIC_V6)
        address = inner
    return address.is_global and not address.is_multicast


def _inner(address: ipaddress.IPv6Address) -> ipaddress.IPv4Address | None:
    """The address of the older kind that this one stands for."""
    if address in NAT64:
        return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    return address.ipv4_mapped


def _addresses(asked: Hop) -> list[Any]:
    """What its name comes to. Raises Unreachable if any of it is not public, TryAgain."""
    try:
        found = socket.getaddrinfo(asked.host, asked.port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as failure:
        raise TryAgain("the host has no address now") from failure
    if not _is_here(asked.host) and not all(is_public(str(each[4][0])) for each in found):
        raise Unreachable("this host is no public one")
    return found


def _asked(asked: Hop, until: float) -> http.client.HTTPResponse:
    """The answer's head. Raises Unreachable, TryAgain."""
    addresses = _addresses(asked)
    try:
        dialled = _dialled(addresses, asked, until)
        with contextlib.ExitStack() as unless:
            unless.callback(dialled.close)
            connection = http.client.HTTPConnection(asked.host, asked.port)
            wire: Any = _Wire(dialled, until)
            connection.sock = wire
            connection.request("GET", asked.target, headers=HEADERS | {"Host": _named(asked)})
            answer = connection.getresponse()
            unless.pop_all()
            return answer
    except (OSError, http.client.HTTPException) as failure:
        raise TryAgain(f"it was not to be had: {type(failure).__name__}") from failure


def _named(asked: Hop) -> str:
    ours = asked.port == (443 if asked.is_secure else 80)
    return asked.host if ours else f"{asked.host}:{asked.port}"


def _dialled(addresses: list[Any], asked: Hop, until: float) -> socket.socket:
    """A connection to the first of the addresses that takes one."""
    failure: OSError = TimeoutError()
    for family, kind, protocol, _, address in addresses:
        dialled = socket.socket(family, kind, protocol)
        try:
            dialled.settimeout(_left(until))
            dialled.connect(address)
            return _secured(dialled, asked.host) if asked.is_secure else dialled
        except OSError as refused:
            dialled.close()
            failure = refused
    raise failure


def _secured(dialled: socket.socket, host: str) -> socket.socket:
    """The same under TLS, with whom the host's certificate names."""
    return ssl.create_default_context().wrap_socket(dialled, server_hostname=host)


def _left(until: float) -> float:
    left = until - time.monotonic()
    if left <= 0:
        raise TimeoutError
    return left


@dataclass(slots=True)
class _Wire:
    """A connection as `http.client` uses one; it is over in time, however slowly it drips."""

    connected: socket.socket
    until: float

    def sendall(self, data: bytes) -> None:
        self.connected.settimeout(_left(self.until))
        self.connected.sendall(data)

    def makefile(self, _: str) -> io.BufferedReader:
        return io.BufferedReader(_Answer(self))

    def close(self) -> None:
        """Nothing: the answer has the connection, and ends it."""


class _Answer(io.RawIOBase):
    """What comes over the connection, which ends with it."""

    def __init__(self, wire: _Wire) -> None:
        self._wire = wire

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        self._wire.connected.settimeout(_left(self._wire.until))
        return self._wire.connected.recv_into(buffer)

    def close(self) -> None:
        self._wire.connected.close()
        super().close()


def _taken(answer: http.client.HTTPResponse) -> bytes:
    """The body, if it is a picture by what is said of it."""
    if answer.status in LATER or answer.status >= http.HTTPStatus.INTERNAL_SERVER_ERROR:
        raise TryAgain(f"its host answered {answer.status}")
    if answer.status != http.HTTPStatus.OK:
        raise Unreachable("its host does not give it")
    if not answer.headers.get_content_type().startswith("image/"):
        raise NoPicture("its host says that it is no picture")
    if answer.headers.get("Content-Encoding", "identity") != "identity":
        raise NoPicture("it is packed")
    try:
        body = answer.read(MOST_BYTES + 1)
    except (OSError, http.client.HTTPException) as failure:
        raise TryAgain(f"it broke off: {type(failure).__name__}") from failure
    if len(body) > MOST_BYTES:
        raise PictureTooLarge(f"a picture has up to {MOST_BYTES} bytes")
    if answer.length:
        raise TryAgain("it broke off")
    return body
