"""One order at a time: what happens to it, what it then owes, and what cannot happen."""

import pytest
from order_told import OTHER, PII, Story, back, euros, item, paid, placed

from chalicelib import errors
from chalicelib.decisions.order import MOST_CARDS, MOST_REFUNDS
from chalicelib.decisions.order.commands import (
    Cancel,
    Collect,
    Deliver,
    Offer,
    Place,
    Ready,
    Refund,
)
from chalicelib.decisions.order.moves import CHARGE, COURIER, EXPIRE, MAKER, NOTIFY, REFUND
from chalicelib.events import order
from chalicelib.events.order import Returned


def declined():
    story = Story(placed())
    assert story(story.declines()) == "counted"
    return story


class TestCollected:
    def test_a_coffee_goes_from_the_cart_over_the_counter(self):
        story = Story(placed())
        assert (story.now.status, story.owes()) == ("placed", [(CHARGE, "")])
        story(story.pays())
        assert (story.now.status, story.owes()) == ("paid", [(NOTIFY, "accepted")])
        story(order.Ready())
        assert story.owes() == [(NOTIFY, "accepted"), (NOTIFY, "ready")]
        assert story(order.Collected()) == "counted"
        assert (story.now.status, story.now.captured) == ("collected", 700)

    def test_who_orders_without_a_card_pays_at_the_counter(self):
        story = Story(placed(card=False))
        assert (story.now.status, story.now.stands) == ("placed", "unpaid")
        assert story.owes() == [(NOTIFY, "accepted")]
        assert [story(order.Ready()), story(order.Collected())] == ["counted"] * 2
        assert story.now.captured == 0

    def test_it_is_to_be_made_from_the_clock_at_which_it_was_accepted(self):
        assert Story(placed()).now.due == 0
        assert paid().now.due == paid().said[-1].clock
        assert Story(placed(card=False)).now.due == Story(placed(card=False)).said[-1].clock

    def test_who_can_be_reached_by_no_channel_is_told_nothing(self):
        story = Story(placed(channels=[]))
        story(story.pays())
        story(order.Ready())
        assert story.owes() == []

    def test_nothing_is_charged_where_nothing_is_to_pay_though_a_card_was_offered(self):
        story = Story(placed(item(amount=0)))
        assert (story.now.stands, story.owes()) == ("unpaid", [(NOTIFY, "accepted")])
        assert story(order.Ready()) == "counted"


class TestDelivered:
    def test_a_cake_goes_from_the_cart_to_the_door(self):
        story = paid(branch="deliver")
        assert story.owes() == [(NOTIFY, "accepted"), (MAKER, "")]
        story(order.Fulfilled(fulfillment_id="CakeProducer1"))
        assert (story.now.status, story.owes()[-1]) == ("fulfilled", (COURIER, ""))
        assert story(order.Dispatched(todo=story.open(COURIER))) == "counted"
        assert story.now.status == "dispatched"
        story(order.Delivered(delivery_company_id="CakeCourier1"))
        assert story.now.status == "delivered"

    def test_it_may_be_there_before_the_couriers_queue_has_said_so(self):
        story = paid(branch="deliver")
        story(order.Fulfilled(fulfillment_id="f"))
        courier = story.open(COURIER)
        assert story(order.Delivered(delivery_company_id="c")) == "counted"
        assert story(order.Dispatched(todo=courier)) == "counted"
        assert story.now.status == "delivered"
        assert courier not in story.now.todos

    def test_the_moves_of_the_other_branch_are_illegal(self):
        assert paid(branch="deliver")(order.Ready()) == "illegal-move"
        assert paid()(order.Fulfilled(fulfillment_id="f")) == "illegal-move"


