"""To-dos: done once each by whoever is poked, and only where nothing says that they were done."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from owing import PLACED, SHARDS, Till, owing, poked

from chalicelib import archive, checkpoint, projector, todos
from chalicelib.errors import TryAgain
from chalicelib.events import order
from chalicelib.todos import Owed, done, lease
from chalicelib.views import todos as view


@pytest.fixture
def till() -> Iterator[Till]:
    """A shop that is level, and in it one order by card, not delivered to the consumer yet."""
    with owing() as made:
        made.say("viewed", "product/1", {})
        made.say("viewed", "product/2", {})
        made.deliver()
        projector.sweep()
        made.later(1000)
        made.say("placed", "order/1", PLACED)
        yield made


def lines(capsys: Any) -> list[dict[str, Any]]:
    """What was said to the operator."""
    return [json.loads(line) for line in capsys.readouterr().err.splitlines()]


def failing(till: Till, times: int) -> Counter[str]:
    """The provider does not answer so many times; how often it was asked, by to-do."""
    asked: Counter[str] = Counter()
    honest = till.kinds["charge"]

    def charge(owed: Owed) -> Any:
        asked[owed.id] += 1
        assert asked[owed.id] == owed.attempt
        if asked[owed.id] <= times:
            raise TryAgain("not now")
        return honest(owed)

    till.kinds["charge"] = charge
    return asked


def empty(till: Till) -> None:
    """The table is made anew, and the consumer knows nothing of it."""
    till.world.drop()
    till.world.create()
    archive._tails.clear()


class TestDone:
    def test_what_a_batch_opens_is_poked_done_and_settled(self, till):
        till.deliver()
        (todo,) = till.open()
        assert [json.loads(body) for body in till.pokes] == [{"todo": todo, "subject": "order/1"}]
        assert till.work() == 1
        till.deliver()
        assert till.open() == []
        assert (till.order().status, till.order().captured) == ("paid", 700)
        assert till.provider.effects == till.outcomes() == {todo: 1}

    def test_a_poke_of_what_is_settled_or_never_was_does_nothing(self, till):
        till.deliver()
        pokes = list(till.pokes)
        till.work()
        till.deliver()
        till.provider.forget()
        till.pokes[:] = pokes * 3
        till.pokes.append('{"todo": "charge@nowhere", "subject": "order/1"}')
        till.pokes.append('{"todo": "charge@nowhere", "subject": "order/99"}')
        till.pokes.append('{"todo": "charge@nowhere", "subject": "nobody/1"}')
        till.work()
        assert till.provider.effects.total() == 1

    @pytest.mark.parametrize("body", ["", "[]", '{"todo": 1, "subject": "order/1"}', "{}"])
    def test_what_is_no_poke_is_told_and_passed(self, till, capsys, body):
        todos.work(poked(body))
        assert [line["what"] for line in lines(capsys)] == ["no-poke"]

    def test_a_poke_that_is_lost_the_sweep_makes_good_after_a_minute(self, till):
        till.deliver()
        till.pokes.clear()
        todos.sweep()
        assert till.pokes == []
        till.later(61_000)
        todos.sweep()
        assert till.work() == 1
        assert till.provider.effects.total() == 1

    def test_the_sweep_pokes_the_oldest_and_leaves_the_queue_to_what_is_new(
        self, till, monkeypatch
    ):
        monkeypatch.setattr(todos, "MOST_POKES", 2)
        for number in (3, 5, 7):
            till.later(1)
            till.say("placed", f"order/{number}", PLACED)
        till.deliver()
        assert len(till.open()) == 4
        till.later(61_000)
        for oldest in (["order/1", "order/3"], ["order/5", "order/7"], []):
            till.pokes.clear()
            todos.sweep()
            assert [json.loads(body)["subject"] for body in till.pokes] == oldest
            till.work()
            till.deliver()
        assert till.provider.effects.total() == 4

    def test_what_nobody_here_can_do_takes_no_place_in_the_sweep(self, till):
        till.deliver()
        till.later(61_000)
        charge = till.kinds.pop("charge")
        till.pokes.clear()
        todos.sweep()
        assert till.pokes == []
        till.kinds["charge"] = charge
        todos.sweep()
        assert len(till.pokes) == 1

    def test_a_queue_that_does_not_take_a_poke_stops_no_batch(self, till, monkeypatch, capsys):
        sqs = till.world.cloud["sqs"]
        monkeypatch.setattr(sqs, "send_message_batch", lambda **_: {"Failed": [{"Code": "Busy"}]})
        till.deliver()
        assert "pokes-lost" in [line["what"] for line in lines(capsys)]
        assert len(till.open()) == 1

    def test_a_kind_that_this_code_does_not_know_stays_open_and_is_told(self, till, capsys):
        till.kinds.clear()
        till.deliver()
        till.work()
        assert len(till.open()) == 1
        assert "no-kind" in [line["what"] for line in lines(capsys)]
        assert ("lease", till.open()[0]) not in till.world.items

    def test_a_list_that_has_lost_the_to_do_keeps_nobody_from_it(self, till):
        till.deliver()
        (todo,) = till.open()
        del till.world.items[f"todos@2/{todo}", "order/1"]
        till.work()
        assert till.provider.effects == {todo: 1}

    def test_a_time_out_is_said_when_its_time_is_out_and_not_before(self, till, monkeypatch):
        def decline(owed: Owed) -> order.PaymentDeclined:
            return order.PaymentDeclined(todo=owed.id, reason="declined")

        till.kinds["charge"] = decline
        till.deliver()
        till.work()
        till.deliver()
        (todo,) = till.open()
        assert todo.startswith("expire@")
        till.work()
        till.later(1_799_000)
        todos.sweep()
        assert till.pokes == []
        till.later(2_000)
        todos.sweep()
        till.work()
        till.deliver()
        assert till.order().status == "expired"
        assert till.open() == []


class TestLeases:
    def test_two_who_are_poked_at_once_do_not_both_begin(self, till):
        till.deliver()
        body, honest = till.pokes[0], till.kinds["charge"]
        nested = []

        def while_another_comes(owed: Owed) -> Any:
            nested.append(todos.work(poked(body)))
            return honest(owed)

        till.kinds["charge"] = while_another_comes
        till.work()
        assert len(nested) == 1

    def test_who_died_is_followed_once_the_lease_has_lapsed(self, till):
        till.deliver()
        (todo,) = till.open()
        assert lease.take(todo) is not None
        till.later(61_000)
        todos.sweep()
        assert till.work() <= 1
        assert till.provider.effects == {}
        till.later(lease.LASTS_S * 1000)
        todos.sweep()
        till.work()
        assert till.provider.effects == {todo: 1}

    def test_of_two_outcomes_the_first_that_was_kept_is_said_by_both(self, till):
        till.deliver()
        honest = till.kinds["charge"]

        def slow(owed: Owed) -> Any:
            done.put(order.PaymentDeclined(todo=owed.id, reason="declined"))
            return honest(owed)

        till.kinds["charge"] = slow
        till.work()
        till.deliver()
        assert till.order().status == "payment-declined"


class TestAttempts:
    def test_a_failure_is_tried_again_later_and_later(self, till):
        asked = failing(till, 5)
        till.deliver()
        for pause in todos.PAUSES_S:
            assert till.work() == 1
            assert todos.work(poked(till.pokes[0])) is None, "the lease still stands"
            till.later(pause * 1000)
        till.work()
        till.deliver()
        assert asked.total() == todos.ATTEMPTS
        assert till.order().status == "paid"

    def test_after_the_sixth_it_is_given_up_and_stays_owed(self, till, capsys):
        asked = failing(till, 99)
        till.deliver()
        (todo,) = till.open()
        till.settle()
        assert asked == {todo: 6}
        assert till.order().todos[todo].given_up
        assert (till.given_ups(), till.outcomes()) == ({todo: 1}, {})
        assert (till.open(), till.given_up()) == ([], [todo])
        assert done.read(todo) is None
        assert [line["what"] for line in lines(capsys)].count("todo-given-up") == 1

    def test_a_kind_that_is_faulty_ends_the_attempt_and_is_given_up_in_the_end(self, till):
        def faulty(owed: Owed) -> Any:
            raise ZeroDivisionError

        till.kinds["charge"] = faulty
        till.deliver()
        (body,) = till.pokes
        for _ in range(todos.ATTEMPTS):
            with pytest.raises(ZeroDivisionError):
                todos.work(poked(body))
            till.later(lease.LASTS_S * 1000)
        todos.work(poked(body))
        till.deliver()
        assert (till.open(), len(till.given_up())) == ([], 1)

    def test_attempts_begin_anew_where_the_lease_was_lost_with_the_table(self, till):
        asked = failing(till, 99)
        till.deliver()
        for _ in range(3):
            till.work()
            till.later()
        asked.clear()
        empty(till)
        till.settle()
        assert asked.total() == todos.ATTEMPTS, "and the third knew that it was the third"


def given_up(till: Till, times: int = 6) -> tuple[str, Counter[str]]:
    """The order's charge, given up; how often the provider was asked, who fails so many times."""
    asked: Counter[str] = Counter()
    honest = till.kinds["charge"]

    def charge(owed: Owed) -> Any:
        asked[owed.id] += 1
        if asked[owed.id] <= times:
            raise TryAgain("not now")
        return honest(owed)

    till.kinds["charge"] = charge
    till.settle()
    (todo,) = till.given_up()
    assert asked == {todo: 6}
    return todo, asked


