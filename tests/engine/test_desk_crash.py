"""The worker killed, or failed by the cloud, after each call by which it changes anything.

On a product's whole way over the desk: from one without a picture, and a photographer who comes, to
a picture that is passed on, or to one who let it go by and is asked again. Whatever dies when: one
outcome of each to-do counts, and everybody is told. An emptied table sends nothing again. Dead
before a call is as dead after the one before that.
"""

from __future__ import annotations

import json
import re
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from desks import at_desk, come, desk_of, list_product, product_of
from owing import Till, poked
from schedules import Crash
from simulator import refusal

from chalicelib import archive, config, projector, read, todos
from chalicelib.decisions import desk
from chalicelib.errors import CloudFailure
from chalicelib.pictures import media, shelf
from chalicelib.todos import fetch, message, send_to_desk

KEPT = f"/pictures/{'0' * 64}"
MEDIA = "https://media.example/1"
FLAWS: dict[str, Callable[[], BaseException]] = {
    "killed": Crash,
    "failed": lambda: refusal("Any", "InternalServerError", 500),
}
READS = re.compile("get_|batch_get_|transact_get_|query|list_")


class Strike:
    """After this one of the worker's calls that change anything something happens."""

    def __init__(self, at: int = -1, flaw: str = "killed") -> None:
        self.at, self.what = at, FLAWS[flaw]
        self.calls, self.is_on = 0, False

    def __call__(self, when: str, _: str, operation: str, __: Any) -> None:
        if not self.is_on or when == "before" or READS.match(operation):
            return
        self.calls += 1
        if self.calls - 1 == self.at:
            raise self.what()


class Phone:
    """What was sent by text message."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.texts: Counter[str] = Counter()

    def publish(self, PhoneNumber: str, Message: str) -> Any:
        assert PhoneNumber == "+4915155501"
        self.texts[about(Message)] += 1
        return {}


class Pictures:
    """Where media lies."""

    def __init__(self) -> None:
        self.lock = threading.Lock()

    def get_object(self, url: str) -> bytes:
        assert url == MEDIA
        return b"a picture"


def about(text: str) -> str:
    """What a text message is about."""
    begins = {"We may ask": "registered", "We ask you": "assigned", "Your time": "expired"}
    return begins.get(text[:10].strip(), text[:10].strip())


@contextmanager
def open_shop() -> Iterator[Till]:
    """A level shop: a product without a picture, and somebody who came for assignments."""
    with at_desk() as till, pytest.MonkeyPatch.context() as patch:
        services = till.world.cloud.services
        services["sns"], services["media"] = Phone(), Pictures()
        patch.setattr(send_to_desk, "WAIT_S", 0.0)
        patch.setattr(read, "now_ms", lambda: till.now)
        patch.setattr(message, "_number", lambda _: "+4915155501")
        patch.setattr(media, "fetch", lambda url: config.client("media").get_object(url=url))
        patch.setattr(fetch, "cleaned", lambda picture: picture)
        patch.setattr(shelf, "keep", lambda _: KEPT)
        till.kinds.update({desk.FETCH: fetch.do, desk.MESSAGE: message.do})
        for subject in ("product/8", "product/9"):
            till.say("viewed", subject, {})
        till.deliver()
        projector.sweep()
        come(till, "ada")
        list_product(till, 1)
        yield till


def texts(till: Till) -> Counter[str]:
    return till.world.cloud["sns"].texts


def work(till: Till, strike: Strike) -> None:
    """The worker takes what is poked; of what it did not get done the queue keeps the poke."""
    taken, till.pokes[:] = list(till.pokes), []
    for body in taken:
        strike.is_on = True
        try:
            todos.work(poked(body))
        except (Crash, CloudFailure):
            till.pokes.append(body)
            archive._tails.clear()
        finally:
            strike.is_on = False


def until(till: Till, strike: Strike, is_so: Callable[[], bool]) -> None:
    """The consumer, the worker and the sweep take turns until this is so."""
    till.world.cloud.around = strike
    for _ in range(40):
        till.deliver()
        if is_so():
            return
        if not till.pokes:
            till.later(61_000)
            projector.sweep()
            todos.sweep()
        work(till, strike)
        till.later(1000)
    raise AssertionError(f"it never came to that: {till.open()}")


def asked(till: Till) -> Any:
    here = desk_of(till).photographers.get("ada")
    return here and here.assignment


def messages(till: Till) -> list[str]:
    return desk_of(till).owed(desk.MESSAGE)


def pictured(till: Till, strike: Strike) -> None:
    """She is asked, sends a picture, and is thanked."""
    until(till, strike, lambda: asked(till) is not None and not messages(till))
    till.say("picture-received", desk.SUBJECT, {"media": MEDIA}, actor="ada")
    until(till, strike, lambda: asked(till) is None and not messages(till))
    here = desk_of(till).photographers["ada"]
    assert (here.left, here.completed) == (2, 1)
    assert (product_of(till, "1").image, product_of(till, "1").photographer) == (KEPT, "ada")
    assert desk_of(till).todos == {}
    assert texts(till)["Thank you!"] >= 1


def late(till: Till, strike: Strike) -> None:
    """She lets it go by, is told so, and is asked again, since nobody else is there."""
    until(till, Strike(), lambda: asked(till) is not None and not messages(till))
    first = asked(till)
    till.later(600_000)
    until(till, strike, lambda: asked(till) not in (None, first) and not messages(till))
    assert (asked(till).product, asked(till).waited) == ("1", first.waited)
    assert desk_of(till).photographers["ada"].left == 1
    assert desk_of(till).owed(desk.TIME_OUT) == [asked(till).timer]


WAYS = {"pictured": pictured, "late": late}


def again(till: Till) -> None:
    """The table is emptied and filled from the log, and whoever was poked ever is poked again."""
    sent, outcomes = Counter(texts(till)), till.outcomes()
    assert set(outcomes.values()) == {1}
    till.world.drop()
    till.world.create()
    archive._tails.clear()
    subjects = (desk.SUBJECT, "product/1")
    pokes = [json.dumps({"todo": todo, "subject": s}) for todo in outcomes for s in subjects]
    for _ in range(3):
        till.pokes.extend(pokes)
        work(till, Strike())
        till.deliver()
        projector.sweep()
    assert (texts(till), till.outcomes()) == (sent, outcomes)
    assert till.world.rows() == till.world.fold().rows


def unhurt(way: str) -> tuple[int, Counter[str]]:
    """How many such calls there are where nothing happens, and what is told then."""
    with open_shop() as till:
        strike = Strike()
        WAYS[way](till, strike)
        again(till)
        return strike.calls, texts(till)


@pytest.mark.parametrize("flaw", FLAWS)
@pytest.mark.parametrize("way", WAYS)
def test_whatever_dies_when_one_is_asked_one_outcome_counts_and_all_are_told(way, flaw):
    """Whoever is told twice was told by one who died before they could say so.

    And that time is over is not told, where she was asked again before it could be.
    """
    calls, plain = unhurt(way)
    assert calls > 10
    for at in range(calls):
        with open_shop() as till:
            WAYS[way](till, Strike(at, flaw))
            told = texts(till)
            assert set(plain - told) <= {"expired"}, f"not told, after call {at}"
            assert (told - plain).total() <= 1, f"told more than twice, after call {at}"
            again(till)
