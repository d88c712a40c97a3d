"""What a route says of itself, and what follows from it.

A declaration names the types that the code itself uses, so there is nothing to keep in step. What
follows is not said again: where there is a body it can be too large, where a header is heard its
refusals can come, where a role is needed it can be missing.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator, Mapping
from http import HTTPStatus
from typing import Annotated, Any, NamedTuple

from pydantic import Field
from typing_extensions import TypedDict

from chalicelib.errors import (
    BadRequest,
    CatchingUp,
    Changed,
    Forbidden,
    Internal,
    Invalid,
    KeyReused,
    NotFromTwilio,
    NotYet,
    Problem,
    SignedLongAgo,
    Throttled,
    TooLarge,
    Unauthenticated,
    Unavailable,
    UnfitSignature,
    Unsupported,
)
from chalicelib.events.record import POSITION
from chalicelib.payments.notice import SIGNATURE

JSON, HTML = "application/json", "text/html"
PARAMETER = re.compile(r"\{(\w+)\}")


class Given(NamedTuple):
    """An answer that is not a plain 200 of JSON: its body's type (None: no body), its headers."""

    body: Any
    status: int = 200
    headers: tuple[str, ...] = ()
    content: str = JSON


class Refusal(NamedTuple):
    """One way to say no: the slug names it, the headers come with it."""

    status: int
    slug: str
    meaning: str
    headers: tuple[str, ...] = ()


class Heard(NamedTuple):
    """A request header: the type of its value, and what it can bring about."""

    type: Any
    brings: tuple[type[Problem], ...]


class Declared(TypedDict, total=False):
    """What a route says of itself beside method, path and handler.

    `public`   whether no token is asked for
    `takes`    the type of its body; or several, by content type
    `gives`    the type of its answer; or a `Given`; or several of them in a tuple
    `asks`     a TypedDict of its query parameters; it takes no others
    `hears`    the request headers that mean something to it, of those in `HEARD`
    `refuses`  what it can refuse beside what follows from the rest
    `says`     a rule that it goes by, in words
    `shows`    makes a page of its answer, where `Accept` prefers one
    """

    public: bool
    takes: Any
    gives: Any
    asks: Any
    hears: tuple[str, ...]
    refuses: tuple[type[Problem], ...]
    says: str
    shows: Callable[[Any, Any], Any]


class Route(NamedTuple):
    """One route. The handler's docstring is its summary, its annotations are the path's types."""

    method: str
    path: str
    handler: Callable[..., Any]
    declared: Declared

    @property
    def public(self) -> bool:
        """Whether no token is asked for."""
        return self.declared.get("public", False)

    @property
    def asks(self) -> Collection[str]:
        """The names of the query parameters that it takes."""
        return getattr(self.declared.get("asks"), "__annotations__", ())

    @property
    def hears(self) -> tuple[str, ...]:
        """The names of the request headers that mean something to it."""
        return self.declared.get("hears", ())

    @property
    def takes(self) -> Mapping[str, Any]:
        """The type of its body, by content type."""
        said = self.declared.get("takes")
        return said if isinstance(said, Mapping) else {} if said is None else {JSON: said}

    @property
    def shows(self) -> bool:
        """Whether it answers as a page too."""
        return "shows" in self.declared

    @property
    def gives(self) -> Iterator[Given]:
        """Every answer that is no refusal."""
        said = self.declared["gives"]
        for each in said if type(said) is tuple else (said,):
            given = each if isinstance(each, Given) else Given(each)
            given = given._replace(headers=(*given.headers, *(PAGED if self.shows else ())))
            if "If-None-Match" in self.hears:
                given = given._replace(headers=(*given.headers, *TAGGED))
                yield Given(None, 304, given.headers)
            yield given
            if self.shows and given.status == HTTPStatus.OK:
                yield Given(str, 200, given.headers, HTML)

    @property
    def refusals(self) -> list[Refusal]:
        """Every way in which it says no, by status and slug."""
        kinds = [*ANYWHERE, *self.declared.get("refuses", ())]
        kinds += () if self.public else (Unauthenticated, Forbidden, Unavailable)
        kinds += (Invalid,) if self.takes else ()
        kinds += (Invalid,) if "{id}" in self.path else ()
        kinds += (kind for name in self.hears for kind in HEARD[name].brings)
        if all(_is_empty(type_) for type_ in self.takes.values()):  # one command, and no other
            kinds = [kind for kind in kinds if kind is not KeyReused]
        return sorted({*map(refusal, kinds), *GATEWAY})


