"""The contract as a page to read: every route, every schema, every problem. Plain HTML, no script.

It is written from the document alone. Each problem has an anchor: what an answer calls
`/problems/<slug>` is told at `/docs#<slug>`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from html import escape
from typing import Any

LIMITS = {
    "minimum": "at least {}",
    "maximum": "at most {}",
    "minLength": "{} characters or more",
    "maxLength": "up to {} characters",
    "minItems": "{} items or more",
    "maxItems": "up to {} items",
    "pattern": "as {}",
}
HEAD = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<title>Tillstream: the contract</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<link rel="icon" href="web/till.svg" type="image/svg+xml">
<link rel="stylesheet" href="web/page.css">
<link rel="stylesheet" href="web/docs.css">
</head>
<body class="docs">
"""


def html(document: Mapping[str, Any]) -> str:
    """The whole page."""
    info, paths = document["info"], document["paths"]
    operations = [
        (method.upper(), path, operation)
        for path, methods in paths.items()
        for method, operation in methods.items()
    ]
    operations.sort(key=lambda each: each[1])
    routes = [_operation(document, *each) for each in operations]
    schemas = document["components"]["schemas"].items()
    motto = _tag("p", _text(info), " As a document: ", _link("openapi.json", "openapi.json"))
    return HEAD + "".join(
        [
            _tag("header", _tag("h1", "Tillstream, the contract"), motto),
            _tag("nav", _list(_index(*each) for each in operations)),
            _tag("main", *routes, *(_schema(*each) for each in schemas), _problems(document)),
            "</body>\n</html>\n",
        ]
    )


def _index(method: str, path: str, operation: Mapping[str, Any]) -> str:
    return _link(f"#{operation['operationId']}", f"{method} {path}")


def _operation(
    document: Mapping[str, Any], method: str, path: str, operation: Mapping[str, Any]
) -> str:
    roles = [role for each in operation["security"] for role in each.get("token", ())]
    heard = (
        " But one in <code>Authorization</code> is heard." if {} in operation["security"] else ""
    )
    answers = {s: _at(document, answer) for s, answer in operation["responses"].items()}
    return _tag(
        "section",
        _tag("h2", _tag("code", escape(f"{method} {path}"))),
        _tag("p", _marked(operation["summary"])),
        *([_tag("p", _marked(operation["description"]))] if "description" in operation else []),
        _tag(
            "p",
            f"For {', '.join(roles)}." if roles else f"For anyone; no token is asked for.{heard}",
        ),
        _part("Asks", [_parameter(each) for each in operation.get("parameters", ())]),
        _part("Takes", _contents(document, operation.get("requestBody", {}))),
        _part("Answers", [_answer(document, s, a) for s, a in answers.items() if s < "400"]),
        _part("Refuses", [_refused(s, answer) for s, answer in answers.items() if s >= "400"]),
        id=operation["operationId"],
    )


def _parameter(parameter: Mapping[str, Any]) -> tuple[str, str]:
    needed = "" if parameter["required"] else ", optional"
    said = f"in the {parameter['in']}{needed}: {_type(parameter['schema'])}. {_text(parameter)}"
    return _tag("code", escape(parameter["name"])), said


def _contents(document: Mapping[str, Any], body: Mapping[str, Any]) -> list[tuple[str, str]]:
    return [
        (_tag("code", escape(kind)), _type(content["schema"]) + _examples(document, content))
        for kind, content in body.get("content", {}).items()
    ]


def _examples(document: Mapping[str, Any], content: Mapping[str, Any]) -> str:
    schema = _at(document, content["schema"])
    forms = [schema, *(_at(document, form) for form in schema.get("anyOf", ()))]
    found = [each for form in forms for each in form.get("examples", ())]
    return "".join(_tag("pre", escape(json.dumps(each, indent=2))) for each in found)


def _answer(document: Mapping[str, Any], status: str, answer: Mapping[str, Any]) -> tuple[str, str]:
    bodies = "; ".join(f"{kind} {said}" for kind, said in _contents(document, answer))
    headers = ", ".join(_tag("code", escape(name)) for name in answer.get("headers", ()))
    told = [_text(answer), bodies or "no body", *([f"with {headers}"] if headers else [])]
    return status, "; ".join(told)


