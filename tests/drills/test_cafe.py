"""A morning in the café, and the races: against a whole shop, and against a bank that lies."""

import json
import os
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from typer.testing import CliRunner

from bench import serving
from drills import __main__ as verbs
from drills import money
from drills.cafe import script
from drills.race import start

ROOT = Path(__file__).parents[2]
NUMBERS = {"customers": 200, "seconds": 60.0, "seed": 7}
NOWHERE = {"ministack": 9, "kinesis": 9}  # what else a STATE says: nobody is asked there
CAFE = ("crowd", "--scene", "cafe", "--seed", "5")


def test_the_same_numbers_are_the_same_morning_and_others_another():
    one = script.write(**NUMBERS)
    assert one == script.write(**NUMBERS)
    for name, number in NUMBERS.items():
        other = script.write(**(NUMBERS | {name: number + 1}))
        assert other.tag != one.tag
        assert not {visit.key for visit in one.visits} & {visit.key for visit in other.visits}


def test_a_morning_has_an_end():
    words = ["crowd", "--scene", "cafe", "--url", "http://127.0.0.1:9"]
    for seconds in ("inf", "nan", "1e300", "-1"):
        ran = CliRunner().invoke(verbs.app, [*words, f"--seconds={seconds}"])
        assert (ran.exit_code, ran.stdout, "--seconds" in ran.stderr) == (2, "", True)


def test_a_morning_has_a_rush_and_somebody_of_every_kind():
    visits = script.write(**NUMBERS).visits
    coming = [visit.at for visit in visits]
    assert coming == sorted(coming)
    assert 0 <= coming[0] < coming[-1] <= 60
    assert sum(24 <= at <= 36 for at in coming) > 100
    assert {visit.card for visit in visits} == {
        None, script.APPROVED, script.DECLINED, script.POOR, script.SLOW, script.ERROR_AFTER
    }  # fmt: skip
    assert {visit.delivered for visit in visits} == {True, False}
    assert any(visit.patience is not None for visit in visits)
    assert any(visit.second == script.DECLINED for visit in visits)


@pytest.fixture(scope="module")
def shop():
    """A whole shop: its URL and its STATE."""
    with serving.running() as (endpoint, state):
        yield str(endpoint), state


class Liar(BaseHTTPRequestHandler):
    """A bank that says that it charged everybody twice."""

    def do_GET(self):
        charge = {"amount": {"amount": 1, "currency": "EUR"}}
        twice = [charge | {"payment": "pay_1"}, charge | {"payment": "pay_2"}]
        data = json.dumps({"items": twice if self.path.startswith("/charges") else []}).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_):
        pass


@pytest.fixture
def liar(tmp_path):
    """A STATE whose bank is a liar."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Liar)
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    (tmp_path / "ports.json").write_text(json.dumps(NOWHERE | {"bank": server.server_address[1]}))
    yield tmp_path
    server.shutdown()
    server.server_close()


def drill(url, state, *words):
    ran = subprocess.run(
        [sys.executable, "-m", "drills", *words, "--url", url],
        cwd=ROOT,
        env=os.environ | {"STATE": str(state)},
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert "Traceback" not in ran.stderr
    return ran


def test_a_morning_ends_with_every_order_at_its_end_and_its_money_as_the_bank_says(shop):
    ran = drill(*shop, *CAFE, "--customers", "16", "--seconds", "4", "--json")
    told = json.loads(ran.stdout)
    assert (ran.returncode, told["differences"]) == (0, [])
    ends = {"collected", "delivered", "cancelled", "payment-declined"}
    assert told["orders"].keys() <= ends
    assert sum(told["orders"].values()) == told["customers"] == 16
    assert told["orders"]["collected"] > 0 < told["charged"]
    for times in ("accepted", "visible", "made"):
        assert told[times]["p50"] <= told[times]["p99"] <= told[times]["max"]
    assert told["answers"].keys() <= {"202", "409"}


def test_the_same_morning_again_is_the_same_orders(shop):
    first, again = (
        json.loads(drill(*shop, *CAFE, "--customers", "4", "--seconds", "1", "--json").stdout)
        for _ in range(2)
    )
    assert first["differences"] == again["differences"] == []
    assert [first[name] for name in ("crowd", "charged")] == [
        again[name] for name in ("crowd", "charged")
    ]


def test_identical_orders_at_once_are_one_order_and_one_charge(shop):
    ran = drill(*shop, "race", "order", "--count", "20", "--json")
    told = json.loads(ran.stdout)
    assert ran.returncode == 0, ran.stdout
    assert told == {
        "sent": 20, "answers": {"202": 20}, "orders": 1, "charges": 1, "differences": [],
        "late": [],
    }  # fmt: skip


def test_cards_and_a_cancellation_at_once_charge_once_and_give_back(shop):
    ran = drill(*shop, "race", "pay", "--rounds", "4", "--json")
    told = json.loads(ran.stdout)
    assert (ran.returncode, told["differences"]) == (0, [])
    assert told["charged"] == told["given_back"] >= 2
    assert told["left"]["cards: paid"] == 1
    assert told["left"]["slow: cancelled"] == 1


@pytest.mark.parametrize(
    "words",
    [
        (*CAFE, "--customers", "2", "--seconds", "0"),
        ("race", "order", "--count", "2"),
        ("race", "pay", "--rounds", "1"),
    ],
    ids=["cafe", "order", "pay"],
)
class TestVerdict:
    def test_an_order_that_the_bank_charged_twice_is_found_out_and_the_drill_ends_with_1(
        self, shop, liar, words
    ):
        ran = drill(shop[0], liar, *words)
        assert ran.returncode == 1, ran.stderr
        assert "charged 2 times" in ran.stdout

    def test_a_state_without_a_bank_is_a_sentence_and_2(self, shop, tmp_path, words):
        ran = drill(shop[0], tmp_path, *words)
        assert (ran.returncode, ran.stdout) == (2, "")
        assert "no STATE of a shop with a bank" in ran.stderr

    def test_nobody_there_is_a_sentence_and_2(self, liar, words):
        ran = drill("http://127.0.0.1:9", liar, *words)
        assert (ran.returncode, ran.stdout) == (2, "")
        assert "nobody answers" in ran.stderr


@pytest.mark.parametrize("words", [("order", "--count", "2"), ("pay", "--rounds", "1")])
class TestLate:
    """Money that is on its way for longer than a drill waits."""

    @pytest.fixture(autouse=True)
    def impatient(self, monkeypatch):
        monkeypatch.setattr(start, "SETTLED_S", 0)
        monkeypatch.setattr(money, "is_still", lambda *_, **__: False)

    def race(self, url, state, words):
        raced = CliRunner().invoke(
            verbs.app, ["race", *words, "--url", url], env={"STATE": str(state)}
        )
        return raced.exit_code, raced.stdout

    def test_what_is_not_settled_in_time_is_called_slow_and_not_wrong(self, shop, words):
        code, told = self.race(*shop, words)
        assert code == 3
        assert "not settled within 0 s: slow, not wrong" in told

    def test_what_is_wrong_already_is_wrong_though_more_is_to_come(self, shop, liar, words):
        code, told = self.race(shop[0], liar, words)
        assert code == 1
        assert "charged 2 times" in told
