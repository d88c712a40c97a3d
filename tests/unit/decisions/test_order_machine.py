"""Any history at all of an order keeps its money right, and no event makes its judge stumble.

A history is a list of acts; each says something of the order as it stands, legal or not: moves out
of turn, outcomes late, doubled, of another kind, of another amount, for to-dos that never were.
"""

from __future__ import annotations

import random
from collections import Counter
from typing import get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from order_told import OTHER, PII, Story, back, euros, item, placed

from chalicelib.decisions.order import MOST_CARDS, MOST_REFUNDS, REFUSALS, decide, evolve
from chalicelib.decisions.order.commands import SAYS
from chalicelib.decisions.order.moves import CHARGE, MOVES, REFUND, SETTLES, Status
from chalicelib.decisions.order.state import Order
from chalicelib.decisions.subject import Ignored
from chalicelib.events import Event, Fact, Outcome, order
from chalicelib.events.order import FACTS, MOST_LINES, MOST_QUANTITY, Returned
from chalicelib.events.product import Price

PRICES = [0, 1, 350, 10**7]
COMMANDS = {fact: command for command, fact in SAYS.items()}
PLAIN = [
    order.Ready(),
    order.Collected(),
    order.Cancelled(),
    order.Fulfilled(fulfillment_id="f"),
    order.Delivered(delivery_company_id="c"),
    order.PaymentOffered(pii=OTHER),
]


class History(Story):
    """A story with its books kept beside it, by somebody who knows nothing of the decider."""

    def __init__(self) -> None:
        super().__init__()
        self.opened: dict[str, str] = {}
        self.settled: set[str] = set()
        self.given_up: set[str] = set()
        self.paid: list[Price] = []
        self.given_back: list[Price] = []
        self.reasons: Counter[str] = Counter()
        self.statuses: set[str] = set()

    def act(self, way: int, number: int) -> None:
        """Say what the two numbers come to, and look at everything after it."""
        before, fact = self.state, WAYS[way % len(WAYS)](self, number)
        agreed(before, self.event(fact))
        verdict = self(fact)
        self.reasons[verdict] += 1
        if verdict == "counted":
            self.book(before, fact)
        if self.state is not None:
            self.statuses.add(self.state.stands)
            self.look()

    def book(self, before: Order | None, fact: Fact) -> None:
        assert before != self.state
        self.opened |= {name: todo.kind for name, todo in self.now.todos.items()}
        if isinstance(fact, order.GivenUp):
            assert fact.todo not in self.given_up | self.settled, "it is given up once"
            assert self.now.todos.keys() == before.todos.keys(), "and stays owed"
            self.given_up.add(fact.todo)
        elif isinstance(fact, Outcome):
            assert fact.todo not in self.settled, "an outcome counts once"
            assert fact.todo not in self.now.todos
            self.settled.add(fact.todo)
        match fact:
            case order.Paid(amount=amount):
                self.paid.append(amount)
            case order.Refunded(amount=amount):
                self.given_back.append(amount)
        stepped(before, fact, self.now)

    def look(self) -> None:
        """What is so of every order at every moment."""
        now = self.now
        owed = [todo.amount for todo in now.todos.values() if todo.kind == REFUND]
        assert len(self.paid) <= 1, "an order is paid once"
        assert now.captured == sum(price.amount for price in self.paid)
        assert now.captured in (0, now.total.amount)
        assert now.refunded == sum(price.amount for price in self.given_back)
        assert now.refunded + sum(owed) <= now.captured
        assert now.worth(now.returned) == now.refunded + sum(owed)
        assert all(amount > 0 for amount in owed)
        assert all(left >= 0 for left in now.left)
        assert all(back >= 0 for back in now.returned)
        assert sum(todo.kind == CHARGE for todo in now.todos.values()) <= 1
        assert now.total.amount == now.worth([line.quantity for line in now.lines])
        currencies = {price.currency for price in [now.total, *self.paid, *self.given_back]}
        assert currencies | {line.price.currency for line in now.lines} == {now.total.currency}
        assert now.total.amount > 0 or not now.by_card
        assert now.todos.keys().isdisjoint(self.settled)
        left = {name for name, todo in now.todos.items() if todo.given_up}
        assert left == self.given_up & now.todos.keys()
        text = now.model_dump_json(by_alias=True)
        assert Order.model_validate_json(text) == now


