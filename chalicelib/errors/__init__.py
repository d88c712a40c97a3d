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
│   ├── Tampered             what is personal is altered, or stands where it was not put
│   └── InvalidData          the model of its type refuses its data
├── UnknownType              this code is older than the event: its subject is parked
├── Misfit                   a row that DynamoDB would refuse: its subject is parked
├── Behind                   a shard cannot be folded further yet: it waits, nothing is lost
├── Promoted                 another version of a view is read by now: read again
├── TryAgain                 an effect could not be had now: its to-do stays open
├── Unreachable              what is to be fetched lies where nothing is fetched from
├── Waits                    there is nothing to do for an effect yet: no attempt is counted
├── Problem                  an answer to a request (RFC 9457): status, slug, a sentence to act on
│   ├── BadRequest           400  the request cannot be read
│   ├── Unauthenticated      401  no valid token
│   ├── Forbidden            403  the token's roles do not allow it
│   │   ├── NotGranted            the partner's key may not say this
│   │   ├── NotFromTwilio         no picture message as Twilio signs it
│   │   └── NotYours              the subject belongs to somebody else
│   ├── NotFound             404  there is no such thing
│   │   ├── UnknownProduct        there is no product with this id
│   │   ├── UnknownPhotographer   no photographer is registered under this id, or not any more
│   │   ├── UnknownOrder          there is no order with this id, or it is somebody else's
│   │   ├── UnknownTicket         there is no ticket with this id, or it is somebody else's
│   │   ├── UnknownPicture        the shop has no such picture
│   │   ├── UnknownEvent          there is no event with this id at this position
│   │   └── GiveAt                nothing is kept of this event by its id alone
│   ├── Refused              409  the subject's decider says no
│   │   ├── Exists                there is one with this id already
│   │   ├── IllegalMove           the order's status does not allow it
│   │   ├── RefundTooLarge        more than is left of what was paid
│   │   ├── PhoneTaken            another photographer is registered under this number
│   │   ├── DeskFull              so many are at the photo desk that no other fits now
│   │   ├── EnoughAssignments     more assignments than are left now are not given out
│   │   ├── NoAssignment          this photographer is asked for no picture now
│   │   └── KeyReused             the key stood for another command
│   ├── Erased               410  the person was erased
│   ├── Changed              412  it is no longer as the request expects it
│   ├── TooLarge             413  the body is over the limit
│   ├── Unsupported          415  the body is not of a type that is read here
│   ├── Invalid              422  a member of the request is wrong
│   │   ├── NoSuchType            no such type of event is taken here
│   │   ├── NoSealedEvent         a partner's event: not our strict JWS, JSON or event profile
│   │   ├── UnfitSignature        the bytes are not what the partner's key signed
│   │   ├── SignedLongAgo         what was signed may be a replay
│   │   ├── NoSuchKey             the trust document names no such key
│   │   ├── KeyOutsideWindow      the key is outside its window, or revoked
│   │   ├── ForAnotherStream      sealed for another stream than this shop's
│   │   ├── OutOfTime             its time lies too far from this shop's clock
│   │   ├── UnknownSchema         no such schema is taken here
│   │   ├── NoSuchProduct         a line's product is not in the catalog
│   │   ├── NoSuchOrder           the order that a ticket names is not there, or not theirs
│   │   ├── NoPrice               a line's product has no price
│   │   ├── MixedCurrencies       the lines are priced in different currencies
│   │   ├── NoCards               this shop takes no cards
│   │   ├── NoPicture             the bytes are no picture that can be decoded
│   │   ├── PictureTooLarge       it has too many bytes or pixels
│   │   └── NoUpload              this person uploaded nothing under this id
│   ├── Internal             500  a fault of ours
│   └── Unavailable          503  not now: try again
│       ├── CatchingUp            the table was emptied and is being filled again
│       ├── NotYet                the position asked for is not judged yet
│       ├── NotNotarised          no tree head covers it yet
│       └── Throttled             the log or the table asks us to slow down
└── CloudFailure             the cloud did not do what it was asked: the batch is tried again
    ├── AnotherStream        made anew under the name of a stream that has an archive: not read
    ├── CommitLost           another process moved the checkpoint first: read again and go on
    └── Conflict             another transaction holds a row at this moment
