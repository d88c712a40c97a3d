"""What an operator is shown of a record: read without being believed, and harmless to a terminal.

What lies on the log may be anybody's: bytes that are not plain text are shown as escapes.
"""

from __future__ import annotations

import base64
import binascii
from datetime import UTC, datetime
from typing import Any

from chalicelib.errors import Malformed
from chalicelib.signing import strict


def claims(data: bytes) -> dict[str, Any]:
    """What a record says of itself, unverified; empty if it says nothing that can be read."""
    try:
        _, payload, _ = data.split(b".")
        said = strict.decode(base64.b64decode(payload + b"==", altchars=b"-_"))
    except (ValueError, binascii.Error, Malformed):
        return {}
    return said if isinstance(said, dict) else {}


def claim(said: dict[str, Any], name: str) -> str | None:
    """One attribute of it, if it is text."""
    value = said.get(name)
    return value if isinstance(value, str) else None


def moment(milliseconds: int) -> str:
    """When it arrived, by the log's clock."""
    arrived = datetime.fromtimestamp(milliseconds / 1000, UTC)
    return arrived.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def text(said: str) -> str:
    """The text in printable ASCII, all else as escapes."""
    return said.encode("unicode_escape").decode("ascii")


def data(said: bytes) -> str:
    """The bytes in printable ASCII, all else as escapes: one escape a byte."""
    return text(said.decode("latin-1"))
