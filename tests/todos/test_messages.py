"""Who is told what of an order, as the emulator's SES, SNS and SQS took it over the wire."""

from __future__ import annotations

import itertools
import json
import urllib.request
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from typing import Any

import pytest
from botocore.exceptions import ClientError, ConnectTimeoutError
from hypothesis import given
from hypothesis import strategies as st

from chalicelib import config, personal, read
from chalicelib.decisions.order import Order
from chalicelib.decisions.todo import Todo
from chalicelib.errors import TryAgain
from chalicelib.events import order
from chalicelib.events.product import Price
from chalicelib.todos import KINDS, Owed, notify
from chalicelib.views.queue import FIRST_MS

numbers = itertools.count(1)
EUR = Price(amount=1900, currency="EUR")
CREDIT = {"creator": "mia", "photographer": "phil"}
CAKE = order.Item(product_id="cake-1", name="Cake", quantity=10, price=EUR, **CREDIT)
TEA = order.Item(product_id="tea", name="Tea", quantity=1, price=EUR, **CREDIT)
ABOUT = ["accepted", "payment-declined", "ready", "expired", "cancelled", "refunded"]


class Customer:
    """Somebody whom nobody else in this emulator has the address of, and an order of theirs."""

    def __init__(self, branch: order.Branch = "collect") -> None:
        number = next(numbers)
        self.id, self.entity = f"john-{number}", f"o{number:035}"
        self.email, self.phone = f"john{number}@mail.example", f"+49151555{number:05}"
        self.known: dict[str, Any] = {
            "name": "Jöhn",
            "contact": {"email": self.email, "phone": self.phone},
            "lines": [{"options": ["oat milk", "large"], "note": "wrap it"}, {}],
            "payment": {"token": "tok_secret"},
        }
        self.known |= {"address": "12 Long Lane\nBack door"} if branch == "deliver" else {}
        self.branch = branch

    def order(self, status: str = "paid", **members: Any) -> Order:
        pii = personal.encrypt(self.id, f"order/{self.entity}", self.known)
        return Order.model_validate(
            {
                "customer": self.id,
                "created": "2026-01-02T03:04:05.678Z",
                "branch": self.branch,
                "status": status,
                "by_card": True,
                "lines": [CAKE, TEA],
                "total": Price(amount=20900, currency="EUR"),
                "channels": ["email", "phone"],
                "pii": pii,
                "offer": pii,
                "returned": [0, 0],
                "due": 1_795_000_000_000,
            }
            | members
        )

    def owed(self, kind: str, about: str = "", **members: Any) -> Owed:
        status = "paid" if about in ("", "accepted", "refunded") else about
        state = self.order(**({"status": status} | members))
        todo = Todo(kind=kind, since=0, about=about)
        return Owed(
            f"{kind}@s/shardId-0:{self.entity[1:]}",
            f"order/{self.entity}",
            self.entity,
            state,
            todo,
        )

    def mails(self) -> list[dict[str, Any]]:
        return [mail for mail in sent("ses/messages") if mail["To"] == [self.email]]

    def texts(self) -> list[str]:
        return [
            text["Message"]
            for text in sent("sns/sms-messages")
            if text["PhoneNumber"] == self.phone
        ]


def sent(path: str) -> list[dict[str, Any]]:
    """Every message that the emulator took, wherever in its answer."""
    url = f"{config.client('ses').meta.endpoint_url}/_ministack/{path}"
    with urllib.request.urlopen(url) as answer:
        return list(messages(json.load(answer)))


def messages(found: Any) -> Iterator[dict[str, Any]]:
    if isinstance(found, dict) and "MessageId" in found:
        yield found
        return
    inner = found.values() if isinstance(found, dict) else found
    for each in inner if not isinstance(inner, str | int) else ():
        yield from messages(each)


