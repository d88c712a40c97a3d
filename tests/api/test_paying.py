"""A card is charged once and given back once, through the real queue, worker and bank.

The bank is the process of the local cloud; what it says that it moved is what is counted.
"""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import urlencode
from urllib.request import urlopen

import pytest
from ordering import CART, go, menu, place, state
from shopfront import Shopfront

from chalicelib import config, payments, personal, todos
from ops import verify


class Killed(BaseException):
    """The worker died."""


@pytest.fixture(autouse=True, scope="module")
def stocked(front: Shopfront) -> None:
    menu(front)


@pytest.fixture(autouse=True)
def _hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    """The sweep pokes what is open at once, and whoever died or failed is followed at once."""
    monkeypatch.setattr(todos, "FORGOTTEN_S", -60)
    monkeypatch.setattr(todos, "PAUSES_S", (0,) * 5)
    monkeypatch.setattr(todos.lease, "LASTS_S", 0)


def by_card(token: str = "tok_approved") -> dict[str, Any]:
    return CART | {"payment": {"token": token}}


def paid(front: Shopfront, token: str = "tok_approved") -> str:
    """An order that is placed and charged."""
    entity = place(front, by_card(token))
    front.work()
    return entity


def asked(path: str, **where: str) -> list[dict[str, Any]]:
    """What the bank has."""
    with urlopen(f"{config.settings().sandbox_url}{path}?{urlencode(where)}") as answer:
        items: list[dict[str, Any]] = json.load(answer)["items"]
    return items


def captured(entity: str) -> list[int]:
    """The amounts that the bank captured for the order."""
    charges = asked("/charges", order=entity)
    return [each["amount"]["amount"] for each in charges if "payment" in each]


def given_back(entity: str) -> list[int]:
    """The amounts that the bank gave back of it."""
    refunds = asked("/refunds", payment=state(entity).payment)
    return [each["amount"]["amount"] for each in refunds]


def words(front: Shopfront, entity: str) -> list[str]:
    timeline = front.get(f"/orders/{entity}", to="customer").said["timeline"]
    return [step["status"] for step in timeline]


@pytest.mark.parametrize("token", ["tok_approved", "tok_slow", "tok_error_after"])
def test_a_card_that_is_good_for_it_is_charged_once(front: Shopfront, token: str) -> None:
    entity = paid(front, token)
    assert words(front, entity) == ["placed", "paid"]
    assert captured(entity) == [840]
    assert state(entity).todos == {}


@pytest.mark.parametrize("token", ["tok_declined", "tok_insufficient_funds", "tok_nobody"])
def test_a_declined_card_is_final_and_another_may_be_offered(front: Shopfront, token: str) -> None:
    entity = paid(front, token)
    assert words(front, entity) == ["placed", "payment-declined"]
    front.sweep()
    front.work()
    assert captured(entity) == []
    assert len(asked("/charges", order=entity)) == 1
    assert go(front, entity, "payments", {"token": "tok_approved"}, "customer").status == 202
    front.work()
    assert words(front, entity) == ["placed", "payment-declined", "payment-offered", "paid"]
    assert captured(entity) == [840]


def test_what_is_paid_after_it_was_cancelled_is_given_back_whole(front: Shopfront) -> None:
    entity = place(front, by_card())
    assert go(front, entity, "cancelled", {}, "customer").status == 202
    front.work()
    front.work()
    assert (captured(entity), given_back(entity)) == ([840], [840])
    assert state(entity).status == "cancelled"


def test_so_is_a_paid_order_that_is_cancelled(front: Shopfront) -> None:
    entity = paid(front)
    assert go(front, entity, "cancelled", {}, "customer").status == 202
    front.work()
    assert given_back(entity) == [840]
    assert state(entity).refunded == 840


def test_a_refund_gives_back_what_was_asked_and_no_more(front: Shopfront) -> None:
    entity, one = paid(front), {"lines": [{"line": 0, "quantity": 1}]}
    assert go(front, entity, "refunds", one, "support").status == 202
    front.work()
    assert given_back(entity) == [420]
    assert go(front, entity, "refunds", one, "support").status == 202
    assert go(front, entity, "refunds", one, "support").status == 409
    front.work()
    assert given_back(entity) == [420, 420]
    assert state(entity).refunded == state(entity).captured == 840


def test_a_bank_that_is_away_is_asked_again(
    front: Shopfront, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as away:
        away.setattr(payments.sandbox, "PATIENCE_S", 0.1)
        away.setenv("SANDBOX_URL", "http://127.0.0.1:9")
        away.setattr(todos, "ATTEMPTS", 1000)
        away.setattr(todos, "PAUSES_S", (1,) * 1000)
        config.settings.cache_clear()
        entity = place(front, by_card())
        front.work()
        assert state(entity).status == "placed"
    config.settings.cache_clear()
    front.sweep()
    front.work()
    assert words(front, entity) == ["placed", "paid"]
    assert captured(entity) == [840]


@pytest.mark.parametrize("where", [(todos.done, "put"), (todos, "_append")], ids=["kept", "said"])
@pytest.mark.parametrize("emptied", [False, True], ids=["killed", "killed and emptied"])
def test_a_worker_that_dies_once_the_money_has_moved_is_followed_and_nothing_moves_twice(
    front: Shopfront, monkeypatch: pytest.MonkeyPatch, where: Any, emptied: bool
) -> None:
    def killed() -> None:
        with monkeypatch.context() as dying:
            dying.setattr(*where, die)
            with pytest.raises(Killed):
                front.work()
        if emptied:
            front.empty_table()
        front.sweep()
        front.work()

    front.work()
    entity = place(front, by_card())
    killed()
    assert captured(entity) == [840]
    assert words(front, entity) == ["placed", "paid"]
    assert go(front, entity, "cancelled", {}, "customer").status == 202
    killed()
    assert given_back(entity) == [840]
    assert state(entity).refunded == 840


def die(*_: Any) -> None:
    raise Killed


def test_an_emptied_table_and_its_replay_move_nothing_again(front: Shopfront) -> None:
    kept, sent_back = paid(front), paid(front)
    assert go(front, sent_back, "cancelled", {}, "customer").status == 202
    front.work()
    before = len(asked("/charges")), len(asked("/refunds"))
    front.empty_table()
    front.sweep()
    front.sweep()
    front.work()
    assert (len(asked("/charges")), len(asked("/refunds"))) == before
    assert (captured(kept), given_back(sent_back)) == ([840], [840])
    assert verify.verify().differences == []


def test_who_is_erased_before_the_card_is_charged_is_not_charged(front: Shopfront) -> None:
    who = front.person("customer")
    entity = place(front, by_card(), to=who)
    personal.destroy(state(entity).customer)
    front.work()
    assert state(entity).status == "payment-declined"
    assert captured(entity) == []
