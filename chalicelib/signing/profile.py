"""The event profile: a CloudEvents 1.0 JSON object with a closed set of attributes, as a JWS.

- Every attribute has a grammar within visible ASCII (the table at the end), so no two attributes
  look alike and differ. `data` alone may hold any text; it is kept as sent, never normalised.
- `subject` is `<kind>/<id>`, and the type is of the same kind.
- `time` is a date and time that exists, in UTC, with exactly milliseconds.
- A verdict depends on the record's bytes, its partition key, its stream, the shard's clock at it
  and the trust document; on nothing else. Nothing is looked into before the signature is checked.
- `seal` makes nothing that `unseal` would refuse for its form.

Raises Malformed, BadSignature, UnknownKey, KeyNotValid, WrongStream, NotAuthorised, Stale.
"""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime, timedelta
from hashlib import blake2b
from typing import TYPE_CHECKING, Any

from chalicelib.errors import Malformed, NotAuthorised, Stale, WrongStream
from chalicelib.events.envelope import Envelope
from chalicelib.signing import jws, strict

if TYPE_CHECKING:
    from collections.abc import Callable

    from chalicelib.signing.jws import SigningKey
    from chalicelib.signing.trust import Trust

TYP = "tillstream-event+jws"
LIMIT = strict.LIMIT
PAST_MS, FUTURE_MS = 60_000, 15_000


def seal(envelope: Envelope, key: SigningKey) -> str:
    """The envelope as the record that goes on the log: a compact JWS, pure ASCII.

    Raises Malformed for what `unseal` would not read back as this envelope.
    """
    document = _document(envelope)
    payload = strict.encode(document)
    _check(document)
    token = jws.sign(payload, key, TYP)
    if len(token) > LIMIT:
        raise Malformed(f"longer than {LIMIT} bytes")
    return token.decode()


def unseal(
    data: bytes, *, partition_key: str | None, stream: str, clock: int, trust: Trust
) -> Envelope:
    """The event that this record holds, believed.

    `clock` is the running maximum of the shard's arrival times, this record's included, in
    milliseconds. At the door there is no record yet: the clock is the door's, and no partition
    key (None) can be wrong. The checks stand in the order in which they are made.

    Raises Malformed, UnknownKey, KeyNotValid, BadSignature, WrongStream, NotAuthorised, Stale.
    """
    if len(data) > LIMIT:
        raise Malformed(f"longer than {LIMIT} bytes")
    token = jws.parse(data, TYP)
    trust.key(token.kid, clock).verify(token)
    document = strict.decode(token.payload)
    _check(document)
    envelope = _envelope(document)
    if envelope.stream != stream:
        raise WrongStream(f"meant for the stream {envelope.stream}")
    if partition_key not in (None, envelope.subject):
        raise WrongStream(f"{envelope.subject} lies under another partition key")
    if not trust.may(token.kid, envelope):
        raise NotAuthorised(f"{token.kid} may not say {envelope.type} of {envelope.subject}")
    if not -PAST_MS <= _milliseconds(envelope.time) - clock <= FUTURE_MS:
        raise Stale(f"said at {envelope.time}, too far from the clock {clock}")
    return envelope


def identity(envelope: Envelope) -> bytes:
    """Who said it under which id, in 8 bytes: equal for the same source and id only."""
    text = f"{len(envelope.source)} {envelope.source}{envelope.id}"
    return blake2b(text.encode(), digest_size=8).digest()


def content(envelope: Envelope) -> bytes:
    """What was said, in 3 bytes: the type and the data, or the command where its hash is given."""
    said = {"data": envelope.data} if envelope.commandhash is None else envelope.commandhash
    return blake2b(_SORTED.encode([envelope.type, said]).encode(), digest_size=3).digest()