class TestGivenUp:
    def test_what_it_turns_out_to_have_come_to_still_counts(self, till):
        todo, _ = given_up(till)
        paid = order.Paid(todo=todo, payment="pay-9", amount=till.order().total)
        assert todos.settle(todo, "order/1", paid)
        till.deliver()
        assert (till.order().status, till.order().payment) == ("paid", "pay-9")
        assert (till.open(), till.given_up()) == ([], [])
        assert (till.given_ups(), till.outcomes()) == ({todo: 1}, {todo: 1})
        assert not todos.settle(todo, "order/1", paid)

    def test_paid_after_it_was_cancelled_it_is_given_back(self, till):
        todo, _ = given_up(till)
        till.say("cancelled", "order/1", {})
        till.deliver()
        paid = order.Paid(todo=todo, payment="pay-9", amount=till.order().total)
        assert todos.settle(todo, "order/1", paid)
        till.settle()
        assert (till.order().status, till.order().refunded) == ("cancelled", 700)

    def test_its_attempts_begin_anew_when_an_operator_says_so(self, till):
        todo, asked = given_up(till)
        till.retry()
        assert till.work() == 1
        till.deliver()
        assert asked == {todo: 7}
        assert till.order().status == "paid"
        assert till.provider.effects == till.outcomes() == {todo: 1}
        assert till.given_up() == []

    def test_tried_again_in_vain_it_stays_given_up_and_may_be_tried_once_more(self, till, capsys):
        todo, asked = given_up(till, times=12)
        records = sum(map(len, till.world.logs.values()))
        till.retry()
        till.settle()
        assert asked == {todo: 12}
        assert (till.open(), till.given_up(), till.given_ups()) == ([], [todo], {todo: 1})
        assert sum(map(len, till.world.logs.values())) == records, "the log has it already"
        again = [line["again"] for line in lines(capsys) if line["what"] == "todo-given-up"]
        assert again == [False, True]
        till.retry()
        till.work()
        till.deliver()
        assert (asked, till.order().status) == ({todo: 13}, "paid")

    def test_no_sweep_pokes_it_and_a_poke_that_comes_late_tries_nothing(self, till):
        todo, asked = given_up(till)
        todos.sweep()
        assert till.pokes == []
        todos.work(poked(json.dumps({"todo": todo, "subject": "order/1"})))
        assert asked == {todo: 6}
        assert till.given_ups() == {todo: 1}

    def test_who_is_at_it_is_not_disturbed(self, till):
        """An operator asks twice, the second time while a worker is at it."""
        todo, _ = given_up(till)
        honest, nested = till.kinds["charge"], []

        def while_an_operator_asks(owed: Owed) -> Any:
            nested.append(owed.attempt)
            till.retry()
            till.work()
            return honest(owed)

        till.kinds["charge"] = while_an_operator_asks
        till.retry()
        till.retry()
        assert till.work() == 2
        till.deliver()
        assert nested == [1]
        assert till.provider.effects == {todo: 1}

    def test_a_lease_that_somebody_takes_meanwhile_stays(self, till, monkeypatch):
        todo, _ = given_up(till)
        held, read = [], lease.store.get

        def get(key: Any) -> Any:
            row = read(key)
            if not held:
                held.append(None)
                held.append(lease.take(todo))
            return row

        monkeypatch.setattr(lease.store, "get", get)
        assert not lease.restart(todo)
        monkeypatch.undo()
        assert lease.read([todo])[todo] == held[1]

    def test_an_emptied_table_lists_it_as_it_did_and_tries_nothing(self, till):
        todo, asked = given_up(till)
        empty(till)
        till.settle()
        assert (till.open(), till.given_up(), asked) == ([], [todo], {todo: 6})