def stepped(before: Order | None, fact: Fact, after: Order) -> None:
    """The status is as it was, or what the table says of this very event."""
    status = None if before is None else before.status
    if after.status != status:
        move = MOVES[type(fact)]
        assert after.status == move.to
        assert before is None or before.stands in move.after
        assert move.branch in (None, after.branch)
    elif not isinstance(fact, Outcome):
        assert MOVES[type(fact)].to is None


def agreed(state: Order | None, event: Event) -> None:
    """What the door decides on a state, the fold counts on that state, and nothing else."""
    command = COMMANDS.get(type(event.data))
    if command is None:
        return
    doubt, asked = evolve(state, event), command(**event.data.model_dump())
    if isinstance(doubt, Ignored):
        with pytest.raises(REFUSALS[doubt.reason][0]) as refusal:
            decide(state, asked, "cleo")
        assert refusal.value.detail == doubt.detail
    else:
        assert decide(state, asked, "cleo") == event.data


def pick(options, number):
    return options[number % len(options)]


def placing(history: History, number: int) -> Fact:
    chance = random.Random(number)
    lines = [
        item(chance.choice([1, 2, 7, MOST_QUANTITY]), chance.choice(PRICES))
        for _ in range(chance.choice([1, 2, 3, MOST_LINES]))
    ]
    changed = {
        0: {"total": euros(number % 1000)},
        1: {"total": Price(amount=sum(x.quantity * x.price.amount for x in lines), currency="CHF")},
    }.get(number % 16, {})
    return placed(
        *lines,
        card=chance.random() < 0.8,
        branch=chance.choice(["collect", "deliver"]),
        channels=chance.choice([[], ["email"], ["email", "phone"]]),
        **changed,
    )


def moving(history: History, number: int) -> Fact:
    return pick(PLAIN, number)


def making(history: History, number: int) -> Fact:
    """The next move on the way to the customer, as far as it is known."""
    branch = history.state.branch if history.state else "collect"
    return pick([PLAIN[0], PLAIN[1]] if branch == "collect" else [PLAIN[3], PLAIN[4]], number)


def asking_back(history: History, number: int) -> Fact:
    chance = random.Random(number)
    lines = history.state.lines if history.state else [item()]
    asked = []
    for _ in range(chance.choice([1, 1, 2, 3])):
        line = chance.randrange(min(len(lines) + (chance.random() < 0.1), MOST_LINES))
        most = lines[line].quantity if line < len(lines) else 1
        asked.append(Returned(line=line, quantity=chance.randint(1, most)))
    return order.RefundRequested(lines=asked)


def settling(history: History, number: int) -> Fact:
    """What an open to-do comes to, as it should be."""
    todos = list(history.state.todos) if history.state else []
    return outcome(history, pick(todos, number), number) if todos else moving(history, number)


def settling_late(history: History, number: int) -> Fact:
    """What some to-do that ever was comes to; most of them have their outcome."""
    return outcome(history, pick([*history.opened, "charge@nowhere"], number), number)