def _document(envelope: Envelope) -> dict[str, Any]:
    document = {
        "specversion": "1.0",
        "id": envelope.id,
        "source": envelope.source,
        "type": envelope.type,
        "subject": envelope.subject,
        "time": envelope.time,
        "datacontenttype": "application/json",
        "stream": envelope.stream,
        "actor": envelope.actor,
    }
    for name in _OPTIONAL:
        if (value := getattr(envelope, name)) is not None:
            document[name] = value
    return document | {"data": envelope.data}


def _envelope(document: dict[str, Any]) -> Envelope:
    """The envelope that a checked document is, which it takes for its own."""
    del document["specversion"], document["datacontenttype"]
    return Envelope(**document)


def _check(document: Any) -> None:
    """Nothing, if the value is an object with the attributes of an event, each as it must be."""
    if type(document) is not dict or not _REQUIRED <= document.keys() <= _KNOWN:
        raise Malformed("not an object with the attributes of an event and no others")
    if type(document["data"]) is not dict:
        raise Malformed("data is not an object")
    _check_text(document)
    if len(document) > len(_REQUIRED):
        _check_optional(document)
    _milliseconds(document["time"])


def _check_text(document: dict[str, Any]) -> None:
    """All grammars in one match: a space lies in none, so the values cannot run together."""
    values = [document[name] for name in _TEXT]
    try:
        fits = _LINE.fullmatch(" ".join(values))
    except TypeError:
        raise Malformed("an attribute is not text") from None
    if not fits:
        names, grammars = list(_TEXT), list(_TEXT.values())
        good = [
            count
            for count in range(len(names))
            if re.fullmatch(" ".join(grammars[:count]), " ".join(values[:count]))
        ]
        raise Malformed(f"{names[good[-1]]} is not what it must be")


def _check_optional(document: dict[str, Any]) -> None:
    for name, grammar in _OPTIONAL.items():
        value = document.get(name, _ABSENT)
        if value is not _ABSENT and not grammar(value):
            raise Malformed(f"{name} is not what it must be")


def _milliseconds(time: str) -> int:
    try:
        return (datetime.fromisoformat(time) - _EPOCH) // _MILLISECOND
    except ValueError:
        raise Malformed("time is no date that exists") from None


def _is_version(value: Any) -> bool:
    return type(value) is int and value >= 0


def _text(grammar: str) -> Callable[[Any], bool]:
    fullmatch = re.compile(grammar).fullmatch
    return lambda value: type(value) is str and fullmatch(value) is not None


_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)
_SORTED = json.JSONEncoder(sort_keys=True, separators=(",", ":"))
_ABSENT = object()

# Every attribute and its grammar. `data`, an object, is the one that is not here.
_TEXT = {
    "specversion": r"1\.0",
    "datacontenttype": r"application/json",
    "id": r"[A-Za-z0-9._~-]{1,64}",
    "source": r"urn:tillstream:[a-z0-9][a-z0-9-]{0,63}",
    "type": r"tillstream\.(?P<kind>[a-z][a-z0-9-]{0,31})\.[a-z][a-z0-9-]{0,63}\.v[1-9][0-9]{0,3}",
    "subject": r"(?P=kind)/[A-Za-z0-9][A-Za-z0-9._~-]{0,63}",
    "time": r"[0-9]{4}-[0-9]{2}-[0-9]{2}T(?:[01][0-9]|2[0-3])(?::[0-5][0-9]){2}\.[0-9]{3}Z",
    "stream": r"[A-Za-z0-9._-]{1,128}",
    "actor": r"[!-~]{1,64}",
}
_OPTIONAL = {
    "expects": _is_version,
    "causationid": _text(r"[!-~]{1,256}"),
    "correlationid": _text(r"[!-~]{1,256}"),
    "traceparent": _text(r"00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}"),
    "commandhash": _text(r"[A-Za-z0-9_-]{42}[AEIMQUYcgkosw048]"),
}
_REQUIRED = {*_TEXT, "data"}
_KNOWN = _REQUIRED | _OPTIONAL.keys()
_LINE = re.compile(" ".join(_TEXT.values()))
