"""Holds whatever the shop answers against the contract that it publishes.

`held` is called by everything in this folder that sends a request. What is not declared of a route
(a status, a type of content, a member, a header) fails the test that met it, whatever it is about.
So does what is taken although the contract does not have it. What was seen is remembered.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any
from urllib.parse import parse_qsl

import jsonschema_rs

PROBLEM = "application/problem+json"
FORM = "application/x-www-form-urlencoded"
EVERYWHERE = {"content-type", "content-length", "date", "connection"}
# What is answered without a route: none was found, or the request could not be read.
NO_ROUTE = {400, 404, 414, 431}

# What a gateway alone answers: the one of these tests waits for nothing, and counts no calls.
ONLY_AWS = {429, 504}

Seen = tuple[str, str, int]
seen: set[Seen] = set()
slugs: set[str] = set()


@cache
def document() -> dict[str, Any]:
    import app  # noqa: PLC0415

    found: dict[str, Any] = app.contract.document
    return found


def held(
    request: tuple[str, str, bytes | None, Mapping[str, str]],
    answer: tuple[int, Mapping[str, str], bytes],
) -> None:
    """Fails unless the contract has this answer to this request."""
    method, target, sent, asked = request
    status, told, body = answer
    route = _route(target.partition("?")[0])
    headers = {name.lower(): value for name, value in told.items()}
    if route is None or method.lower() not in document()["paths"][route]:
        _refused(status, headers, body, NO_ROUTE if route is None else {405, *NO_ROUTE})
        return
    operation = document()["paths"][route][method.lower()]
    where = f"{method} {route} answered {status}, and "
    responses = operation["responses"]
    assert str(status) in responses, where + f"the contract has {', '.join(responses)}"
    declared = resolved(responses[str(status)])
    _headers(declared, headers, where)
    _body(declared, headers, body, where)
    if status < 400:
        _taken(operation, target, sent, {n.lower(): v for n, v in asked.items()}, body, where)
    elif headers["content-type"] == PROBLEM:
        slugs.add(json.loads(body)["type"].removeprefix("/problems/"))
    seen.add((method, route, status))


def missing() -> Iterator[str]:
    """Every answer that is declared and was not seen, though it could have been."""
    for path, methods in document()["paths"].items():
        for method, operation in methods.items():
            for status in operation["responses"]:
                one = (method.upper(), path, int(status))
                if one not in seen and int(status) not in ONLY_AWS:
                    yield f"{method.upper()} {path} {status}"
    for name, refusal in document()["components"]["responses"].items():
        said = refusal["content"][PROBLEM]["schema"]["properties"]
        if said["status"]["const"] not in ONLY_AWS:
            yield from sorted({*name.removesuffix(".page").split("-or-")} - slugs)


def _route(path: str) -> str | None:
    """The route that a path belongs to: API Gateway prefers what is written out."""
    parts = path.split("/")
    if len(parts) > 2 and parts[-2] and not parts[-1]:
        parts.pop()
    fitting = [
        route
        for route in document()["paths"]
        if len(route.split("/")) == len(parts)
        and all(
            bool(part) if name.startswith("{") else part == name
            for name, part in zip(route.split("/"), parts, strict=True)
        )
    ]
    return min(fitting, key=lambda route: route.count("{"), default=None)


def resolved(found: dict[str, Any]) -> dict[str, Any]:
    """What a reference leads to."""
    place: Any = document()
    for step in found.get("$ref", "#/").removeprefix("#/").split("/"):
        place = place[step] if step else found
    return dict(place)


def _refused(status: int, headers: dict[str, str], body: bytes, may: set[int]) -> None:
    assert status in may, f"there is no such route, and the answer is {status}"
    assert headers["content-type"] == PROBLEM
    assert ("allow" in headers) == (status == 405)
    said = json.loads(body)
    assert said["status"] == status
    _fits({"$ref": "#/components/schemas/Refusal"}, said, "no route: ")


def _headers(declared: dict[str, Any], headers: dict[str, str], where: str) -> None:
    expected = {name.lower(): resolved(each) for name, each in declared.get("headers", {}).items()}
    undeclared = headers.keys() - expected.keys() - EVERYWHERE
    assert not undeclared, where + f"the contract has no header {undeclared}"
    for name, header in expected.items():
        assert name in headers or not header["required"], where + f"without its header {name}"
        if name in headers:
            _fits(header["schema"], headers[name], where + f"the header {name}: ")


def _body(declared: dict[str, Any], headers: dict[str, str], body: bytes, where: str) -> None:
    content = declared.get("content")
    if content is None:
        assert body == b"", where + "with a body that the contract does not have"
        return
    kind = headers["content-type"].partition(";")[0]
    assert kind in content, where + f"the contract has it as {', '.join(content)}, not {kind}"
    said = json.loads(body) if kind.endswith("json") else body.decode(errors="replace")
    _fits(content[kind]["schema"], said, where)


def _taken(
    operation: dict[str, Any],
    target: str,
    sent: bytes | None,
    asked: dict[str, str],
    body: bytes,
    where: str,
) -> None:
    """What the shop took is what the contract says that it takes."""
    query = target.partition("?")[2]
    for parameter in map(resolved, operation.get("parameters", [])):
        given = dict(parse_qsl(query)) if parameter["in"] == "query" else {}
        given |= asked if parameter["in"] == "header" else {}
        value: Any = given.get(parameter["name"].lower())
        if value is not None:
            number = parameter["schema"].get("type") == "integer"
            name = f"it took another {parameter['name']}: "
            _fits(parameter["schema"], int(value) if number else value, where + name)
    if sent and sent.strip():
        content = operation.get("requestBody", {"content": {}})["content"]
        kind = asked.get("content-type", "application/json").partition(";")[0].strip().lower()
        assert kind in content, where + f"it took {kind}"
        said = _sent(kind, sent)
        schema = content[kind]["schema"]
        if schema.get("type") == "array":  # each item has an answer of its own
            each = zip(said, json.loads(body)["items"], strict=True)
            said = [item for item, answer in each if answer["status"] < 400]
            schema = schema | {"minItems": 0}
        _fits(schema, said, where + "it took another body: ")


def _sent(kind: str, sent: bytes | str) -> Any:
    text = sent if isinstance(sent, str) else sent.decode()
    if kind == FORM:
        return {name: value.replace("\r\n", "\n") for name, value in parse_qsl(text)}
    return json.loads(text) if kind.endswith("json") else text


def _fits(schema: dict[str, Any], value: Any, where: str) -> None:
    flaws = [f"{flaw.instance_path}: {flaw}" for flaw in _checker(json.dumps(schema))(value)]
    assert not flaws, where + "; ".join(flaws)


@cache
def _checker(schema: str) -> Any:
    whole = json.loads(schema) | {"components": document()["components"]}
    return jsonschema_rs.Draft202012Validator(whole).iter_errors