def _refused(status: str, answer: Mapping[str, Any]) -> tuple[str, str]:
    return status, ", ".join(_link(f"#{slug}", slug) for slug, _ in _ways(answer))


def _ways(answer: Mapping[str, Any]) -> list[tuple[str, str]]:
    """The slugs of a refusal, each with what it means."""
    schema = answer["content"]["application/problem+json"]["schema"]
    ways = schema["properties"]["type"]["oneOf"]
    return [(way["const"].removeprefix("/problems/"), way["description"]) for way in ways]


def _problems(document: Mapping[str, Any]) -> str:
    responses = document["components"]["responses"].values()
    found: dict[str, dict[int, str]] = {}
    for each in responses:
        schema = _at(document, each)["content"]["application/problem+json"]["schema"]
        status = schema["properties"]["status"]["const"]
        for slug, meaning in _ways(_at(document, each)):
            found.setdefault(slug, {})[status] = meaning
    told = [
        _tag("dt", _tag("code", f"/problems/{slug}"), id=slug)
        + "".join(_tag("dd", f"{status}. {_marked(said[status])}") for status in sorted(said))
        for slug, said in sorted(found.items())
    ]
    return _tag("section", _tag("h2", "Problems"), _tag("dl", *told))


def _schema(name: str, schema: Mapping[str, Any]) -> str:
    said = _tag("p", _text(schema)) if "description" in schema else ""
    return _tag("section", _tag("h2", escape(name)), said, _members(schema), id=f"schema-{name}")


def _members(schema: Mapping[str, Any]) -> str:
    needed = schema.get("required", ())
    return _part(
        "",
        [
            (
                _tag("code", escape(name)),
                ("" if name in needed else "optional: ") + _type(each) + _said(each),
            )
            for name, each in schema.get("properties", {}).items()
        ],
    )


def _said(schema: Mapping[str, Any]) -> str:
    return f". {_text(schema)}" if "description" in schema else ""


def _type(schema: Mapping[str, Any]) -> str:
    """What a value may be, in words."""
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        return _link(f"#schema-{name}", name)
    if choices := schema.get("anyOf") or schema.get("oneOf"):
        return " or ".join(map(_type, choices))
    if "const" in schema or "enum" in schema:
        values = schema.get("enum") or [schema["const"]]
        return " or ".join(_tag("code", escape(json.dumps(value))) for value in values)
    kind = str(schema.get("type", "anything"))
    if kind == "array":
        kind = f"list of {_type(schema.get('items', {}))}"
    limits = [_limit(name, schema[name]) for name in LIMITS if name in schema]
    return ", ".join([kind, *limits]) + (_members(schema) if "properties" in schema else "")


def _limit(name: str, value: Any) -> str:
    shown = _tag("code", escape(value)) if name == "pattern" else str(value)
    return LIMITS[name].format(shown)


def _at(document: Mapping[str, Any], found: Mapping[str, Any]) -> Mapping[str, Any]:
    """What a reference leads to, or the thing itself."""
    if "$ref" not in found:
        return found
    place: Any = document
    for step in found["$ref"].removeprefix("#/").split("/"):
        place = place[step]
    return dict(place)


def _part(title: str, told: Iterable[tuple[str, str]]) -> str:
    rows = [_tag("dt", name) + _tag("dd", said) for name, said in told]
    return (_tag("h3", title) if title and rows else "") + (_tag("dl", *rows) if rows else "")


def _list(items: Iterable[str]) -> str:
    return _tag("ul", *(_tag("li", item) for item in items))


def _text(described: Mapping[str, Any]) -> str:
    return _marked(" ".join(described.get("description", "").split()))


def _marked(text: str) -> str:
    return re.sub(r"`([^`]+)`", r"<code>\1</code>", escape(text))


def _link(address: str, text: str) -> str:
    return _tag("a", escape(text), href=address)


def _tag(name: str, *inner: str, **attributes: str) -> str:
    given = "".join(f' {key}="{escape(value)}"' for key, value in attributes.items())
    end = "" if name in ("code", "a") else "\n"
    return f"<{name}{given}>{''.join(inner)}</{name}>{end}"
