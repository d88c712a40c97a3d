"""What is wrong about a ticket is a 4xx problem that names it, and nothing of it is on the log."""

from __future__ import annotations

import json
from typing import Any

import contract
import pytest
from ordering import ticket
from shopfront import Shopfront

from chalicelib import access
from chalicelib.tickets.form import MOST_TEXT

TEXT = {"text": "The cup came without its handle."}
CHANGE = TEXT | {"checked": True}
UNREADABLE = [b"{", b"<b/>", b'{"text": "a", "text": "b"}', b'{"text": "\xff"}', b"[" * 1_000]
UNREADABLE += [b'{"text": NaN}', b'{"text": "\x00"}']
FORMS = [
    *("text", "text=a&&once=", "=&=", "text=a&b", "%", "{}"),
    *("text=%ff", "text=%c3%28", "text=é", "&".join(f"f{n}=1" for n in range(21))),
]
BLANK = ["", " ", "\n", "\t \n", "\u00a0\u2003"]
CONTROLS = ["a\x00b", "a\x07b", "a\x1bb", "a\rb", "a\x7fb", "\x0b"]
IDS = ["%20", "a%2Fb", "..%2f..", "%00", "%ff", "a%0ab", ".a", "x" * 65, "%C3%A9", "a@b", "%3Cb%3E"]


@pytest.fixture(scope="module")
def path(front: Shopfront) -> str:
    return f"/tickets/{ticket(front, 'customer')}"


@pytest.fixture(params=[None, "customer"])
def to(request: pytest.FixtureRequest) -> Any:
    """With a token, and without one."""
    return request.param


def writes(path: str) -> list[tuple[str, str, dict[str, Any]]]:
    return [("POST", "/tickets", TEXT), ("PUT", path, CHANGE)]


def test_the_bodies_that_these_tests_spoil_are_taken_as_they_are(
    front: Shopfront, path: str
) -> None:
    for method, where, body in writes(path):
        assert front.call(method, where, body, to="customer").status == 202
    form = {"Content_Type": f"{contract.FORM}; charset=utf-8"}
    assert front.call("POST", "/tickets", raw=b"text=A+cup%0D%0Aand+a+half", **form).status == 202
    front.settle()


def test_json_that_cannot_be_read_is_400_and_no_object_422(refused: Any, path: str) -> None:
    for method, where, _ in writes(path):
        for raw in UNREADABLE:
            assert refused(400, method, where, raw=raw, to="customer").fields == {"body"}
        for raw in (b"null", b"[]", b"5", b'"text"'):
            assert refused(422, method, where, raw=raw, to="customer").fields == {"body"}


@pytest.mark.parametrize("form", FORMS)
def test_a_form_that_cannot_be_read_is_400(refused: Any, form: str) -> None:
    given = {"raw": form.encode(), "Content_Type": contract.FORM}
    assert refused(400, "POST", "/tickets", **given).fields == {"body"}


@pytest.mark.parametrize(
    "form", ["text=a&text=b", "text=a&once=x&once=y", "text=a&email=1&email=2"]
)
def test_a_field_that_stands_twice_is_400(refused: Any, form: str) -> None:
    answer = refused(400, "POST", "/tickets", raw=form.encode(), Content_Type=contract.FORM)
    assert (answer.fields, "once" in answer.said["detail"]) == ({"body"}, True)


@pytest.mark.parametrize(
    ("form", "field"),
    [
        ("", "text"),
        ("text=", "text"),
        ("text=%0D%0A+", "text"),
        ("text=a%00", "text"),
        ("text=a%0Db", "text"),
        ("text=" + "x" * (MOST_TEXT + 1), "text"),
        ("text=a&once=short", "once"),
        ("text=a&once=" + "%20" * 22, "once"),
        ("text=a&email=me%40example.org", "email"),
        ("text=a&orderId=o1", "orderId"),
        ("text=a&checked=on", "checked"),
    ],
    ids=lambda form: form[:20],
)
def test_a_field_that_cannot_be_so_is_422_and_named(refused: Any, form: str, field: str) -> None:
    answer = refused(422, "POST", "/tickets", raw=form.encode(), Content_Type=contract.FORM)
    assert answer.fields == {field}


@pytest.mark.parametrize("text", [*BLANK, *CONTROLS, "x" * (MOST_TEXT + 1), 5, True, ["a"], {}])
def test_a_text_has_up_to_4000_characters_that_can_be_seen(
    refused: Any, path: str, to: Any, text: Any
) -> None:
    assert refused(422, "POST", "/tickets", {"text": text}, to=to).fields == {"text"}
    body = {"text": text, "checked": True}
    assert refused(422, "PUT", path, body, to="customer").fields == {"text"}


def test_a_ticket_has_a_text_and_a_change_says_whether_it_is_done(refused: Any, path: str) -> None:
    assert refused(422, "POST", "/tickets", {}).fields == {"text"}
    assert refused(422, "POST", "/tickets", {"text": None}).fields == {"text"}
    for checked in (None, "true", 1, 0, "on", []):
        body = {"checked": checked}
        assert refused(422, "PUT", path, body, to="customer").fields == {"checked"}
    assert refused(422, "PUT", path, TEXT, to="customer").fields == {"checked"}


