"""What an operator is shown of a record: read without being believed, and harmless to a terminal.

What lies on the log may be anybody's: bytes that are not plain text are shown as escapes.
"""

from __future__ import annotations

from typing import Any


def claim(said: dict[str, Any], name: str) -> str | None:
    """One attribute of it, if it is text."""
    value = said.get(name)
    return value if isinstance(value, str) else None


def text(said: str) -> str:
    """The text in printable ASCII, all else as escapes."""
    return said.encode("unicode_escape").decode("ascii")


def data(said: bytes) -> str:
    """The bytes in printable ASCII, all else as escapes: one escape a byte."""
    return text(said.decode("latin-1"))


def printable(said: str) -> str:
    """The text as it is, but for what is not to be seen: that as escapes."""
    return "".join(each if each.isprintable() else text(each) for each in said)