def channels(kind: str, owed: Owed) -> list[str]:
    """By which channels somebody was told."""
    outcome = KINDS[kind](owed)
    assert isinstance(outcome, order.Notified)
    assert outcome.todo == owed.id
    return list(outcome.channels)


@pytest.fixture
def john(shop: Any) -> Customer:
    return Customer()


@pytest.fixture
def jane(shop: Any) -> Customer:
    """One whose order is brought."""
    return Customer("deliver")


@pytest.mark.parametrize("about", ABOUT)
def test_a_customer_is_told_by_mail_and_by_text_message(john: Customer, about: str) -> None:
    owed = john.owed("notify", about, refunded=400)
    assert channels("notify", owed) == ["email", "phone"]
    (mail,) = john.mails()
    assert mail["Source"] == config.settings().mail_from
    assert mail["BodyText"].startswith("Hello Jöhn,\n\n")
    (text,) = john.texts()
    for said in (mail["BodyText"], text):
        assert john.entity in said
        assert not [secret for secret in ("tok_secret", "oat milk") if secret in said]
    assert "Jöhn" not in text + mail["Subject"]
    assert len(text) <= 160


def test_what_is_accepted_says_when_it_will_be_ready(
    john: Customer, monkeypatch: pytest.MonkeyPatch
) -> None:
    owed = john.owed("notify", "accepted")
    monkeypatch.setattr(read, "now_ms", lambda: owed.state.due + 90_000)
    KINDS["notify"](owed)
    ready = read.stamp(owed.state.due + FIRST_MS)[11:16]
    assert f"ready in about 4 min, at {ready} UTC." in john.texts()[0]
    assert f"ready in about 4 min, at {ready} UTC." in john.mails()[0]["BodyText"]


@pytest.mark.parametrize(
    ("now", "said"),
    [
        ("2026-11-18T23:54:30.000Z", "about 5 min, at 23:59 UTC. (order"),
        ("2026-11-18T23:55:00.000Z", "about 5 min, at 00:00 UTC on 2026-11-19. (order"),
    ],
)
def test_the_day_is_named_if_it_is_not_today(
    john: Customer, monkeypatch: pytest.MonkeyPatch, now: str, said: str
) -> None:
    due = int(datetime.fromisoformat(now).timestamp()) * 1000
    monkeypatch.setattr(read, "now_ms", lambda: due)
    KINDS["notify"](john.owed("notify", "accepted", due=due))
    assert said in john.texts()[0]


@pytest.mark.parametrize(
    ("about", "members", "word"),
    [
        ("payment-declined", {}, "another card within 30 minutes"),
        ("ready", {}, "waits on the counter"),
        ("expired", {}, "Nothing was charged"),
        ("refunded", {"refunded": 405}, "4.05 EUR"),
        ("accepted", {"branch": "deliver"}, "a courier brings it"),
        ("cancelled", {}, "Your order was cancelled. (order"),
        ("cancelled", {"captured": 20900}, "cancelled. You get the money back. (order"),
    ],
)
def test_each_notice_says_what_is_to_be_done(
    john: Customer, about: str, members: Any, word: str
) -> None:
    KINDS["notify"](john.owed("notify", about, **members))
    assert word in john.texts()[0]


@pytest.mark.parametrize(
    ("about", "status"),
    [
        ("accepted", "cancelled"),
        ("accepted", "refunded"),
        ("accepted", "ready"),
        ("accepted", "fulfilled"),
        ("payment-declined", "payment-offered"),
        ("payment-declined", "paid"),
        ("ready", "collected"),
        ("ready", "refunded"),
    ],
)
def test_what_is_no_longer_so_is_not_said(john: Customer, about: str, status: str) -> None:
    assert channels("notify", john.owed("notify", about, status=status)) == []
    assert (john.mails(), john.texts()) == ([], [])