def test_a_longest_text_is_taken_whatever_its_letters(front: Shopfront) -> None:
    for letter in ("x", "<", "\\", "\N{GRINNING FACE}"):
        answer = front.call("POST", "/tickets", {"text": letter * MOST_TEXT})
        front.settle()
        found = front.get(
            f"/tickets/{answer.said['subject'].removeprefix('ticket/')}?key={answer.said['key']}"
        )
        assert found.said["text"] == letter * MOST_TEXT


@pytest.mark.parametrize("name", ["id", "author", "actor", "createdAt", "order_id", "\x00", "pii"])
def test_an_unknown_member_is_422_and_named(refused: Any, path: str, name: str) -> None:
    for method, where, body in writes(path):
        assert refused(422, method, where, body | {name: "x"}, to="customer").fields == {name}


@pytest.mark.parametrize("order", ["", " ", "a/b", "x" * 65, 5, "<b>", "é"])
def test_an_order_that_cannot_be_is_422(refused: Any, order: Any) -> None:
    body = TEXT | {"orderId": order}
    assert refused(422, "POST", "/tickets", body, to="customer").fields == {"orderId"}


def test_over_64_kib_is_413(refused: Any, path: str) -> None:
    for method, where, body in writes(path):
        fat = json.dumps(body).encode().ljust(65_537)
        assert refused(413, method, where, raw=fat, to="customer").fields == {"body"}
    fat = b"text=" + b"%41" * 22_000
    answer = refused(413, "POST", "/tickets", raw=fat, Content_Type=contract.FORM)
    assert answer.fields == {"body"}


def test_another_content_type_is_415(refused: Any, path: str) -> None:
    for kind in ("text/plain", "multipart/form-data; boundary=x", "application/xml"):
        for method, where, body in writes(path):
            refused(415, method, where, body, to="customer", Content_Type=kind)
    refused(415, "PUT", path, raw=b"checked=on", to="customer", Content_Type=contract.FORM)


@pytest.mark.parametrize("entity", IDS)
def test_an_id_that_no_ticket_can_have_is_422(refused: Any, to: Any, entity: str) -> None:
    for method, suffix, body in (("GET", "", None), ("PUT", "", CHANGE), ("GET", "/history", None)):
        assert refused(422, method, f"/tickets/{entity}{suffix}", body, to=to).fields == {"id"}


@pytest.mark.parametrize("key", ["", "short", "x" * 23, "x" * 21 + "%C3%A9", "x" * 21 + "!"])
def test_a_tickets_key_has_22_letters(refused: Any, path: str, to: Any, key: str) -> None:
    for method, suffix, body in (("GET", "", None), ("PUT", "", CHANGE), ("GET", "/history", None)):
        answer = refused(400, method, f"{path}{suffix}?key={key}", body, to=to)
        assert answer.fields == {"key"}


@pytest.mark.parametrize("at", ["", "x", "5", "other/shardId-000000000000:5"])
def test_an_at_that_is_no_position_of_this_shop_is_400(refused: Any, path: str, at: str) -> None:
    assert refused(400, "GET", f"{path}?at={at}", to="customer").fields == {"at"}


@pytest.mark.parametrize("query", ["limit=0", "limit=101", "limit=ten", "cursor=", "cursor=AAAA"])
def test_a_page_that_cannot_be_is_400(refused: Any, path: str, to: Any, query: str) -> None:
    field = query.partition("=")[0]
    assert refused(400, "GET", f"/tickets?{query}", to=to).fields == {field}
    assert refused(400, "GET", f"{path}/history?{query}", to="customer").fields == {field}


def test_a_cursor_of_another_list_is_400(front: Shopfront, refused: Any, path: str) -> None:
    for _ in range(2):
        ticket(front, "customer")
    cursor = front.get("/tickets", to="customer", limit=1).said["next"]
    other = front.person("customer")
    for where, who in (("/tickets", other), ("/tickets", None), (f"{path}/history", "customer")):
        assert refused(400, "GET", f"{where}?cursor={cursor}", to=who).fields == {"cursor"}


@pytest.mark.parametrize("tag", ["*", '"1"', 'W/"1-tickets@1"', "1"])
def test_an_if_match_that_no_answer_gave_is_400(refused: Any, path: str, tag: str) -> None:
    answer = refused(400, "PUT", path, CHANGE, to="customer", If_Match=tag)
    assert answer.fields == {"If-Match"}


@pytest.mark.parametrize("method", ["PATCH", "DELETE"])
def test_a_method_that_tickets_do_not_have_is_405(front: Shopfront, method: str, path: str) -> None:
    for where in ("/tickets", path, f"{path}/history"):
        assert front.call(method, where).status == 405


def test_a_token_that_does_not_hold_is_401_and_no_guests(refused: Any, path: str) -> None:
    good = access.issue(access.Caller("someone", frozenset({"customer"})))
    calls = [("POST", "/tickets", TEXT), ("GET", "/tickets", None), ("GET", path, None)]
    calls += [("PUT", path, CHANGE), ("GET", f"{path}/history", None)]
    for token in ("Bearer nonsense", "Bearer", "", good, f"Bearer {good[:-3]}", "Basic YTpi"):
        for method, where, body in calls:
            answer = refused(401, method, where, body, Authorization=token)
            assert (answer.slug, answer.fields) == ("unauthenticated", {"Authorization"})
            assert answer.headers["WWW-Authenticate"] == "Bearer"