class TestPaid:
    def test_a_declined_card_is_final_and_another_may_be_offered(self):
        story = declined()
        assert story.owes() == [(EXPIRE, ""), (NOTIFY, "payment-declined")]
        assert story(order.PaymentOffered(pii=OTHER)) == "counted"
        assert story.owes() == [(NOTIFY, "payment-declined"), (CHARGE, "")]
        assert (story.now.pii, story.now.offer) == (PII, OTHER)
        story(story.pays())
        assert (story.now.status, story.now.captured) == ("paid", 700)

    def test_without_another_card_it_expires(self):
        story = declined()
        assert story(order.Expired(todo=story.open(EXPIRE))) == "counted"
        assert (story.now.status, story.owes()[-1]) == ("expired", (NOTIFY, "expired"))
        assert story(order.PaymentOffered(pii=OTHER)) == "illegal-move"

    def test_a_time_out_that_comes_after_the_next_card_does_not_count(self):
        story = declined()
        expire = story.open(EXPIRE)
        story(order.PaymentOffered(pii=OTHER))
        assert story(order.Expired(todo=expire)) == "settled"
        assert story.now.status == "payment-offered"

    def test_a_charge_is_settled_once_whatever_comes_after(self):
        story = Story(placed())
        pays, declines = story.pays(), story.declines()
        assert story(pays) == "counted"
        assert [story(pays), story(declines)] == ["settled", "settled"]
        assert story.now.captured == 700

    def test_what_was_captured_must_be_the_total(self):
        story = Story(placed())
        for amount in (euros(699), euros(701), euros(700).model_copy(update={"currency": "CHF"})):
            assert story(story.pays().model_copy(update={"amount": amount})) == "wrong-amount"
        assert story(story.pays()) == "counted"

    def test_a_charge_does_not_come_to_what_other_to_dos_come_to(self):
        story = Story(placed())
        for outcome in (order.Expired, order.Dispatched):
            assert story(outcome(todo=story.open(CHARGE))) == "wrong-outcome"
        told = order.Notified(todo=story.open(CHARGE), channels=["email"])
        assert story(told) == "wrong-outcome"

    def test_a_charge_that_was_given_up_leaves_nothing_but_to_cancel(self):
        story = Story(placed())
        assert story(story.gives_up(CHARGE)) == "counted"
        assert (story.now.status, story.owes()) == ("placed", [(CHARGE, "")])
        assert story.now.todos[story.open(CHARGE)].given_up
        assert story(order.PaymentOffered(pii=OTHER)) == "illegal-move"
        assert story(order.Cancelled()) == "counted"
        assert story.owes() == [(CHARGE, "")]

    def test_it_is_given_up_once_while_it_is_open(self):
        story = Story(placed())
        gives_up, declines = story.gives_up(CHARGE), story.declines()
        assert [story(gives_up), story(gives_up)] == ["counted", "given-up"]
        assert [story(declines), story(gives_up)] == ["counted", "settled"]

    def test_a_charge_that_was_given_up_and_turns_out_to_be_paid_is_paid_as_usual(self):
        story, usual = Story(placed()), paid()
        story(story.gives_up(CHARGE))
        assert story(story.pays()) == "counted"
        assert (story.now.status, story.now.captured) == ("paid", 700)
        assert story.owes() == usual.owes()
        assert story(order.Ready()) == "counted"

    def test_one_that_turns_out_to_be_declined_lets_another_card_be_offered(self):
        story = Story(placed())
        story(story.gives_up(CHARGE))
        assert story(story.declines()) == "counted"
        assert story(order.PaymentOffered(pii=OTHER)) == "counted"
        assert not story.now.todos[story.open(CHARGE)].given_up

    def test_one_that_turns_out_to_be_paid_after_it_was_cancelled_is_given_back(self):
        story = Story(placed())
        story(story.gives_up(CHARGE))
        story(order.Cancelled())
        assert story(story.pays()) == "counted"
        assert (story.now.status, story.owes()) == ("cancelled", [(REFUND, "")])
        story(story.refunds())
        assert (story.now.captured, story.now.refunded) == (700, 700)

    def test_cards_are_not_tried_for_ever(self):
        story = declined()
        for _ in range(MOST_CARDS - 1):
            assert story(order.PaymentOffered(pii=OTHER)) == "counted"
            assert story(story.declines()) == "counted"
        assert story.refused(order.PaymentOffered(pii=OTHER)) == (
            "illegal-move",
            "10 cards were declined; order anew",
        )


