"""What API Gateway answers, with the gateway responses that the packaged template declares.

Chalice's own local gateway makes the Lambda event, asks the authorizer and calls the app. Around
it stands here what it does differently from the deployed API, or not at all:

- a path that no route has is 404, a method that its route has not is 405 with `Allow`;
- no token, or an authorizer that raises "Unauthorized", is 401; a token that does not open this
  route is 403; an authorizer that raises anything else could not tell, and that is 503;
- path parameters are those of the route that matched (Chalice's matcher keeps those of candidates
  it gave up);
- a method that is called too often is 429 (`throttle`), before anybody is asked;
- an app that raises, or answers with more than Lambda may (6 MB), is 502, and one line of log.

Every such answer is `application/problem+json`; none repeats anything of the request.
"""

from __future__ import annotations

import base64
import re
from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import parse_qs

from chalice import local
from chalice.config import Config

from chalicelib import telemetry
from local.answers import Answer, problem
from local.throttle import Throttle

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from local.wire import Request

MOST_ANSWER = 6 * 1024 * 1024
LAMBDA_TIMEOUT_S = 29  # API Gateway waits no longer


class Gateway:
    """The API of one Chalice app. Safe to be called from many threads."""

    def __init__(self, application: Any, throttle: Throttle | None = None) -> None:
        _make_current_request_thread_local(application)
        config = Config.create(
            lambda_timeout=LAMBDA_TIMEOUT_S, lambda_memory_size=512, chalice_app=application
        )
        self._throttle = throttle or Throttle({})
        self._routes: Mapping[str, Mapping[str, Any]] = application.routes
        self._matcher = _Matcher(application.routes)
        self._gateway = local.LocalGateway(application, config)
        self._gateway.event_converter = local.LambdaEventConverter(
            self._matcher, application.api.binary_types
        )
        self._gateway._authorizer = _Authorizer(application)  # noqa: SLF001  (no other way in)

    def answer(self, request: Request) -> Answer:
        """The answer to this request; there always is one."""
        route = self._matcher.route(request.target)
        if route is None:
            return problem(404, "not-found", "there is no such route")
        methods = self._routes[route]
        if request.method not in methods and not _is_preflight(request.method, methods):
            allow = ", ".join(sorted(methods))
            detail = "this route does not take this method"
            return problem(405, "method-not-allowed", detail, Allow=allow)
        if not self._throttle.lets(request.method, route):
            return _THROTTLED
        return self._invoked(request)

    def _invoked(self, request: Request) -> Answer:
        try:
            given = self._gateway.handle_request(
                request.method, request.target, request.headers, request.body or None
            )
            answer = _of_lambda(given)
        except local.LocalGatewayException as refusal:
            return _REFUSALS[type(refusal)]
        except Exception as failure:  # noqa: BLE001  (whatever Lambda does, API Gateway answers)
            telemetry.say("lambda-failed", error=type(failure).__name__)
            return _FAILED
        if len(answer.body) > MOST_ANSWER:
            telemetry.say("lambda-failed", error="the answer is over 6 MB")
            return _FAILED
        return answer


def _make_current_request_thread_local(application: Any) -> None:
    """What `chalice local` does: `app.current_request` becomes one per thread."""
    if not isinstance(application, local.LocalChalice):
        local.CustomLocalChalice.__bases__ = (local.LocalChalice, application.__class__)
        application.__class__ = local.CustomLocalChalice


def _is_preflight(method: str, methods: Mapping[str, Any]) -> bool:
    return method == "OPTIONS" and any(entry.cors is not None for entry in methods.values())


def _of_lambda(given: Mapping[str, Any]) -> Answer:
    body = _body(given["body"], is_base64=given.get("isBase64Encoded", False))
    headers = {"Content-Type": "application/json"} if body else {}
    return Answer(given["statusCode"], tuple(_pairs(headers | given["headers"], given)), body)


def _body(given: str | bytes | None, *, is_base64: bool) -> bytes:
    if is_base64 and given:
        return base64.b64decode(given)
    return given.encode() if isinstance(given, str) else given or b""


