"""The page: plain files beside this one, served as they are, and nothing else.

Every answer carries its type, an ETag that is asked for again (`no-cache`), and the headers that
keep the page to itself: scripts, styles and requests go to the shop alone (the page's also to where
a picture is uploaded), pictures come from the shop or over https, nothing is framed, no referrer is
told, and no text becomes markup by any way that a browser has for it. Addresses within the page are
relative, so it works behind a prefix.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Annotated, NamedTuple

from pydantic import Field

from chalicelib import http
from chalicelib.errors import NotFound
from chalicelib.http import Answer, Request
from chalicelib.pictures import uploads

PAGE = "page.html"
Name = Annotated[str, Field(description="One of the files of the page.")]
KINDS = {
    ".html": "text/html",
    ".css": "text/css",
    ".js": "text/javascript",
    ".svg": "image/svg+xml",
}
POLICY = {
    "default-src": "'none'",
    "script-src": "'self'",
    "style-src": "'self'",
    "img-src": "'self' https:",
    "connect-src": "'self'",
    "base-uri": "'none'",
    "form-action": "'self'",
    "frame-ancestors": "'none'",
    "require-trusted-types-for": "'script'",
    "trusted-types": "'none'",
}


def _spelt(policy: Mapping[str, str]) -> str:
    return "; ".join(" ".join(each) for each in policy.items())


HEADERS = {
    "Content-Security-Policy": _spelt(POLICY),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
}


class File(NamedTuple):
    """A file's text, its type and its ETag."""

    text: str
    kind: str
    tag: str


@cache
def files() -> dict[str, File]:
    """The files that there are, read once, by name."""
    here = Path(__file__).parent
    return {path.name: _read(path) for path in sorted(here.iterdir()) if path.suffix in KINDS}


def _read(path: Path) -> File:
    return _file(path.read_text(), path.suffix)


def _file(text: str, suffix: str) -> File:
    tag = f'"{hashlib.sha256(text.encode()).hexdigest()[:16]}"'
    return File(text, f"{KINDS[suffix]}; charset=utf-8", tag)


def page(request: Request) -> Answer:
    """The page itself. Raises CloudFailure."""
    answer = file(request, PAGE)
    policy = _spelt(POLICY | {"connect-src": f"'self' {uploads.origin()}"})
    return replace(answer, headers={**answer.headers, "Content-Security-Policy": policy})


def file(request: Request, name: str) -> Answer:
    """One of the files; 304 where the caller has it already. Raises NotFound."""
    found = files().get(name)
    if found is None:
        raise NotFound("the page has no such file")
    return _sent(request, found)


def written(request: Request, text: str) -> Answer:
    """A page that is written and not read, sent as one that lies here is."""
    return _sent(request, _file(text, ".html"))


def _sent(request: Request, found: File) -> Answer:
    answer = http.tagged(request, found.text, found.tag)
    return replace(answer, headers={**answer.headers, **HEADERS, "Content-Type": found.kind})
