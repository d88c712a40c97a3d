"""Orders for the tests of their decider: what is said of one, event by event."""

from __future__ import annotations

from typing import Any

from chalicelib.decisions.order import decide, evolve
from chalicelib.decisions.order.moves import CHARGE, REFUND
from chalicelib.decisions.order.state import Order
from chalicelib.decisions.subject import Ignored
from chalicelib.events import SYSTEM, Envelope, Event, Fact, Position, Shard, order
from chalicelib.events.order import Item, Returned
from chalicelib.events.product import Price

SHARD = Shard("tillstream-test-1", "shardId-000000000000")
CLOCK = 1_795_000_000_000
PII = f"h..{'i' * 16}.c.{'t' * 22}"
OTHER = f"h..{'i' * 16}.other.{'t' * 22}"


def euros(amount: int) -> Price:
    return Price(amount=amount, currency="EUR")


def item(quantity: int = 2, amount: int = 350, name: str = "flat-white", **more: Any) -> Item:
    members = {"product_id": name, "name": "Flat white", "creator": "mia", "photographer": "phil"}
    members |= {"quantity": quantity, "price": euros(amount)}
    return Item(**members | more)


def placed(*lines: Item, card: bool = True, **more: Any) -> order.Placed:
    """A customer orders these lines (two flat whites) to collect them."""
    lines = lines or (item(),)
    total = sum(line.quantity * line.price.amount for line in lines)
    members = {"branch": "collect", "total": euros(total), "channels": ["email"], "pii": PII}
    return order.Placed(lines=list(lines), card=card, **members | more)


def back(*asked: tuple[int, int]) -> order.RefundRequested:
    return order.RefundRequested(lines=[Returned(line=n, quantity=q) for n, q in asked])


class Story:
    """One order, as event after event is judged; `said` are all that were."""

    def __init__(self, *facts: Fact) -> None:
        self.state: Order | None = None
        self.said: list[Event] = []
        for fact in facts:
            assert self(fact) == "counted"

    def __call__(self, fact: Fact, actor: str = "cleo") -> str:
        """`counted`, or why not."""
        event = self.event(fact, actor)
        self.said.append(event)
        after = evolve(self.state, event)
        if isinstance(after, Ignored):
            return after.reason
        self.state = after
        return "counted"

    def event(self, fact: Fact, actor: str = "cleo") -> Event:
        number = len(self.said) + 1
        envelope = Envelope(
            id=f"e{number}",
            source=SYSTEM,
            type=fact.type,
            subject="order/1",
            time="2026-11-18T11:06:40.000Z",
            stream=SHARD.stream,
            actor=actor,
            data={},
        )
        return Event(envelope, fact, Position(SHARD, number), CLOCK + number)

    def decide(self, command: Any) -> Fact:
        return decide(self.state, command, "cleo")

    @property
    def now(self) -> Order:
        assert self.state is not None
        return self.state

    def owes(self) -> list[tuple[str, str]]:
        """What is open, as (kind, about)."""
        return [(todo.kind, todo.about) for todo in self.now.todos.values()]

    def open(self, kind: str) -> str:
        """The id of the to-do of this kind that was opened last."""
        return [name for name, todo in self.now.todos.items() if todo.kind == kind][-1]

    def pays(self) -> order.Paid:
        """That the open charge was captured."""
        return order.Paid(todo=self.open(CHARGE), payment="pi_1", amount=self.now.total)

    def declines(self) -> order.PaymentDeclined:
        return order.PaymentDeclined(todo=self.open(CHARGE), reason="declined")

    def refunds(self) -> order.Refunded:
        """That the open refund was given back."""
        name = self.open(REFUND)
        amount = self.now.price(self.now.todos[name].amount)
        return order.Refunded(todo=name, refund="re_1", amount=amount)

    def gives_up(self, kind: str) -> order.GivenUp:
        return order.GivenUp(todo=self.open(kind), attempts=6)

    def refused(self, fact: Fact) -> tuple[str, str]:
        """Why the event does not count: the reason and the sentence."""
        doubt = evolve(self.state, self.event(fact))
        assert isinstance(doubt, Ignored)
        return doubt.reason, doubt.detail


def paid(*lines: Item, **more: Any) -> Story:
    story = Story(placed(*lines, **more))
    assert story(story.pays()) == "counted"
    return story
