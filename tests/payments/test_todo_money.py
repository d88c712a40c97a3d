"""Charge and refund, as the worker does them, against the bank and against localstripe."""

from __future__ import annotations

import itertools
import json
import os
import time
from dataclasses import replace
from urllib.request import urlopen

import pytest
from counterparts import LikeStripe, Sandboxed

from chalicelib import config, payments, personal
from chalicelib.decisions.order import Order
from chalicelib.decisions.todo import Todo
from chalicelib.errors import CloudFailure, Tampered, TryAgain
from chalicelib.events.order import Paid, PaymentDeclined, Refunded
from chalicelib.events.product import Price
from chalicelib.payments import stripe
from chalicelib.todos import charge, refund
from chalicelib.todos.kind import Owed

_numbers = itertools.count(1)
HOUR_MS = 3_600_000


def now():
    return time.time_ns() // 1_000_000


@pytest.fixture(params=["sandbox", "stripe"])
def till(request, shop, cloud, monkeypatch):
    """A shop that charges cards by either provider; what the provider says it moved."""
    monkeypatch.setenv("PAYMENTS", request.param)
    if request.param == "stripe":
        url = request.getfixturevalue("like_stripe")
        config.client("ssm").put_parameter(
            Name=f"/{shop.stage}/stripe", Value="sk_test_12345", Type="SecureString", Overwrite=True
        )
        monkeypatch.setenv("STRIPE_KEY", f"/{shop.stage}/stripe")
        monkeypatch.setenv("STRIPE_URL", url)
    config.settings.cache_clear()
    stripe.gateway.cache_clear()
    yield Sandboxed(cloud.endpoints["bank"]) if request.param == "sandbox" else LikeStripe(url)
    stripe.gateway.cache_clear()


def owed_by(token, *, person=None, since=None, attempt=1, kind="charge", **members):
    """An order of 8.40 EUR that owes a charge, or a refund."""
    entity = f"till-{next(_numbers)}"
    person = person or f"ann-{entity}"
    offer = personal.encrypt(person, f"order/{entity}", {"payment": {"token": token}})
    state = Order.model_construct(
        customer=person, offer=offer, total=Price(amount=840, currency="EUR"), **members
    )
    todo = Todo(kind=kind, since=since or now(), amount=members.get("amount", 0))
    name = f"{kind}@tillstream-t-1/shardId-000000000000:{time.time_ns():0>56}"
    return Owed(name, f"order/{entity}", entity, state, todo, attempt)


def test_a_card_that_is_charged_pays_the_order(till):
    owed = owed_by(till.approved)
    done = charge.do(owed)
    assert isinstance(done, Paid)
    assert (done.todo, done.amount) == (owed.id, owed.state.total)
    assert till.captured(owed.entity) == [840]


def test_the_worker_may_do_it_again_and_comes_to_the_same(till):
    owed = owed_by(till.approved)
    first = charge.do(owed)
    assert charge.do(owed) == first
    assert charge.do(replace(owed, attempt=2)) == first
    assert till.captured(owed.entity) == [840]


def test_every_decline_is_an_outcome_with_its_reason(till):
    for token, reason in till.declines.items():
        owed = owed_by(token)
        assert charge.do(owed) == PaymentDeclined(todo=owed.id, reason=reason), token
        assert till.captured(owed.entity) == []


def test_a_charge_that_was_tried_before_is_looked_up_before_it_is_tried_again(till, monkeypatch):
    owed = owed_by(till.approved)
    first = charge.do(owed)
    till.day_later()
    old = replace(owed, todo=owed.todo.model_copy(update={"since": now() - 21 * HOUR_MS}))
    assert charge.do(old) == first
    assert charge.do(replace(owed, attempt=2)) == first
    given_up = owed.todo.model_copy(update={"given_up": True})
    assert charge.do(replace(owed, todo=given_up)) == first
    assert till.captured(owed.entity) == [840]


def test_an_old_charge_that_was_never_made_is_made(till):
    owed = owed_by(till.approved, since=now() - 21 * HOUR_MS)
    assert isinstance(charge.do(owed), Paid)
    assert till.captured(owed.entity) == [840]


def test_a_fault_after_the_effect_comes_to_paid_at_the_second_attempt(till):
    owed = owed_by(till.error_after)
    owed = replace(owed, entity=f"error-after-{owed.entity}")
    with pytest.raises(TryAgain):
        charge.do(owed)
    assert isinstance(charge.do(replace(owed, attempt=2)), Paid)
    assert till.captured(owed.entity) == [840]


def test_an_erased_customer_is_not_charged_but_what_was_charged_before_is_not_forgotten(till):
    never = owed_by(till.approved, person=f"zoe-{next(_numbers)}")
    once = owed_by(till.approved, person=never.state.customer)
    paid = charge.do(once)
    personal.destroy(never.state.customer)
    assert charge.do(never) == PaymentDeclined(todo=never.id, reason="erased")
    assert charge.do(once) == paid
    assert till.captured(never.entity) == []
    assert till.captured(once.entity) == [840]


def test_a_token_that_was_put_onto_another_order_is_never_used(till):
    owed = owed_by(till.approved)
    with pytest.raises(Tampered):
        charge.do(replace(owed, subject="order/another"))
    assert till.captured(owed.entity) == []


def test_a_refund_gives_back_what_the_todo_says_and_once(till):
    paid = charge.do(owed_by(till.approved))
    owed = owed_by("", kind="refund", amount=300, payment=paid.payment)
    first = refund.do(owed)
    assert isinstance(first, Refunded)
    assert first.amount == Price(amount=300, currency="EUR")
    till.day_later()
    assert refund.do(replace(owed, attempt=2)) == first
    assert till.refunded(paid.payment) == [300]


def test_a_shop_that_takes_no_cards_any_more_leaves_what_it_owes_open(shop, monkeypatch):
    monkeypatch.setenv("PAYMENTS", "")
    config.settings.cache_clear()
    assert payments.gateway() is None
    with pytest.raises(TryAgain):
        charge.do(owed_by("tok_approved"))
    with pytest.raises(TryAgain):
        refund.do(owed_by("", kind="refund", amount=1, payment="pay_1"))


def test_a_key_that_ssm_does_not_have_is_the_clouds_failure(shop, monkeypatch):
    monkeypatch.setenv("PAYMENTS", "stripe")
    monkeypatch.setenv("STRIPE_KEY", "/nowhere")
    config.settings.cache_clear()
    stripe.gateway.cache_clear()
    with pytest.raises(CloudFailure):
        payments.gateway()


def test_the_shop_that_make_run_starts_has_the_bank_as_its_gateway(shop, cloud):
    assert os.environ["SANDBOX_URL"] == cloud.endpoints["bank"]
    owed = owed_by("tok_approved")
    charge.do(owed)
    with urlopen(f"{cloud.endpoints['bank']}/charges?order={owed.entity}") as answer:
        assert len(json.load(answer)["items"]) == 1
