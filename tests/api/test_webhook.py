"""What Stripe tells: believed by its signature alone, settled as the worker would, once."""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from unittest import mock

import pytest
import stripe
from ordering import CART, menu, place, state
from shopfront import Answer, Shopfront

from chalicelib import config, payments, todos, webhook
from chalicelib.errors import TryAgain
from chalicelib.payments.notice import Notice
from chalicelib.payments.stripe import gateway

sys.path.insert(0, str(Path(__file__).parent.parent / "payments"))
from counterparts import LikeStripe

SECRET = "whsec_for_tests"
VISA = {"payment": {"token": "pm_card_visa"}}


@pytest.fixture(scope="module")
def till(front: Shopfront, like_stripe: str) -> Iterator[LikeStripe]:
    """The shop takes cards by Stripe."""
    ssm, stage = config.client("ssm"), config.settings().stage
    for name, value in (("key", "sk_test_12345"), ("hook", SECRET)):
        ssm.put_parameter(Name=f"/{stage}/{name}", Value=value, Type="SecureString", Overwrite=True)
    told = {"PAYMENTS": "stripe", "STRIPE_URL": like_stripe, "STRIPE_KEY": f"/{stage}/key"}
    with mock.patch.dict(os.environ, told | {"STRIPE_WEBHOOK": f"/{stage}/hook"}):
        forget()
        menu(front)
        yield LikeStripe(like_stripe)
    forget()


def forget() -> None:
    config.settings.cache_clear()
    gateway.cache_clear()
    webhook._secret.cache_clear()


@pytest.fixture
def tell(front: Shopfront, till: LikeStripe) -> Callable[..., Answer]:
    """Send what Stripe would; signed by its secret, now, unless the test has it otherwise."""

    def send(body: Any, *, secret: str = SECRET, age_s: int = 0, signature: Any = None) -> Answer:
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        text = raw.decode(errors="replace")
        when = int(time.time()) - age_s
        header = signature or sign(text, secret, when)
        return front.call("POST", "/payments/webhook", raw=raw, Stripe_Signature=header)

    return send


def sign(text: str, secret: str, when: int) -> str:
    header: str = stripe.WebhookSignature.generate_signature_header(text, secret, when)
    return header


def notice(
    entity: str, status: str = "succeeded", kind: str = "succeeded", **members: Any
) -> dict[str, Any]:
    """What Stripe tells of the intent of the order's charge."""
    (todo,) = [name for name, one in state(entity).todos.items() if one.kind == "charge"]
    about = {"stage": config.settings().stage, "order": entity, "todo": todo}
    intent = {"id": "pi_1", "object": "payment_intent", "status": status, "metadata": about}
    intent |= {"amount": state(entity).total.amount, "currency": "eur"} | members
    return {"id": "evt_1", "object": "event", "type": f"payment_intent.{kind}"} | {
        "data": {"object": intent}
    }


def ordered(front: Shopfront) -> str:
    return place(front, CART | VISA)


def test_a_payment_that_succeeded_pays_the_order(front: Shopfront, tell: Any) -> None:
    entity = ordered(front)
    assert tell(notice(entity)).status == 204
    front.settle()
    found = state(entity)
    assert (found.status, found.payment, found.captured) == ("paid", "pi_1", found.total.amount)


def test_a_payment_that_failed_declines_it_with_its_reason(front: Shopfront, tell: Any) -> None:
    entity = ordered(front)
    error = {"code": "card_declined", "decline_code": "insufficient_funds"}
    said = notice(entity, "requires_payment_method", "payment_failed", last_payment_error=error)
    assert tell(said).status == 204
    front.settle()
    assert state(entity).status == "payment-declined"


def test_an_intent_that_was_cancelled_is_a_card_that_wanted_its_holder(
    front: Shopfront, tell: Any
) -> None:
    entity = ordered(front)
    assert tell(notice(entity, "canceled", "canceled")).status == 204
    front.settle()
    assert state(entity).status == "payment-declined"


def test_a_replay_changes_nothing(front: Shopfront, tell: Any) -> None:
    entity = ordered(front)
    said = notice(entity)
    for _ in range(3):  # before it is judged: the same event, which counts once
        assert tell(said).status == 204
    front.settle()
    paid, records = state(entity), front.records()
    assert paid.status == "paid"
    for _ in range(3):  # and after: the to-do is not open any more
        assert tell(said).status == 204
    assert front.records() == records
    front.settle()
    assert state(entity) == paid