class TestCancelled:
    def test_what_is_cancelled_before_it_was_charged_is_given_back_once_it_is(self):
        story = Story(placed())
        story(order.Cancelled())
        assert story.owes() == [(CHARGE, "")]
        assert story(story.pays()) == "counted"
        assert story.now.status == "cancelled"
        assert story.owes() == [(REFUND, "")]
        assert story(story.refunds()) == "counted"
        assert (story.now.status, story.now.captured, story.now.refunded) == ("cancelled", 700, 700)
        assert story.owes() == [(NOTIFY, "refunded")]

    def test_a_card_that_is_declined_after_that_changes_nothing(self):
        story = Story(placed())
        declines = story.declines()
        story(order.Cancelled())
        assert story(declines) == "counted"
        assert (story.now.status, story.owes()) == ("cancelled", [])

    def test_a_paid_order_is_given_back_whole(self):
        story = paid(item(2, 350), item(1, 200))
        assert story(order.Cancelled()) == "counted"
        todo = story.now.todos[story.open(REFUND)]
        assert (todo.amount, todo.quantities) == (900, [2, 1])
        story(story.refunds())
        assert (story.now.status, story.now.refunded) == ("cancelled", 900)

    def test_after_a_refund_of_some_only_the_rest_is_given_back(self):
        story = paid(item(2, 350), item(1, 200))
        story(back((0, 1)))
        story(order.Cancelled())
        assert story.now.todos[story.open(REFUND)].quantities == [1, 1]
        amounts = [todo.amount for todo in story.now.todos.values() if todo.kind == REFUND]
        assert amounts == [350, 550]
        assert story.now.left == [0, 0]

    def test_after_a_refund_of_all_nothing_more_is_given_back(self):
        story = paid()
        story(back((0, 2)))
        before = story.owes()
        story(order.Cancelled())
        assert story.owes() == before

    def test_nobody_waits_for_another_card_any_more(self):
        story = declined()
        story(order.Cancelled())
        assert story.owes() == [(NOTIFY, "payment-declined")]

    @pytest.mark.parametrize("actor", ["bart", "cleo"])
    def test_its_customer_is_told_unless_it_was_they_who_cancelled(self, actor):
        told = [(NOTIFY, "cancelled")] * (actor != "cleo")
        story = Story(placed(card=False))
        assert story(order.Cancelled(), actor) == "counted"
        assert story.owes() == [(NOTIFY, "accepted"), *told]
        story = paid()
        story(order.Cancelled(), actor)
        assert story.owes() == [(NOTIFY, "accepted"), (REFUND, ""), *told]

    def test_who_can_be_reached_by_no_channel_is_not_told_of_it(self):
        story = Story(placed(card=False, channels=[]))
        assert story(order.Cancelled(), "bart") == "counted"
        assert story.owes() == []

    @pytest.mark.parametrize("moves", [[order.Ready()], [order.Ready(), order.Collected()]])
    def test_what_is_made_is_not_cancelled(self, moves):
        story = paid()
        for move in moves:
            story(move)
        reason, sentence = story.refused(order.Cancelled())
        assert reason == "illegal-move"
        assert sentence == (
            f"it is {story.now.status}; this comes after placed with a card, placed without a "
            "card, payment-declined, payment-offered, paid"
        )


