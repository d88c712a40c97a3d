"""Views are rebuilt, promoted, rolled back, dropped while people buy, order and read: all is well.

Two processes answer. The second is asked seldom, and has heard of no promotion until then.
"""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import apart
import pytest
from ordering import CARD, CART, COFFEE, MENU, place, state
from shopfront import Shopfront
from test_paying import captured
from test_told_once import told

from chalicelib import config, register, todos, work
from chalicelib.todos import send_to_desk
from chalicelib.views import catalog, orders, scores
from chalicelib.views import todos as owed
from ops import rebuild as rebuilding
from ops import verify

FAST = 1e6
PATIENCE_S, PAUSE_S = 120, 0.05
MORE = 2
COMES_TO = ["placed", "paid"]


class Seen:
    """What anybody was shown: whoever asks after that is shown no less, wherever."""

    def __init__(self) -> None:
        self.scored, self.orders, self.read = 0, dict[str, int](), 0
        self.wrong: list[Any] = []
        self._lock = threading.Lock()

    def look(self, front: Shopfront, least: int = 0, **asked: Any) -> None:
        """The scores and the customer's orders, asked there now."""
        scored, before = max(self.scored, least), dict(self.orders)
        found = front.get("/scores", role="photographer", **asked)
        if found.status != 200:
            self.wrong.append(found.body)
            return
        listed = front.listed("/orders", 50, to="customer", **asked)
        (score,) = [item["score"] for item in found.said["items"]]
        shown = {each["id"]: COMES_TO.index(each["status"]) for each in listed}
        if score < scored or any(shown.get(each, -1) < rank for each, rank in before.items()):
            self.wrong.append((score, scored, shown, before))
        self.note(score, shown)

    def note(self, score: int, shown: dict[str, int]) -> None:
        with self._lock:
            self.scored, self.read = max(self.scored, score), self.read + 1
            for each, rank in shown.items():
                self.orders[each] = max(self.orders.get(each, 0), rank)


def buy(front: Shopfront, product: str) -> str:
    """One more sale, judged; where it lies."""
    said = front.call("POST", f"/products/{product}/purchases", to="customer").said
    front.settle()
    return str(said["position"])


class Traffic:
    """One buys, orders and does what is owed; others read meanwhile."""

    def __init__(self, front: Shopfront, product: str) -> None:
        self.front, self.product, self.seen = front, product, Seen()
        self.bought, self.ordered = 0, dict[str, dict[str, str]]()
        self.sweeps, self.over = threading.Event(), threading.Event()
        does = (self.use, self.leaf, self.watch)
        self.threads = [threading.Thread(target=self.noted, args=[each]) for each in does]
        self.failed: list[BaseException] = []

    def noted(self, does: Callable[[], None]) -> None:
        """What a thread does; how it failed is not lost with it."""
        try:
            does()
        except BaseException as failure:
            self.failed.append(failure)
            raise

    def order(self) -> str:
        """By card, with an address and a number to be told at."""
        number = next(numbers)
        contact = {"email": f"use{number}@mail.example", "phone": f"+49151666{number:05}"}
        entity = place(self.front, CART | CARD | {"contact": contact})
        self.ordered[entity] = contact
        return entity

    def use(self) -> None:
        """The log is judged by this thread alone, as Lambda has one consumer for a shard."""
        while not self.over.is_set():
            self.buy()
            self.order()
            if self.sweeps.is_set():
                self.front.sweep()
            self.front.work()

    def buy(self) -> None:
        position = buy(self.front, self.product)
        self.bought += 1
        self.seen.look(self.front, self.bought, after=position)

    def watch(self) -> None:
        while not self.over.wait(PAUSE_S):
            self.seen.look(self.front)

    def leaf(self) -> None:
        """Pages of lists, one item each: cursors outlive promotions."""
        while not self.over.wait(PAUSE_S):
            items = self.front.listed("/products", 1)
            if self.product not in {item["id"] for item in items}:
                self.seen.wrong.append(items)
            one = self.front.get(f"/products/{self.product}")
            if one.status != 200:
                self.seen.wrong.append(one.body)

    def goes_on(self) -> None:
        """Until more was bought, and all of it was shown."""
        least = self.bought + MORE
        self.until(lambda: self.seen.scored >= least)

    def until(self, there: Callable[[], bool]) -> None:
        end = time.monotonic() + PATIENCE_S
        while not there():
            assert not self.failed, self.failed
            assert time.monotonic() < end
            time.sleep(0.02)


numbers = itertools.count(1)


@contextmanager
def running(traffic: Traffic) -> Iterator[None]:
    for thread in traffic.threads:
        thread.start()
    try:
        yield
    finally:
        traffic.over.set()
        for thread in traffic.threads:
            thread.join(PATIENCE_S)
    assert not any(thread.is_alive() for thread in traffic.threads)
    assert traffic.failed == []


