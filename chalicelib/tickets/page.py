"""Every answer about tickets as a page, for who prefers one. Plain HTML: no script, no cookie.

A page is written of the answer alone, so it says what the answer says. Whatever people wrote is
escaped; the page's policy lets in no script, and no style but the shop's own. What was sent and
refused stands in the form again; what is recorded is told behind a redirect, at an address that a
guest's browser keeps, and which is asked for again each second until it is there.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import replace
from html import escape
from typing import Any
from urllib.parse import parse_qsl, urlencode

from chalicelib import http, read, web
from chalicelib.http import Answer, Request
from chalicelib.tickets.form import FORM, MOST_TEXT

POLICY = {
    "default-src": "'none'",
    "style-src": "'self'",
    "img-src": "'self'",
    "base-uri": "'none'",
    "form-action": "'self'",
    "frame-ancestors": "'none'",
}
HEADERS = web.HEADERS | {
    "Content-Security-Policy": "; ".join(" ".join(each) for each in POLICY.items()),
    "Content-Type": f"{http.HTML}; charset=utf-8",
    "Cache-Control": "no-store",
}
VARY = {"Vary": "Accept"}
JSON_ALONE = {"ETag", "Content-Type"}
REFRESH = '<meta http-equiv="refresh" content="1">\n'
HEAD = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<title>Tillstream: tickets</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
{refresh}<link rel="icon" href="{up}web/till.svg" type="image/svg+xml">
<link rel="stylesheet" href="{up}web/page.css">
<link rel="stylesheet" href="{up}web/docs.css">
</head>
<body class="docs">
<header><h1><a href="{up}tickets">Tickets</a></h1><p><a href="{shop}">The shop</a></p></header>
<main>
"""
WRITING = """<form method="post" action="{up}tickets">
<h2>Ask us something</h2>
<input type="hidden" name="once" value="{once}">
<div class="field">
<label for="text">What is it about?</label>
<textarea id="text" name="text" rows="6" maxlength="{most}" required>{text}</textarea>
</div>
<button>Send</button>
</form>
"""
KEEP = "Keep this address: it alone opens this ticket, to whoever has it."


def show(request: Request, answer: Answer) -> Answer:
    """The answer; as a page, where the caller prefers one."""
    if answer.status == 304 or not http.prefers(request, http.HTML):
        return replace(answer, headers={**answer.headers, **VARY})
    kept = {name: each for name, each in answer.headers.items() if name not in JSON_ALONE}
    if answer.status == 202:
        up = _up(request)
        return Answer(303, _page(up, "<p>It is recorded.</p>"), _there(up, answer) | HEADERS | VARY)
    text = _refused(request, answer) if answer.status >= 400 else _shown(request, answer.body)
    return Answer(answer.status, text, {**kept, **HEADERS, **VARY})


def _up(request: Request) -> str:
    """The way from the page's address to the API's root: behind a stage's prefix too."""
    return "../" * (request.path.count("/") - 1)


def _there(up: str, answer: Answer) -> dict[str, str]:
    """Where the ticket is, as seen from the page."""
    said = answer.body
    query = {"key": said["key"]} if "key" in said else {}
    entity = said["subject"].partition("/")[2]
    return {"Location": f"{up}tickets/{entity}?{urlencode(query | {'at': said['position']})}"}


def _shown(request: Request, said: Mapping[str, Any]) -> str:
    up = _up(request)
    if "items" not in said:
        kept = f"<p>{KEEP}</p>\n" if "key" in request.query else ""
        return _page(up, kept + _ticket(said, ""))
    following = urlencode({"cursor": said["next"]}) if said["next"] else ""
    more = f'<p><a href="{up}tickets?{following}">More tickets</a></p>\n' if following else ""
    listed = (_ticket(each, f"{up}tickets/") for each in said["items"])
    return _page(up, _form(up, "", ""), *listed, more)


def _refused(request: Request, answer: Answer) -> str:
    """What is wrong and how it is mended; with what was sent in the form again."""
    up = _up(request)
    faults = answer.body.get("errors", ())
    told = "".join(map(_fault, faults))
    said = f"<p>{_of(answer.body, 'detail')}</p>\n<ul>{told}</ul>\n"
    alert = f'<section role="alert">\n{said}</section>\n'
    if request.method == "POST":
        return _page(up, alert, _form(up, *_sent(request)))
    return _page(up, alert, refresh=REFRESH if answer.status == 503 else "")


def _fault(fault: Mapping[str, Any]) -> str:
    return f"<li><code>{_of(fault, 'field')}</code>: {_of(fault, 'detail')}</li>"


def _sent(request: Request) -> tuple[str, str]:
    """The text and the key of the form that was sent, as far as they can be read."""
    is_form = request.headers.get("content-type", "").startswith(FORM)
    if not is_form or len(request.body) > http.MOST_BODY:
        return "", ""
    found = dict(parse_qsl(request.body.decode("ascii", "replace"), errors="replace"))
    return found.get("text", ""), found.get("once", "")


def _form(up: str, text: str, once: str) -> str:
    key = once or secrets.token_urlsafe(16)
    return WRITING.format(up=up, once=escape(key), text="\n" + escape(text), most=MOST_TEXT)


def _ticket(said: Mapping[str, Any], at: str) -> str:
    text = "Its text was erased." if "erased" in said else said["text"]
    of = f" · order {_of(said, 'orderId')}" if "orderId" in said else ""
    state = "Done" if said["checked"] else "Open"
    name = f'<a href="{at}{_of(said, "id")}">{_of(said, "id")}</a>' if at else _of(said, "id")
    return (
        "<article>\n"
        f"<h3>{state} · {_when(said['createdAt'])}{of}</h3>\n"
        f'<p class="said" dir="auto">{escape(text)}</p>\n'
        f"<p>{name}, updated {_when(said['updatedAt'])}</p>\n"
        "</article>\n"
    )


def _when(ms: int) -> str:
    stamp = read.stamp(ms)
    return f'<time datetime="{stamp}">{stamp[:16].replace("T", " ")} UTC</time>'


def _of(said: Mapping[str, Any], name: str) -> str:
    return escape(str(said[name]))


def _page(up: str, *parts: str, refresh: str = "") -> str:
    head = HEAD.format(up=up, shop=up or "./", refresh=refresh)
    return "".join([head, *parts, "</main>\n</body>\n</html>\n"])