def _is_empty(body: Any) -> bool:
    return getattr(body, "model_fields", None) == {}


def refusal(kind: type[Problem]) -> Refusal:
    """The problem as the contract says it."""
    meaning = " ".join((kind.__doc__ or "").split())
    return Refusal(kind.status, kind.slug, meaning, tuple(kind.headers))


ANYWHERE: tuple[type[Problem], ...] = (Internal, BadRequest, TooLarge, Unsupported)
TAGGED = ("ETag", "Cache-Control")
# What comes with an answer that may be a page, or with its page alone.
PAGED = (
    "Vary",
    "Content-Security-Policy",
    "X-Content-Type-Options",
    "Referrer-Policy",
    "Cross-Origin-Opener-Policy",
    "Cache-Control",
)
HEARD: dict[str, Heard] = {
    "Read-After": Heard(
        Annotated[
            str,
            Field(
                pattern=f"^{POSITION.pattern}$",
                description="A position, as a 202 gave it: the answer knows what lies there. "
                "It is waited for 0.3 s.",
            ),
        ],
        (CatchingUp, NotYet, Throttled),
    ),
    "Idempotency-Key": Heard(
        Annotated[
            str,
            Field(
                pattern="^[!-~]{1,255}$",
                description="The same key with the same command is the same event, "
                "however often it is sent within 24 h.",
            ),
        ],
        (KeyReused,),
    ),
    "If-None-Match": Heard(
        Annotated[str, Field(description="ETags, as a GET gave them: 304 while one still holds.")],
        (),
    ),
    "If-Match": Heard(
        Annotated[
            str,
            Field(
                pattern=r'^"[0-9]{1,15}-[a-z]+@[0-9]+([.][0-9]{1,9})?([.][0-9a-f]{16})?"$',
                description="The ETag, as a GET gave it: the event counts on that version alone.",
            ),
        ],
        (Changed,),
    ),
    "Authorization": Heard(str, (Unauthenticated,)),
    "X-Twilio-Signature": Heard(
        Annotated[
            str,
            Field(
                pattern="^[A-Za-z0-9+/]{27}=$",
                description="Twilio's: the HMAC of the shop's address and the form. "
                "Without it nothing is read.",
            ),
        ],
        (NotFromTwilio,),
    ),
    "Stripe-Signature": Heard(
        Annotated[
            str,
            Field(
                pattern=SIGNATURE,
                description="Stripe's: when it was sent, and the HMAC of that and the body. "
                "Without it nothing is read.",
            ),
        ],
        (UnfitSignature, SignedLongAgo),
    ),
}

TELLS: dict[str, Any] = {
    "Location": Annotated[str, Field(description="Where to ask what became of it.")],
    "Retry-After": Annotated[
        str, Field(pattern="^[0-9]+$", description="How many seconds to wait.")
    ],
    "WWW-Authenticate": Annotated[str, Field(description="How to say who you are.")],
    "ETag": Annotated[str, Field(description="What `If-Match` and `If-None-Match` take.")],
    "Cache-Control": Annotated[str, Field(description="For how long it may be kept.")],
    "Vary": Annotated[str, Field(description="What else the answer depends on.")],
    "Content-Security-Policy": Annotated[str, Field(description="What the page may load.")],
    "X-Content-Type-Options": Annotated[str, Field(description="Its type is what it says.")],
    "Referrer-Policy": Annotated[str, Field(description="What a link tells of this page.")],
    "Cross-Origin-Opener-Policy": Annotated[str, Field(description="Who shares its window.")],
}

# What API Gateway, and the server that stands for it locally, answer before a route is asked.
GATEWAY = (
    Refusal(414, "uri-too-long", "The request line is too long."),
    Refusal(429, "too-many-requests", "More requests than this shop takes.", ("Retry-After",)),
    Refusal(431, "headers-too-large", "The headers are over the limit."),
    Refusal(502, "bad-gateway", "This is a fault of ours; it has been logged."),
    Refusal(504, "gateway-timeout", "There was no answer in time; what was sent may be recorded."),
)
