"""Every item of a list once, in its order, whatever the page size; a cursor is the list's own."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from shopfront import Shopfront, names

LIMITS = (1, 2, 3, 7, 100)
LISTS = [
    ("/products", {}),
    ("/products", {"category": "paged"}),
    ("/categories", {}),
    ("/contributions", {}),
    ("/scores", {"role": "creator"}),
    ("/scores", {"role": "photographer"}),
]


@pytest.fixture(scope="module")
def stocked(front: Shopfront) -> list[str]:
    """Nine products of three merchants and three photographers, bought up to eight times."""
    front.settle()
    merchants = [front.person("merchant") for _ in range(3)]
    photographers = [front.person("photographer") for _ in range(3)]
    made = []
    for at in range(9):
        entity = f"paged-{next(names)}"
        body = {"id": entity, "brand": "B", "name": f"No {at}", "description": ""}
        body |= {"category": "paged" if at % 2 else f"paged {at}"}
        assert front.call("POST", "/products", body, to=merchants[at % 3]).status == 202
        photo = {"image": f"https://a.example/{at}"}
        to = photographers[at // 3]
        assert front.call("PUT", f"/products/{entity}/photo", photo, to=to).status == 202
        for _ in range(at):
            path = f"/products/{entity}/purchases"
            assert front.call("POST", path, to="customer").status == 202
        made.append(entity)
    front.settle()
    return made


def ids(items: list[dict[str, Any]]) -> list[str]:
    return [json.dumps(item, sort_keys=True) for item in items]


@pytest.mark.usefixtures("stocked")
@pytest.mark.parametrize(("path", "query"), LISTS)
class TestEveryList:
    def test_every_item_comes_once_with_any_limit(
        self, front: Shopfront, path: str, query: dict[str, str]
    ) -> None:
        whole = ids(front.listed(path, 100, **query))
        assert len(whole) >= 3
        assert len(set(whole)) == len(whole)
        for limit in LIMITS:
            assert ids(front.listed(path, limit, **query)) == whole

    def test_a_page_is_items_and_a_cursor_or_null(
        self, front: Shopfront, path: str, query: dict[str, str]
    ) -> None:
        page = front.get(path, limit=1, **query).said
        assert {"items", "next"} <= page.keys() <= {"items", "next", "asOf"}
        assert isinstance(page["next"], str)
        assert front.get(path, limit=100, **query).said["next"] is None

    def test_a_cursor_of_another_list_is_refused(
        self, front: Shopfront, refused: Any, path: str, query: dict[str, str]
    ) -> None:
        for other, asked in LISTS:
            if (other, asked) == (path, query):
                continue
            cursor = front.get(other, limit=1, **asked).said["next"]
            text = "&".join(f"{k}={v}" for k, v in {**query, "cursor": cursor}.items())
            assert refused(400, "GET", f"{path}?{text}").fields == {"cursor"}

    def test_a_cursor_that_is_none_is_refused(
        self, refused: Any, path: str, query: dict[str, str]
    ) -> None:
        whole = '{"pk":{"S":"catalog@1/newest"},"sk":{"S":"x"}}'
        bad = ["", "x", "null", "e30", "%00", "é", "a b", "====", "A" * 6_000]
        bad += [b64(whole.encode()), b64(b"\0" * 16 + whole.encode()), b64(b"[" * 1_200)]
        for cursor in bad:
            text = "".join(f"{k}={v}&" for k, v in query.items())
            path_and = f"{path}?{text}cursor={cursor.replace(' ', '%20')}"
            if cursor.isascii():
                assert refused(400, "GET", path_and).fields == {"cursor"}, cursor


def b64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


@pytest.mark.usefixtures("stocked")
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    which=st.integers(0, len(LISTS) - 1),
    at=st.integers(0, 400),
    insert=st.text(alphabet="ABCabc019-_=+/.%", max_size=3),
    cut=st.integers(0, 3),
)
@example(which=0, at=399, insert="", cut=0)
@example(which=0, at=399, insert="=", cut=0)
@example(which=4, at=0, insert="A", cut=1)
def test_a_changed_cursor_is_refused_or_reads_as_the_same_page(
    front: Shopfront, which: int, at: int, insert: str, cut: int
) -> None:
    """Base64 has spare bits and padding, so two texts can be one cursor; never another page."""
    path, query = LISTS[which]
    cursor = front.get(path, limit=2, **query).said["next"]
    expected = ids(front.get(path, limit=2, cursor=cursor, **query).said["items"])
    at %= len(cursor) + 1
    changed = cursor[:at] + insert + cursor[at + cut :]
    answer = front.get(path, limit=2, cursor=changed, **query)
    if answer.status == 200:
        assert ids(answer.said["items"]) == expected
        assert changed.rstrip("=")[:-1] == cursor[:-1]
    else:
        assert (answer.status, answer.fields) == (400, {"cursor"})


@pytest.mark.usefixtures("stocked")
@settings(max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(cursor=st.text(max_size=60) | st.binary(max_size=60).map(b64))
def test_no_text_is_taken_for_a_cursor(front: Shopfront, cursor: str) -> None:
    answer = front.get("/products", cursor=cursor)
    assert (answer.status, answer.fields) == (400, {"cursor"})


def test_a_cursor_goes_on_where_its_page_stopped_though_that_row_is_gone(
    front: Shopfront, stocked: list[str]
) -> None:
    category = f"moving {next(names)}"
    made = [front.product("merchant", category=category, id=f"mv-{next(names)}") for _ in "abc"]
    page = front.get("/products", category=category, limit=1).said
    newest = page["items"][0]["id"]
    assert newest == made[2]
    elsewhere = {"brand": "B", "name": "n", "description": "", "category": "elsewhere"}
    assert front.call("PUT", f"/products/{newest}", elsewhere, to="merchant").status == 202
    front.settle()
    rest = front.get("/products", category=category, cursor=page["next"]).said["items"]
    assert [item["id"] for item in rest] == [made[1], made[0]]


def test_a_cursor_survives_that_the_table_is_made_anew(
    front: Shopfront, stocked: list[str]
) -> None:
    page = front.get("/products", category="paged", limit=1).said
    before = ids(front.get("/products", category="paged", cursor=page["next"]).said["items"])
    front.empty_table()
    front.sweep()
    after = ids(front.get("/products", category="paged", cursor=page["next"]).said["items"])
    assert after == before


def test_products_come_newest_first(front: Shopfront, stocked: list[str]) -> None:
    listed = front.listed("/products", 4)
    made = [item["createdAt"] for item in listed]
    assert made == sorted(made, reverse=True)
    ours = [item["id"] for item in listed if item["id"] in stocked]
    assert ours == list(reversed(stocked))
    paged = [item["id"] for item in front.listed("/products", 4, category="paged")]
    assert paged == [entity for entity in reversed(stocked) if entity in paged]


def test_an_update_keeps_the_place_that_creation_gave(front: Shopfront, stocked: list[str]) -> None:
    first = front.product("merchant", id=f"kept-{next(names)}")
    second = front.product("merchant", id=f"kept-{next(names)}")
    body = {"brand": "B", "name": "anew", "description": "", "category": "cups"}
    front.call("PUT", f"/products/{first}", body, to="merchant")
    front.settle()
    listed = [item["id"] for item in front.listed("/products", 100)]
    assert listed.index(second) < listed.index(first)


def test_a_category_lists_exactly_what_is_in_it_now(front: Shopfront) -> None:
    old, new = f"old {next(names)}", f"new/{next(names)} & co"
    moved, stays = (front.product("merchant", category=old) for _ in "ab")
    body = {"brand": "B", "name": "moved", "description": "", "category": new}
    front.call("PUT", f"/products/{moved}", body, to="merchant")
    front.settle()
    assert [item["id"] for item in front.listed("/products", 5, category=old)] == [stays]
    (item,) = front.listed("/products", 5, category=new)
    assert (item["id"], item["name"]) == (moved, "moved")
    assert front.get(f"/products/{moved}").said == item
    body["category"] = old
    front.call("PUT", f"/products/{moved}", body, to="merchant")
    front.settle()
    assert front.listed("/products", 5, category=new) == []
    back = [item["id"] for item in front.listed("/products", 5, category=old)]
    assert back == [stays, moved]


def counts(front: Shopfront) -> dict[str, int]:
    return {item["category"]: item["products"] for item in front.listed("/categories", 3)}


def test_categories_are_counted_and_one_without_products_is_not_listed(front: Shopfront) -> None:
    a, b = f"counted a {next(names)}", f"counted b {next(names)}"
    moved, _ = (front.product("merchant", category=a) for _ in "ab")
    assert (counts(front)[a], b in counts(front)) == (2, False)
    body = {"brand": "B", "name": "n", "description": "", "category": b}
    front.call("PUT", f"/products/{moved}", body, to="merchant")
    front.call("PUT", f"/products/{moved}", body | {"name": "same category"}, to="merchant")
    front.settle()
    assert (counts(front)[a], counts(front)[b]) == (1, 1)
    body["category"] = a
    front.call("PUT", f"/products/{moved}", body, to="merchant")
    front.settle()
    assert (counts(front)[a], b in counts(front)) == (2, False)


def test_categories_are_in_order_and_agree_with_the_products(
    front: Shopfront, stocked: list[str]
) -> None:
    counted = counts(front)
    assert list(counted) == sorted(counted)
    for category, count in counted.items():
        assert len(front.listed("/products", 100, category=category)) == count
    assert sum(counted.values()) == len(front.listed("/products", 100))


def test_a_category_that_nobody_has_is_an_empty_list(front: Shopfront) -> None:
    assert front.get("/products", category="nobody has it").said == {"items": [], "next": None}


def test_scores_come_highest_first_with_the_name_that_was_chosen(
    front: Shopfront, stocked: list[str]
) -> None:
    for role in ("creator", "photographer"):
        board = front.listed("/scores", 2, role=role)
        scores = [item["score"] for item in board]
        assert scores == sorted(scores, reverse=True)
        assert all(item.keys() == {"userId", "score", "role", "name"} for item in board)
        assert all(item["role"] == role and item["name"] for item in board)
        assert "UNKNOWN" not in {item["userId"] for item in board}


def test_a_score_is_the_sales_of_ones_products(front: Shopfront) -> None:
    merchant, photographer = front.person("merchant"), front.person("photographer")
    product = front.product(merchant)
    buy = f"/products/{product}/purchases"
    front.call("POST", buy, to="customer")
    photo = {"image": "https://a.example/p"}
    front.call("PUT", f"/products/{product}/photo", photo, to=photographer)
    front.call("POST", buy, to="customer")
    front.call("POST", buy, to="customer")
    front.settle()
    assert score(front, "creator", merchant) == 3
    assert score(front, "photographer", photographer) == 2


def score(front: Shopfront, role: str, name: str) -> int:
    board = {item["name"]: item["score"] for item in front.listed("/scores", 100, role=role)}
    return int(board.get(name, 0))


def test_what_sold_before_it_was_listed_is_nobodys_for_good(front: Shopfront) -> None:
    merchant, photographer = front.person("merchant"), front.person("photographer")
    entity = f"orphan-{next(names)}"
    front.call("POST", f"/products/{entity}/purchases", to="customer")
    front.settle()
    front.product(merchant, id=entity)
    photo = {"image": "https://a.example/p"}
    front.call("PUT", f"/products/{entity}/photo", photo, to=photographer)
    front.call("POST", f"/products/{entity}/purchases", to="customer")
    front.settle()
    assert (score(front, "creator", merchant), score(front, "photographer", photographer)) == (0, 0)
    assert contribution(front, entity) == ("UNKNOWN", None, "UNKNOWN", None)
    assert front.get(f"/products/{entity}").said["image"] == "https://a.example/p"


def contribution(front: Shopfront, entity: str) -> tuple[Any, ...]:
    (item,) = [i for i in front.listed("/contributions", 4) if i["productId"] == entity]
    return item["creator"], item["creatorName"], item["photographer"], item["photographerName"]


def test_contributions_name_the_first_creator_and_the_latest_photographer(
    front: Shopfront,
) -> None:
    merchant, first, second = (
        front.person(r) for r in ("merchant", "photographer", "photographer")
    )
    product = front.product(merchant)
    assert contribution(front, product)[1::2] == (merchant, None)
    for who in (first, second):
        photo = {"image": f"https://a.example/{who[-3:].strip()}"}
        front.call("PUT", f"/products/{product}/photo", photo, to=who)
        front.settle()
        assert contribution(front, product)[1::2] == (merchant, who)


def test_contributions_come_by_product(front: Shopfront, stocked: list[str]) -> None:
    listed = [item["productId"] for item in front.listed("/contributions", 5)]
    assert listed == sorted(listed)
    assert set(stocked) <= set(listed)
