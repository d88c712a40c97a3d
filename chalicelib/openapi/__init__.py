"""The contract: the routes as they declare themselves, as one OpenAPI 3.1 document.

    route   what a route says of itself, and what follows from it
    page    the document as a page to read

Pure, and made when it is first asked for: an import of the app pays nothing for it. Types become
JSON Schema by pydantic; what a body may hold and what an answer does hold is closed.
"""

from __future__ import annotations

import hashlib
import json
import re
from functools import cached_property
from http import HTTPStatus
from typing import Any, get_type_hints

from pydantic import TypeAdapter
from pydantic.alias_generators import to_camel
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaMode

from chalicelib import access, http
from chalicelib.http import Answer, Request
from chalicelib.openapi import page
from chalicelib.openapi.route import HEARD, PAGED, PARAMETER, TELLS, Declared, Given, Refusal, Route

__all__ = ["Contract", "Declared", "Given", "Refusal", "Route"]

VERSION = "0.1.0"
SCHEMAS = "#/components/schemas/"
RESPONSES = "#/components/responses/"
HEADERS = "#/components/headers/"
INFO = {
    "title": "Tillstream",
    "version": VERSION,
    "description": "A shop whose every sale is an event on a log. A write answers 202: recorded, "
    "and its `Location` says what became of it. Every no is `application/problem+json`.",
}
TOKEN = {
    "type": "http",
    "scheme": "bearer",
    "bearerFormat": "JWT",
    "description": "A token of a person. Each route names the roles of which it asks for one.",
}


TOKEN_HEARD = "Authorization"  # noqa: S105  (a header's name)
OPTIONAL: list[dict[str, list[str]]] = [{}, {"token": []}]


class Contract:
    """The routes, gathered as they are declared."""

    def __init__(self) -> None:
        self.routes: list[Route] = []

    def add(self, route: Route) -> Route:
        """One route more. Raises ValueError where it does not say what it is and gives."""
        if not route.handler.__doc__ or "gives" not in route.declared:
            raise ValueError(f"{route.method} {route.path} says not what it is, or what it gives")
        self.routes.append(route)
        return route

    def shows(self, method: str, path: str) -> Any:
        """What makes a page of the route's answers, if anything does."""
        found = (each for each in self.routes if (each.method, each.path) == (method, path))
        return next((each.declared.get("shows") for each in found), None)

    @cached_property
    def document(self) -> dict[str, Any]:
        """The OpenAPI document."""
        return _document(self.routes)

    @cached_property
    def text(self) -> str:
        """The document as it is sent."""
        return json.dumps(self.document, ensure_ascii=False, separators=(",", ":"))

    @cached_property
    def page(self) -> str:
        """The document as a page to read."""
        return page.html(self.document)

    def answer(self, request: Request) -> Answer:
        """The document, unless the client has it."""
        return http.tagged(request, self.text, tag(self.text))


def tag(text: str) -> str:
    """The ETag of a text that changes with the code alone."""
    return f'"{hashlib.sha256(text.encode()).hexdigest()[:16]}"'


def _document(routes: list[Route]) -> dict[str, Any]:
    bodies, schemas = _schemas(routes)
    paths: dict[str, dict[str, Any]] = {}
    for route in routes:
        paths.setdefault(route.path, {})[route.method.lower()] = _operation(route, bodies)
    refused = [(ways, route.shows) for route in routes for ways in _by_status(route).values()]
    return {
        "openapi": "3.1.0",
        "info": INFO,
        "paths": paths,
        "components": {
            "schemas": schemas,
            "responses": {
                _name(ways, shows=shows): _refusal(ways, bodies[http.Refusal], shows=shows)
                for ways, shows in refused
            },
            "headers": {
                name: {"required": True, **_valued(_schema(TELLS[name]))} for name in TELLS
            },
            "securitySchemes": {"token": TOKEN},
        },
    }


class _Schemas(GenerateJsonSchema):
    """Without titles that repeat a name; a TypedDict has no other members than its own."""

    def field_title_should_be_set(self, schema: Any) -> bool:  # noqa: ARG002
        return False

    def normalize_name(self, name: str) -> str:
        return super().normalize_name(re.sub(r"\[(\w+)\]", r"Of\1", name))

    def typed_dict_schema(self, schema: Any) -> dict[str, Any]:
        return super().typed_dict_schema(schema) | {"additionalProperties": False}


