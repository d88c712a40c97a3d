"""A product without a picture comes to the photo desk, and somebody is asked for one."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import replace

import pytest
from desks import at_desk, come, desk_of, list_product, product_of, run

from chalicelib import config, projector, todos, work
from chalicelib.decisions import desk
from chalicelib.decisions.todo import kind_of
from chalicelib.errors import Waits
from chalicelib.projector import MOST_UNHURRIED
from chalicelib.todos import ATTEMPTS, lease, send_to_desk

MANY = 2 * ATTEMPTS


@pytest.fixture
def till(monkeypatch):
    monkeypatch.setattr(send_to_desk, "WAIT_S", 0.0)
    with at_desk() as made:
        for subject in ("product/8", "product/9"):
            made.say("viewed", subject, {})
        made.deliver()
        projector.sweep()
        yield made


def test_a_new_product_is_known_at_the_desk_and_whoever_is_free_is_asked(till):
    come(till, "ada")
    list_product(till, 1)
    run(till)
    assert product_of(till, "1").at_desk
    assert desk_of(till).photographers["ada"].assignment.product == "1"
    assert (desk_of(till).waiting, desk_of(till).owed("offer")) == ({}, [])
    assert desk_of(till).photographers["ada"].left == 2


def test_what_has_nothing_to_do_yet_counts_no_attempt_and_nobody_holds_it(till, capsys):
    """However often it is poked; when its time has come the first attempt does it."""
    come(till, "ada")
    list_product(till, 1)
    run(till)
    (timer,) = desk_of(till).owed("time-out")
    honest, attempts = till.kinds["time-out"], []

    def early(owed):
        attempts.append(owed.attempt)
        if len(attempts) <= MANY:
            raise Waits("it is not time")
        return honest(owed)

    till.kinds["time-out"] = early
    till.later(600_000)
    for _ in range(MANY + 1):
        work.poke([(timer, desk.SUBJECT)])
        till.work()
        assert not lease.is_held(lease.read([timer])[timer]) or len(attempts) > MANY
    assert attempts == [1] * (MANY + 1)
    till.deliver()
    assert timer not in desk_of(till).todos
    told = [json.loads(line)["what"] for line in capsys.readouterr().err.splitlines()]
    assert "todo-given-up" not in told
    assert told.count("todo-waits") >= MANY


def test_a_time_that_is_shorter_than_a_minute_is_out_when_it_is_out(till):
    """The sweep pokes of it then, and not a minute after it began."""
    hasty = replace(config.settings(), photo_wait_s=20)
    with pytest.MonkeyPatch.context() as patch:  # undone before the desk's own patch of the same
        patch.setattr(config, "settings", lambda: hasty)
        come(till, "ada", assignments=1)
        list_product(till, 1)
        run(till)
        (timer,) = desk_of(till).owed("time-out")
        till.pokes.clear()
        till.later(21_000)
        projector.sweep()
        todos.sweep()
        assert timer in {json.loads(body)["todo"] for body in till.pokes}
        run(till)
    assert (desk_of(till).owed("time-out"), list(desk_of(till).waiting)) == ([], ["1"])


def test_a_batch_pokes_ten_of_the_products_that_wait_and_the_sweep_the_rest(till):
    """So many at once keep nobody waiting who came with them."""
    for number in range(1, 31):
        list_product(till, number)
    come(till, "ada")
    till.deliver()
    assert kinds_poked(till)["send-to-desk"] <= 2 * MOST_UNHURRIED, "ten for each shard's batch"
    assert kinds_poked(till)["message"] == 1
    till.pokes.clear()
    till.later(61_000)
    projector.sweep()
    todos.sweep()
    assert kinds_poked(till)["send-to-desk"] == 30
    run(till)
    assert len(desk_of(till).waiting) == 29


def kinds_poked(till):
    return Counter(kind_of(json.loads(body)["todo"]) for body in till.pokes)
