"""A partner's own event: sealed by the partner, believed at the door, and appended as it is.

Who sends it does not matter, beyond having a token: what its key may say is in the trust document.
It is a fact and no command, so nothing is decided here; its subject judges it in the fold. What the
fold would not believe is refused here by the same checks, with what to mend.
"""

from __future__ import annotations

import time
from datetime import UTC, datetime

from chalicelib import config, door, http, log
from chalicelib.errors import (
    BadSignature,
    ForAnotherStream,
    KeyNotValid,
    KeyOutsideWindow,
    Malformed,
    NoSealedEvent,
    NoSuchKey,
    NoSuchType,
    NotAuthorised,
    NotGranted,
    OutOfTime,
    Problem,
    SecurityError,
    Stale,
    UnfitSignature,
    UnknownKey,
    WrongStream,
)
from chalicelib.events import FACTS, Envelope
from chalicelib.events.told import valid
from chalicelib.http import Answer, Request
from chalicelib.signing import keys, unseal
from chalicelib.writer.said import only_its_own

# What is wrong, where, and how to mend it.
MEND: dict[type[SecurityError], tuple[type[Problem], str, str]] = {
    Malformed: (NoSealedEvent, "body", "this is no event as it is sealed here"),
    BadSignature: (UnfitSignature, "signature", "it does not fit: sign the bytes that are sent"),
    UnknownKey: (NoSuchKey, "kid", "the trust document names no such key: have it registered"),
    KeyNotValid: (KeyOutsideWindow, "kid", "the key is outside its window, or revoked"),
    WrongStream: (ForAnotherStream, "stream", "the event is sealed for another stream than this"),
    NotAuthorised: (NotGranted, "kid", "the key may not say this as this source"),
    Stale: (OutOfTime, "time", "over 60 s before or 15 s after this clock: set yours, seal anew"),
}
REFUSES: tuple[type[Problem], ...] = (NoSuchType, *(refusal for refusal, _, _ in MEND.values()))


def pass_on(request: Request) -> Answer:
    """The event, on the log as it was sent."""
    only_its_own(request, door.HEADER, "If-Match", "Read-After")
    sealed = http.body(request)
    event = _believed(sealed, time.time_ns() // 1_000_000)
    _modelled(event)
    return door.accepted(door.recorded(event, log.append(event.subject, sealed.decode())))


def _believed(sealed: bytes, clock: int) -> Envelope:
    """The event in it: a key or its grant may be a new one. Raises Invalid, Forbidden."""
    stream = config.settings().stream
    for reload in (False, True):
        trust = keys.trust(reload=reload)
        try:
            return unseal(sealed, partition_key=None, stream=stream, clock=clock, trust=trust)
        except (UnknownKey, NotAuthorised) as doubt:
            unknown = doubt
        except SecurityError as doubt:
            raise _refusal(doubt, clock) from None
    raise _refusal(unknown, clock)


def _refusal(doubt: SecurityError, clock: int) -> Problem:
    refusal, field, detail = MEND[type(doubt)]
    match doubt:
        case Malformed():
            return refusal(f"{detail}: {doubt}", field=field)
        case WrongStream():
            return refusal(detail, field=field, stream=config.settings().stream)
        case Stale():
            now = datetime.fromtimestamp(clock / 1000, UTC).isoformat(timespec="milliseconds")
            return refusal(detail, field=field, clock=now.replace("+00:00", "Z"))
        case _:
            return refusal(detail, field=field)


def _modelled(event: Envelope) -> None:
    """Raises Invalid where this code does not know the type, or its model refuses the data."""
    model = FACTS.get(event.type)
    if model is None:
        raise NoSuchType("this shop knows no such type", field="type")
    valid(model, event.data, "data.")
