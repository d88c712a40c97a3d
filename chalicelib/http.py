"""Requests and answers as plain values, and every no as `application/problem+json` (RFC 9457).

A body is read strictly: JSON that can be read in one way only, at most 64 KiB, and a model that
refuses unknown members. Nothing of the caller's input is echoed into an error but member names.
"""

from __future__ import annotations

import traceback
from collections.abc import Callable, Mapping
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
PROBLEM = "application/problem+json"
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
    body = {
        "type": f"/problems/{problem.reason}",
        "title": problem.reason.replace("-", " ").capitalize(),
        "status": problem.status,
        "detail": problem.detail,
        **({"errors": problem.errors} if problem.errors else {}),
        **problem.extra,
    }
    return Answer(problem.status, body, {"Content-Type": PROBLEM, **problem.headers})


def parse(request: Request, model: type[M]) -> M:
    """The body as the model has it.

    Raises Unsupported, TooLarge, BadRequest (no such JSON) or Invalid (naming each member).
    """
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
        errors = [
            {"field": ".".join(map(str, e["loc"])) or "body", "detail": e["msg"]}
            for e in refusals.errors(include_url=False, include_context=False, include_input=False)
        ]
        names = ", ".join(error["field"] for error in errors)
        raise Invalid(f"these members are wrong: {names}", errors=errors) from None


def argument(request: Request, name: str) -> str | None:
    """The one query parameter that the route has. Raises BadRequest for any other."""
    known_arguments(request, name)
    return request.query.get(name)


def known_arguments(request: Request, *names: str) -> None:
    """Raises BadRequest for a query parameter that the route does not have."""
    for given in request.query:
        if given not in names:
            raise BadRequest("this route has no such query parameter", field=_shown(given))


def _shown(name: str) -> str:
    return name if name.isidentifier() and len(name) <= 40 else "query"
