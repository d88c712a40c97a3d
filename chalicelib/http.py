"""Requests and answers as plain values, and every no as `application/problem+json` (RFC 9457).

A body is read strictly: JSON that can be read in one way only, at most 64 KiB unless the route says
more, and a model that refuses unknown members. Nothing of the caller's input is echoed into an
error but member names.
"""

from __future__ import annotations

import hashlib
import json
import re
import traceback
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NotRequired, TypeVar

from pydantic import BaseModel
from typing_extensions import TypedDict

from chalicelib import telemetry
from chalicelib.errors import (
    BadRequest,
    Behind,
    CloudFailure,
    Internal,
    Invalid,
    Malformed,
    Problem,
    Throttled,
    TooLarge,
    Unavailable,
    Unsupported,
)
from chalicelib.events.told import ENTITY, MOST_NAME, valid
from chalicelib.signing import strict

MOST_BODY = 64 * 1024
ETAG = re.compile(r'"(\d{1,15})-[a-z]+@\d+(?:\.\d{1,9})?(?:\.[0-9a-f]{16})?"')
JSON, HTML = "application/json", "text/html"
QUALITY = re.compile(r"0(\.[0-9]{0,3})?|1(\.0{0,3})?")
PROBLEM = "application/problem+json"
FRAMEWORK = {
    405: ("method-not-allowed", "this route does not take this method"),
    500: ("internal", "this is a fault of ours; it has been logged"),
}
M = TypeVar("M", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class Request:
    """One request. `headers` has lower-case names; `actor` and `roles` come from the token."""

    method: str
    path: str
    headers: Mapping[str, str] = field(default_factory=dict)
    query: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    actor: str = ""
    roles: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer; a dict as body is JSON."""

    status: int
    body: Any
    headers: Mapping[str, str] = field(default_factory=dict)


class Fault(TypedDict):
    """The member, header or parameter at fault, and what is wrong with it."""

    field: str
    detail: str


class Refusal(TypedDict):
    """A no, as RFC 9457 has it: `type` names the reason, `detail` says how to mend it.

    `known` lists what may stand there instead; `stream` is the shop's, and `clock` its time.
    """

    type: str
    title: str
    status: int
    detail: str
    errors: NotRequired[list[Fault]]
    known: NotRequired[list[str]]
    stream: NotRequired[str]
    clock: NotRequired[str]


def answer(handle: Callable[[], Any]) -> Answer:
    """What the handler gives, as an answer; whatever it raises, as a problem."""
    try:
        given = handle()
    except Problem as problem:
        return refusal(problem)
    except CloudFailure as failure:
        telemetry.say("cloud-failure", reason=str(failure))
        return refusal(Throttled("the shop is busy; nothing was lost, please try again"))
    except Behind as damage:
        telemetry.say("archive-damaged", reason=str(damage))
        return refusal(Unavailable("this part of the archive cannot be read"))
    except Exception as failure:  # noqa: BLE001  (the last resort, told to the operator whole)
        frames = [
            f"{f.filename}:{f.lineno} {f.name}" for f in traceback.extract_tb(failure.__traceback__)
        ]
        telemetry.say("error", error=type(failure).__name__, frames=frames[-8:])
        return refusal(Internal("this is a fault of ours; it has been logged"))
    if isinstance(given, Answer):
        return given
    return Answer(200, given)


def refusal(problem: Problem) -> Answer:
    """The problem as an answer."""
    body = _body(problem.status, problem.slug, problem.detail)
    body |= {**({"errors": problem.errors} if problem.errors else {}), **problem.extra}
    return Answer(problem.status, body, {"Content-Type": PROBLEM, **problem.headers})


def framework_refusal(
    status: int, headers: Mapping[str, str], takes: Collection[str] = ()
) -> Answer:
    """What the framework refused before a handler saw it, as a problem."""
    kept = {name: value for name, value in headers.items() if name.lower() != "content-type"}
    body = _body(status, *FRAMEWORK.get(status, FRAMEWORK[500]))
    if status == Unsupported.status:
        body = refusal(Unsupported(_send(takes), field="Content-Type")).body
    return Answer(status, body, {**kept, "Content-Type": PROBLEM})


def _body(status: int, reason: str, detail: str) -> dict[str, Any]:
    title = reason.replace("-", " ").capitalize()
    return {"type": f"/problems/{reason}", "title": title, "status": status, "detail": detail}


def parse(request: Request, model: type[M]) -> M:
    """The body as the model has it.

    Raises Unsupported, TooLarge, BadRequest (no such JSON) or Invalid (naming each member).
    """
    return valid(model, document(request))


def document(request: Request, takes: Collection[str] = (JSON,), most: int = MOST_BODY) -> Any:
    """The body as JSON; an empty body is an empty object."""
    content_type(request, takes)
    given = body(request, most)
    try:
        return strict.decode(given, floats=True, limit=most) if given.strip() else {}
    except Malformed as flaw:
        raise BadRequest(f"the body is not JSON that can be read: {flaw}", field="body") from None


def content_type(request: Request, takes: Collection[str]) -> str:
    """Which of the types that the route takes the body is of. Raises Unsupported."""
    kind = request.headers.get("content-type", JSON).partition(";")[0].strip().lower()
    if kind not in takes:
        raise Unsupported(_send(takes), field="Content-Type")
    return kind


def _send(takes: Collection[str]) -> str:
    return f"send the body as {' or '.join(takes)}"


def body(request: Request, most: int = MOST_BODY) -> bytes:
    """The body as it was sent. Raises TooLarge."""
    if len(request.body) > most:
        raise TooLarge(f"the body is over {most} bytes", field="body")
    return request.body


def bodiless(request: Request) -> None:
    """Raises BadRequest for a body, where there is nothing to say in one."""
    if request.body.strip():
        raise BadRequest("this takes no body", field="body")


def entity(text: str) -> str:
    """The id in a path, if it can be one. Raises Invalid."""
    if not re.fullmatch(ENTITY, text):
        raise Invalid("an id is 1 to 64 of A-Z a-z 0-9 . _ ~ -", field="id")
    return text


def arguments(given: Mapping[str, Sequence[str]]) -> dict[str, str]:
    """The query parameters by name. Raises BadRequest for one that stands twice."""
    for name, values in given.items():
        if len(values) > 1:
            raise BadRequest("a query parameter stands once", field=_shown(name))
    return {name: values[0] for name, values in given.items()}


def known_arguments(request: Request, names: Collection[str]) -> None:
    """Raises BadRequest for a query parameter that the route does not have."""
    for given in request.query:
        if given not in names:
            raise BadRequest("this route has no such query parameter", field=_shown(given))


def prefers(request: Request, kind: str, other: str = JSON) -> bool:
    """Whether `Accept` wants the one type more than the other (RFC 9110 §12.5.1)."""
    ranges = dict(filter(None, map(_range, _listed(request, "accept"))))
    if not ranges:
        return False
    wanted, instead = (_wanted(ranges, each) for each in (kind, other))
    return wanted > instead


def _range(text: str) -> tuple[str, float] | None:
    """A range of types and how much it is wanted; None where that cannot be read."""
    kind, *parameters = (part.strip().lower() for part in text.split(";"))
    given = [part[2:].strip() for part in parameters if part.startswith("q=")] or ["1"]
    return (kind, float(given[0])) if kind and QUALITY.fullmatch(given[0]) else None


def _wanted(ranges: Mapping[str, float], kind: str) -> float:
    """What the range says that names the type the most closely."""
    near = (kind, f"{kind.partition('/')[0]}/*", "*/*")
    return next((ranges[each] for each in near if each in ranges), 0.0)


def etag(version: int, view: object) -> str:
    """The ETag of what a view says of a subject at this version (RFC 9110 §8.8.3)."""
    return f'"{version}-{view}"'


def digest(shown: Any) -> str:
    """What tells an answer from any other: 16 hexadecimal digits."""
    text = json.dumps(shown, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def expects(request: Request) -> int | None:
    """The version that `If-Match` asks for. Raises BadRequest for what no GET gave."""
    if "if-none-match" in request.headers:
        raise BadRequest("a write hears If-Match alone", field="If-None-Match")
    text = request.headers.get("if-match")
    if text is None:
        return None
    found = ETAG.fullmatch(text.strip())
    if found is None:
        raise BadRequest("this is one ETag, as the answer to a GET had it", field="If-Match")
    return int(found[1])


def tagged(request: Request, body: Any, tag: str, kept: str = "no-cache") -> Answer:
    """The body under its ETag; 304 to a client that says it has it (RFC 9110 §13.1.2)."""
    headers = {"ETag": tag, "Cache-Control": kept}
    known = {one.strip().removeprefix("W/") for one in _listed(request, "if-none-match")}
    has_it = known & {tag.removeprefix("W/"), "*"}
    return Answer(304, "", headers) if has_it else Answer(200, body, headers)


def private(request: Request, body: Any, tag: str) -> Answer:
    """The same, of what is for this caller alone: nobody else's cache may keep it."""
    return tagged(request, body, tag, "private, no-cache")


def _listed(request: Request, name: str) -> list[str]:
    return request.headers.get(name, "").split(",")


def _shown(name: str) -> str:
    return name if name.isidentifier() and len(name) <= MOST_NAME else "query"
