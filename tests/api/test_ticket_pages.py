"""Tickets in a browser without JavaScript: pages written of the answers, for who prefers them."""

from __future__ import annotations

import re
from html import unescape
from typing import Any
from urllib.parse import urlencode, urljoin, urlsplit

import contract
import pytest
from shopfront import Answer, Shopfront

BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"
SCRIPT = """</textarea></p><script>alert(1)</script><img src=x onerror='alert("2")'>&amp;{up}"""
HTML = "text/html; charset=utf-8"


def page(front: Shopfront, path: str, **headers: str) -> Answer:
    answer = front.call("GET", path, Accept=BROWSER, **headers)
    plain(answer)
    return answer


def send(
    front: Shopfront, fields: dict[str, str] | bytes, path: str = "/tickets", **headers: str
) -> Answer:
    raw = fields if isinstance(fields, bytes) else urlencode(fields).encode()
    given = {"Accept": BROWSER, "Content_Type": contract.FORM} | headers
    answer = front.call("POST", path, raw=raw, **given)
    plain(answer)
    return answer


def plain(answer: Answer) -> None:
    """It is a page that runs nothing, frames nothing and is kept by nobody."""
    assert answer.headers["Content-Type"] == HTML, answer.body
    assert answer.headers["Vary"] == "Accept"
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["Referrer-Policy"] == "no-referrer", "an address has the ticket's key"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    policy = dict(
        part.split(" ", 1) for part in answer.headers["Content-Security-Policy"].split("; ")
    )
    assert policy == {
        "default-src": "'none'",
        "style-src": "'self'",
        "img-src": "'self'",
        "base-uri": "'none'",
        "form-action": "'self'",
        "frame-ancestors": "'none'",
    }
    assert not {"Set-Cookie", "ETag"} & answer.headers.keys()
    assert not re.search(rb"<script|<style|<img|<[^<>]*\s(on\w+|style)=", answer.body)


def once(answer: Answer) -> str:
    found = re.search(rb'name="once" value="([\w-]{22,64})"', answer.body)
    assert found, "no form"
    return found[1].decode()


def field(answer: Answer) -> str:
    """What stands in the form's text."""
    found = re.search(r"<textarea[^>]*>\n(.*?)</textarea>", answer.body.decode(), re.DOTALL)
    assert found, "no form"
    return unescape(found[1])


def test_a_form_is_sent_and_behind_a_redirect_stands_the_ticket(front: Shopfront) -> None:
    form = page(front, "/tickets")
    assert b'<form method="post" action="tickets">' in form.body
    sent = send(front, {"text": "A cup,\r\nand its handle.", "once": once(form)})
    assert sent.status == 303
    where = urljoin("/tickets", sent.headers["Location"])

    early = page(front, where)
    assert (early.status, early.headers["Retry-After"]) == (503, "1")
    assert b'<meta http-equiv="refresh" content="1">' in early.body
    front.settle()
    there = page(front, where)
    assert there.status == 200
    assert b"A cup,\nand its handle." in there.body
    assert b"Keep this address" in there.body
    assert b"refresh" not in there.body
    assert b"<article>" not in page(front, "/tickets").body, "a list is for who has a token"


def test_with_a_slash_behind_its_address_a_page_leads_to_the_same_places(front: Shopfront) -> None:
    form = page(front, "/tickets/")
    assert leads(form, "/stage/tickets/") == leads(page(front, "/tickets"), "/stage/tickets")
    sent = send(front, {"text": "A cup.", "once": once(form)}, path="/tickets/")
    where = urlsplit(urljoin("/tickets/", sent.headers["Location"]))
    assert where.path.startswith("/tickets/")
    front.settle()
    bare, slashed = (page(front, f"{where.path}{end}?{where.query}") for end in ("", "/"))
    assert leads(slashed, f"/stage{where.path}/") == leads(bare, f"/stage{where.path}")
    assert b"A cup." in slashed.body


def leads(answer: Answer, at: str) -> list[str]:
    """Where the page's links and forms lead, from where it stands."""
    assert answer.status == 200
    given = re.findall(r'(?:href|action)="([^"]*)"', answer.body.decode())
    found = [urljoin(at, each) for each in given]
    assert "/stage/web/page.css" in found
    return found


def test_a_form_that_is_sent_twice_is_one_ticket(front: Shopfront) -> None:
    fields = {"text": "Twice.", "once": once(page(front, "/tickets"))}
    one, two = send(front, fields), send(front, fields)
    assert one.headers["Location"].partition("&")[0] == two.headers["Location"].partition("&")[0]
    other = send(front, fields | {"text": "The form went back, and says something else."})
    assert other.headers["Location"].partition("?")[0] not in one.headers["Location"]
    assert once(page(front, "/tickets")) != fields["once"]


def test_what_people_write_is_text_and_never_markup(front: Shopfront) -> None:
    sent = send(front, {"text": SCRIPT})
    front.settle()
    there = page(front, urljoin("/tickets", sent.headers["Location"]))
    assert unescape(re.findall(r'dir="auto">(.*?)</p>', there.body.decode())[0]) == SCRIPT
    front.call("POST", "/tickets", {"text": SCRIPT}, to="customer")
    front.settle()
    listed = front.call("GET", "/tickets", to="customer", Accept=BROWSER)
    plain(listed)
    assert b"&lt;script&gt;" in listed.body


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (SCRIPT + "\x07", "text"),
        ("<b>" + "x" * 4_000, "at most 4000 characters"),
        ("  \n", "must not be blank"),
    ],
)
def test_what_is_refused_stands_in_the_form_again_with_the_reason(
    front: Shopfront, text: str, said: str
) -> None:
    answer = send(front, {"text": text, "once": "o" * 22})
    as_json = front.call(
        "POST", "/tickets", raw=urlencode({"text": text}).encode(), Content_Type=contract.FORM
    )
    assert (answer.status, as_json.status) == (422, 422)
    assert field(answer) == text
    assert once(answer) == "o" * 22
    shown = unescape(answer.body.decode())
    assert said in shown
    assert as_json.said["detail"] in shown
    assert b'role="alert"' in answer.body