def test_the_first_that_is_told_stays_whatever_is_told_later(front: Shopfront, tell: Any) -> None:
    entity = ordered(front)
    declined = notice(entity, "requires_payment_method", "payment_failed")
    assert tell(notice(entity)).status == tell(declined).status == 204
    front.settle()
    assert state(entity).status == "paid"


def test_the_worker_says_what_stripe_told_and_asks_nobody(
    front: Shopfront, tell: Any, till: LikeStripe
) -> None:
    entity = ordered(front)
    said = notice(entity, "requires_payment_method", "payment_failed")
    assert tell(said).status == 204
    todos.work(poke(entity, said))
    front.settle()
    assert state(entity).status == "payment-declined"
    assert till.intents(entity) == []


def test_what_the_worker_found_stays_whatever_stripe_tells_later(
    front: Shopfront, tell: Any, till: LikeStripe
) -> None:
    entity = ordered(front)
    said = notice(entity, "requires_payment_method", "payment_failed")
    todos.work(poke(entity, said))
    assert tell(said).status == 204
    front.settle()
    assert state(entity).status == "paid"
    assert till.captured(entity) == [state(entity).total.amount]


def poke(entity: str, said: dict[str, Any]) -> dict[str, Any]:
    """What the queue hands to the worker."""
    todo = said["data"]["object"]["metadata"]["todo"]
    return {"Records": [{"body": json.dumps({"todo": todo, "subject": f"order/{entity}"})}]}