class TestRefunded:
    def test_some_of_it_leaves_the_status_and_the_last_of_it_does_not(self):
        story = paid()
        story(back((0, 1)))
        story(story.refunds())
        assert (story.now.status, story.now.refunded) == ("paid", 350)
        story(order.Ready())
        story(back((0, 1)))
        assert story.now.status == "ready"
        story(story.refunds())
        assert (story.now.status, story.now.refunded) == ("refunded", 700)
        assert story(order.Collected()) == "illegal-move"

    def test_a_line_that_stands_twice_in_a_request_is_added_up(self):
        story = paid()
        assert story.refused(back((0, 2), (0, 1))) == (
            "refund-too-large",
            "of line 0 only 2 can be given back",
        )
        assert story(back((0, 1), (0, 1))) == "counted"
        assert story.now.todos[story.open(REFUND)].quantities == [2]

    def test_no_line_is_given_back_beyond_what_is_left_of_it(self):
        story = paid(item(2), item(3))
        story(back((1, 2)))
        assert story(back((1, 2))) == "refund-too-large"
        assert story(back((0, 2), (1, 2))) == "refund-too-large"
        assert story.now.returned == [0, 2]
        assert story(back((0, 2), (1, 1))) == "counted"

    def test_a_line_that_there_is_not_is_named(self):
        assert paid().refused(back((7, 1))) == ("refund-too-large", "the order has no line 7")

    def test_what_was_settled_at_the_counter_is_given_back_there(self):
        story = Story(placed(card=False), order.Ready())
        assert story.refused(back((0, 1))) == ("refund-too-large", "nothing was paid by card")

    def test_what_cost_nothing_is_not_given_back(self):
        story = paid(item(1, 0), item(1, 350))
        assert story.refused(back((0, 1))) == ("refund-too-large", "these lines cost nothing")
        story(back((1, 1)))
        before = story.owes()
        story(order.Cancelled())
        assert story.owes() == before

    def test_a_refund_of_another_amount_does_not_count(self):
        story = paid()
        story(back((0, 1)))
        for amount in (0, 349, 351):
            wrong = story.refunds().model_copy(update={"amount": euros(amount)})
            assert story(wrong) == "wrong-amount"
        assert story(story.refunds()) == "counted"

    def test_one_that_was_given_up_is_owed_still_and_not_asked_for_twice(self):
        story = paid()
        story(back((0, 2)))
        story(story.gives_up(REFUND))
        assert story.now.todos[story.open(REFUND)].given_up
        assert story(back((0, 1))) == "refund-too-large"
        assert story(story.refunds()) == "counted"
        assert (story.now.status, story.now.refunded) == ("refunded", 700)

    def test_an_order_is_not_given_back_in_crumbs(self):
        story = paid(item(MOST_REFUNDS + 2, 1))
        for _ in range(MOST_REFUNDS):
            assert story(back((0, 1))) == "counted"
        assert story.refused(back((0, 1))) == (
            "refund-too-large",
            "50 refunds were asked for: no more are",
        )
        assert story(order.Cancelled()) == "counted"
        assert story.now.left == [0]

    @pytest.mark.parametrize("before", [[], [order.Cancelled()]])
    def test_before_it_is_paid_nothing_can_be_given_back(self, before):
        story = Story(placed(), *before)
        assert story(back((0, 1))) == "illegal-move"


class TestPlaced:
    def test_an_order_is_placed_once(self):
        story = Story(placed())
        assert story(placed()) == "exists"

    def test_nothing_happens_to_an_order_that_there_is_not(self):
        assert Story()(order.Ready()) == "unknown-order"
        assert Story()(order.Expired(todo="expire@x")) == "unknown-order"

    def test_the_total_is_what_the_lines_come_to(self):
        assert Story()(placed(total=euros(1))) == "wrong-total"

    def test_an_order_is_in_one_currency(self):
        francs = item(price=euros(350).model_copy(update={"currency": "CHF"}))
        assert Story()(placed(item(), francs, total=euros(1400))) == "mixed-currencies"
        assert Story()(placed(francs)) == "mixed-currencies"


class TestDecided:
    """The door says the same, as a problem."""

    @pytest.mark.parametrize(
        ("story", "command", "problem", "fields"),
        [
            (Story(placed()), Place(**placed().model_dump()), errors.Exists, ["id"]),
            (Story(), Ready(), errors.UnknownOrder, ["id"]),
            (Story(), Refund(lines=[Returned(line=0, quantity=1)]), errors.UnknownOrder, ["id"]),
            (Story(placed()), Ready(), errors.IllegalMove, []),
            (Story(placed()), Offer(pii=PII), errors.IllegalMove, []),
            (Story(placed()), Collect(), errors.IllegalMove, []),
            (paid(), Deliver(delivery_company_id="c"), errors.IllegalMove, []),
            (Story(placed(), order.Cancelled()), Cancel(), errors.IllegalMove, []),
            (
                paid(),
                Refund(lines=[Returned(line=0, quantity=3)]),
                errors.RefundTooLarge,
                ["lines"],
            ),
            (
                Story(),
                Place(**placed(total=euros(1)).model_dump()),
                errors.Invalid,
                ["total"],
            ),
            (
                Story(),
                Place(
                    **placed(total=euros(700).model_copy(update={"currency": "CHF"})).model_dump()
                ),
                errors.MixedCurrencies,
                ["lines"],
            ),
        ],
        ids=lambda each: getattr(each, "__name__", type(each).__name__),
    )
    def test_what_cannot_happen_is_refused_by_its_name(self, story, command, problem, fields):
        with pytest.raises(problem) as refusal:
            story.decide(command)
        assert type(refusal.value) is problem
        assert [error["field"] for error in refusal.value.errors] == fields

    def test_an_outcome_is_said_as_it_is(self):
        story = paid()
        again = order.Paid(todo="charge@x", payment="p", amount=euros(700))
        assert story.decide(again) is again
