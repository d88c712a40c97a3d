"""Answers that say no (RFC 9457): one class for each slug.

The contract says of a slug what the docstring of its class says.
"""

from __future__ import annotations

from typing import ClassVar

from chalicelib.errors.reason import TillstreamError


class Problem(TillstreamError):
    """An answer to a request, as RFC 9457 has it.

    One class for each slug; the contract says of it what its docstring says. `field` names the
    member, header or parameter at fault, `errors` lists several; `extra` goes into the answer.
    """

    status: ClassVar[int]
    slug: ClassVar[str]
    headers: ClassVar[dict[str, str]] = {}

    def __init__(
        self,
        detail: str,
        *,
        field: str | None = None,
        errors: list[dict[str, str]] | None = None,
        **extra: list[str] | str,
    ) -> None:
        super().__init__(detail)
        self.detail = detail
        self.errors = errors or ([{"field": field, "detail": detail}] if field else [])
        self.extra = extra


class Internal(Problem):
    """This is a fault of ours; it has been logged."""

    status, slug = 500, "internal"


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


class NotYours(Forbidden):
    """It belongs to somebody else, who alone may do this."""

    slug = "not-yours"


class NotGranted(Forbidden):
    """The partner's key may not say this, as this source, of this subject."""

    slug = "not-authorised"


class NotFound(Problem):
    """There is no such thing."""

    status, slug = 404, "not-found"


class UnknownProduct(NotFound):
    """There is no product with this id."""

    slug = "unknown-product"


class UnknownEvent(NotFound):
    """There is no event with this id at this position."""

    slug = "unknown-event"


class UnknownOrder(NotFound):
    """There is no order with this id, or it is somebody else's."""

    slug = "unknown-order"


class UnknownTicket(NotFound):
    """There is no ticket with this id, or it is somebody else's."""

    slug = "unknown-ticket"


class UnknownPhotographer(NotFound):
    """No photographer is registered under this id, or not any more."""

    slug = "unknown-photographer"


class GiveAt(NotFound):
    """Nothing is kept of this event by its id alone; give the position that its 202 answered."""

    slug = "give-at"


class Refused(Problem):
    """The subject's decider says no; nothing was recorded."""

    status, slug = 409, "refused"


class Exists(Refused):
    """There is one with this id already; nothing was recorded."""

    slug = "exists"


class KeyReused(Refused):
    """The Idempotency-Key was used for another command; nothing was recorded."""

    slug = "key-reused"


class IllegalMove(Refused):
    """The order's status does not allow it; nothing was recorded."""

    slug = "illegal-move"


class RefundTooLarge(Refused):
    """More than is left of what was paid; nothing was recorded."""

    slug = "refund-too-large"


class PhoneTaken(Refused):
    """Another photographer is registered under this number; nothing was recorded."""

    slug = "phone-taken"


class DeskFull(Refused):
    """So many are at the photo desk that no other fits now; nothing was recorded."""

    slug = "desk-full"


class EnoughAssignments(Refused):
    """More assignments than are left now are not given out; nothing was recorded."""

    slug = "enough-assignments"


class NoAssignment(Refused):
    """This photographer is asked for no picture now, or not any more; nothing was recorded."""

    slug = "no-assignment"


class Erased(Problem):
    """This person was erased; nothing can be said for them any more."""

    status, slug = 410, "erased"


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


class NoSuchType(Invalid):
    """No event of this type is taken here; where `known` stands, it lists those that are."""

    slug = "unknown-type"


class NoSealedEvent(Invalid):
    """What a partner sent is not an event as it is sealed here."""

    slug = "malformed"


class UnfitSignature(Invalid):
    """The signature does not fit the bytes that were sent."""

    slug = "bad-signature"


class SignedLongAgo(Invalid):
    """It was signed over 300 s ago; it may be a replay."""

    slug = "signed-long-ago"


class NoSuchKey(Invalid):
    """The trust document names no such key."""

    slug = "unknown-key"


class KeyOutsideWindow(Invalid):
    """The partner's key is outside its window, or revoked."""

    slug = "key-not-valid"


class ForAnotherStream(Invalid):
    """The event is sealed for another stream than this shop's `stream`."""

    slug = "wrong-stream"


class OutOfTime(Invalid):
    """The event's time lies over 60 s before or 15 s after this shop's `clock`."""

    slug = "stale"


class UnknownSchema(Invalid):
    """No event of this schema is taken here; `known` lists those that are."""

    slug = "unknown-schema"


class NoSuchProduct(Invalid):
    """A line's product is not in the catalog, so it cannot be ordered."""

    slug = "unknown-product"


class NoSuchOrder(Invalid):
    """There is no order with this id, or it is somebody else's, so no ticket names it."""

    slug = "unknown-order"


class NoPrice(Invalid):
    """A line's product has no price, so it cannot be ordered."""

    slug = "no-price"


class MixedCurrencies(Invalid):
    """The lines are priced in different currencies; an order is in one."""

    slug = "mixed-currencies"


class NoCards(Invalid):
    """This shop takes no cards: an order without `payment` is settled where it is handed over."""

    slug = "no-cards"


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


class NotNotarised(Unavailable):
    """No tree head covers it yet; the next sweep's will."""

    slug = "not-notarised"
    headers: ClassVar[dict[str, str]] = {"Retry-After": "60"}


class Throttled(Unavailable):
    """The log or the table asks us to slow down."""

    slug = "throttled"
