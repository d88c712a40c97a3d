"""What a request may contain: each member is read once, and checked, or refused in AWS's words."""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from dataclasses import dataclass
from typing import Any, TypeVar

from local.kinesis import disk
from local.kinesis.errors import constraint, invalid_argument, unreadable

Body = dict[str, Any]
T = TypeVar("T")

default_record = 1024 * 1024
largest_record = 10 * 1024 * 1024
largest_call = 10 * 1024 * 1024
records_a_call = 500
key_length = 256

stream_words = "StreamName StreamARN "
_name_pattern = "[a-zA-Z0-9_.-]+"
_arn_pattern = r"arn:aws.*:kinesis:.*:\d{12}:stream/\S+"
hash_pattern = r"0|([1-9]\d{0,38})"


@dataclass(frozen=True, slots=True)
class Entry:
    """One record to put, and where it belongs."""

    key: str
    data: bytes
    hash_key: str
    size: int


def only(body: Body, known: str) -> None:
    """Nothing but the known members: what would have no effect is refused, not ignored."""
    unknown = body.keys() - set(known.split())
    if unknown:
        raise invalid_argument(f"This Kinesis does not know {', '.join(sorted(unknown))}.")


def text(body: Body, member: str, longest: int, pattern: str = "", at: str = "") -> str | None:
    value = body.get(member)
    if value is None:
        return None
    if not isinstance(value, str):
        raise unreadable(f"{member} is not a string")
    where = at + _lower_first(member)
    if not value:
        raise constraint("''", where, "have length greater than or equal to 1")
    if len(value) > longest:
        raise constraint(f"'{value}'", where, f"have length less than or equal to {longest}")
    if pattern and not re.fullmatch(pattern, value, re.ASCII):
        raise constraint(f"'{value}'", where, f"satisfy regular expression pattern: {pattern}")
    return value


def integer(body: Body, member: str, least: int, most: int | None = None) -> int | None:
    value = body.get(member)
    if value is None:
        return None
    if not isinstance(value, int) or isinstance(value, bool):
        raise unreadable(f"{member} is not an integer")
    if value < least:
        rule = f"have value greater than or equal to {least}"
        raise constraint(f"'{value}'", _lower_first(member), rule)
    if most is not None and value > most:
        rule = f"have value less than or equal to {most}"
        raise constraint(f"'{value}'", _lower_first(member), rule)
    return value


def choice(body: Body, member: str, choices: tuple[str, ...]) -> str | None:
    value = text(body, member, 128)
    if value is not None and value not in choices:
        rule = f"satisfy enum value set: [{', '.join(choices)}]"
        raise constraint(f"'{value}'", _lower_first(member), rule)
    return value


def moment(body: Body, member: str) -> int | None:
    """A timestamp, in milliseconds."""
    value = body.get(member)
    if value is None:
        return None
    if not isinstance(value, (int, float)) or isinstance(value, bool) or abs(value) > 1e12:
        raise unreadable(f"{member} is not a timestamp in seconds")
    return round(value * 1000)


def structure(body: Body, member: str, known: str) -> Body | None:
    value = body.get(member)
    if value is None:
        return None
    if not isinstance(value, dict):
        raise unreadable(f"{member} is not a structure")
    only(value, known)
    return value


def required(value: T | None, member: str) -> T:
    if value is None:
        raise constraint("null", _lower_first(member), "not be null")
    return value


def stream_name(body: Body) -> str:
    """The stream that StreamName, StreamARN or both mean."""
    found = stream_name_or_none(body)
    if found is None:
        raise invalid_argument("Either StreamName or StreamARN should be provided.")
    return found


def stream_name_or_none(body: Body) -> str | None:
    name = text(body, "StreamName", 128, _name_pattern)
    arn = text(body, "StreamARN", 2048, _arn_pattern)
    if arn is None:
        return name
    named = arn.partition(":stream/")[2]
    if name not in (None, named):
        raise invalid_argument(f"StreamARN {arn} does not match StreamName {name}.")
    return named


def shard_id(body: Body, member: str) -> str | None:
    return text(body, member, 128, _name_pattern)


def entry(body: Body, at: str = "") -> Entry:
    """One record: its key, its data and its hash key. `at` is the path before it in messages."""
    key = required(text(body, "PartitionKey", key_length, at=at), at + "PartitionKey")
    data = _blob(body, at)
    return Entry(key, data, _hash_key(body, key, at), len(data) + len(_utf8(key)))


def entries(body: Body) -> list[Entry]:
    """The records of one PutRecords call."""
    found = required(body.get("Records"), "Records")
    if not isinstance(found, list) or not all(isinstance(each, dict) for each in found):
        raise unreadable("Records is not a list of structures")
    if not found:
        raise constraint("'[]'", "records", "have length greater than or equal to 1")
    if len(found) > records_a_call:
        rule = f"have length less than or equal to {records_a_call}"
        raise constraint(f"'[{len(found)} records]'", "records", rule)
    checked = [_entry_of_many(each, place) for place, each in enumerate(found, 1)]
    if sum(each.size for each in checked) > largest_call:
        raise invalid_argument("Records size exceeds 10 MB limit")
    return checked


def _entry_of_many(body: Body, place: int) -> Entry:
    only(body, "Data PartitionKey ExplicitHashKey")
    return entry(body, f"records.{place}.member.")


def _blob(body: Body, at: str) -> bytes:
    value = required(body.get("Data"), at + "Data")
    if not isinstance(value, str):
        raise unreadable("Data is not a string")
    try:
        data = base64.b64decode(value, validate=True)
    except (binascii.Error, ValueError) as error:
        raise unreadable(f"Data can not be converted to a Blob: {error}") from None
    if len(data) > largest_record:
        shown = f"'java.nio.HeapByteBuffer[pos=0 lim={len(data)} cap={len(data)}]'"
        raise constraint(shown, at + "data", f"have length less than or equal to {largest_record}")
    return data


def _hash_key(body: Body, key: str, at: str) -> str:
    """The explicit hash key, or the MD5 of the partition key, as 39 digits."""
    explicit = text(body, "ExplicitHashKey", 39, hash_pattern, at)
    if explicit is None:
        digest = hashlib.md5(_utf8(key), usedforsecurity=False).digest()
        return disk.hash_text(int.from_bytes(digest))
    if int(explicit) >= disk.hash_keys:
        raise invalid_argument(
            "Invalid ExplicitHashKey. ExplicitHashKey must be in the range: [0, 2^128-1]. "
            f"Specified value was {explicit}"
        )
    return disk.hash_text(int(explicit))


def _utf8(key: str) -> bytes:
    try:
        return key.encode()
    except UnicodeEncodeError:
        raise unreadable("PartitionKey is not Unicode text: it has a lone surrogate") from None


def _lower_first(member: str) -> str:
    if "." in member:
        path, _, last = member.rpartition(".")
        return f"{path}.{_lower_first(last)}"
    return member[:1].lower() + member[1:]