def _pairs(headers: Mapping[str, Any], given: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    yield from ((name, str(value)) for name, value in headers.items())
    for name, values in given["multiValueHeaders"].items():
        yield from ((name, str(value)) for value in values)


class _Route(NamedTuple):
    path: str
    parts: tuple[tuple[str, bool], ...]

    def captures(self, given: list[str]) -> dict[str, str] | None:
        found: dict[str, str] = {}
        for (part, is_variable), text in zip(self.parts, given, strict=True):
            if is_variable and text:
                found[part] = text
            elif is_variable or part != text:
                return None
        return found


class _Matcher(local.RouteMatcher):
    """Chalice's matcher, with captures of the matching route alone; a capture is never empty."""

    def __init__(self, routes: Iterable[str]) -> None:
        super().__init__(list(routes))
        self._by_length: dict[int, list[_Route]] = {}
        for url in self.route_urls:
            parts = tuple((part.strip("{}"), part.startswith("{")) for part in url.split("/"))
            self._by_length.setdefault(len(parts), []).append(_Route(url, parts))

    def route(self, target: str) -> str | None:
        """The route that a request target belongs to."""
        found = self._found(target)
        return found[0] if found else None

    def match_route(self, url: str) -> local.MatchResult:
        """The same with captures and query; Chalice calls it."""
        found = self._found(url)
        if found is None:
            raise ValueError("no such route")
        query = url.partition("?")[2]
        return local.MatchResult(*found, parse_qs(query, keep_blank_values=True))

    def _found(self, target: str) -> tuple[str, dict[str, str]] | None:
        given = target.partition("?")[0].split("/")
        if (
            len(given) > 2 and given[-2] and not given[-1]
        ):  # one slash at the end is nothing, as on AWS
            given.pop()
        for route in self._by_length.get(len(given), ()):
            captured = route.captures(given)
            if captured is not None:
                return route.path, captured
        return None


class _AuthorizerFailedError(local.LocalGatewayException):
    """What API Gateway calls AUTHORIZER_FAILURE."""


class _Authorizer(local.LocalGatewayAuthorizer):
    """Chalice's, but an authorizer may raise, and API Gateway knows two ways of that."""

    def authorize(self, raw_path: str, lambda_event: Any, lambda_context: Any) -> Any:
        try:
            return super().authorize(raw_path, lambda_event, lambda_context)
        except local.LocalGatewayException:
            raise
        except Exception as failure:  # noqa: BLE001  (whatever it raises is answered)
            if str(failure) == "Unauthorized":
                raise local.NotAuthorizedError({}, None) from None
            telemetry.say("authorizer-failed", error=type(failure).__name__)
            raise _AuthorizerFailedError({}, None) from None

    def _check_can_invoke_view_function(self, arn: str, auth_result: Mapping[str, Any]) -> bool:
        statements = auth_result.get("policyDocument", {}).get("Statement", [])
        allowed = [
            each for one in statements if one["Effect"] == "Allow" for each in one["Resource"]
        ]
        return any(_pattern(resource).match(arn) for resource in allowed)


@lru_cache(maxsize=4096)
def _pattern(resource: str) -> Any:
    """Chalice compiles this anew for every resource and request."""
    escaped = re.escape(resource).replace(r"\?", ".").replace(r"\*", ".*?")
    return re.compile(f"^{escaped}$")


_FAILED = problem(502, "bad-gateway", "this is a fault of ours; it has been logged")
_THROTTLED = problem(
    429,
    "too-many-requests",
    "more requests than this shop takes; try again in a moment",
    **{"Retry-After": "1"},
)
_REFUSALS = {
    local.NotAuthorizedError: problem(
        401,
        "unauthenticated",
        "send a valid token",
        field="Authorization",
        **{"WWW-Authenticate": "Bearer"},
    ),
    local.ForbiddenError: problem(
        403, "forbidden", "the token's roles do not allow this", field="Authorization"
    ),
    local.InvalidAuthorizerError: _FAILED,
    _AuthorizerFailedError: problem(
        503,
        "unavailable",
        "whose token this is cannot be told now; try again in a moment",
        **{"Retry-After": "1"},
    ),
}