def settling_wrong(history: History, number: int) -> Fact:
    """An outcome of any kind, for any to-do, of any amount."""
    name = pick([*history.opened, "charge@nowhere"], number)
    kinds = [fact for fact in FACTS if issubclass(fact, Outcome)]
    amount = pick([euros(350), euros(0), Price(amount=350, currency="CHF")], number)
    return said(pick(kinds, number // 7), name, amount)


def outcome(history: History, name: str, number: int) -> Fact:
    kind = history.opened.get(name, CHARGE)
    kinds = SETTLES[kind] if number % 11 else (order.GivenUp,)
    todos = history.state.todos if history.state else {}
    amount = history.state.total if history.state else euros(700)
    if kind == REFUND and name in todos:
        amount = history.now.price(todos[name].amount)
    return said(pick(kinds, number // 3), name, amount)


def said(kind: type[Outcome], name: str, amount: Price) -> Fact:
    more = {
        order.Paid: {"payment": "pi", "amount": amount},
        order.PaymentDeclined: {"reason": "declined"},
        order.Refunded: {"refund": "re", "amount": amount},
        order.Notified: {"channels": []},
        order.GivenUp: {"attempts": 6},
    }
    return kind(todo=name, **more.get(kind, {}))


WAYS = [placing, moving, making, asking_back, settling, settling, settling_late, settling_wrong]
NUMBERS = st.integers(0, 10**6)
ACTS = st.lists(st.tuples(st.integers(0, len(WAYS) - 1), NUMBERS), max_size=60)


def played(first: int, acts: list[tuple[int, int]]) -> History:
    history = History()
    for way, number in [(0, first), *acts]:
        history.act(way, number)
    return history


@settings(max_examples=400)
@given(NUMBERS, ACTS)
def test_any_history_keeps_the_money_right_and_is_judged_alike_at_the_door(first, acts):
    history = played(first, acts)
    again = Story()
    for event in history.said:
        after = evolve(again.state, event)
        again.state = again.state if isinstance(after, Ignored) else after
    assert again.state == history.state


@settings(max_examples=200)
@given(NUMBERS, ACTS, st.randoms(use_true_random=False))
def test_what_was_said_may_come_in_any_order_and_twice(first, acts, chance):
    """The log is one order; whatever it is, the books hold and no outcome counts twice."""
    facts = [event.data for event in played(first, acts).said] * 2
    chance.shuffle(facts)
    history = History()
    for fact in facts:
        before = history.state
        if history(fact) == "counted":
            history.book(before, fact)
            history.look()


def test_such_histories_reach_every_status_and_every_reason():
    chance, statuses, reasons = random.Random(7), set(), Counter()
    for _ in range(200):
        acts = [(chance.randrange(len(WAYS)), chance.randrange(10**6)) for _ in range(40)]
        history = played(chance.randrange(10**6), acts)
        statuses |= history.statuses
        reasons += history.reasons
    assert statuses == {*get_args(Status), "unpaid"}
    doubts = {*REFUSALS, "settled", "given-up", "wrong-outcome", "wrong-amount"}
    assert reasons.keys() == doubts | {"counted"}


def test_every_event_is_judged_of_no_order_at_all():
    assert {Story()(fact) for fact in (*PLAIN, back((0, 1)))} == {"unknown-order"}
    for kind in FACTS:
        if issubclass(kind, Outcome):
            assert Story()(said(kind, "charge@x", euros(1))) == "unknown-order"


@pytest.mark.parametrize("given_up", [True, False])
def test_the_largest_state_is_small(given_up):
    """The last card pays, every crumb is asked back, and no message leaves."""
    reference = "r" * 255
    line = item(MOST_QUANTITY, 1, creator=reference, photographer=reference)
    line = line.model_copy(update={"name": "😀" * 200, "product_id": "p" * 64})
    story = Story(placed(*[line] * MOST_LINES, branch="deliver"))
    for _ in range(MOST_CARDS - 1):
        story(story.declines())
        assert story(order.PaymentOffered(pii=PII)) == "counted"
    story(story.pays())
    while story(back(*((number, 1) for number in range(MOST_LINES)))) == "counted":
        story(story.refunds())
    assert len(story.now.todos) > MOST_REFUNDS
    for name in [*story.now.todos] if given_up else []:
        assert story(order.GivenUp(todo=name, attempts=6)) == "counted"
    assert len(story.now.model_dump_json(by_alias=True).encode()) < 100_000
