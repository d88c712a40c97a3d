"""`ops erase` says that a person is erased, waits for their key, and tells what remains."""

import json
import os

import pytest
from test_shop_found import ops
from typer.testing import CliRunner

from chalicelib import customers, personal, vault
from chalicelib.errors import Invalid
from ops import erase as erasing
from ops.__main__ import app


@pytest.fixture(autouse=True)
def _no_key_is_kept(shop):
    personal.forget()
    vault.secret.cache_clear()


def test_what_is_said_is_said_by_the_operator_and_no_key_is_touched(shop, monkeypatch):
    asked = []
    erase = customers.erase

    def heard(request, person):
        asked.append((request.method, request.path, request.actor, request.roles))
        return erase(request, person)

    monkeypatch.setattr(customers, "erase", heard)
    personal.encrypt("mia", "order/1", {})
    found = erasing.erase("mia", wait_s=0)
    assert asked == [("DELETE", "/customers/mia", "operator", frozenset({"admin"}))]
    assert found.said is not None
    assert (found.destroyed, found.open, found.given_up, found.orders) == (False, [], [], 0)


def test_an_id_that_nobody_can_have_is_refused_by_name(shop):
    with pytest.raises(Invalid):
        erasing.erase("a/b", wait_s=0)
    ran = ops("erase", "a/b", env=dict(os.environ))
    assert (ran.returncode, ran.stdout) == (2, "")
    assert "PERSON" in ran.stderr
    assert "Traceback" not in ran.stderr


@pytest.mark.parametrize(("destroyed", "code"), [(True, 0), (False, 1)])
def test_its_exit_code_says_whether_the_key_is_destroyed(shop, monkeypatch, destroyed, code):
    if destroyed:
        personal.destroy("mia")
    monkeypatch.setattr(erasing, "WAIT_S", 0)
    ran = CliRunner().invoke(app, ["erase", "mia", "--json"])
    assert ran.exit_code == code, ran.output
    assert json.loads(ran.stdout)["destroyed"] == destroyed


@pytest.mark.parametrize(
    ("found", "words"),
    [
        (
            erasing.Remains("mia", "s/x:1", True, [], [], 3, 5),
            ["is erased: s/x:1", "3 orders", "5 tickets"],
        ),
        (erasing.Remains("mia", None, True, [], [], 0, 0), ["had been erased before"]),
        (
            erasing.Remains("mia", None, False, ["destroy-key@a"], ["destroy-key@b"], 0, 0),
            ["STILL THERE", "open: destroy-key@a", "given up: destroy-key@b"],
        ),
    ],
)
def test_what_is_told_is_what_was_found_and_what_it_does_not_reach(capsys, found, words):
    erasing.show(found)
    told = capsys.readouterr().out
    for word in [*words, "on the log", "already sent", "backup"]:
        assert word in told