def _schemas(routes: list[Route]) -> tuple[dict[Any, Any], dict[str, Any]]:
    """The schema of each body, and the definitions that they share."""
    modes: dict[Any, JsonSchemaMode] = {http.Refusal: "serialization"}
    for route in routes:
        modes |= {given.body: "serialization" for given in route.gives if given.body is not None}
        modes |= dict.fromkeys(route.takes.values(), "validation")
    inputs = [(body, mode, TypeAdapter(body)) for body, mode in modes.items()]
    found, rest = TypeAdapter.json_schemas(
        inputs, ref_template=SCHEMAS + "{model}", schema_generator=_Schemas
    )
    return {body: schema for (body, _), schema in found.items()}, rest["$defs"]


def _schema(type_: Any) -> dict[str, Any]:
    return TypeAdapter(type_).json_schema(schema_generator=_Schemas)


def _valued(schema: dict[str, Any]) -> dict[str, Any]:
    """A header or parameter of this schema, whose description is its own."""
    rest = {name: value for name, value in schema.items() if name != "description"}
    return {**({"description": schema["description"]} if rest != schema else {}), "schema": rest}


def _operation(route: Route, bodies: dict[Any, Any]) -> dict[str, Any]:
    roles = [] if route.public else sorted(access.MAY[route.method, route.path])
    content = {kind: {"schema": bodies[type_]} for kind, type_ in route.takes.items()}
    given, rule = _parameters(route), route.declared.get("says")
    return {
        "operationId": to_camel(route.handler.__name__),
        "summary": (route.handler.__doc__ or "").strip(),
        **({"description": rule} if rule else {}),
        "tags": [route.path.split("/")[1] or "web"],
        "security": OPTIONAL if TOKEN_HEARD in route.hears else [{"token": [r]} for r in roles],
        **({"parameters": given} if given else {}),
        **({"requestBody": {"content": content}} if content else {}),
        "responses": _responses(route, bodies),
    }


def _parameters(route: Route) -> list[dict[str, Any]]:
    hints = get_type_hints(route.handler, include_extras=True)
    path = [
        {"name": name, "in": "path", "required": True, **_valued(_schema(hints[name]))}
        for name in PARAMETER.findall(route.path)
    ]
    asked = _schema(route.declared["asks"]) if route.asks else {}
    query = [
        {
            "name": name,
            "in": "query",
            "required": name in asked.get("required", ()),
            **_valued(each),
        }
        for name, each in asked.get("properties", {}).items()
    ]
    heard = [
        {"name": name, "in": "header", "required": False, **_valued(_schema(HEARD[name].type))}
        for name in route.hears
        if name != TOKEN_HEARD
    ]
    return path + query + heard


def _responses(route: Route, bodies: dict[Any, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for given in route.gives:
        said = found.setdefault(str(given.status), _given(given, shows=route.shows))
        if given.body is not None:
            content = said.setdefault("content", {})
            content[given.content] = {"schema": bodies[given.body]}
    refused = _by_status(route).items()
    return found | {
        str(status): {"$ref": RESPONSES + _name(ways, shows=route.shows)}
        for status, ways in refused
    }


def _given(given: Given, *, shows: bool) -> dict[str, Any]:
    return {"description": HTTPStatus(given.status).phrase, **_told(given.headers, maybe=shows)}


def _by_status(route: Route) -> dict[int, list[Refusal]]:
    found: dict[int, list[Refusal]] = {}
    for way in route.refusals:
        found.setdefault(way.status, []).append(way)
    return found


def _name(ways: list[Refusal], *, shows: bool) -> str:
    return "-or-".join(way.slug for way in ways) + (".page" if shows else "")


def _refusal(ways: list[Refusal], body: dict[str, Any], *, shows: bool) -> dict[str, Any]:
    types = [{"const": f"/problems/{way.slug}", "description": way.meaning} for way in ways]
    said = {"type": {"oneOf": types}, "status": {"const": ways[0].status}}
    return {
        "description": " ".join(f"`{way.slug}`: {way.meaning}" for way in ways),
        **_told((*ways[0].headers, *(PAGED if shows else ())), maybe=shows),
        "content": {
            http.PROBLEM: {"schema": {**body, "properties": said}},
            **({http.HTML: {"schema": {"type": "string"}}} if shows else {}),
        },
    }


def _told(headers: tuple[str, ...], *, maybe: bool) -> dict[str, Any]:
    """The headers by name; `maybe` says that not each of them comes with each type of content."""
    found = {
        name: {"required": False, **_valued(_schema(TELLS[name]))}
        if maybe
        else {"$ref": HEADERS + name}
        for name in headers
    }
    return {"headers": found} if headers else {}
