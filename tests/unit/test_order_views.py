"""An order's rows are a function of its state, whatever led to it; nothing of it is ever left over.

The histories are told by hypothesis: any fact at any time, counted or not.
"""

from __future__ import annotations

from typing import Any

from hypothesis import example, given
from hypothesis import strategies as st

from chalicelib.decisions import order as deciding
from chalicelib.decisions.order import Order
from chalicelib.decisions.order.moves import SETTLES
from chalicelib.decisions.subject import Ignored
from chalicelib.events import SYSTEM, Envelope, Event, Fact, Outcome, Position, Shard, order
from chalicelib.events.product import Price
from chalicelib.store import Delete, Key, Put
from chalicelib.views import orders, queue

SHARD = Shard("tillstream-local-1", "shardId-000000000000")
PII = f"head..{'i' * 16}.text.{'t' * 22}"
EUR = Price(amount=350, currency="EUR")
TOTAL = Price(amount=700, currency="EUR")
PRICED = {"price": EUR, "creator": "mia", "photographer": "phil"}
FLAT_WHITE = order.Item(product_id="flat-white", name="Flat white", quantity=2, **PRICED)
BRANCHES: list[order.Branch] = ["collect", "deliver"]
KINDS = [
    order.Paid,
    order.PaymentDeclined,
    order.PaymentOffered,
    order.Ready,
    order.Collected,
    order.Fulfilled,
    order.Dispatched,
    order.Delivered,
    order.Cancelled,
    order.Expired,
    order.RefundRequested,
    order.Refunded,
    order.Notified,
    order.GivenUp,
]
GIVEN: dict[type[Fact], dict[str, Any]] = {
    order.Paid: {"payment": "pi_1", "amount": TOTAL},
    order.PaymentDeclined: {"reason": "declined"},
    order.PaymentOffered: {"pii": PII},
    order.Fulfilled: {"fulfillment_id": "f1"},
    order.Delivered: {"delivery_company_id": "d1"},
    order.RefundRequested: {"lines": [order.Returned(line=0, quantity=1)]},
    order.Refunded: {"refund": "re_1", "amount": EUR},
    order.Notified: {"channels": ["email"]},
    order.GivenUp: {"attempts": 6},
}


def _at(clock: int) -> str:
    """The clock as it is told."""
    return f"2026-01-02T03:{clock // 60_000 % 60:02}:{clock // 1000 % 60:02}.000Z"


class Story:
    """One order, its state and the rows of both views, at the clock of its last event."""

    def __init__(self, branch: order.Branch = "collect", *, card: bool = True) -> None:
        self.state: Order | None = None
        self.rows: dict[Key, Put] = {}
        self.clock = 1_000
        self.counted = 0
        members = {"branch": branch, "lines": [FLAT_WHITE], "total": TOTAL, "card": card}
        assert self.say(order.Placed(**members, channels=["email"], pii=PII))

    def say(self, fact: Fact, after_ms: int = 1_000) -> bool:
        """Whether the fact counts; if so, it is in the rows."""
        self.clock += after_ms
        event = self._event(fact)
        state = deciding.evolve(self.state, event)
        if isinstance(state, Ignored):
            return False
        for view in (orders.VIEW, queue.VIEW):
            if type(fact) in view.feeds:
                self._write(view.writes(event, self.state, state))
        self.state, self.counted = state, self.counted + 1
        return True

    def _event(self, fact: Fact) -> Event:
        stream = SHARD.stream
        time = _at(self.clock)
        envelope = Envelope("e", SYSTEM, fact.type, "order/42", time, stream, "john", {})
        return Event(envelope, fact, Position(SHARD, self.clock), self.clock)

    def _write(self, writes: list[Any]) -> None:
        for write in writes:
            assert isinstance(write, Put | Delete)
            self.rows.pop(write.key, None)
            if isinstance(write, Put):
                self.rows[write.key] = write

    def settle(self, kind: type[Outcome], prefix: str, **given: Any) -> bool:
        """The oldest open to-do of the kind comes to this."""
        assert self.state is not None
        todo = next((name for name in self.state.todos if name.startswith(prefix)), "none@nothing")
        return self.say(kind(todo=todo, **GIVEN.get(kind, {}) | given))

    def tell(self, kind: type[Fact]) -> bool:
        """A fact of the kind; an outcome is one of a to-do that it may settle."""
        if not issubclass(kind, Outcome):
            return self.say(kind(**GIVEN.get(kind, {})))
        settles = [name for name, kinds in SETTLES.items() if kind in (*kinds, order.GivenUp)]
        return any(self.settle(kind, name) for name in settles)

    def under(self, view: Any) -> dict[tuple[str, str], Put]:
        """The rows of the view, by the first word of the partition and the sort key."""
        own = {key: row for key, row in self.rows.items() if key.pk.startswith(f"{view}/")}
        return {(key.pk.removeprefix(f"{view}/"), key.sk): row for key, row in own.items()}