def test_a_charge_that_was_given_up_is_paid_when_stripe_tells_so(
    front: Shopfront, tell: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(_: Any) -> None:
        raise TryAgain("nobody answers")

    entity = ordered(front)
    said = notice(entity)
    with monkeypatch.context() as patch:
        patch.setattr(todos, "KINDS", {**todos.KINDS, "charge": fails})
        patch.setattr(todos, "ATTEMPTS", 1)
        todos.work(poke(entity, said))
    front.settle()
    (todo,) = state(entity).todos.values()
    assert (state(entity).status, todo.given_up) == ("placed", True)
    for _ in range(2):
        assert tell(said).status == 204
    front.settle()
    assert (state(entity).status, state(entity).payment) == ("paid", "pi_1")


def test_a_payment_whose_worker_died_is_settled_by_what_stripe_sends(
    front: Shopfront, till: LikeStripe
) -> None:
    """It signs and sends by itself, over HTTP, a second after the charge."""
    hook = {"url": f"http://127.0.0.1:{front.port}/payments/webhook", "secret": SECRET}
    till.ask("/_config/webhooks/shop", hook)
    entity = ordered(front)
    todo = notice(entity)["data"]["object"]["metadata"]["todo"]
    records, taken = front.records(), payments.gateway()
    assert taken is not None
    taken.charge(todo, entity, state(entity).total, "pm_card_visa")
    end = time.monotonic() + 20
    while front.records() == records:
        assert time.monotonic() < end, "nothing was told"
        time.sleep(0.05)
    front.settle()
    (intent,) = till.intents(entity)
    assert (state(entity).status, state(entity).payment) == ("paid", intent["id"])


# What is believed, and passed over: a change of what is told.
PASSED_OVER: dict[str, Callable[[dict[str, Any]], Any]] = {
    "another stage": lambda intent: intent["metadata"].update(stage="elsewhere"),
    "an order that there is not": lambda intent: intent["metadata"].update(order="nothing-here"),
    "another to-do": lambda intent: intent["metadata"].update(todo="charge@nothing"),
    "a to-do of another kind": lambda intent: intent["metadata"].update(todo="refund@nothing"),
    "an order's id that can be none": lambda intent: intent["metadata"].update(order="a b"),
    "an intent without a word of ours": lambda intent: intent.update(metadata={}),
    "an intent without metadata": lambda intent: intent.pop("metadata"),
    "an intent that is not decided": lambda intent: intent.update(status="processing"),
    "an intent without a status": lambda intent: intent.pop("status"),
    "an intent without an amount": lambda intent: intent.pop("amount"),
    "an amount that can be none": lambda intent: intent.update(amount=-1),
    "a currency that can be none": lambda intent: intent.update(currency=None),
}


@pytest.mark.parametrize("change", PASSED_OVER.values(), ids=PASSED_OVER)
def test_what_is_not_about_an_open_charge_is_acknowledged_and_passed_over(
    front: Shopfront, tell: Any, change: Any
) -> None:
    entity = ordered(front)
    said, before = notice(entity), front.records()
    change(said["data"]["object"])
    assert tell(said).status == 204
    assert front.records() == before
    assert state(entity).status == "placed"


def test_an_event_of_another_type_is_acknowledged_and_passed_over(
    front: Shopfront, tell: Any
) -> None:
    entity = ordered(front)
    before = front.records()
    for kind in ("created", "processing", "amount_capturable_updated"):
        assert tell(notice(entity, kind=kind)).status == 204
    assert tell({"type": "charge.refunded", "data": {"object": {}}}).status == 204
    assert front.records() == before


def test_the_example_of_the_contract_is_taken_once_it_is_signed(tell: Any) -> None:
    for example in Notice.model_json_schema()["examples"]:
        assert tell(example).status == 204


def test_what_stripe_did_not_sign_is_refused(front: Shopfront, tell: Any) -> None:
    entity = ordered(front)
    said, before = notice(entity), front.records()
    text = json.dumps(said)
    changed = {**said, "id": "evt_2"}
    now = int(time.time())
    for answer in (
        tell(said, secret="whsec_of_somebody_else"),
        tell(changed, signature=sign(text, SECRET, now)),
        tell(said, signature=sign(text, SECRET, now).replace(f"t={now}", f"t={now + 1}")),
        tell(said, signature=f"t={now},v1={'0' * 64}"),
        tell(said, signature=f"t={now},v0={'0' * 64}"),
        tell(b"\xff\xfe"),
    ):
        assert (answer.status, answer.slug) == (422, "bad-signature")
        assert answer.fields == {"Stripe-Signature"}
    assert front.records() == before


def test_what_was_signed_long_ago_is_refused(front: Shopfront, tell: Any) -> None:
    entity = ordered(front)
    before = front.records()
    answer = tell(notice(entity), age_s=302)
    assert (answer.status, answer.slug) == (422, "signed-long-ago")
    assert answer.fields == {"Stripe-Signature"}
    assert front.records() == before
    assert tell(notice(entity), age_s=290).status == 204


@pytest.mark.parametrize(
    "signature", ["", "nonsense", "t=,v1=", "v1=00", "t=1", "t=1,v1=\xe9", "t=1" + ",v1=0" * 17]
)
def test_a_signature_that_can_be_none_is_400(
    front: Shopfront, till: LikeStripe, signature: str
) -> None:
    answer = front.call("POST", "/payments/webhook", {}, Stripe_Signature=signature)
    assert (answer.status, answer.fields) == (400, {"Stripe-Signature"})


def test_without_a_signature_it_is_400(front: Shopfront, till: LikeStripe) -> None:
    answer = front.call("POST", "/payments/webhook", {"type": "x", "data": {"object": {}}})
    assert (answer.status, answer.fields) == (400, {"Stripe-Signature"})


@pytest.mark.parametrize(
    ("body", "status", "field"),
    [
        (b"{", 400, "body"),
        (b'{"type": 1, "type": 2}', 400, "body"),
        (b"[]", 422, "body"),
        (b"{}", 422, "type"),
        (b'{"type": "x", "data": {}}', 422, "data.object"),
        (b'{"type": 7, "data": {"object": {}}}', 422, "type"),
        (b'{"type": "x", "data": {"object": []}}', 422, "data.object"),
        (b" " * 65_537, 413, "body"),
    ],
)
def test_what_is_signed_and_is_no_event_names_what_is_wrong(
    front: Shopfront, tell: Any, body: bytes, status: int, field: str
) -> None:
    before = front.records()
    answer = tell(body)
    assert answer.status == status
    assert field in answer.fields
    assert front.records() == before


def test_while_the_table_is_not_level_stripe_is_asked_to_come_again(
    front: Shopfront, tell: Any
) -> None:
    entity = ordered(front)
    said = notice(entity)
    front.empty_table()
    answer = tell(said)
    assert (answer.status, answer.slug) == (503, "catching-up")
    front.sweep()
    assert tell(said).status == 204
    front.settle()
    assert state(entity).status == "paid"


def test_a_shop_that_takes_no_cards_by_stripe_has_no_webhook(
    front: Shopfront, tell: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    for other in ("sandbox", ""):
        monkeypatch.setenv("PAYMENTS", other)
        config.settings.cache_clear()
        answer = tell({"type": "x", "data": {"object": {}}})
        assert (answer.status, answer.slug) == (404, "not-found")
    monkeypatch.undo()
    config.settings.cache_clear()