"""

from __future__ import annotations

from chalicelib.errors.picture import (
    NoPicture,
    NotFromTwilio,
    NoUpload,
    PictureTooLarge,
    UnknownPicture,
)
from chalicelib.errors.problem import (
    BadRequest,
    CatchingUp,
    Changed,
    DeskFull,
    EnoughAssignments,
    Erased,
    Exists,
    ForAnotherStream,
    Forbidden,
    GiveAt,
    IllegalMove,
    Internal,
    Invalid,
    KeyOutsideWindow,
    KeyReused,
    MixedCurrencies,
    NoAssignment,
    NoCards,
    NoPrice,
    NoSealedEvent,
    NoSuchKey,
    NoSuchOrder,
    NoSuchProduct,
    NoSuchType,
    NotFound,
    NotGranted,
    NotNotarised,
    NotYet,
    NotYours,
    OutOfTime,
    PhoneTaken,
    Problem,
    RefundTooLarge,
    Refused,
    SignedLongAgo,
    Throttled,
    TooLarge,
    Unauthenticated,
    Unavailable,
    UnfitSignature,
    UnknownEvent,
    UnknownOrder,
    UnknownPhotographer,
    UnknownProduct,
    UnknownSchema,
    UnknownTicket,
    Unsupported,
)
from chalicelib.errors.reason import (
    AnotherStream,
    BadSignature,
    Behind,
    CloudFailure,
    CommitLost,
    Conflict,
    Equivocation,
    InvalidData,
    KeyNotValid,
    Malformed,
    Misfit,
    NotAuthorised,
    Promoted,
    SecurityError,
    Stale,
    Tampered,
    TillstreamError,
    TryAgain,
    UnknownKey,
    UnknownType,
    Unreachable,
    Waits,
    WrongStream,
)

__all__ = [
    "AnotherStream",
    "BadRequest",
    "BadSignature",
    "Behind",
    "CatchingUp",
    "Changed",
    "CloudFailure",
    "CommitLost",
    "Conflict",
    "DeskFull",
    "EnoughAssignments",
    "Equivocation",
    "Erased",
    "Exists",
    "ForAnotherStream",
    "Forbidden",
    "GiveAt",
    "IllegalMove",
    "Internal",
    "Invalid",
    "InvalidData",
    "KeyNotValid",
    "KeyOutsideWindow",
    "KeyReused",
    "Malformed",
    "Misfit",
    "MixedCurrencies",
    "NoAssignment",
    "NoCards",
    "NoPicture",
    "NoPrice",
    "NoSealedEvent",
    "NoSuchKey",
    "NoSuchOrder",
    "NoSuchProduct",
    "NoSuchType",
    "NoUpload",
    "NotAuthorised",
    "NotFound",
    "NotFromTwilio",
    "NotGranted",
    "NotNotarised",
    "NotYet",
    "NotYours",
    "OutOfTime",
    "PhoneTaken",
    "PictureTooLarge",
    "Problem",
    "Promoted",
    "RefundTooLarge",
    "Refused",
    "SecurityError",
    "SignedLongAgo",
    "Stale",
    "Tampered",
    "Throttled",
    "TillstreamError",
    "TooLarge",
    "TryAgain",
    "Unauthenticated",
    "Unavailable",
    "UnfitSignature",
    "UnknownEvent",
    "UnknownKey",
    "UnknownOrder",
    "UnknownPhotographer",
    "UnknownPicture",
    "UnknownProduct",
    "UnknownSchema",
    "UnknownTicket",
    "UnknownType",
    "Unreachable",
    "Unsupported",
    "Waits",
    "WrongStream",
]
