"""Where the shop is, and that it is on this machine: a drill never touches another.

The shop is found by HOST and PORT, as `make run` takes them, or by a URL. Only an address of the
loopback, or the name `localhost`, is let through, and only plain HTTP: no name is looked up, so
none can be made to point elsewhere.

Raises ElsewhereError.
"""

from __future__ import annotations

import ipaddress
import os
from typing import NamedTuple
from urllib.parse import urlsplit

EVERY_ADDRESS = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104  (a shop may listen on all)


class ElsewhereError(Exception):
    """The endpoint is not a shop on this machine."""


class Endpoint(NamedTuple):
    """A host of the loopback and a port."""

    host: str
    port: int

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"http://{host}:{self.port}"


def endpoint(url: str | None = None) -> Endpoint:
    """The endpoint that the URL names; without one, what HOST and PORT say."""
    if url is None:
        host = os.environ.get("HOST", "127.0.0.1")
        host = EVERY_ADDRESS.get(host, host)
        url = f"http://{f'[{host}]' if ':' in host else host}:{os.environ.get('PORT', '8000')}"
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port or 80
    except ValueError as flaw:
        raise ElsewhereError(f"{url} is no address: {flaw}") from None
    if parts.scheme != "http" or parts.path not in ("", "/") or parts.username or parts.query:
        raise ElsewhereError(f"{url} is not the address of a local shop: http://127.0.0.1:PORT is")
    if not _is_loopback(host):
        raise ElsewhereError(f"{host} is not this machine: drills run against the loopback only")
    return Endpoint(host, port)


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
