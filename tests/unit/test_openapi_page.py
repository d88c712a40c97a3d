"""`GET /docs`: all that the contract says, as plain HTML that needs no leave of a strict policy."""

from __future__ import annotations

import re
from html.parser import HTMLParser

import app
from chalicelib import web
from chalicelib.openapi import page

PAGE = app.contract.page
VOID = {"meta", "link"}


class Reader(HTMLParser):
    """What tags and texts there are; fails where a tag is closed that is not open."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.words = ""
        self.feed(PAGE)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.words += data

    def attribute(self, name: str) -> list[str]:
        return [given[name] or "" for _, given in self.tags if name in given]


READ = Reader()


def test_every_tag_is_closed_and_every_anchor_is_there_once() -> None:
    assert READ.open == []
    anchors = READ.attribute("id")
    assert len(anchors) == len(set(anchors))
    within = [address for address in READ.attribute("href") if address.startswith("#")]
    assert {address.removeprefix("#") for address in within} <= set(anchors)


def test_every_route_is_told_with_its_roles_its_schemas_and_its_refusals() -> None:
    sections = dict(re.findall(r'<section id="(\w+)">(.*?)</section>', PAGE, re.DOTALL))
    for route in app.contract.routes:
        operation = app.contract.document["paths"][route.path][route.method.lower()]
        told = sections[operation["operationId"]]
        assert f"{route.method} {route.path}" in told
        assert all(role in told for each in operation["security"] for role in each.get("token", ()))
        assert all(f'href="#{way.slug}"' in told for way in route.refusals)
        assert all(given.content in told for given in route.gives if given.body is not None)
        assert all(f"<code>{name}</code>" in told for name in (*route.asks, *route.hears))


def test_every_problem_leads_to_what_is_said_of_it() -> None:
    slugs = {way.slug for route in app.contract.routes for way in route.refusals}
    assert slugs <= set(READ.attribute("id"))
    assert all(f"/problems/{slug}" in READ.words for slug in slugs)


def test_nothing_in_it_needs_leave_and_every_file_is_one_of_ours() -> None:
    assert not {tag for tag, _ in READ.tags} & {"script", "style", "iframe", "object", "form"}
    names = {name for _, given in READ.tags for name in given}
    assert not [name for name in names if name == "style" or name.startswith("on")]
    files = [a.removeprefix("web/") for a in READ.attribute("href") if not a.startswith("#")]
    assert files
    assert set(files) <= web.files().keys() | {"openapi.json"}


def test_what_a_description_says_stays_text() -> None:
    spoiled = {**app.contract.document, "info": {"description": "<script>alert(1)</script>"}}
    assert "<script>" not in page.html(spoiled)
    assert "&lt;script&gt;" in page.html(spoiled)
