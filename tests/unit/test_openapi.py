"""The contract is OpenAPI 3.1, and it is the routes that there are: no list beside them."""

from __future__ import annotations

import json
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
from schemathesis.specs.openapi.definitions import OPENAPI_31

import app
from chalicelib import access, errors
from chalicelib.openapi import Contract, Route

JSON_SCHEMA = "https://json-schema.org/draft/2020-12/schema"
ROOT = Path(__file__).parents[2]
DOCUMENT = app.contract.document
OPERATIONS = {
    (method.upper(), path): operation
    for path, methods in DOCUMENT["paths"].items()
    for method, operation in methods.items()
}


def found(name: str, within: Any = DOCUMENT) -> Iterator[Any]:
    """Every value of this name, however deep."""
    if isinstance(within, dict):
        for key, value in within.items():
            if key == name:
                yield value
            yield from found(name, value)
    elif isinstance(within, list):
        for value in within:
            yield from found(name, value)


def test_it_is_openapi_3_1() -> None:
    specification = jsonschema_rs.Draft202012Validator(OPENAPI_31)
    assert [str(flaw) for flaw in specification.iter_errors(DOCUMENT)] == []
    without = {name: part for name, part in DOCUMENT.items() if name != "info"}
    assert not specification.is_valid(without)


def test_every_schema_is_json_schema_and_every_reference_leads_somewhere() -> None:
    schemas = [each for each in found("schema") if isinstance(each, dict)]
    for schema in [*schemas, *DOCUMENT["components"]["schemas"].values()]:
        jsonschema_rs.meta.validate(schema | {"$schema": JSON_SCHEMA})
    for reference in found("$ref"):
        place = DOCUMENT
        for step in reference.removeprefix("#/").split("/"):
            assert step in place, f"{reference} leads nowhere"
            place = place[step]


def test_it_has_every_route_that_is_registered_and_no_other() -> None:
    registered = {(method, path) for path, methods in app.app.routes.items() for method in methods}
    assert registered == OPERATIONS.keys()


@pytest.mark.parametrize("route", app.contract.routes, ids=lambda route: " ".join(route[:2]))
def test_a_route_says_whom_it_serves_what_it_takes_and_what_it_gives(route: Route) -> None:
    operation = OPERATIONS[route.method, route.path]
    roles = {role for each in operation["security"] for role in each.get("token", ())}
    assert roles == (set() if route.public else access.MAY[route.method, route.path])
    assert operation["summary"].endswith("."), "its handler's docstring is one sentence"
    assert ("requestBody" in operation) == (route.method in ("POST", "PUT", "PATCH"))
    given = {status: answer for status, answer in operation["responses"].items() if status < "400"}
    assert given, "it gives nothing: declare `gives`"
    for status, answer in given.items():
        assert ("content" in answer) == (status not in ("204", "304"))
        assert ("Location" in answer.get("headers", ())) == (status in ("201", "202", "303"))
        for content in answer.get("content", {}).values():
            assert content["schema"], "an answer has a type of its own, not Any"


def test_operations_have_names_of_their_own() -> None:
    names = [operation["operationId"] for operation in OPERATIONS.values()]
    assert len(names) == len(set(names))


def test_a_route_that_does_not_say_what_it_is_or_gives_is_refused() -> None:
    def documented() -> None:
        """A sentence."""

    def silent() -> None: ...

    with pytest.raises(ValueError, match="GET /x"):
        Contract().add(Route("GET", "/x", documented, {}))
    with pytest.raises(ValueError, match="GET /x"):
        Contract().add(Route("GET", "/x", silent, {"gives": str}))
    assert Contract().add(Route("GET", "/x", documented, {"gives": str})).path == "/x"


def test_every_problem_has_a_status_and_slug_of_its_own_and_a_sentence() -> None:
    classes = [kind for kind in vars(errors).values() if isinstance(kind, type)]
    kinds = [kind for kind in classes if issubclass(kind, errors.Problem)]
    kinds.remove(errors.Problem)
    assert len({(kind.status, kind.slug) for kind in kinds}) == len(kinds) >= 20
    assert not [kind for kind in kinds if not (kind.__doc__ or "").endswith(".")]
    said = set(found("const"))
    unsaid = {"refused", "no-assignment"}  # what others are kinds of; what a text message brings
    assert {f"/problems/{kind.slug}" for kind in kinds if kind.slug not in unsaid} <= said


def test_its_version_is_the_projects() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert DOCUMENT["info"]["version"] == project["version"]


def test_it_is_sent_as_it_is() -> None:
    assert json.loads(app.contract.text) == DOCUMENT


def test_an_import_of_the_app_does_not_make_it() -> None:
    asked = "import app; print(*vars(app.contract))"
    ran = subprocess.run([sys.executable, "-c", asked], cwd=ROOT, check=True, capture_output=True)
    assert ran.stdout.split() == [b"routes"]
