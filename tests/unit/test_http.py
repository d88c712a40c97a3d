"""Requests are read strictly, and every no is a problem that names what is wrong."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib import errors, http
from chalicelib.decisions.product import Create
from chalicelib.errors import (
    BadRequest,
    CloudFailure,
    Invalid,
    Problem,
    TooLarge,
    Unsupported,
)
from chalicelib.events import Model
from chalicelib.http import Answer, Request

CUP = {"brand": "B", "name": "Cup", "description": "", "category": "cups"}


def post(body: bytes, **given: Any) -> Request:
    return Request("POST", "/products", body=body, **given)


def of(**members: Any) -> Request:
    return post(json.dumps(CUP | members).encode())


def wrong(request: Request, model: type[Model] = Create) -> set[str]:
    with pytest.raises(Invalid) as refused:
        http.parse(request, model)
    return {error["field"] for error in refused.value.errors}


def test_a_body_is_read_as_its_model_has_it() -> None:
    command = http.parse(of(price={"amount": 500, "currency": "EUR"}), Create)
    assert (command.name, command.price and command.price.amount) == ("Cup", 500)


@pytest.mark.parametrize(
    "kind", ["application/json", "APPLICATION/JSON", "application/json; charset=utf-8", None]
)
def test_json_may_say_that_it_is_json_in_any_case_and_with_parameters(kind: str | None) -> None:
    headers = {} if kind is None else {"content-type": kind}
    assert http.document(post(b"{}", headers=headers)) == {}


@pytest.mark.parametrize("kind", ["text/plain", "application/jose", "", "json", "*/*"])
def test_what_says_that_it_is_no_json_is_415(kind: str) -> None:
    with pytest.raises(Unsupported) as refused:
        http.document(post(b"{}", headers={"content-type": kind}))
    assert refused.value.errors[0]["field"] == "Content-Type"


@pytest.mark.parametrize("body", [b"", b" ", b"\r\n\t "])
def test_an_empty_body_is_an_empty_object(body: bytes) -> None:
    assert http.document(post(body)) == {}


def test_a_body_may_be_64_kib_and_no_more() -> None:
    assert http.document(post(b"{}" + b" " * (http.MOST_BODY - 2))) == {}
    with pytest.raises(TooLarge):
        http.document(post(b"{}" + b" " * (http.MOST_BODY - 1)))


@pytest.mark.parametrize(
    "body",
    [
        b"{",
        b"nul",
        b"{'a': 1}",
        b'{"a": 1,}',
        b'{"a": 1} {}',
        b'{"a": 1, "a": 1}',
        b'{"a": {"b": 1, "b": 2}}',
        b'{"a": "\\ud800"}',
        b'{"\\udfff": 1}',
        b'{"a": "\xed\xa0\x80"}',
        b'{"a": "\xff"}',
        b'{"a": "\x00"}',
        b'\xef\xbb\xbf{"a": 1}',
        '{"a": 1}'.encode("utf-16"),
        b'{"a": 1e400}',
        b'{"a": -1e400}',
        b'{"a": NaN}',
        b'{"a": Infinity}',
        b'{"a": 9007199254740992}',
        b'{"a": ' + b"9" * 5_000 + b"}",
        b'{"a": -' + b"9" * 5_000 + b"}",
        b'{"a": 01}',
        b"[" * 33 + b"]" * 33,
        b'{"a":' * 33 + b"1" + b"}" * 33,
        b"[" * 60_000,
    ],
    ids=lambda body: body[:24].decode("latin-1"),
)
def test_what_is_not_one_readable_json_value_is_400_and_says_so_of_the_body(body: bytes) -> None:
    with pytest.raises(BadRequest) as refused:
        http.document(post(body))
    assert refused.value.errors[0]["field"] == "body"


@given(st.binary(max_size=300))
def test_no_bytes_do_more_than_be_refused(body: bytes) -> None:
    said = http.answer(lambda: http.parse(post(body), Create) and {})
    assert said.status in (200, 400, 422)


@pytest.mark.parametrize("value", [[], "text", 5, None, True, 1.5])
def test_a_body_that_is_no_object_is_wrong_as_a_whole(value: Any) -> None:
    assert wrong(post(json.dumps(value).encode())) == {"body"}


@pytest.mark.parametrize("member", ["brand", "name", "description", "category"])
def test_a_missing_member_is_named(member: str) -> None:
    body = {name: value for name, value in CUP.items() if name != member}
    assert wrong(post(json.dumps(body).encode())) == {member}


@pytest.mark.parametrize(
    ("member", "value"),
    [
        ("brand", ""),
        ("brand", " \t"),
        ("brand", "\u00a0"),
        ("brand", "x" * 201),
        ("brand", "a\nb"),
        ("brand", "a\u2028b"),
        ("brand", "\x00"),
        ("brand", "\x1b[31m"),
        ("brand", 5),
        ("brand", None),
        ("brand", ["B"]),
        ("name", True),
        ("name", "x" * 201),
        ("description", "x" * 4001),
        ("description", "\x00"),
        ("description", "\x08"),
        ("category", ""),
        ("category", " "),
        ("category", "x" * 101),
        ("category", "a\u0085b"),
        ("id", ""),
        ("id", "a/b"),
        ("id", ".a"),
        ("id", "a b"),
        ("id", "a\n"),
        ("id", "é"),
        ("id", "x" * 65),
        ("id", 5),
        ("price", 5),
        ("price", []),
        ("Brand", "B"),
        ("email", "x@y.example"),
        ("__proto__", {}),
    ],
)
def test_a_wrong_or_unknown_member_is_named(member: str, value: Any) -> None:
    assert wrong(of(**{member: value})) == {member}


@pytest.mark.parametrize("amount", [-1, 1.5, 100.0, True, False, "5", None, 10**12 + 1, [], {}])
def test_an_amount_is_a_whole_number_of_minor_units(amount: Any) -> None:
    assert wrong(of(price={"amount": amount, "currency": "EUR"})) == {"price.amount"}


@pytest.mark.parametrize("text", ["1e2", "1E2", "5.0", "-0.0"])
def test_an_amount_is_not_written_as_a_fraction(text: str) -> None:
    body = json.dumps(CUP | {"price": {"amount": "?", "currency": "EUR"}}).replace('"?"', text)
    assert wrong(post(body.encode())) == {"price.amount"}


@pytest.mark.parametrize("currency", ["eur", "EURO", "EU", "", "€", "EUR\n", 978, None, "ЕUR"])
def test_a_currency_is_three_capital_letters(currency: Any) -> None:
    assert wrong(of(price={"amount": 5, "currency": currency})) == {"price.currency"}


def test_every_wrong_member_is_named_at_once() -> None:
    request = of(name=5, category="", price={"amount": -1, "currency": "x", "vat": 1})
    names = {"name", "category", "price.amount", "price.currency", "price.vat"}
    assert wrong(request) == names


def test_a_crowd_of_wrong_members_does_not_make_a_crowd_of_an_answer() -> None:
    body = json.dumps({f"m{n}": n for n in range(4_000)}).encode()
    said = http.answer(lambda: http.parse(post(body), Create))
    assert said.status == 422
    assert len(json.dumps(said.body)) < 8_000


def test_the_name_of_an_unknown_member_is_told_in_part_if_it_is_long() -> None:
    said = http.answer(lambda: http.parse(of(**{"x" * 60_000: 1}), Create))
    assert said.body["errors"][0]["field"].startswith("xxx")
    assert len(json.dumps(said.body)) < 2_000


@given(st.text(min_size=12, alphabet="abcdefghijklmnopqrstuvwxyzäöü@.-+0123456789"))
def test_an_error_tells_no_value_back(value: str) -> None:
    bodies = [{"price": value}, {"id": value + "/"}, {"price": {"amount": value}}, {"x": value}]
    for members in bodies:
        said = http.answer(lambda members=members: http.parse(of(**members), Create))
        assert said.status == 422
        assert value not in json.dumps(said.body, ensure_ascii=False)


def test_a_query_parameter_may_not_stand_twice() -> None:
    assert http.arguments({"limit": ["5"], "cursor": [""]}) == {"limit": "5", "cursor": ""}
    with pytest.raises(BadRequest) as refused:
        http.arguments({"limit": ["5", "5"]})
    assert refused.value.errors[0]["field"] == "limit"


def test_an_unknown_query_parameter_is_named_if_it_is_a_name() -> None:
    for given_name, told in [("colour", "colour"), ("<script>", "query"), ("x" * 50, "query")]:
        request = Request("GET", "/products", query={given_name: "1"})
        with pytest.raises(BadRequest) as refused:
            http.known_arguments(request, ["limit"])
        assert refused.value.errors[0]["field"] == told


def leaves(kind: type[Problem]) -> list[type[Problem]]:
    return [leaf for child in kind.__subclasses__() for leaf in (child, *leaves(child))]


@pytest.mark.parametrize("kind", leaves(Problem))
def test_every_problem_is_problem_json(kind: type[Problem]) -> None:
    said = http.refusal(kind("a sentence", field="name"))
    assert said.headers["Content-Type"] == "application/problem+json"
    assert said.status == said.body["status"] == kind.status
    assert said.body["type"] == f"/problems/{kind.slug}"
    assert {"title", "detail", "errors"} <= said.body.keys()
    assert ("Retry-After" in said.headers) == (kind.status == 503)


def test_a_failure_of_the_cloud_is_503_and_tells_nothing_of_it() -> None:
    def fail() -> None:
        raise CloudFailure("dynamodb at 10.0.0.7 said no")

    said = http.answer(fail)
    assert (said.status, said.headers["Retry-After"]) == (503, "1")
    assert "10.0.0.7" not in json.dumps(said.body)


def test_a_fault_of_ours_is_500_and_tells_nothing_of_it(capsys: Any) -> None:
    def fail() -> None:
        secret = "hunter2"
        raise RuntimeError(secret)

    said = http.answer(fail)
    assert said.status == 500
    assert said.headers["Content-Type"] == "application/problem+json"
    for word in ("hunter2", "RuntimeError", "Traceback", ".py"):
        assert word not in json.dumps(said.body)
    logged = capsys.readouterr().err
    assert "RuntimeError" in logged
    assert "hunter2" not in logged


@pytest.mark.parametrize(
    ("status", "slug"),
    [(405, "method-not-allowed"), (415, "unsupported-media-type"), (500, "internal"), (404, None)],
)
def test_what_the_framework_refuses_is_a_problem_too(status: int, slug: str | None) -> None:
    said = http.framework_refusal(status, {"Allow": "GET", "content-type": "text/plain"})
    assert said.status == said.body["status"] == status
    assert slug is None or said.body["type"] == f"/problems/{slug}"
    assert said.headers == {"Allow": "GET", "Content-Type": http.PROBLEM}


def test_a_415_names_what_the_route_takes() -> None:
    for takes in (("application/json",), ("application/json", "application/jose")):
        body = http.framework_refusal(415, {}, takes).body
        assert body["errors"][0]["field"] == "Content-Type"
        assert all(kind in body["detail"] for kind in takes)


def test_an_answer_is_given_as_it_is() -> None:
    assert http.answer(lambda: Answer(202, {"a": 1})) == Answer(202, {"a": 1})
    assert http.answer(lambda: {"a": 1}) == Answer(200, {"a": 1})


def test_the_error_tree_that_the_docstring_draws_is_the_one_there_is() -> None:
    drawn = set(errors.__doc__.replace("├──", " ").replace("└──", " ").replace("│", " ").split())
    real = {kind.__name__ for kind in vars(errors).values() if isinstance(kind, type)}
    assert {name for name in real if name not in ("Any", "ClassVar")} <= drawn
