"""What a drill holds of an order and its money: each thing that is wrong is found, alone."""

from copy import deepcopy

import pytest

from drills import money
from drills.bank import Books

EURO = {"amount": 700, "currency": "EUR"}
CHARGE = {"key": "charge@1", "order": "o", "amount": EURO, "payment": "pay_1"}
DECLINE = {"key": "charge@0", "order": "o", "amount": EURO, "reason": "declined"}
REFUND = {"key": "refund@1", "payment": "pay_1", "amount": EURO, "refund": "ref_1"}


def order(status="collected", *steps, paid=True, back=0):
    lines = [{"quantity": 2, "price": {"amount": 200}}, {"quantity": 1, "price": {"amount": 300}}]
    told = {"id": "o", "status": status, "lines": lines, "total": EURO, "paidByCard": paid}
    told["timeline"] = [{"status": step} for step in ("placed", *steps)]
    return told | ({"refunded": EURO | {"amount": back}} if back else {})


def flaws(told, charges=(CHARGE,), refunds=()):
    return list(money.flaws(deepcopy(told), Books(list(charges), list(refunds))))


@pytest.mark.parametrize(
    ("told", "charges", "refunds"),
    [
        (order("collected"), [DECLINE, CHARGE], []),
        (order("collected", paid=False), [], []),
        (order("payment-declined", paid=False), [DECLINE], []),
        (order("cancelled", back=700), [CHARGE], [REFUND]),
        (order("cancelled", paid=False), [DECLINE], []),
        (order("refunded", back=700), [CHARGE], [REFUND]),
    ],
)
def test_an_order_that_is_in_order_has_no_flaw(told, charges, refunds):
    assert flaws(told, charges, refunds) == []


@pytest.mark.parametrize(
    ("told", "charges", "refunds", "flaw"),
    [
        (order() | {"total": EURO | {"amount": 701}}, [], [], "its lines come to 700"),
        (order(), [CHARGE, CHARGE | {"payment": "pay_2"}], [], "charged 2 times"),
        (order(), [], [], "it is paid by card, the bank has 0"),
        (order(paid=False), [CHARGE], [], "it is not paid by card, the bank has 1"),
        (order(), [CHARGE | {"amount": EURO | {"amount": 699}}], [], "another amount than 700"),
        (order(), [CHARGE | {"amount": EURO | {"currency": "USD"}}], [], "another amount"),
        (order(back=300), [CHARGE], [], "says that 300 was given back, the bank gave 0"),
        (order(), [CHARGE], [REFUND], "says that 0 was given back, the bank gave 700"),
        (order("cancelled"), [CHARGE], [], "it is cancelled, and of 700 the bank gave back 0"),
    ],
)
def test_what_does_not_hold_is_said(told, charges, refunds, flaw):
    assert any(flaw in said for said in flaws(told, charges, refunds))


@pytest.mark.parametrize(
    ("told", "card", "still"),
    [
        (order("collected", "paid", "ready", "collected"), True, True),
        (order("cancelled", "cancelled", paid=False), True, False),
        (order("cancelled", "cancelled", "payment-declined", paid=False), True, True),
        (order("cancelled", "cancelled", "paid"), True, False),
        (order("cancelled", "cancelled", "paid", "refunded", back=700), True, True),
        (order("payment-offered", "payment-declined", "payment-offered"), True, False),
        (order("payment-declined", "payment-declined", paid=False), True, True),
        (order("ready", "ready", paid=False), False, True),
    ],
)
def test_money_is_on_its_way_until_every_card_has_its_answer_and_what_is_owed_is_back(
    told, card, still
):
    assert money.is_still(told, card=card) is still


def test_a_charge_that_was_given_up_is_an_answer_and_a_notice_is_none():
    told = order("placed", "given-up", paid=False)
    told["timeline"][-1]["about"] = "notify"
    assert not money.is_still(told, card=True)
    told["timeline"][-1]["about"] = "charge"
    assert money.is_still(told, card=True)


@pytest.mark.parametrize(
    ("steps", "still"),
    [
        (("given-up", "paid"), True),
        (("given-up", "payment-declined"), True),
        (("given-up", "payment-declined", "payment-offered"), False),
        (("given-up", "payment-declined", "payment-offered", "paid"), True),
        (("given-up", "payment-declined", "payment-offered", "given-up"), True),
    ],
)
def test_what_a_charge_came_to_after_it_was_given_up_is_its_answer(steps, still):
    told = order("paid", *steps)
    for step in told["timeline"]:
        if step["status"] == "given-up":
            step["about"] = "charge"
    assert money.is_still(told, card=True) is still


def test_an_order_is_at_its_end_or_waits_for_a_card_or_is_neither():
    ends = ("collected", "delivered", "cancelled", "expired", "refunded", "payment-declined")
    assert all(money.is_at_end(order(status)) for status in ends)
    assert not any(money.is_at_end(order(status)) for status in ("placed", "paid", "dispatched"))