def test_whoever_gave_one_address_is_told_there(john: Customer) -> None:
    del john.known["contact"]["email"]
    assert channels("notify", john.owed("notify", "ready")) == ["phone"]
    assert (len(john.mails()), len(john.texts())) == (0, 1)


def test_a_shop_without_an_address_to_send_from_sends_text_messages(
    john: Customer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MAIL_FROM", "")
    config.settings.cache_clear()
    assert channels("notify", john.owed("notify", "ready")) == ["phone"]


@pytest.mark.parametrize("kind", ["notify", "mail-maker"])
def test_nobody_is_told_of_who_was_erased(jane: Customer, kind: str) -> None:
    owed = jane.owed(kind, "accepted")
    personal.destroy(jane.id)
    assert channels(kind, owed) == []
    assert (jane.mails(), jane.texts(), makers_mail(jane)) == ([], [], [])


def test_an_address_that_is_refused_for_good_does_not_block(
    john: Customer, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """SES knows no such sender: the answer stays the same however often one asks."""
    monkeypatch.setenv("MAIL_FROM", "nobody@elsewhere.example")
    config.settings.cache_clear()
    assert channels("notify", john.owed("notify", "ready")) == ["phone"]
    said = capsys.readouterr().err
    assert json.loads(said)["error"] == "MessageRejected"
    assert not [
        secret for secret in (john.email, john.phone, "Jöhn", "elsewhere") if secret in said
    ]


class Failing:
    """A provider that fails."""

    def __init__(self, failure: Exception) -> None:
        self.failure = failure

    def __getattr__(self, _: str) -> Any:
        return self._fail

    def _fail(self, **_: Any) -> Any:
        raise self.failure


def refusal(code: str) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": "to john@mail.example"}}, "Publish")


FAILURES = [
    refusal("Throttling"),
    refusal("InternalFailure"),
    refusal("ServiceUnavailable"),
    refusal("AccessDenied"),
    ConnectTimeoutError(endpoint_url="http://127.0.0.1:1"),
]


def failing(patch: pytest.MonkeyPatch, failures: dict[str, Exception]) -> None:
    """These services fail so; the others are there."""
    real = config.client
    patch.setattr(
        config, "client", lambda name: Failing(failures[name]) if name in failures else real(name)
    )


@pytest.mark.parametrize("failure", FAILURES, ids=str)
def test_a_provider_that_fails_is_asked_again(
    jane: Customer, monkeypatch: pytest.MonkeyPatch, failure: Exception
) -> None:
    failing(monkeypatch, dict.fromkeys(("ses", "sns", "sqs"), failure))
    for kind in ("notify", "mail-maker", "courier"):
        with pytest.raises(TryAgain) as raised:
            KINDS[kind](jane.owed(kind, "accepted"))
        assert "john" not in str(raised.value)


@pytest.mark.parametrize("failure", FAILURES, ids=str)
def test_whom_one_message_reached_is_not_told_again_because_of_the_other(
    john: Customer, monkeypatch: pytest.MonkeyPatch, failure: Exception
) -> None:
    failing(monkeypatch, {"ses": failure})
    assert channels("notify", john.owed("notify", "ready")) == ["phone"]


def test_a_number_that_is_refused_for_good_and_a_mail_that_fails_is_asked_again(
    john: Customer, monkeypatch: pytest.MonkeyPatch
) -> None:
    failures: dict[str, Exception] = {"ses": refusal("Throttling"), "sns": refusal("OptedOut")}
    failing(monkeypatch, failures)
    with pytest.raises(TryAgain):
        KINDS["notify"](john.owed("notify", "ready"))
    failures["ses"] = refusal("MessageRejected")
    assert channels("notify", john.owed("notify", "ready")) == []


def makers_mail(customer: Customer) -> list[dict[str, Any]]:
    to = [config.settings().maker_mail]
    return [
        mail
        for mail in sent("ses/messages")
        if (mail["To"], mail["Subject"]) == (to, f"Order {customer.entity}")
    ]


def test_the_maker_is_told_what_to_make_as_wished_and_where_it_goes(jane: Customer) -> None:
    assert channels("mail-maker", jane.owed("mail-maker")) == ["email"]
    (mail,) = makers_mail(jane)
    assert mail["BodyText"].split("\n") == [
        f"Order {jane.entity}",
        "",
        "10 x Cake (cake-1)",
        "    oat milk",
        "    large",
        "    wrap it",
        "1 x Tea (tea)",
        "",
        "For Jöhn",
        "12 Long Lane",
        "Back door",
        "",
    ]


def test_a_maker_whose_mail_is_refused_is_tried_again_until_a_person_looks(
    jane: Customer, monkeypatch: pytest.MonkeyPatch
) -> None:
    failing(monkeypatch, {"ses": refusal("MessageRejected")})
    with pytest.raises(TryAgain):
        KINDS["mail-maker"](jane.owed("mail-maker"))


@pytest.mark.parametrize("status", ["cancelled", "refunded", "fulfilled"])
def test_of_an_order_that_is_not_to_be_made_or_in_a_shop_without_a_maker_no_mail_is_sent(
    jane: Customer, monkeypatch: pytest.MonkeyPatch, status: str
) -> None:
    assert channels("mail-maker", jane.owed("mail-maker", status=status)) == []
    monkeypatch.setenv("MAKER_MAIL", "")
    config.settings.cache_clear()
    assert channels("mail-maker", jane.owed("mail-maker")) == []
    monkeypatch.undo()
    config.settings.cache_clear()
    assert makers_mail(jane) == []


def courier_messages() -> list[Any]:
    sqs = config.client("sqs")
    url = sqs.get_queue_url(QueueName=config.settings().courier_queue)["QueueUrl"]
    answer = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10)
    return [json.loads(message["Body"]) for message in answer.get("Messages", ())]


LINES = [
    {"productId": "cake-1", "name": "Cake", "quantity": 10},
    {"productId": "tea", "name": "Tea", "quantity": 1},
]


def test_the_couriers_queue_has_where_to_bring_what(jane: Customer) -> None:
    owed = jane.owed("courier", status="fulfilled")
    assert KINDS["courier"](owed) == order.Dispatched(todo=owed.id)
    assert courier_messages() == [
        {
            "orderId": jane.entity,
            "name": "Jöhn",
            "address": "12 Long Lane\nBack door",
            "phone": jane.phone,
            "lines": LINES,
        }
    ]


def test_the_courier_is_told_that_the_customer_was_erased(jane: Customer) -> None:
    owed = jane.owed("courier", status="fulfilled")
    personal.destroy(jane.id)
    KINDS["courier"](owed)
    assert courier_messages() == [{"orderId": jane.entity, "erased": True, "lines": LINES}]


def test_a_number_of_no_phone_is_left_out(jane: Customer) -> None:
    del jane.known["contact"]["phone"]
    KINDS["courier"](jane.owed("courier", status="fulfilled"))
    assert "phone" not in courier_messages()[0]


def test_every_notice_that_an_order_can_owe_has_its_words(john: Customer) -> None:
    for about in ABOUT:
        owed = john.owed("notify", about)
        assert notify._notice(owed).text
    with pytest.raises(ValueError, match="no notice"):
        notify._notice(replace(owed, todo=Todo(kind="notify", since=0, about="weather")))


@given(st.integers(0, 10**17))
def test_an_amount_is_written_as_its_currency_has_it(amount: int) -> None:
    written = {
        currency: notify.money(Price.model_construct(amount=amount, currency=currency))
        for currency in ("EUR", "JPY", "KWD")
    }
    assert written["JPY"] == f"{amount} JPY"
    assert written["EUR"] == f"{amount // 100}.{amount % 100:02} EUR"
    assert written["KWD"] == f"{amount // 1000}.{amount % 1000:03} KWD"
