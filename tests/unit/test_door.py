"""What the door makes of a command before anything is appended."""

from __future__ import annotations

import hashlib
import re
import time
import uuid
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from chalicelib import door, http, vault
from chalicelib.decisions import product as products
from chalicelib.decisions.product import Create, Product, Purchase, Update, View
from chalicelib.errors import BadRequest, Forbidden, NotFound, Refused
from chalicelib.events import product
from chalicelib.http import Request

COMMANDHASH = re.compile(r"[A-Za-z0-9_-]{42}[AEIMQUYcgkosw048]")
CUP = {"brand": "B", "name": "Cup", "description": "", "category": "cups"}


@pytest.fixture(autouse=True)
def secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(vault, "secret", lambda name: hashlib.sha256(name.encode()).digest())


def once(key: str | None = "k", body: bytes = b"{}", **changes: Any) -> door.Once | None:
    headers = {} if key is None else {"idempotency-key": key}
    request = Request("POST", "/products/cup/views", headers, body=body, actor="mia")
    given = {"method": request.method, "path": request.path, "actor": request.actor} | changes
    return door.keyed(Request(headers=headers, body=body, **given))


def test_without_a_key_a_command_has_no_identity_of_its_own() -> None:
    assert once(None) is None


def test_a_key_comes_to_a_uuid5_and_a_hash_that_the_envelope_takes() -> None:
    found = once()
    assert found is not None
    assert uuid.UUID(found.id).version == 5
    assert COMMANDHASH.fullmatch(found.commandhash)


@pytest.mark.parametrize(
    "changes",
    [
        {"actor": "phil"},
        {"method": "PUT"},
        {"path": "/products/mug/views"},
        {"path": "/products/cup/purchases"},
        {"key": "K"},
        {"actor": "mia\0POST"},
    ],
    ids=str,
)
def test_whoever_does_anything_else_has_another_id(changes: dict[str, Any]) -> None:
    assert once(**changes).id != once().id  # type: ignore[union-attr]


def test_another_body_is_the_same_id_and_another_command() -> None:
    first, second = once(body=b'{"image": "a"}'), once(body=b'{"image": "b"}')
    assert first is not None
    assert second is not None
    assert first.id == second.id
    assert first.commandhash != second.commandhash


@pytest.mark.parametrize("body", [b"{ }", b"", b" \n", b"{}\n"])
def test_the_same_json_is_the_same_command(body: bytes) -> None:
    assert once(body=body) == once(body=b"{}")


@given(st.text(max_size=300))
def test_a_key_is_visible_ascii_or_refused(key: str) -> None:
    visible = 0 < len(key) <= 255 and all("!" <= letter <= "~" for letter in key)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(vault, "secret", lambda _: b"k" * 32)
        if visible:
            assert once(key) == once(key)
            return
        with pytest.raises(BadRequest) as refused:
            once(key)
    assert refused.value.errors[0]["field"] == "Idempotency-Key"


def test_a_created_products_id_follows_from_the_key() -> None:
    first, other = once("a"), once("b")
    assert door.new_id(first) == door.new_id(first) != door.new_id(other)
    assert first is not None
    assert door.new_id(first) != first.id
    assert door.new_id(None) != door.new_id(None)
    for made in (door.new_id(first), door.new_id(None)):
        assert http.entity(made) == made


def test_a_uuid7_is_one_of_now_and_they_sort_by_time() -> None:
    made = []
    for _ in range(5):
        made.append(door._uuid7())
        time.sleep(0.002)
    assert made == sorted(made)
    assert all(m.version == 7 and m.variant == uuid.RFC_4122 for m in made)
    assert abs((made[0].int >> 80) - time.time() * 1000) < 5_000
    assert len({door._uuid7() for _ in range(1_000)}) == 1_000


LISTED = Product(creator="mia", listed=products._listed(product.Created(**CUP)), created="t")


def test_a_product_is_created_once_updated_by_its_merchant_and_bought_by_anyone() -> None:
    create, update = Create(**CUP), Update(**CUP)
    assert isinstance(products.decide(None, create, "mia"), product.Created)
    assert isinstance(products.decide(Product(orphan=True), create, "mia"), product.Created)
    with pytest.raises(Refused):
        products.decide(LISTED, create, "mia")
    assert isinstance(products.decide(LISTED, update, "mia"), product.Updated)
    with pytest.raises(Forbidden):
        products.decide(LISTED, update, "phil")
    for state in (None, Product(image="i")):
        with pytest.raises(NotFound):
            products.decide(state, update, "mia")
        assert isinstance(products.decide(state, Purchase(), "cleo"), product.Purchased)
        assert isinstance(products.decide(state, View(), "cleo"), product.Viewed)


def test_an_update_cannot_rename_the_product() -> None:
    with pytest.raises(ValidationError):
        Update(**CUP, id="other")


@pytest.mark.parametrize("name", ["cup", "7", "A.b_c~d-e", "x" * 64])
def test_an_id_in_a_path_is_a_product_id(name: str) -> None:
    assert http.entity(name) == Create(**CUP, id=name).id == name


@given(st.text(max_size=70))
def test_an_id_in_a_path_and_in_a_body_have_one_grammar(name: str) -> None:
    try:
        Create(**CUP, id=name)
    except ValidationError:
        with pytest.raises(Exception, match="an id is"):
            http.entity(name)
    else:
        assert http.entity(name) == name
