"""`ops retry` has the worker try again what was given up, and says of anything else why not."""

import json
import os

import pytest
from test_doctor import BEGUN_MS, PLACED, Till
from test_shop_found import ops
from typer.testing import CliRunner

from chalicelib import projector, work
from chalicelib.todos import lease
from chalicelib.views import todos as view
from ops import retry as retrying
from ops.__main__ import app

pytestmark = pytest.mark.usefixtures("unsplit")


@pytest.fixture
def poked(monkeypatch):
    """What lies on the queue."""
    taken = []
    monkeypatch.setattr(work, "poke", lambda todos, _=0: taken.extend(todos))
    return taken


@pytest.fixture
def till(shop, monkeypatch):
    """A level shop with two orders: the charge of `o1` was given up, that of `o2` is open."""
    monkeypatch.setattr(lease, "now", lambda: BEGUN_MS + 60_000)
    book = Till(shop)
    for subject in ("order/o1", "order/o2"):
        book.fold(book.order("placed", subject=subject, **PLACED))
    first = charge("order/o1")
    book.fold(book.order("given-up", todo=first, attempts=6))
    projector.sweep()
    return book


CHARGES = view.open_list("charge")


def charge(subject):
    """The charge that the order owes."""
    rows = [row for which in (CHARGES, view.GIVEN_UP) for row in next(view.listed(which))]
    return next(view.id_of(row) for row in rows if row.key.sk == subject)


def said(*words):
    """What the verb ends with and says."""
    ran = CliRunner().invoke(app, ["retry", *words, "--json"])
    found = json.loads(ran.stdout) if ran.exit_code < 2 else {"todos": []}
    return ran.exit_code, [(each["todo"], each["did"]) for each in found["todos"]]


def test_what_was_given_up_is_poked_and_its_attempts_begin_anew(till, poked, monkeypatch):
    name = charge("order/o1")
    for _ in range(6):
        assert lease.take(name) is not None
        now = lease.now() + lease.LASTS_S * 1000
        monkeypatch.setattr(lease, "now", lambda now=now: now)
    assert said(name) == (0, [(name, "poked")])
    assert poked == [(name, "order/o1")]
    assert lease.take(name).attempt == 1


def test_all_is_what_was_given_up_and_nothing_else(till, poked):
    name = charge("order/o1")
    assert said("--all") == (0, [(name, "poked")])
    assert poked == [(name, "order/o1")]


def test_nothing_given_up_is_nothing_to_try_and_well(shop, poked):
    assert said("--all") == (0, [])


def test_what_is_open_or_not_owed_is_not_poked_and_says_so(till, poked):
    second = charge("order/o2")
    found = [(second, "open"), ("charge@nowhere", "not-owed")]
    assert said(second, "charge@nowhere") == (1, found)
    assert poked == []


def test_what_somebody_is_at_is_left_to_them(till, poked):
    name = charge("order/o1")
    held = lease.take(name)
    assert said(name) == (1, [(name, "under-way")])
    assert (poked, lease.read([name])[name]) == ([], held)


@pytest.mark.parametrize("words", [[], ["charge@x", "--all"], ["no to-do"], [f"a@{'x' * 300}"]])
def test_what_names_no_to_do_is_refused_by_name(shop, words):
    ran = CliRunner().invoke(app, ["retry", *words])
    assert ran.exit_code == 2
    assert "TODO" in ran.output


def test_as_a_process_it_pokes_the_real_queue_and_tells_what_was_done(till):
    name = charge("order/o1")
    ran = ops("retry", name, charge("order/o2"), env=os.environ)
    assert ran.returncode == 1, ran.stderr
    assert f"{name} of order/o1 is tried again" in ran.stdout
    assert "of order/o2 was not given up" in ran.stdout
    again = ops("retry", "--all", env=os.environ)
    assert again.returncode == 0, again.stderr


def test_a_table_that_is_behind_is_told(till, poked, capsys):
    till.archive(till.record())
    retrying.show(retrying.retry([]))
    told = capsys.readouterr().out
    assert "Nothing is given up." in told
    assert str(till.shard) in told
