"""JSON that can be read in one way only.

Two readers of the same bytes must never see two values, so whatever RFC 8259 leaves open is closed
here, as RFC 7493 (I-JSON) proposes:

- no member stands twice in an object (§2.3);
- integers lie within ±(2^53 - 1) and there are no fractions, except where a caller asks for them;
  NaN, Infinity and numbers that overflow are never read (§2.2);
- text is UTF-8 without a byte order mark, and no surrogate stands alone, escaped or not (§2.1);
- nothing nests deeper than 32, nothing is longer than the caller's limit, nothing trails.

`encode` writes only what `decode` reads back as the same value.

Raises Malformed.
"""

from __future__ import annotations

import json
import re
from math import isfinite
from typing import Any, NoReturn

from chalicelib.errors import Malformed

LIMIT = 64 * 1024
DEPTH = 32
LARGEST = 2**53 - 1


def decode(data: bytes, *, floats: bool = False, limit: int = LIMIT) -> Any:
    """The one value that these bytes say.

    Raises Malformed.
    """
    if len(data) > limit:
        raise Malformed(f"longer than {limit} bytes")
    if data.count(b"{") + data.count(b"[") > DEPTH and _is_deep(data):
        raise Malformed(f"nested deeper than {DEPTH}")
    reader = _WITH_FLOATS if floats else _WITHOUT_FLOATS
    try:
        value = reader.decode(data.decode())
        if b"\\" in data:
            json.dumps(value, ensure_ascii=False).encode()  # refuses a surrogate without its twin
    except ValueError as error:  # JSON's and Unicode's errors are ValueErrors
        raise Malformed(f"not strict JSON: {_told(error)}") from None
    return value


def _told(error: ValueError) -> str:
    """What is wrong with the text, less what it says of Python."""
    if isinstance(error, UnicodeError):
        return "text that is not Unicode, or half of a surrogate pair"
    return "a number of too many digits" if "int_max_str_digits" in str(error) else str(error)


def encode(value: Any, *, limit: int = LIMIT) -> bytes:
    """The value as compact JSON in UTF-8, proven to read back as it is.

    Raises Malformed for anything that would not: a fraction, a tuple, a name that is not text.
    """
    try:
        data = _WRITER.encode(value).encode()
    except (ValueError, TypeError, RecursionError) as error:
        raise Malformed(f"has no strict JSON: {error}") from None
    if decode(data, limit=limit) != value:
        raise Malformed("would be read back as another value")
    return data


def _is_deep(data: bytes) -> bool:
    """Whether brackets outside of strings nest too deep; each pass takes one level away.

    Also true of brackets that do not pair up, which no reader takes for JSON either.
    """
    brackets = _STRING.sub(b"", data).translate(_ROUND, _NO_BRACKET)
    for _ in range(DEPTH):
        brackets = brackets.replace(b"()", b"")
        if not brackets:
            return False
    return True


def _object(members: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(members)
    if len(found) != len(members):
        raise Malformed("a member stands twice")
    return found


def _integer(text: str) -> int:
    if not -LARGEST <= (number := int(text)) <= LARGEST:
        raise Malformed("an integer beyond 2^53 - 1")
    return number


def _fraction(text: str) -> float:
    if not isfinite(number := float(text)):
        raise Malformed("a number that overflows")
    return number


def _refuse(text: str) -> NoReturn:
    raise Malformed(f"no number of ours: {text[:20]}")


def _reader(fraction: Any) -> json.JSONDecoder:
    return json.JSONDecoder(
        object_pairs_hook=_object,
        parse_int=_integer,
        parse_float=fraction,
        parse_constant=_refuse,
    )


_WITH_FLOATS = _reader(_fraction)
_WITHOUT_FLOATS = _reader(_refuse)
_WRITER = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":"))
_STRING = re.compile(rb'"(?:[^"\\]++|\\.)*+"?', re.DOTALL)  # an open one reaches to the end
_ROUND = bytes.maketrans(b"[{]}", b"(())")
_NO_BRACKET = bytes(set(range(256)) - set(b"[{]}"))
