"""Positions, limits and cursors: what was not written by us is refused."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib import archive, config, read, vault
from chalicelib.errors import BadRequest, CatchingUp
from chalicelib.events import Position, Shard
from chalicelib.http import Request
from chalicelib.store import Query

STREAM = "tillstream-local-1"
NEWEST = Query("catalog@1/newest", index="listing", newest_first=True)


@pytest.fixture(autouse=True, scope="module")
def shop() -> Any:
    """The settings and secrets of a shop, without a cloud."""
    with pytest.MonkeyPatch.context() as patch:
        for name in ("STAGE", "TABLE", "ARCHIVE_BUCKET", "VAULT_BUCKET", "PRODUCER_KEY"):
            patch.setenv(name, "unused")
        for name in ("WORK_QUEUE", "COURIER_QUEUE", "TRUST_ROOT"):
            patch.setenv(name, "unused")
        patch.setenv("STREAM", STREAM)
        patch.setattr(vault, "secret", lambda name: hashlib.sha256(name.encode()).digest())
        patch.setattr(archive, "shards", lambda: [Shard("tillstream-local-0", "s")])
        config.forget()
        yield
    config.forget()


def given_cursor(text: str, query: Query = NEWEST) -> Any:
    return read._cursor(Request("GET", "/products", query={"cursor": text}), query)


MORE = {"pk": {"S": "catalog@1/products/ü"}, "sk": {"S": "x"}, "listed": {"S": "😀"}}
# A place has four attributes at most: two of the table's key, two of an index's.
ITEM = st.dictionaries(
    st.text(max_size=10),
    st.dictionaries(st.just("S") | st.just("N"), st.text(max_size=20), max_size=1),
    max_size=4,
)


@given(ITEM)
def test_a_cursor_reads_back_as_where_the_page_stopped(more: dict[str, Any]) -> None:
    text = read._write_cursor(NEWEST, more)
    assert given_cursor(text) == more
    assert set(text) <= set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_")


OTHERS = [
    Query("names@1/newest", index="listing", newest_first=True),
    Query("catalog@1/newest", index="listing"),
    Query("catalog@1/newest", newest_first=True),
    Query("catalog@1/newest", index="ranking", newest_first=True),
    Query("catalog@1/newest", index="listing", prefix="a", newest_first=True),
    Query("catalog@1/category/newest", index="listing", newest_first=True),
]


@pytest.mark.parametrize("other", OTHERS, ids=str)
def test_a_cursor_is_of_one_list_in_one_order(other: Query) -> None:
    with pytest.raises(BadRequest):
        given_cursor(read._write_cursor(other, MORE))


def test_a_cursor_goes_on_in_the_version_that_was_promoted_meanwhile() -> None:
    there = {"S": "/food"}
    pk, listing = {"S": "catalog@1/products/ü"}, {"S": "catalog@1/newest"}
    text = read._write_cursor(NEWEST, {"pk": pk, "sk": there, "listing": listing, "listed": there})
    newer = Query("catalog@2.1/newest", index="listing", newest_first=True)
    assert given_cursor(text, newer) == {
        "pk": {"S": "catalog@2.1/products/ü"},
        "sk": there,
        "listing": {"S": "catalog@2.1/newest"},
        "listed": there,
    }


def test_a_cursor_of_another_shop_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    text = read._write_cursor(NEWEST, MORE)
    monkeypatch.setattr(vault, "secret", lambda _: b"another shop")
    with pytest.raises(BadRequest):
        given_cursor(text)


def test_every_flipped_bit_is_refused() -> None:
    sealed = base64.urlsafe_b64decode(read._write_cursor(NEWEST, MORE) + "==")
    for at in range(len(sealed) * 8):
        flipped = bytearray(sealed)
        flipped[at // 8] ^= 1 << at % 8
        with pytest.raises(BadRequest):
            given_cursor(base64.urlsafe_b64encode(bytes(flipped)).decode())


@given(st.text(max_size=200) | st.binary(max_size=90).map(lambda b: b.decode("latin-1")))
def test_no_text_is_a_cursor(text: str) -> None:
    with pytest.raises(BadRequest) as refused:
        given_cursor(text)
    assert refused.value.errors[0]["field"] == "cursor"


def test_the_longest_keys_there_are_make_a_cursor_that_is_taken() -> None:
    place = {"S": "2026-01-02T03:04:05.678Z product/" + "x" * 64}
    pk = {"S": "catalog@1/category/" + "😀" * 100}
    more = {"pk": pk, "sk": place, "listing": {"S": "catalog@1/newest"}, "listed": place}
    assert len(json.dumps(more)) > 1_000
    assert given_cursor(read._write_cursor(NEWEST, more)) == more


@given(st.text(max_size=6) | st.integers(-200, 1_200).map(str))
def test_a_limit_is_a_number_from_1_to_100(text: str) -> None:
    request = Request("GET", "/products", query={"limit": text})
    if re.fullmatch("[0-9]{1,3}", text) and 1 <= int(text) <= 100:
        assert read.most(request) == int(text)
        return
    with pytest.raises(BadRequest) as refused:
        read.most(request)
    assert refused.value.errors[0]["field"] == "limit"


def test_without_a_limit_a_page_has_50() -> None:
    assert read.most(Request("GET", "/products")) == 50


@given(st.text(alphabet="abZ09_.-", min_size=1, max_size=128), st.integers(0, 10**12 - 1))
def test_a_position_reads_back_as_it_was_written(stream: str, number: int) -> None:
    position = Position(Shard(stream, f"shardId-{number:012d}"), 10**55 + number)
    assert Position.parse(str(position)) == position


@given(st.text(max_size=80) | st.from_regex(r"\w{1,9}/shardId-\d{12}:\d{1,9}\n?", fullmatch=True))
def test_a_position_is_written_in_one_way(text: str) -> None:
    try:
        position = Position.parse(text)
    except ValueError:
        return
    assert text.isascii()
    stream, _, rest = text.partition("/")
    shard, _, sequence = rest.partition(":")
    assert position == Position(Shard(stream, shard), int(sequence))


def test_a_position_is_of_a_stream_that_the_shop_has_or_had() -> None:
    for stream in (STREAM, "tillstream-local-0"):
        text = f"{stream}/shardId-000000000000:5"
        assert str(read.position(text, "at")) == text
    for stream in ("tillstream-local-2", "other", "tillstream-local-1x"):
        with pytest.raises(BadRequest) as refused:
            read.position(f"{stream}/shardId-000000000000:5", "at")
        assert refused.value.errors[0]["field"] == "at"


def test_what_is_read_of_two_tables_is_not_answered(monkeypatch: pytest.MonkeyPatch) -> None:
    """The table was emptied, filled and ready again between a page and the names on it."""
    tokens = iter(["old", "new"])
    monkeypatch.setattr(read, "_moment", lambda *_: (next(tokens), []))
    with pytest.raises(CatchingUp):
        read.whole(Request("GET", "/scores"), lambda: "half of each")


def test_what_is_read_of_one_table_is_answered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(read, "_moment", lambda *_: ("same", []))
    assert read.whole(Request("GET", "/scores"), lambda: "whole") == "whole"