class TestLevel:
    def test_nothing_that_is_folded_while_catching_up_is_poked(self, till):
        till.deliver()
        till.pokes.clear()
        empty(till)
        till.say("viewed", "product/3", {})
        till.deliver()
        projector.sweep()
        assert len(till.open()) == 1
        assert till.pokes == []

    def test_a_poke_while_the_table_is_filled_again_waits_and_does_nothing(self, till, monkeypatch):
        """The order is folded again, what was paid is not: the to-do looks open."""
        till.deliver()
        (body,), (todo,) = till.pokes, till.open()
        till.work()
        till.provider.forget()
        till.world.cloud["s3"].buckets["archive"].pop(f"done/{todo}")
        till.deliver()
        empty(till)
        monkeypatch.setattr(projector, "GROUP", 1)
        for _ in range(2):
            projector.catch_up(till.world.shard(SHARDS[1]), deadline=0)
        assert till.order().status == "placed", "half way"
        till.pokes[:] = [body]
        till.work()
        assert till.provider.effects == {todo: 1}
        assert till.pokes == [body], "it is poked again, later"
        todos.sweep()
        assert till.pokes == [body], "and the sweep says nothing"

    def test_a_table_that_is_emptied_after_it_was_level_is_not_believed(self, till, monkeypatch):
        till.deliver()
        level = checkpoint.level

        def emptied_then(wait_s: float) -> Any:
            found = level(wait_s)
            empty(till)
            projector.sweep()
            return found

        monkeypatch.setattr(checkpoint, "level", emptied_then)
        till.work()
        assert till.provider.effects == {}

    def test_what_was_done_is_said_again_and_not_done_again(self, till):
        till.deliver()
        (todo,) = till.open()
        done.put(order.Paid(todo=todo, payment="pay-9", amount=till.order().total))
        till.work()
        till.work()
        till.deliver()
        assert till.provider.effects == {}
        assert till.order().payment == "pay-9"
        assert till.outcomes() == {todo: 1}

    def test_whose_row_stands_still_for_all_views_nothing_is_done_for(self, till):
        till.say("ready", "order/1", {}, type="tillstream.order.ready.v9")
        till.deliver()
        assert till.work() == 1
        till.later(61_000)
        todos.sweep()
        assert till.pokes == []
        assert len(till.open()) == 1
        assert till.provider.effects == {}

    def test_a_poke_waits_while_the_archive_holds_what_is_not_folded(self, till):
        till.deliver()
        till.say("cancelled", "order/1", {})
        batch = till.world.batch(SHARDS[1], till.delivered[SHARDS[1]])
        archive.append(batch, lambda _: [])
        assert till.work() == 1
        assert len(till.pokes) == 1
        todos.sweep()
        assert len(till.pokes) == 1
        assert till.provider.effects == {}

    def test_a_table_that_was_not_filled_for_the_list_of_what_is_open_is_not_swept(
        self, till, monkeypatch, capsys
    ):
        till.deliver()
        till.pokes.clear()
        till.later(61_000)
        monkeypatch.setattr(view, "VIEW", replace(view.VIEW, version=99))
        todos.sweep()
        assert [line["what"] for line in lines(capsys)] == ["todos-wait"]
        assert till.pokes == []
