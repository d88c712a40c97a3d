"""`GET /` and `GET /web/{file}`: a fixed set of plain files, under headers that keep them plain."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from shopfront import Shopfront

from chalicelib import config, web

FILES = sorted(web.files())
HERE = Path(web.__file__).parent


@pytest.mark.parametrize("name", FILES)
def test_each_file_is_served_as_it_lies_there_with_its_type(front: Shopfront, name: str) -> None:
    answer = front.call("GET", f"/web/{name}")
    assert answer.status == 200
    assert answer.body == (HERE / name).read_bytes()
    assert answer.headers["Content-Type"] == f"{web.KINDS[Path(name).suffix]}; charset=utf-8"
    assert answer.headers["Cache-Control"] == "no-cache"


def test_the_root_is_the_page(front: Shopfront) -> None:
    root, page = front.call("GET", "/"), front.call("GET", f"/web/{web.PAGE}")
    assert root.status == 200
    assert root.body == page.body
    assert root.headers["Content-Type"] == "text/html; charset=utf-8"


@pytest.mark.parametrize("path", ["/", *(f"/web/{name}" for name in FILES)])
def test_who_has_a_file_already_is_told_so(front: Shopfront, path: str) -> None:
    tag = front.call("GET", path).headers["ETag"]
    for known in (tag, f"W/{tag}", f'"other", {tag}'):
        answer = front.call("GET", path, If_None_Match=known)
        assert (answer.status, answer.body, answer.headers["ETag"]) == (304, b"", tag)
    assert front.call("GET", path, If_None_Match='"other"').status == 200


@pytest.mark.parametrize("path", ["/", *(f"/web/{name}" for name in FILES)])
def test_every_file_comes_under_a_strict_policy(front: Shopfront, path: str) -> None:
    headers = front.call("GET", path).headers
    uploads = "" if path != "/" else f" {config.client('s3').meta.endpoint_url}"
    policy = dict(part.split(" ", 1) for part in headers["Content-Security-Policy"].split("; "))
    assert policy == {
        "default-src": "'none'",
        "script-src": "'self'",
        "style-src": "'self'",
        "img-src": "'self' https:",
        "connect-src": f"'self'{uploads}",
        "base-uri": "'none'",
        "form-action": "'self'",
        "frame-ancestors": "'none'",
        "require-trusted-types-for": "'script'",
        "trusted-types": "'none'",
    }
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "no-referrer"


@pytest.mark.parametrize(
    "name",
    ["nothing.js", "__init__.py", "..%2Ferrors.py", "..", "%2e%2e%2fhttp.py", "page", "PAGE.HTML"],
)
def test_anything_else_is_404(front: Shopfront, name: str) -> None:
    answer = front.call("GET", f"/web/{name}")
    assert (answer.status, answer.slug) == (404, "not-found")


@pytest.mark.parametrize("path", ["/?x=1", "/web/page.js?x=1"])
def test_it_takes_no_parameter(front: Shopfront, path: str) -> None:
    answer = front.call("GET", path)
    assert (answer.status, answer.fields) == (400, {"x"})


def test_all_addresses_in_the_files_are_relative_and_lead_to_a_file() -> None:
    page = (HERE / web.PAGE).read_text()
    named = re.findall(r'(?:src|href)="([^"#]+)"', page)
    assert set(named) <= {"docs", "tickets", "inbox", *(f"web/{name}" for name in FILES)}
    for path in HERE.glob("*.js"):
        text = path.read_text()
        assert set(re.findall(r'from "\./([^"]+)"', text)) <= set(FILES)
        assert not re.search(r"""ask\([`"']/|https?://(?!www\.w3\.org)""", text), path.name


def test_nothing_in_the_files_makes_markup_or_style_of_text() -> None:
    for path in HERE.glob("*.js"):
        text = path.read_text()
        sinks = r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\b|new Function"
        assert not re.search(sinks, text), path.name
    page = (HERE / web.PAGE).read_text()
    assert not re.search(r"<style|\sstyle=|\son\w+=|<script(?![^>]*\ssrc=)", page)