@pytest.fixture
def second(front: Shopfront) -> Iterator[Shopfront]:
    """A process that has not heard what is promoted in this one."""
    with apart.running(front) as found:
        yield found


@pytest.fixture
def released(front: Shopfront, tmp_path: Path) -> Iterator[Shopfront]:
    """The next release, in which a sale scores twice; it has the reducer of this one, too."""
    with apart.running(front, apart.changed(tmp_path)) as found:
        yield found


@pytest.fixture
def cup(front: Shopfront) -> str:
    """A product with a picture, bought once."""
    product = front.product("merchant")
    photo = {"image": "https://pictures.example/1.png"}
    front.call("PUT", f"/products/{product}/photo", photo, to="photographer")
    buy(front, product)
    return product


@pytest.fixture
def traffic(front: Shopfront, cup: str, monkeypatch: pytest.MonkeyPatch) -> Traffic:
    monkeypatch.setattr(todos, "FORGOTTEN_S", -60)  # the sweep pokes what is open at once
    monkeypatch.setattr(send_to_desk, "WAIT_S", 0)  # nobody judges it meanwhile
    front.product("merchant", id=COFFEE["productId"], **MENU["flat-white"])
    return Traffic(front, cup)


@pytest.fixture
def pokers(monkeypatch: pytest.MonkeyPatch) -> set[int | None]:
    """The threads that have poked anything."""
    found, poke = set[int | None](), work.poke

    def noted(pokes: Any, *more: Any) -> None:
        pokes = list(pokes)
        if pokes:
            found.add(threading.get_ident())
        poke(pokes, *more)

    monkeypatch.setattr(work, "poke", noted)
    return found


def lose_pokes() -> None:
    """Whatever is on the queue is gone: only the list of what is owed says it now."""
    sqs = config.client("sqs")
    url = sqs.get_queue_url(QueueName=config.settings().work_queue)["QueueUrl"]
    while found := sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages"):
        for message in found:
            sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])


def rebuilt(view: Any) -> None:
    assert rebuilding.rebuild(view, FAST, rebuilding.Progress()).differences == []


def test_who_reads_and_buys_meanwhile_meets_no_error_no_gap_and_no_step_back(
    traffic: Traffic, second: Shopfront, pokers: set[int | None]
) -> None:
    seen, left = traffic.seen, traffic.order()
    lose_pokes()
    seen.look(second)
    pokers.clear()
    with running(traffic):
        for view in (owed.VIEW, scores.VIEW, catalog.VIEW, orders.VIEW):
            rebuilt(view)
        seen.look(second)
        assert [todo.kind for todo in state(left).todos.values()] == ["charge"]
        traffic.sweeps.set()
        traffic.until(lambda: seen.orders[left] == COMES_TO.index("paid"))
        rebuilding.roll_back(scores.VIEW)
        for view in (owed.VIEW, scores.VIEW):
            rebuilt(view)
        for view in (owed.VIEW, scores.VIEW, orders.VIEW):
            rebuilding.drop(view)
        traffic.goes_on()
        seen.look(second)
    assert seen.wrong == []
    assert pokers == {traffic.threads[0].ident}, "what is built pokes nobody"
    traffic.front.work()
    for entity, contact in traffic.ordered.items():
        assert (captured(entity), told(contact)) == ([840], [1, 1])
    assert verify.verify().differences == []


def board(front: Shopfront, times: int = 1) -> dict[tuple[str, str], int]:
    """All scores, so many times."""
    items = [
        item
        for role in ("creator", "photographer")
        for item in front.listed("/scores", 50, role=role)
    ]
    return {(item["role"], item["userId"]): item["score"] * times for item in items}


def test_a_release_with_a_changed_reducer_is_built_by_its_own_consumer_and_sweep(
    front: Shopfront, cup: str, released: Shopfront
) -> None:
    """Nobody asks for it; instances of the release before, which run still, go on answering."""
    rebuilt(scores.VIEW)
    before = board(front)
    assert board(released) == before
    buy(released, cup)
    assert board(released) == board(front) == {who: score + 1 for who, score in before.items()}
    released.sweep()
    named = register.read()
    assert named is not None
    assert str(named.entry("scores").read).startswith("scores@3.")
    assert str(named.entry("scores").kept).startswith("scores@2")
    buy(released, cup)
    assert board(front) == {who: score + 2 for who, score in before.items()}
    assert board(released) == board(front, 2)
    rebuilding.roll_back(scores.VIEW)
    board(released)  # it hears of it, if by reading what is kept
    assert board(released) == board(front)
    assert verify.verify().differences == []
