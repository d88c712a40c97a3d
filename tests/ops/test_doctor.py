"""`ops doctor` says what is owed, and finds money that does not add up and what nobody does."""

import json
import os
from dataclasses import replace
from functools import partial

import pytest
from logbook import BEGUN_MS, Logbook
from test_shop_found import ops

from chalicelib import archive, projector, todos
from chalicelib.decisions import DECIDERS
from chalicelib.events import SYSTEM, Envelope, Position, Shard, order
from chalicelib.signing import keys, seal
from chalicelib.todos import lease
from chalicelib.views import VIEWS
from ops import doctor, logs
from ops.doctor import owed
from ops.doctor.books import Books
from ops.query.judged import Judged, Judging

examine = partial(doctor.examine, quick=True)  # the rows are in test_doctor_checks
PRICE = {"amount": 700, "currency": "EUR"}
ITEM = {"productId": "cup", "name": "Cup", "quantity": 1, "price": PRICE}
ITEM |= {"creator": "mia", "photographer": "UNKNOWN"}
PLACED = {
    "branch": "collect",
    "lines": [ITEM],
    "total": PRICE,
    "card": True,
    "channels": [],
    "pii": f"e30..{'i' * 16}.e30.{'t' * 22}",
}


pytestmark = pytest.mark.usefixtures("unsplit")


class Till(Logbook):
    """A logbook that takes orders."""

    def order(self, move, subject="order/o1", **data):
        event = replace(self.event(), type=f"tillstream.order.{move}.v1", subject=subject)
        return self.put(seal(replace(event, data=data), keys.producer()).encode(), subject)


@pytest.fixture
def till(shop, monkeypatch):
    """A level shop with one order, placed a minute ago."""
    monkeypatch.setattr(lease, "now", lambda: BEGUN_MS + 60_000)
    book = Till(shop)
    book.fold(book.order("placed", **PLACED))
    projector.sweep()
    return book


def the_todo():
    (found,) = examine().open
    return found


def paid(todo, amount=700):
    return {"todo": todo, "payment": "pi_1", "amount": {"amount": amount, "currency": "EUR"}}


def test_a_shop_that_owes_a_charge_is_well_and_says_what_it_owes(till):
    found = examine()
    assert (found.orders, found.wrong, found.given_up, found.parked) == (1, [], [], [])
    (todo,) = found.open
    assert (todo.kind, todo.subject, todo.attempt, todo.leased) == ("charge", "order/o1", 0, False)
    assert 55 <= todo.open_s <= 60


def test_who_is_at_it_is_told_until_the_lease_lapses(till, monkeypatch):
    lease.take(the_todo().todo)
    assert (the_todo().attempt, the_todo().leased) == (1, True)
    monkeypatch.setattr(lease, "now", lambda: BEGUN_MS + 600_000)
    assert (the_todo().attempt, the_todo().leased) == (1, False)


def test_what_is_settled_is_owed_no_more_and_the_money_adds_up(till):
    till.fold(till.order("paid", **paid(the_todo().todo)))
    found = examine()
    assert (found.open, found.wrong) == ([], [])


def test_a_charge_that_was_given_up_is_wrong_until_it_is_known(till, monkeypatch):
    name = the_todo().todo
    till.fold(till.order("given-up", todo=name, attempts=6))
    found = examine()
    (told,) = found.given_up
    assert (told.todo, told.subject, told.kind) == (name, "order/o1", "charge")
    assert 55 <= told.open_s <= 60
    assert found.open == []
    why = "whether the card was charged is not known; `ops retry`"
    assert found.wrong == [f"{name} of order/o1 was given up: {why}"]
    monkeypatch.setattr(lease, "now", lambda: BEGUN_MS + 3_700_000)
    assert len(examine().wrong) == 1, "and is not said to be open besides"
    till.fold(till.order("paid", **paid(name)))
    found = examine()
    assert (found.given_up, found.wrong) == ([], [])


def test_a_refund_that_was_given_up_is_wrong(till):
    till.fold(till.order("paid", **paid(the_todo().todo)), till.order("cancelled"))
    refund = the_todo().todo
    till.fold(till.order("given-up", todo=refund, attempts=6))
    (sentence,) = examine().wrong
    assert sentence.startswith(f"{refund} of order/o1 was given up: whether the money was given")


def test_a_key_that_could_not_be_destroyed_is_wrong(till):
    erased = replace(till.event(), type="tillstream.customer.erased.v1", subject="customer/cleo")
    till.fold(till.put(seal(erased, keys.producer()).encode(), "customer/cleo"))
    (name,) = [each.todo for each in examine().open if each.kind == "destroy-key"]
    data = {"todo": name, "attempts": 6}
    given_up = replace(till.event(), type="tillstream.customer.given-up.v1", data=data)
    said = seal(replace(given_up, subject="customer/cleo"), keys.producer())
    till.fold(till.put(said.encode(), "customer/cleo"))
    (sentence,) = examine().wrong
    assert sentence.endswith("was given up: what is personal can still be read; `ops retry`")


