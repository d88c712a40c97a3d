"""The sandbox bank: durable, the same answer under a key for ever, and nothing about a person."""

from __future__ import annotations

import json
import stat
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from urllib.error import HTTPError
from urllib.parse import urlencode
from urllib.request import Request, urlopen

import pytest

from local.bank.ledger import Ledger

PRICE = {"amount": 840, "currency": "EUR"}
CHARGE = {"key": "charge@p:1", "order": "o-1", "amount": PRICE, "token": "tok_approved"}


class Bank:
    """The process, over one folder."""

    def __init__(self, folder, port=0):
        words = ["-m", "local.bank", "--data", str(folder), "--port", str(port)]
        self.process = subprocess.Popen(
            [sys.executable, *words], stdout=subprocess.PIPE, cwd=Path(__file__).parents[2]
        )
        self.url = self.process.stdout.readline().split()[1].decode()

    def ask(self, path, body=None):
        raw = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
        try:
            with urlopen(Request(self.url + path, raw), timeout=10) as answer:
                return answer.status, json.load(answer)
        except HTTPError as no:
            with no:
                return no.status, json.load(no)

    def charge(self, **members):
        return self.ask("/charges", CHARGE | members)

    def refund(self, key, payment, amount=840, currency="EUR"):
        price = {"amount": amount, "currency": currency}
        return self.ask("/refunds", {"key": key, "payment": payment, "amount": price})

    def charges(self, **where):
        return self.ask("/charges?" + urlencode(where))[1]["items"]

    def refunds(self, **where):
        return self.ask("/refunds?" + urlencode(where))[1]["items"]


@contextmanager
def banking(folder, port=0):
    running = Bank(folder, port)
    try:
        yield running
    finally:
        running.process.kill()
        running.process.wait()
        running.process.stdout.close()


@pytest.fixture
def bank(tmp_path):
    with banking(tmp_path / "bank") as running:
        yield running


def test_what_was_answered_outlives_kill_9_and_so_does_the_key(tmp_path):
    with banking(tmp_path / "bank") as bank:
        _, paid = bank.charge()
        _, given = bank.refund("refund@p:2", paid["payment"], 300)
    with banking(tmp_path / "bank", int(bank.url.rpartition(":")[2])) as again:
        assert again.url == bank.url
        assert again.charge() == (200, paid)
        assert again.refund("refund@p:2", paid["payment"], 300) == (200, given)
        assert again.charges() == [paid]
        assert again.refunds() == [given]


def test_it_ends_with_0_when_told_and_finishes_what_it_has_in_hand(bank):
    with ThreadPoolExecutor(1) as customer:
        answer = customer.submit(bank.charge, token="tok_slow")
        time.sleep(1.5)  # of three seconds; it waits for two
        bank.process.terminate()
        assert answer.result()[0] == 200
    assert bank.process.wait(5) == 0


def test_a_ledger_of_another_schema_is_not_opened(tmp_path):
    ledger = Ledger(tmp_path)
    ledger._disk.execute("PRAGMA user_version = 7")
    ledger.close()
    with pytest.raises(RuntimeError, match="schema 7"):
        Ledger(tmp_path)


def test_each_token_does_what_it_says(bank):
    for token, reason in (
        ("tok_declined", "declined"),
        ("tok_insufficient_funds", "insufficient-funds"),
        ("tok_anything", "invalid-card"),
        ("", "invalid-card"),
    ):
        status, said = bank.charge(key=f"charge@{token}", token=token)
        assert (status, said["reason"]) == (200, reason)
        assert "payment" not in said
    assert bank.charge()[1]["payment"].startswith("pay_")


def test_a_slow_card_is_charged_after_a_while_the_first_time(bank):
    began = time.monotonic()
    first = bank.charge(token="tok_slow")
    assert 2.5 < time.monotonic() - began < 8
    began = time.monotonic()
    assert bank.charge(token="tok_slow") == first
    assert time.monotonic() - began < 2


def test_an_error_after_the_effect_is_said_once(bank):
    status, said = bank.charge(token="tok_error_after")
    assert (status, said["type"]) == (500, "/problems/internal")
    (kept,) = bank.charges(key=CHARGE["key"])
    assert bank.charge(token="tok_error_after") == (200, kept)
    assert len(bank.charges()) == 1


def test_what_is_asked_for_is_listed_oldest_first(bank):
    for number in range(3):
        bank.charge(key=f"charge@p:{number}", order=f"o-{number % 2}")
    assert [each["key"] for each in bank.charges(order="o-0")] == ["charge@p:0", "charge@p:2"]
    assert [each["key"] for each in bank.charges()] == [f"charge@p:{n}" for n in range(3)]
    assert bank.charges(key="charge@nothing") == []


def test_a_key_stands_for_one_charge_and_one_refund(bank):
    _, paid = bank.charge()
    for other in ({"order": "o-2"}, {"amount": PRICE | {"amount": 841}}):
        status, said = bank.charge(**other)
        assert (status, said["type"]) == (409, "/problems/key-reused")
    bank.refund("refund@p", paid["payment"], 100)
    status, said = bank.refund("refund@p", paid["payment"], 101)
    assert (status, said["type"]) == (409, "/problems/key-reused")


def test_no_more_is_given_back_than_was_paid(bank):
    _, paid = bank.charge()
    assert bank.refund("refund@1", paid["payment"], 800)[0] == 200
    for key, amount, currency in (("refund@2", 41, "EUR"), ("refund@3", 10, "CHF")):
        status, said = bank.refund(key, paid["payment"], amount, currency)
        assert (status, said["type"]) == (409, "/problems/refund-too-large")
    assert bank.refund("refund@4", paid["payment"], 40)[0] == 200
    assert bank.refund("refund@5", "pay_none")[0] == 404


@pytest.mark.parametrize(
    ("path", "body", "field"),
    [
        ("/charges", b"", "body"),
        ("/charges", b"[]", "body"),
        ("/charges", CHARGE | {"amount": 840}, "amount"),
        ("/charges", CHARGE | {"amount": PRICE | {"amount": 8.4}}, "amount.amount"),
        ("/charges", CHARGE | {"amount": PRICE | {"amount": -1}}, "amount.amount"),
        ("/charges", CHARGE | {"key": "two words"}, "key"),
        ("/charges", CHARGE | {"name": "Ann"}, "name"),
        ("/charges", {"key": "k"}, "order"),
        ("/refunds", {"key": "k", "payment": 5, "amount": PRICE}, "payment"),
    ],
)
def test_what_it_does_not_take_is_a_problem_that_names_it(bank, path, body, field):
    status, said = bank.ask(path, body)
    assert (status, [each["field"] for each in said["errors"]]) == (422, [field])
    assert bank.charges() == []


def test_what_it_does_not_have_is_a_problem(bank):
    assert bank.ask("/accounts")[0] == 404
    assert bank.ask("/charges?token=tok_approved")[0] == 422
    request = Request(bank.url + "/charges", method="DELETE")
    with pytest.raises(HTTPError) as no:
        urlopen(request)
    no.value.close()
    assert no.value.code == 404


def test_a_token_is_kept_nowhere_and_the_ledger_is_for_its_owner(bank, tmp_path):
    bank.charge(token="tok_hunter2")
    folder = tmp_path / "bank"
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    files = [path.read_bytes() for path in folder.iterdir()]
    assert any(b"charge@p:1" in each for each in files)
    assert not any(b"hunter2" in each for each in files)
