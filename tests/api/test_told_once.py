"""Who is told what of an order, through the real queue and worker, killed and emptied in between.

SES, SNS and SQS know no keys of ours: a worker that dies between the message and the note of it
sends it once more. Its outcome counts once all the same.
"""

from __future__ import annotations

import itertools
import json
import urllib.request
from collections.abc import Iterator
from typing import Any

import pytest
from ordering import CART, HOME, fulfil, go, menu, place, state
from shopfront import Shopfront

from chalicelib import config, todos
from ops import verify

numbers = itertools.count(1)
Mail = dict[str, Any]


class Killed(BaseException):
    """The worker died."""


@pytest.fixture(autouse=True, scope="module")
def stocked(front: Shopfront) -> None:
    menu(front)
    for role in ("barista", "maker"):
        front.person(role, name=role)


@pytest.fixture(autouse=True)
def _hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    """The sweep pokes what is open at once, and whoever died is followed at once."""
    monkeypatch.setattr(todos, "FORGOTTEN_S", -60)
    monkeypatch.setattr(todos.lease, "LASTS_S", 0)


@pytest.fixture
def contact() -> dict[str, str]:
    number = next(numbers)
    return {"email": f"told{number}@mail.example", "phone": f"+49151777{number:05}"}


def taken(path: str) -> Iterator[dict[str, Any]]:
    """Every message that the emulator took."""
    url = f"{config.client('ses').meta.endpoint_url}/_ministack/{path}"
    with urllib.request.urlopen(url) as answer:
        waiting = [json.load(answer)]
    while waiting:
        found = waiting.pop()
        if isinstance(found, dict) and "MessageId" in found:
            yield found
        elif isinstance(found, dict | list):
            waiting += found.values() if isinstance(found, dict) else found


def told(contact: dict[str, str]) -> list[int]:
    """How many mails and text messages the customer got."""
    mails = [mail for mail in taken("ses/messages") if mail["To"] == [contact["email"]]]
    texts = [t for t in taken("sns/sms-messages") if t["PhoneNumber"] == contact["phone"]]
    return [len(mails), len(texts)]


def made_known(entity: str) -> int:
    """How many mails the maker got of the order."""
    return len([mail for mail in taken("ses/messages") if mail["Subject"] == f"Order {entity}"])


def on_its_way(entity: str) -> int:
    """How many messages of the order lie on the courier's queue; they are taken from it."""
    sqs = config.client("sqs")
    url = sqs.get_queue_url(QueueName=config.settings().courier_queue)["QueueUrl"]
    count = 0
    while found := sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages"):
        count += sum(json.loads(message["Body"])["orderId"] == entity for message in found)
        for message in found:
            sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
    return count


def steps(front: Shopfront, entity: str) -> list[tuple[str, str | None]]:
    timeline = front.get(f"/orders/{entity}", to="admin").said["timeline"]
    return [(step["status"], step.get("about")) for step in timeline]


def test_who_collects_is_told_when_it_will_be_ready_and_that_it_is(
    front: Shopfront, contact: dict[str, str]
) -> None:
    entity = place(front, CART | {"contact": contact})
    front.work()
    assert told(contact) == [1, 1]
    (text,) = [t for t in taken("sns/sms-messages") if t["PhoneNumber"] == contact["phone"]]
    ready = front.get(f"/orders/{entity}", to="customer").said["readyAt"]
    assert f"at {ready[11:16]} UTC" in text["Message"]
    assert go(front, entity, "ready").status == 202
    front.work()
    assert told(contact) == [2, 2]
    words = [("placed", None), ("notified", "accepted"), ("ready", None), ("notified", "ready")]
    assert steps(front, entity) == words
    assert state(entity).todos == {}


def test_whose_order_the_barista_cancels_is_told(front: Shopfront, contact: dict[str, str]) -> None:
    entity = place(front, CART | {"contact": contact})
    front.work()
    assert go(front, entity, "cancelled").status == 202
    front.work()
    assert told(contact) == [2, 2]
    assert steps(front, entity)[-2:] == [("cancelled", None), ("notified", "cancelled")]
    assert state(entity).todos == {}


def test_what_is_brought_is_told_to_its_maker_and_then_to_the_courier(front: Shopfront) -> None:
    entity = place(front, HOME)
    front.work()
    assert (made_known(entity), on_its_way(entity)) == (1, 0)
    assert fulfil(front, entity).status == 202
    front.work()
    assert (made_known(entity), on_its_way(entity)) == (1, 1)
    assert [word for word, _ in steps(front, entity)][-2:] == ["fulfilled", "dispatched"]
    assert state(entity).todos == {}


def test_an_emptied_table_and_its_replay_tell_nobody_again(
    front: Shopfront, contact: dict[str, str]
) -> None:
    coffee = place(front, CART | {"contact": contact})
    cake = place(front, HOME)
    front.work()
    assert fulfil(front, cake).status == 202
    front.work()
    assert on_its_way(cake) == 1
    before = steps(front, coffee), steps(front, cake)
    front.empty_table()
    front.sweep()
    front.sweep()
    front.work()
    assert (told(contact), made_known(cake), on_its_way(cake)) == ([1, 1], 1, 0)
    assert (steps(front, coffee), steps(front, cake)) == before
    assert verify.verify().differences == []


def killed_at(front: Shopfront, patch: pytest.MonkeyPatch, where: str) -> None:
    """The worker takes a poke and dies before it keeps, or before it says, what came of it."""

    def die(*_: Any) -> None:
        raise Killed

    place_of_death = {"kept": (todos.done, "put"), "said": (todos, "_append")}[where]
    with patch.context() as dying:
        dying.setattr(*place_of_death, die)
        with pytest.raises(Killed):
            front.work()


@pytest.mark.parametrize(("where", "sent"), [("kept", 2), ("said", 1)])
@pytest.mark.parametrize("emptied", [False, True], ids=["killed", "killed and emptied"])
def test_a_worker_that_dies_is_followed_and_its_outcome_counts_once(
    front: Shopfront, monkeypatch: pytest.MonkeyPatch, where: str, sent: int, emptied: bool
) -> None:
    front.work()
    entity = place(front, HOME)
    killed_at(front, monkeypatch, where)
    if emptied:
        front.empty_table()
    front.sweep()
    front.work()
    assert made_known(entity) == sent
    assert fulfil(front, entity).status == 202
    killed_at(front, monkeypatch, where)
    if emptied:
        front.empty_table()
    front.sweep()
    front.work()
    assert on_its_way(entity) == sent
    assert steps(front, entity) == [
        ("placed", None),
        ("notified", "mail-maker"),
        ("fulfilled", None),
        ("dispatched", None),
    ]


@pytest.mark.parametrize(("where", "sent"), [("kept", [2, 2]), ("said", [1, 1])])
def test_so_it_is_of_a_notice(
    front: Shopfront,
    monkeypatch: pytest.MonkeyPatch,
    contact: dict[str, str],
    where: str,
    sent: list[int],
) -> None:
    front.work()
    entity = place(front, CART | {"contact": contact})
    killed_at(front, monkeypatch, where)
    front.sweep()
    front.work()
    front.sweep()
    front.work()
    assert told(contact) == sent
    assert steps(front, entity) == [("placed", None), ("notified", "accepted")]
