"""Personal data that is nobody's, and every body that may carry it: read off the contract.

A route's bodies are the examples that the contract gives, so a new route is covered by itself. In
every member of them, however deep, stands in turn every canary, every disguise and every other
type that JSON has; and once all that is personal together, as a customer would send it.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from copy import deepcopy
from itertools import cycle, islice
from typing import Any
from urllib.parse import quote

import contract

EMAIL, PHONE = "canary.person@example.org", "+4915155501234"
SPOKEN = "+49 151 5550 1234"
NAME, ADDRESS = "Wellington Canarybird", "12 Birdcage Walk, 01067 Cagetown"
TOKEN, WISH = "tok_canary$4242", "no seeds, said the canary"

# What a member is called that is personal, and what stands there.
PERSONAL: dict[str, Any] = {
    "name": NAME,
    "address": ADDRESS,
    "email": EMAIL,
    "phone": PHONE,
    "token": TOKEN,
    "note": WISH,
    "text": WISH,
    "options": [WISH],
}
# What is sent in order to be shown to everyone.
PRODUCT = {"brand", "name", "description", "category"}
PUBLISHED = {
    "/products": PRODUCT,
    "/products/{id}": PRODUCT,
    "/sessions": {"name"},
    "/customers/me": {"publicName"},
}
# What a body has that is no example, and could be taken for one's own.
STRANGE = ("email", "phone", "actor", "publicName", "address", "token")


def b64(text: str) -> str:
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def encoded(text: str) -> list[str]:
    """The text and its disguises, as a header or a member can carry them."""
    every = "".join(f"%{ord(letter):02X}" for letter in text)
    return [text, quote(text, safe=""), every, quote(quote(text, safe="")), b64(text)]


PLAIN = [EMAIL, PHONE, SPOKEN, NAME, ADDRESS, TOKEN, WISH]
DISGUISES = [variant for text in (EMAIL, PHONE) for variant in encoded(text)[1:]]
CANARIES = PLAIN + DISGUISES
TYPES: list[Any] = [[EMAIL], [PHONE], {"text": EMAIL}, {PHONE: 1}, [NAME, ADDRESS], {TOKEN: WISH}]
TYPES += [int(PHONE), -int(PHONE)]


class InTurn:
    """A few of them at a time, each as often as the others: over all routes all come everywhere."""

    def __init__(self, values: list[Any]) -> None:
        self._next = cycle(values)

    def __call__(self, most: int) -> list[Any]:
        return list(islice(self._next, most))


_plain, _disguises, _types = InTurn(PLAIN), InTurn(DISGUISES), InTurn(TYPES)
_escaped = InTurn([EMAIL, PHONE])


def traces(text: str) -> set[str]:
    """How the text may look in what is kept: as it is, or within something in base64."""
    found = {text}
    for before in range(3):
        whole = base64.b64encode(b"\0" * before + text.encode()).rstrip(b"=")
        inner = whole[(0, 2, 3)[before] : -1].decode()  # the rest of it is its neighbours' too
        found |= {inner, inner.translate(str.maketrans("+/", "-_"))}
    return found


def examples(method: str, path: str) -> Iterator[tuple[str, Any]]:
    """The bodies that the contract gives as examples, each with its type."""
    operation = contract.document()["paths"][path][method.lower()]
    for kind, content in operation.get("requestBody", {"content": {}})["content"].items():
        schema = contract.resolved(content["schema"])
        for form in (schema, *map(contract.resolved, schema.get("anyOf", []))):
            for example in form.get("examples", []):
                yield kind, example


def dressed(path: str, body: Any) -> Any:
    """The body with each member that is personal said by the canary."""
    if isinstance(body, list):
        return [dressed(path, each) for each in body]
    if not isinstance(body, dict):
        return body
    personal = PERSONAL.keys() - PUBLISHED.get(path, set())
    return {
        name: PERSONAL[name] if name in personal else dressed(path, value)
        for name, value in body.items()
    }


def wished(body: dict[str, Any]) -> dict[str, Any]:
    """An order dressed so, with all that it may say of its lines and of who orders."""
    said: dict[str, Any] = dressed("/orders", body)
    lines = [{**line, "note": WISH, "options": [WISH]} for line in said["lines"]]
    return said | {"lines": lines, "contact": {"email": EMAIL, "phone": PHONE}}


def spoiled(path: str, body: Any) -> Iterator[bytes]:
    """The body with a canary in each member in turn, but where it would be published."""
    for place in _places(body):
        if place[-1] in PUBLISHED.get(path, set()):
            continue
        for value in _instead(str(place[-1])):
            yield json.dumps(_with(body, place, value)).encode()
        for text in _escaped(1):
            rest = json.dumps(_with(body, place, "?"))
            yield rest.replace('"?"', escaped(text)).encode()


def _instead(member: str) -> Iterator[Any]:
    """What may stand there; an id and a picture's address may be base64 of anything: not that."""
    coded = member in ("id", "image") or member.endswith("Id")
    yield from _plain(3)
    yield from (t for t in _disguises(1) if not (coded and t in (b64(EMAIL), b64(PHONE))))
    yield from _types(1)


def _places(value: Any, here: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    """Every member of the body, however deep, and some that it does not have."""
    inner = value.items() if isinstance(value, dict) else enumerate(value)
    for name, each in inner:
        yield (*here, name)
        if isinstance(each, dict | list):
            yield from _places(each, (*here, name))
    if not here:
        yield from ((name,) for name in STRANGE if name not in value)


def _with(body: Any, place: tuple[str | int, ...], value: Any) -> Any:
    spoilt = deepcopy(body)
    inner = spoilt
    for step in place[:-1]:
        inner = inner[step]
    inner[place[-1]] = value
    return spoilt


def escaped(text: str) -> str:
    """The text as JSON with every letter escaped."""
    return '"' + "".join(f"\\u{ord(letter):04x}" for letter in text) + '"'
