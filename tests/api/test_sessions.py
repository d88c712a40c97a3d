"""A session is opened by public name and roles; the same name is the same person."""

from __future__ import annotations

import unicodedata
import uuid
from typing import Any

import pytest
from shopfront import Shopfront, names

from chalicelib import vault


def opened(front: Shopfront, name: Any, *roles: Any) -> Any:
    return front.call("POST", "/sessions", {"name": name, "roles": list(roles or ["customer"])})


def test_a_session_gives_a_token_and_an_opaque_id(front: Shopfront) -> None:
    said = opened(front, "Ada Lovelace").said
    assert said.keys() == {"token", "userId"}
    assert uuid.UUID(said["userId"]).version == 5
    assert "Ada" not in said["userId"]


def test_an_id_can_be_derived_only_with_the_shops_secret(front: Shopfront) -> None:
    said = opened(front, "Ada Lovelace").said
    assert said["userId"] == str(vault.name_for("person", "Ada Lovelace"))
    for namespace in (uuid.NAMESPACE_DNS, uuid.NAMESPACE_OID, uuid.UUID(int=0)):
        for text in ("Ada Lovelace", "person\0Ada Lovelace"):
            assert said["userId"] != str(uuid.uuid5(namespace, text))


def test_only_a_new_person_is_recorded(front: Shopfront) -> None:
    name = f"Newcomer {next(names)}"
    before = front.records()
    first = opened(front, name).said["userId"]
    assert front.records() == before + 1
    front.settle()
    assert opened(front, name, "merchant").said["userId"] == first
    assert opened(front, f" {name} ").said["userId"] == first
    assert front.records() == before + 1


def test_a_newcomer_who_comes_twice_before_being_judged_is_one_person(front: Shopfront) -> None:
    name = f"Hasty {next(names)}"
    ids = {opened(front, name).said["userId"] for _ in range(3)}
    front.settle()
    assert len(ids) == 1
    before = front.records()
    assert opened(front, name).said["userId"] in ids
    assert front.records() == before


@pytest.mark.parametrize(
    "spelled",
    [
        "  Zoë  K ",
        unicodedata.normalize("NFD", "Zoë K"),
        "Zoë\u00a0K",
        "Zoë\u3000K",
        "Zo\u200bë K",
        "\ufeffZoë K",
        "Zoë\u00ad K",
        "\u202aZoë K\u202c",
        "Zoë K\ufe0f",
        "Zoë \u2060K",
        "Zoe\u034f\u0308 K",
        "\u3164Zoë K",
    ],
    ids=ascii,
)
def test_names_that_look_the_same_are_the_same_person(front: Shopfront, spelled: str) -> None:
    assert opened(front, spelled).said["userId"] == opened(front, "Zoë K").said["userId"]


@pytest.mark.parametrize("other", ["Zoe K", "zoë k", "ZoëK", "Zοë K", "Zoë K.", "Zoë K 2"])
def test_names_that_look_different_are_different_people(front: Shopfront, other: str) -> None:
    assert opened(front, other).said["userId"] != opened(front, "Zoë K").said["userId"]


def test_the_board_shows_the_name_as_it_is_seen(front: Shopfront) -> None:
    merchant = front.person("merchant", name=f"  Zo\u200be\u0308\u00a0 M{next(names)} ")
    product = front.product(merchant)
    item = next(i for i in front.listed("/contributions", 100) if i["productId"] == product)
    assert item["creatorName"].startswith("Zoë M")


@pytest.mark.parametrize(
    "name",
    [
        "",
        " ",
        "\t",
        "\u00a0\u2003",
        "\u200b",
        "\ufe0f\u3164\u2800",
        "x" * 81,
        "\u0958" * 80,  # NFC makes two characters of each
        "a\nb",
        "a\tb",
        "a\x00",
        "a\x1b[31m",
        "a\x7f",
        "a\u0085b",
        "a\u2028b",
        5,
        None,
        True,
        ["Ada"],
        {"first": "Ada"},
    ],
    ids=ascii,
)
def test_a_name_is_one_line_of_1_to_80_characters_that_can_be_seen(refused: Any, name: Any) -> None:
    body = {"name": name, "roles": ["customer"]}
    assert refused(422, "POST", "/sessions", body).fields == {"name"}


@pytest.mark.parametrize("name", ["x" * 80, "李", "👩🏽‍🍳", "O'Brien-Smith, Jr. (2)", "Ada <b>"])
def test_a_name_may_be_any_line(front: Shopfront, name: str) -> None:
    assert opened(front, name).status == 200


@pytest.mark.parametrize("roles", [[], None, "customer", {}, 5, True])
def test_roles_are_a_list_with_at_least_one(refused: Any, roles: Any) -> None:
    body = {"name": "Ada", "roles": roles}
    assert refused(422, "POST", "/sessions", body).fields == {"roles"}


@pytest.mark.parametrize("role", ["root", "Admin", " admin", "", None, 5, ["admin"], {}, True])
def test_an_unknown_role_is_named(refused: Any, role: Any) -> None:
    body = {"name": "Ada", "roles": ["customer", role]}
    assert refused(422, "POST", "/sessions", body).fields == {"roles.1"}


@pytest.mark.parametrize("missing", ["name", "roles"])
def test_name_and_roles_are_both_asked_for(refused: Any, missing: str) -> None:
    body = {"name": "A", "roles": ["customer"]}
    del body[missing]
    assert refused(422, "POST", "/sessions", body).fields == {missing}


def test_a_role_named_twice_is_held_once(front: Shopfront) -> None:
    token = opened(front, "Ada", "customer", "customer").said["token"]
    headers = {"Authorization": f"Bearer {token}"}
    assert front.request("POST", "/products/any/views", b"", headers).status == 202


def test_a_route_without_a_body_is_asked_for_nothing_else(refused: Any) -> None:
    assert refused(422, "POST", "/sessions").fields == {"name", "roles"}
