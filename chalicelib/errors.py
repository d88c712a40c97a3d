"""Every way in which Tillstream says no. The leaf is the reason.

TillstreamError
├── SecurityError            a record on the log is not believed: quarantined, blocks nothing
│   ├── Malformed            not our strict JWS, JSON or event profile
│   ├── BadSignature         the bytes are not what the key signed
│   ├── UnknownKey           the trust document names no such key
│   ├── KeyNotValid          the key was outside its window, or revoked, when the record arrived
│   ├── NotAuthorised        the key may not say this
│   ├── WrongStream          meant for another stream, or put under another partition key
│   ├── Stale                its time lies too far from the shard's clock
│   ├── Equivocation         one identity, two contents
│   └── InvalidData          the model of its type refuses its data
├── UnknownType              this code is older than the event: its subject is parked
├── Misfit                   a row that DynamoDB would refuse: its subject is parked
├── Behind                   a shard cannot be folded further yet: it waits, nothing is lost
├── Problem                  an answer to a request (RFC 9457): status, slug, a sentence to act on
│   ├── BadRequest           400  the request cannot be read
│   ├── Unauthenticated      401  no valid token
│   ├── Forbidden            403  the token's roles do not allow it
│   ├── NotFound             404  there is no such thing
│   ├── Refused              409  the subject's decider says no
│   ├── Changed              412  it is no longer as the request expects it
│   ├── TooLarge             413  the body is over the limit
│   ├── Unsupported          415  the body is not of a type that is read here
│   ├── Invalid              422  a member of the request is wrong
│   └── Unavailable          503  not now: try again
│       ├── CatchingUp            the table was emptied and is being filled again
│       ├── NotYet                the position asked for is not judged yet
│       └── Throttled             the log or the table asks us to slow down
└── CloudFailure             the cloud did not do what it was asked: the batch is tried again
    ├── CommitLost           another process moved the checkpoint first: read again and go on
    └── Conflict             another transaction holds a row at this moment
"""

from __future__ import annotations

from typing import Any, ClassVar


class TillstreamError(Exception):
    """What all our errors are."""


class SecurityError(TillstreamError):
    """A record that is not believed. `code` is what the quarantine row says."""

    status: ClassVar[int] = 422

    @property
    def code(self) -> str:
        """The reason as one word: the name of the class."""
        return type(self).__name__


class Malformed(SecurityError):
    """The record is not our strict JWS, JSON or event profile."""


class BadSignature(SecurityError):
    """The bytes are not what the key signed."""


class UnknownKey(SecurityError):
    """The trust document names no such key."""


class KeyNotValid(SecurityError):
    """The key was outside its window, or revoked, when the record arrived."""


class NotAuthorised(SecurityError):
    """The key is known, but may not say this type, for this source or subject."""


class WrongStream(SecurityError):
    """The event was meant for another stream, or lies under another partition key."""


class Stale(SecurityError):
    """The event's time lies too far from the shard's clock at its record."""


class Equivocation(SecurityError):
    """One identity, two contents."""


class InvalidData(SecurityError):
    """The model of the event's type and version refuses its data."""


class UnknownType(TillstreamError):
    """This code has no model for the event's type and version."""


class Misfit(TillstreamError):
    """A row that DynamoDB would refuse: types, keys, digits, size or number."""


class Behind(TillstreamError):
    """A shard cannot be folded further yet: it waits, and nothing is lost."""


class Problem(TillstreamError):
    """An answer to a request, as RFC 9457 has it.

    `field` names the member, header or parameter at fault; `errors` lists several;
    `extra` goes into the answer as it is.
    """

    status: ClassVar[int] = 500
    slug: ClassVar[str] = "internal"

    def __init__(
        self,
        detail: str,
        *,
        slug: str | None = None,
        field: str | None = None,
        errors: list[dict[str, str]] | None = None,
        **extra: Any,
    ) -> None:
        super().__init__(detail)
        self.detail = detail
        self.reason = slug or self.slug
        self.errors = errors or ([{"field": field, "detail": detail}] if field else [])
        self.extra = extra

    headers: ClassVar[dict[str, str]] = {}


class BadRequest(Problem):
    """The request cannot be read."""

    status, slug = 400, "bad-request"


class Unauthenticated(Problem):
    """There is no valid token."""

    status, slug = 401, "unauthenticated"
    headers: ClassVar[dict[str, str]] = {"WWW-Authenticate": "Bearer"}


class Forbidden(Problem):
    """The token's roles do not allow it."""

    status, slug = 403, "forbidden"


class NotFound(Problem):
    """There is no such thing."""

    status, slug = 404, "not-found"


class Refused(Problem):
    """The subject's decider says no; nothing was recorded."""

    status, slug = 409, "refused"


class Changed(Problem):
    """What the request is about is no longer as it expects it; nothing was recorded."""

    status, slug = 412, "changed"


class TooLarge(Problem):
    """The body is over the limit."""

    status, slug = 413, "too-large"


class Unsupported(Problem):
    """The body is not of a type that is read here."""

    status, slug = 415, "unsupported-media-type"


class Invalid(Problem):
    """A member of the request is wrong; `errors` names each."""

    status, slug = 422, "invalid"


class Unavailable(Problem):
    """Not now; the same request will do later."""

    status, slug = 503, "unavailable"
    headers: ClassVar[dict[str, str]] = {"Retry-After": "1"}


class CatchingUp(Unavailable):
    """The table was emptied and is being filled again from the archive."""

    slug = "catching-up"


class NotYet(Unavailable):
    """The position that was asked for is not judged yet."""

    slug = "not-yet"


class Throttled(Unavailable):
    """The log or the table asks us to slow down."""

    slug = "throttled"


class CloudFailure(TillstreamError):
    """The cloud did not do what it was asked; the batch is tried again and nothing is lost."""


class CommitLost(CloudFailure):
    """Another process moved the checkpoint first."""


class Conflict(CloudFailure):
    """Another transaction holds one of the rows at this moment."""
