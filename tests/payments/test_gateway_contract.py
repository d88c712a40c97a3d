"""What every gateway holds to, held against both of them over HTTP.

localstripe refunds more than was paid, and Stripe does not: that a refund has its limit is tested
of the bank alone, and held by the order itself.
"""

from __future__ import annotations

import itertools
import socket
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from chalicelib.errors import TryAgain
from chalicelib.events.product import Price
from chalicelib.payments import Captured, Declined, sandbox, stripe
from chalicelib.payments.sandbox import Sandbox
from chalicelib.payments.stripe import Stripe

PRICE = Price(amount=840, currency="EUR")
_numbers = itertools.count(1)


@pytest.fixture
def order():
    return f"order-{next(_numbers)}"


def key_of(order, kind="charge"):
    """A to-do's id, as long and with such characters as it has."""
    return f"{kind}@tillstream-prod-1/shardId-000000000000:{order:0>56}"


def now():
    return time.time_ns() // 1_000_000


def persistently(ask):
    """As the worker does: again, under the same key, until there is an answer."""
    end = time.monotonic() + 30
    while True:
        try:
            return ask()
        except TryAgain:
            assert time.monotonic() < end
            time.sleep(0.05)


def test_an_approved_card_is_charged_the_whole_amount(provider, order):
    answer = provider.gateway.charge(key_of(order), order, PRICE, provider.approved)
    assert isinstance(answer, Captured)
    assert provider.captured(order) == [840]


def test_what_is_declined_says_why_and_moves_nothing(provider, order):
    for number, (token, reason) in enumerate(provider.declines.items()):
        key = key_of(f"{order}-{number}")
        assert provider.gateway.charge(key, order, PRICE, token) == Declined(reason), token
    assert provider.captured(order) == []


def test_a_decline_is_final_under_its_key(provider, order):
    for number, (token, reason) in enumerate(provider.declines.items()):
        key = key_of(f"{order}-{number}")
        provider.gateway.charge(key, order, PRICE, token)
        assert provider.gateway.charge(key, order, PRICE, token) == Declined(reason), token


def test_a_hundred_charges_at_once_under_one_key_are_one(provider, order):
    def charge(_):
        return persistently(
            lambda: provider.gateway.charge(key_of(order), order, PRICE, provider.approved)
        )

    with ThreadPoolExecutor(100) as crowd:
        answers = set(crowd.map(charge, range(100)))
    assert len(answers) == 1
    assert provider.captured(order) == [840]


def test_a_fault_after_the_effect_is_tried_again_and_charged_once(provider, order):
    order = f"error-after-{order}"
    began = now()
    charge = lambda: provider.gateway.charge(  # noqa: E731
        key_of(order), order, PRICE, provider.error_after
    )
    with pytest.raises(TryAgain):
        charge()
    found = provider.gateway.find(key_of(order), began)
    assert isinstance(found, Captured)
    if provider.repeats_faults:  # Stripe answers a key with the same fault for a day
        with pytest.raises(TryAgain):
            charge()
    else:
        assert charge() == found
    assert provider.captured(order) == [840]


def test_a_charge_is_found_by_its_key_alone(provider, order):
    began = now()
    made = provider.gateway.charge(key_of(order), order, PRICE, provider.approved)
    provider.gateway.charge(key_of(order + "-2"), order, PRICE, provider.approved)
    assert provider.gateway.find(key_of(order), began) == made
    assert provider.gateway.find(key_of(order + "-3"), began) is None


def test_a_decline_is_found_as_it_was(provider, order):
    began = now()
    for number, (token, reason) in enumerate(provider.declines.items()):
        key = key_of(f"{order}-{number}")
        provider.gateway.charge(key, order, PRICE, token)
        if reason != "invalid-card":  # of what is no card, no trace is kept by Stripe
            assert provider.gateway.find(key, began) == Declined(reason), token


def test_a_charge_is_found_a_day_later_when_its_key_is_forgotten(provider, order):
    began = now()
    made = provider.gateway.charge(key_of(order), order, PRICE, provider.approved)
    provider.day_later()
    assert provider.gateway.find(key_of(order), began) == made


def test_a_refund_twice_under_one_key_is_one_and_two_keys_are_two(provider, order):
    paid = provider.gateway.charge(key_of(order), order, PRICE, provider.approved)
    part = Price(amount=300, currency="EUR")
    first = provider.gateway.refund(key_of(order, "refund"), paid.payment, part)
    assert provider.gateway.refund(key_of(order, "refund"), paid.payment, part) == first
    provider.day_later()
    assert provider.gateway.refund(key_of(order, "refund"), paid.payment, part) == first
    assert provider.refunded(paid.payment) == [300]
    other = provider.gateway.refund(key_of(order + "-2", "refund"), paid.payment, part)
    assert other != first
    assert provider.refunded(paid.payment) == [300, 300]


def test_a_refund_at_once_by_many_is_one(provider, order):
    paid = provider.gateway.charge(key_of(order), order, PRICE, provider.approved)

    def refund(_):
        return persistently(
            lambda: provider.gateway.refund(key_of(order, "refund"), paid.payment, PRICE)
        )

    with ThreadPoolExecutor(20) as crowd:
        assert len(set(crowd.map(refund, range(20)))) == 1
    assert provider.refunded(paid.payment) == [840]


def test_a_refund_of_what_was_never_paid_stays_open(provider, order):
    with pytest.raises(TryAgain):
        provider.gateway.refund(key_of(order, "refund"), "pi_nobody", PRICE)


@pytest.fixture(params=["sandbox", "stripe"])
def unheard(request, monkeypatch):
    """A gateway whose provider takes the connection and never answers."""
    monkeypatch.setattr(sandbox, "PATIENCE_S", 0.2)
    monkeypatch.setattr(stripe, "PATIENCE_S", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        yield Sandbox(url) if request.param == "sandbox" else Stripe("sk_test_12345", "t", url)


def test_where_no_answer_comes_it_is_tried_again(unheard):
    for ask in (
        lambda: unheard.charge("charge@p", "o", PRICE, "pm_card_visa"),
        lambda: unheard.find("charge@p", 0),
        lambda: unheard.refund("refund@p", "pi_1", PRICE),
    ):
        with pytest.raises(TryAgain):
            ask()


@pytest.mark.parametrize("gateway", [Sandbox, lambda url: Stripe("sk_test_12345", "t", url)])
def test_where_nobody_listens_it_is_tried_again(gateway):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    with pytest.raises(TryAgain):
        gateway(f"http://127.0.0.1:{port}").charge("charge@p", "o", PRICE, "pm_card_visa")
