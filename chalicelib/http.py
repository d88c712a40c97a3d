"""Requests and answers as plain values, and every no as `application/problem+json` (RFC 9457).

A body is read strictly: JSON that can be read in one way only, at most 64 KiB, and a model that
refuses unknown members. Nothing of the caller's input is echoed into an error but member names.
"""

from __future__ import annotations

import re
import traceback
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from chalicelib import telemetry
from chalicelib.errors import (
    BadRequest,
    CloudFailure,
    Invalid,
    Malformed,
    Problem,
    Throttled,
    TooLarge,
    Unsupported,
)
from chalicelib.signing import strict

MOST_BODY = 64 * 1024
MOST_ERRORS = 20
MOST_NAME = 40
ETAG = re.compile(r'"(\d{1,15})-[a-z]+@\d+"')
ENTITY = re.compile(r"[A-Za-z0-9][A-Za-z0-9._~-]{0,63}")
PROBLEM = "application/problem+json"
FRAMEWORK = {
    405: ("method-not-allowed", "this route does not take this method"),
    415: ("unsupported-media-type", "send the body as application/json"),
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


def answer(handle: Callable[[], Any]) -> Answer:
    """What the handler gives, as an answer; whatever it raises, as a problem."""
    try:
        given = handle()
    except Problem as problem:
        return refusal(problem)
    except CloudFailure as failure:
        telemetry.say("cloud-failure", reason=str(failure))
        return refusal(Throttled("the shop is busy; nothing was lost, please try again"))
    except Exception as failure:  # noqa: BLE001  (the last resort, told to the operator whole)
        frames = [
            f"{f.filename}:{f.lineno} {f.name}" for f in traceback.extract_tb(failure.__traceback__)
        ]
        telemetry.say("error", error=type(failure).__name__, frames=frames[-8:])
        return refusal(Problem("this is a fault of ours; it has been logged"))
    if isinstance(given, Answer):
        return given
    return Answer(200, given.body() if hasattr(given, "body") else given)


def refusal(problem: Problem) -> Answer:
    """The problem as an answer."""
    body = _body(problem.status, problem.reason, problem.detail)
    body |= {**({"errors": problem.errors} if problem.errors else {}), **problem.extra}
    return Answer(problem.status, body, {"Content-Type": PROBLEM, **problem.headers})


def framework_refusal(status: int, headers: Mapping[str, str]) -> Answer:
    """What the framework refused before a handler saw it, as a problem."""
    kept = {name: value for name, value in headers.items() if name.lower() != "content-type"}
    body = _body(status, *FRAMEWORK.get(status, FRAMEWORK[500]))
    return Answer(status, body, {**kept, "Content-Type": PROBLEM})


def _body(status: int, reason: str, detail: str) -> dict[str, Any]:
    title = reason.replace("-", " ").capitalize()
    return {"type": f"/problems/{reason}", "title": title, "status": status, "detail": detail}


def parse(request: Request, model: type[M]) -> M:
    """The body as the model has it; a route that takes a body takes no query parameter.

    Raises Unsupported, TooLarge, BadRequest (no such JSON) or Invalid (naming each member).
    """
    known_arguments(request)
    return validate(model, document(request))


def document(request: Request) -> Any:
    """The body as JSON; an empty body is an empty object."""
    kind = request.headers.get("content-type", "application/json").partition(";")[0].strip()
    if kind.lower() != "application/json":
        raise Unsupported("send the body as application/json", field="Content-Type")
    if len(request.body) > MOST_BODY:
        raise TooLarge(f"the body is over {MOST_BODY} bytes", field="body")
    try:
        return strict.decode(request.body, floats=True) if request.body.strip() else {}
    except Malformed as flaw:
        raise BadRequest(f"the body is not JSON that can be read: {flaw}", field="body") from None


def validate(model: type[M], value: Any) -> M:
    """The value as the model has it. Raises Invalid, naming each member at fault."""
    try:
        return model.model_validate(value)
    except ValidationError as refusals:
        found = refusals.errors(include_url=False, include_context=False, include_input=False)
        errors = [
            {"field": ".".join(map(str, e["loc"]))[:MOST_NAME] or "body", "detail": e["msg"]}
            for e in found[:MOST_ERRORS]
        ]
        names = ", ".join(error["field"] for error in errors)
        raise Invalid(f"these members are wrong: {names}", errors=errors) from None


def entity(text: str) -> str:
    """The id in a path, if it can be one. Raises Invalid."""
    if not ENTITY.fullmatch(text):
        raise Invalid("an id is 1 to 64 of A-Z a-z 0-9 . _ ~ -", field="id")
    return text


def arguments(given: Mapping[str, Sequence[str]]) -> dict[str, str]:
    """The query parameters by name. Raises BadRequest for one that stands twice."""
    for name, values in given.items():
        if len(values) > 1:
            raise BadRequest("a query parameter stands once", field=_shown(name))
    return {name: values[0] for name, values in given.items()}


def argument(request: Request, name: str) -> str | None:
    """The one query parameter that the route has. Raises BadRequest for any other."""
    known_arguments(request, name)
    return request.query.get(name)


def known_arguments(request: Request, *names: str) -> None:
    """Raises BadRequest for a query parameter that the route does not have."""
    for given in request.query:
        if given not in names:
            raise BadRequest("this route has no such query parameter", field=_shown(given))


def etag(version: int, view: object) -> str:
    """The ETag of what a view says of a subject at this version (RFC 9110 §8.8.3)."""
    return f'"{version}-{view}"'


def expects(request: Request) -> int | None:
    """The version that `If-Match` asks for. Raises BadRequest for what no GET gave."""
    text = request.headers.get("if-match")
    if text is None:
        return None
    found = ETAG.fullmatch(text.strip())
    if found is None:
        raise BadRequest("this is one ETag, as the answer to a GET had it", field="If-Match")
    return int(found[1])


def tagged(request: Request, body: Any, tag: str) -> Answer:
    """The body under its ETag; 304 to a client that says it has it (RFC 9110 §13.1.2)."""
    headers = {"ETag": tag, "Cache-Control": "no-cache"}
    known = {one.strip().removeprefix("W/") for one in _listed(request, "if-none-match")}
    return Answer(304, "", headers) if known & {tag, "*"} else Answer(200, body, headers)


def _listed(request: Request, name: str) -> list[str]:
    return request.headers.get(name, "").split(",")


def _shown(name: str) -> str:
    return name if name.isidentifier() and len(name) <= MOST_NAME else "query"
