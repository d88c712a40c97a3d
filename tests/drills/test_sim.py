"""The photo desk at work for days: what must hold holds, and a fault that is planted is found."""

from __future__ import annotations

import errno
import json

import pytest
from typer.testing import CliRunner

from chalicelib.decisions.desk import Desk, offers
from chalicelib.decisions.desk import state as desks
from drills.__main__ import app
from drills.sim import photographers, world


def ran(seed: int = 3, arrivals: int = 40) -> tuple[int, dict]:
    done = CliRunner().invoke(
        app, ["sim", "photographers", "--seed", str(seed), "--arrivals", str(arrivals), "--json"]
    )
    return done.exit_code, json.loads(done.stdout)


@pytest.mark.parametrize("seed", [1, 2])
def test_no_product_is_asked_of_two_or_lost_and_nobody_is_passed_over(seed):
    code, told = ran(seed, 150)
    assert (code, told["differences"]) == (0, [])
    for half in (told["busy"], told["scarce"]):
        assert min(half["expired"], half["repeats"], half["deaths"], half["twice"]) > 0
        assert sum(half["completed"]) > 0


def test_the_same_seed_gives_the_same_report_and_another_seed_another():
    assert ran(5) == ran(5)
    assert ran(5) != ran(6)


def test_where_it_cannot_be_told_is_a_sentence_and_2(monkeypatch):
    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(photographers, "show", full)
    done = CliRunner().invoke(app, ["sim", "photographers", "--arrivals", "2"])
    assert (done.exit_code, done.stdout) == (2, "")
    assert done.stderr == "drills: [Errno 28] No space left on device\n"


def test_a_desk_that_asks_whoever_did_most_is_found_out(monkeypatch):
    monkeypatch.setattr(offers, "_rank", lambda desk, who: -desk.photographers[who].completed)
    code, told = ran()
    assert code == 1
    assert told["busy"]["unfair"]
    assert any("have completed" in line for line in told["differences"])


def test_a_desk_that_goes_on_waiting_for_what_it_assigned_is_found_out(monkeypatch):
    monkeypatch.setattr(Desk, "without", lambda desk, product: desk)
    code, told = ran()
    assert code == 1
    assert told["busy"]["double"]


def test_a_desk_that_forgets_what_somebody_let_go_by_is_found_out(monkeypatch):
    monkeypatch.setattr(Desk, "awaiting", forgetful(Desk.awaiting))
    code, told = ran()
    assert code == 1
    assert told["busy"]["lost"]


def forgetful(honest):
    """It takes what is new, and nothing back."""

    def awaiting(desk, product, since, let_go=""):
        return desk if let_go else honest(desk, product, since, let_go)

    return awaiting


def test_more_than_fits_waits_until_there_is_room(monkeypatch):
    monkeypatch.setattr(desks, "MOST_PRODUCTS", 3)
    code, told = ran()
    assert (code, told["differences"]) == (0, [])


def test_two_who_hold_one_product_are_seen():
    held = desks.Assignment(product="p1", waited=1, since=1, until=2, timer="time-out@1")
    two = {
        who: desks.Photographer(phone_key=who, left=1, until=9, free=0, assignment=held)
        for who in ("ada", "bob")
    }
    assert world.doubled(Desk(photographers=two)) == ["p1 is at the desk twice"]