def test_a_message_that_was_given_up_is_told_and_not_wrong(till):
    told = PLACED | {"card": False, "channels": ["email"]}
    till.fold(till.order("placed", subject="order/o2", **told))
    (notify,) = [each.todo for each in examine().open if each.kind == "notify"]
    till.fold(till.order("given-up", subject="order/o2", todo=notify, attempts=6))
    found = examine()
    assert [each.todo for each in found.given_up] == [notify]
    assert found.wrong == []
    assert "1 given up" in found.told["to-dos"]


def test_a_to_do_that_nobody_does_for_an_hour_is_wrong(till, monkeypatch):
    monkeypatch.setattr(lease, "now", lambda: BEGUN_MS + 3_700_000)
    (sentence,) = examine().wrong
    assert sentence.endswith("open for 3699 s, and nobody does it")


def test_a_time_out_is_not_overdue_before_its_time(till, monkeypatch):
    till.fold(till.order("payment-declined", todo=the_todo().todo, reason="declined"))
    monkeypatch.setattr(lease, "now", lambda: BEGUN_MS + (3600 + todos.wait_s("expire")) * 1000)
    found = examine()
    assert [each.kind for each in found.open] == ["expire"]
    assert found.wrong == []


def test_rows_that_are_behind_for_long_are_wrong(till):
    till.archive(till.record())
    found = examine()
    assert {(lag.role, lag.shard, lag.events) for lag in found.lags} == {
        ("read", str(till.shard), 1)
    }
    assert len({lag.view for lag in found.lags}) == len(VIEWS)
    assert found.wrong == [f"{till.shard}: the rows are {found.lags[0].seconds} s behind"]
    projector.sweep()
    found = examine()
    assert found.wrong == []
    assert {(lag.events, lag.seconds) for lag in found.lags} == {(0, 0)}


def test_who_stands_still_is_named(till):
    till.fold(till.order("transmogrified"))
    assert examine().parked == ["order/o1"]


def test_a_gap_is_wrong_for_good(till):
    archive.gaps.put(till.shard, 1, archive.Gap(BEGUN_MS, BEGUN_MS + 1))
    (sentence,) = examine().wrong
    assert sentence.startswith(f"{till.shard}: a gap: what arrived from 2026-11-21T01:31:20Z on")


def test_a_table_that_does_not_list_what_is_owed_is_wrong(till, monkeypatch):
    monkeypatch.setattr(owed.view, "VIEW", replace(owed.view.VIEW, version=99))
    assert any("does not list what is owed" in each for each in examine().wrong)


def judged(fact):
    """The fact as one that counted."""
    said = Envelope("e1", SYSTEM, fact.type, "order/o1", "", "s", "system", {})
    return Judged(said, Position(Shard("s", "x"), 1), 1, "counted", None, fact)


@pytest.mark.parametrize(
    ("paid_amounts", "refunds", "sentence"),
    [
        ([700, 700], [], "1400 captured of a total of 700"),
        ([700, 700], [], "paid 2 times"),
        ([350, 350], [], "paid 2 times"),
        ([900], [], "900 captured of a total of 700"),
        ([], [1], "1 given back of 0 captured"),
        ([700], [400, 400], "800 given back of 700 captured"),
    ],
)
def test_money_that_does_not_add_up_is_wrong(paid_amounts, refunds, sentence):
    books = Books()
    books.enter(judged(order.Placed.model_validate(PLACED)))
    for amount in paid_amounts:
        books.enter(judged(order.Paid.model_validate(paid("charge@x", amount))))
    for amount in refunds:
        data = {"todo": "refund@x", "refund": "re_1", "amount": PRICE | {"amount": amount}}
        books.enter(judged(order.Refunded.model_validate(data)))
    assert f"order/o1: {sentence}" in list(books.wrong({}))


def test_a_state_that_says_other_than_its_events_and_a_second_open_charge_are_wrong(till):
    books, fold = Books(), Judging(DECIDERS, (), keys.trust, hear=lambda _: None)
    read = logs.read([till.shard])
    fold.shard(str(till.shard), read[str(till.shard)], None)
    books.enter(judged(order.Placed.model_validate(PLACED)))
    assert list(books.wrong(fold.subjects)) == []
    state = fold.subjects["order/o1"].state
    (todo,) = state.todos.values()
    twice = {"captured": 350, "todos": state.todos | {"charge@other": todo}}
    fold.subjects["order/o1"].state = state.model_copy(update=twice)
    first, second = books.wrong(fold.subjects)
    assert "its state says (700, 350, 0)" in first
    assert second == "order/o1: 2 charges are open"


def test_as_a_process_it_ends_with_one_where_something_is_wrong(till):
    """For a process the order has been open since the logbook's day."""
    unwell = ops("doctor", "--quick", env=os.environ)
    assert unwell.returncode == 1, unwell.stderr
    assert "1 orders" in unwell.stdout
    assert unwell.stdout.splitlines()[-1].endswith("and nobody does it")
    till.fold(till.order("paid", **paid(the_todo().todo)))
    well = ops("doctor", "--json", env=os.environ)
    assert well.returncode == 0, well.stderr + well.stdout
    said = json.loads(well.stdout)
    assert (said["orders"], said["open"], said["wrong"]) == (1, [], [])