@pytest.mark.parametrize(
    ("raw", "status", "text"),
    [
        (b"text=a&text=b", 400, "b"),
        (b"text=a&<script>=1", 422, "a"),
        (b"text=%ff", 400, "\N{REPLACEMENT CHARACTER}"),
        (b"", 422, ""),
        (b"text=" + b"x" * 70_000, 413, ""),
        (b"text=a&once=%22%3E%3Cscript%3E", 422, "a"),
    ],
    ids=range(6),
)
def test_a_bad_form_is_answered_by_a_page(
    front: Shopfront, raw: bytes, status: int, text: str
) -> None:
    before = front.records()
    answer = send(front, raw)
    assert (answer.status, field(answer)) == (status, text)
    assert front.records() == before


def test_whatever_is_refused_is_a_page_for_who_prefers_one(front: Shopfront) -> None:
    for path, status in (
        ("/tickets/nothing", 404),
        ("/tickets/a%20b", 422),
        ("/tickets?limit=0", 400),
        ("/tickets?cursor=AAAA", 400),
        ("/tickets?%3Cscript%3E=1", 400),
        ("/tickets?limit=1&limit=2", 400),
        ("/tickets/nothing?key=x", 400),
    ):
        assert page(front, path).status == status
    bad = page(front, "/tickets", Authorization="Bearer nonsense")
    assert (bad.status, bad.headers["WWW-Authenticate"]) == (401, "Bearer")
    kind = send(front, b"<x/>", Content_Type="text/xml")
    assert (kind.status, b"application/x-www-form-urlencoded" in kind.body) == (415, True)


@pytest.mark.parametrize(
    ("accept", "is_page"),
    [
        (None, False),
        ("", False),
        ("*/*", False),
        ("application/json", False),
        ("text/html", True),
        ("text/*", True),
        ("TEXT/HTML", True),
        ("application/json, text/html", False),
        ("application/json;q=0.9, text/html", True),
        ("text/html;q=0.5, application/json;q=0.6", False),
        ("text/html;q=0, */*", False),
        ("text/*;q=0.3, text/html;q=0.7, application/*;q=0.5", True),
        ("*/*;q=0.1, text/html;q=0.2", True),
        ("text/html;q=nonsense, application/json;q=0.1", False),
        ("text/html;q=2", False),
        ("image/png", False),
        (",;q=1,,", False),
        ("text/html; charset=utf-8 ; q=0.8, application/json; q=0.2", True),
    ],
)
def test_who_prefers_a_page_gets_one(front: Shopfront, accept: str | None, is_page: bool) -> None:
    given = {} if accept is None else {"Accept": accept}
    answer = front.call("GET", "/tickets", **given)
    assert (answer.status, answer.headers["Vary"]) == (200, "Accept")
    assert answer.headers["Content-Type"] == (HTML if is_page else "application/json")


def test_an_answer_that_is_no_page_says_too_that_it_could_be_one(
    front: Shopfront, refused: Any
) -> None:
    assert refused(404, "GET", "/tickets/nothing").headers["Vary"] == "Accept"
    assert refused(422, "POST", "/tickets", {}).headers["Vary"] == "Accept"
    assert front.call("POST", "/tickets", {"text": "x"}).headers["Vary"] == "Accept"


def test_who_shows_a_token_gets_their_list_as_a_page_page_by_page(front: Shopfront) -> None:
    ann = front.person("customer")
    for number in range(3):
        front.call("POST", "/tickets", {"text": f"Ticket {number}"}, to=ann)
    front.settle()
    first = front.call("GET", "/tickets?limit=2", to=ann, Accept="text/html")
    assert (b"Ticket 2" in first.body, b"Ticket 0" in first.body) == (True, False)
    more = re.search(r'<a href="tickets\?([^"]+)">', first.body.decode())
    assert more
    rest = front.call("GET", f"/tickets?{unescape(more[1])}", to=ann, Accept="text/html")
    assert (b"Ticket 2" in rest.body, b"Ticket 0" in rest.body) == (False, True)
    sent = front.call("POST", "/tickets", {"text": "Mine"}, to=ann, Accept="text/html")
    assert (sent.status, "key=" in sent.headers["Location"]) == (303, False)


def test_no_other_sites_page_speaks_for_somebody_here(front: Shopfront) -> None:
    foreign = {"Origin": "https://evil.example", "Referer": "https://evil.example/"}
    foreign |= {"Cookie": f"token={front.tokens['customer']}"}
    sent = send(front, {"text": "Forged."}, **foreign)
    front.settle()
    assert "key=" in sent.headers["Location"], "it is a guest's, like any"
    shown = front.get("/tickets", to="customer").said["items"]
    assert "Forged." not in {each.get("text") for each in shown}
    assert "Access-Control-Allow-Origin" not in sent.headers