TOLD = st.lists(st.sampled_from(KINDS), max_size=14)


@given(st.sampled_from(BRANCHES), st.booleans(), TOLD)
@example("collect", True, [order.Paid, order.Ready, order.Collected, order.RefundRequested])
@example("deliver", True, [order.Cancelled, order.Paid, order.Refunded, order.Notified])
@example("deliver", False, [order.Fulfilled, order.Delivered, order.Dispatched])
def test_an_order_stands_once_in_each_list_that_its_state_belongs_to(
    branch: order.Branch, card: bool, kinds: list[type[Fact]]
) -> None:
    story = Story(branch, card=card)
    for kind in kinds:
        story.tell(kind)
    state = story.state
    assert state is not None
    rows, place = story.under(orders.VIEW), f"{state.created} order/42"
    steps = {key for key in rows if key[0] == "timeline/42"}
    assert len(steps) == story.counted
    assert rows.keys() - steps == {
        ("orders/42", "order/42"),
        ("customer/john", place),
        (f"{state.status}/john", place),
    }
    assert rows["orders/42", "order/42"].body == orders._body("42", state)
    assert rows["orders/42", "order/42"].listing == ("orders@1/newest", place)
    assert rows[f"{state.status}/john", place].listing == (f"orders@1/status/{state.status}", place)
    queued = {key[0] for key in story.under(queue.VIEW)} - {"made"}
    whose = queue.whose(state)
    assert queued == ({"/".join(whose)} if whose else set())


@given(st.booleans(), TOLD)
def test_what_is_made_once_keeps_from_when_it_was_to_be_made_and_when_it_was_ready(
    card: bool, kinds: list[type[Fact]]
) -> None:
    story = Story(card=card)
    for kind in kinds:
        story.tell(kind)
    made = {key[1]: row.body for key, row in story.under(queue.VIEW).items() if key[0] == "made"}
    assert story.state is not None
    readys = [step["at"] for step in timeline(story) if step["status"] == "ready"]
    assert [_at(int(place.split()[0])) for place in made] == readys
    assert list(made.values()) == [{"due": story.state.due}] * len(readys)
    assert len(readys) <= 1


def timeline(story: Story) -> list[dict[str, Any]]:
    rows = story.under(orders.VIEW)
    return [dict(rows[key].body) for key in sorted(rows) if key[0] == "timeline/42"]


def test_the_timeline_says_what_happened_and_what_notices_were_about() -> None:
    story = Story()
    assert story.settle(order.Paid, "charge")
    assert story.settle(order.Notified, "notify")
    assert story.tell(order.Ready)
    assert story.settle(order.GivenUp, "notify")
    assert story.tell(order.RefundRequested)
    assert story.settle(order.Refunded, "refund")
    assert [(step["status"], step.get("about")) for step in timeline(story)] == [
        ("placed", None),
        ("paid", None),
        ("notified", "accepted"),
        ("ready", None),
        ("given-up", "ready"),
        ("refund-requested", None),
        ("refunded", None),
    ]
    at = [step["at"] for step in timeline(story)]
    assert at[:2] == ["2026-01-02T03:00:02.000Z", "2026-01-02T03:00:03.000Z"]


def test_a_failed_charge_is_named_and_the_makers_mail_too() -> None:
    story = Story("deliver")
    assert story.settle(order.GivenUp, "charge")
    assert timeline(story)[-1]["about"] == "charge"
    story = Story("deliver", card=False)
    assert story.settle(order.Notified, "mail-maker")
    assert timeline(story)[-1]["about"] == "mail-maker"
