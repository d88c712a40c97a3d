"""`ops tail`: the log as events with what became of them, the last so many and those that come."""

import base64
import json
import os
import signal
import subprocess
import sys
from contextlib import contextmanager

import pytest
from logbook import Logbook
from test_shop_found import ROOT, ops

from ops import tail


@pytest.fixture(autouse=True)
def _unsplit(unsplit, monkeypatch):
    monkeypatch.setattr("chalicelib.log.listed", lambda _: {})


def test_every_event_is_told_with_its_verdict(shop):
    book = Logbook(shop)
    update = {"brand": "b", "name": "n", "description": "d", "category": "c"}
    book.fold(
        book.record("viewed"),
        book.record("updated", "bowl", **update),
        book.nonsense(),
        book.record("transmogrified", "lamp"),
        book.record("viewed", "lamp"),
    )
    book.archive(book.record("viewed"))
    told = tail.latest(10)
    assert [each.verdict for each in told] == [
        "counted",
        "ignored",
        "quarantined",
        "parked",
        "parked",
        "waiting",
    ]
    assert [each.reason for each in told][1:3] == ["unknown-product", "Malformed"]
    assert (told[0].subject, told[0].actor, told[0].id) == ("product/cup", "cleo", "event-0-1")
    assert told[2].subject is None
    assert told[0].arrived == "2026-11-21T01:31:20.001Z"


def test_the_last_so_many_are_told_over_segments_and_shards_by_arrival(shop):
    one, two = Logbook(shop), Logbook(shop, 1)
    one.fold(one.record(at=0))
    one.fold(one.record(at=10))
    one.fold(one.record(at=20))
    two.fold(two.record(at=14), two.record(at=15))
    told = [each.id for each in tail.latest(4)]
    assert told == ["event-0-2", "event-1-1", "event-1-2", "event-0-3"]
    assert [each.id for each in tail.latest(1)] == ["event-0-3"]
    assert tail.latest(0) == []


def test_what_comes_is_followed_with_new_shards_too(shop, monkeypatch):
    monkeypatch.setattr(tail, "LIST_S", 0.0)
    monkeypatch.setattr(tail, "PATIENCE_S", 0.1)
    one, two = Logbook(shop), Logbook(shop, 1)
    one.fold(one.record())
    following = tail.follow(1)
    assert next(following).id == "event-0-1"
    one.fold(one.record(), one.record())
    two.archive(two.record())
    told = [next(following) for _ in range(3)]
    assert {each.id for each in told} == {"event-0-2", "event-0-3", "event-1-1"}
    assert {each.id: each.verdict for each in told}["event-1-1"] == "waiting"
    one.fold(one.record())
    assert next(following).id == "event-0-4"


def test_as_a_process_it_follows_until_it_is_interrupted(shop):
    book = Logbook(shop)
    book.fold(book.record())
    with _following() as process:
        assert json.loads(process.stdout.readline())["id"] == "event-0-1"
        book.fold(book.record(), book.record())
        assert json.loads(process.stdout.readline())["id"] == "event-0-2"
        assert json.loads(process.stdout.readline())["verdict"] == "counted"
        process.send_signal(signal.SIGINT)
        assert process.wait(20) == 0


@contextmanager
def _following():
    """`ops tail` as on a terminal: what a shell starts in the background is deaf to Ctrl-C."""
    command = [sys.executable, "-m", "ops", "tail", "--json"]
    deaf = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    finally:
        signal.signal(signal.SIGINT, deaf)
    with process:
        try:
            yield process
        finally:
            process.kill()


def test_a_person_reads_a_line_an_event(shop):
    book = Logbook(shop)
    book.fold(book.record(), book.nonsense())
    ran = ops("tail", "--no-follow", env=dict(os.environ))
    one, two = ran.stdout.splitlines()
    assert one.split() == ["01:31:20.001Z", "counted", "product.viewed.v1", "product/cup", "cleo"]
    assert "quarantined (Malformed)" in two


def test_what_an_unverified_record_says_of_itself_does_not_speak_to_the_terminal(shop):
    book = Logbook(shop)
    said = base64.urlsafe_b64encode(json.dumps({"actor": "\x1b[2J\x9bm"}).encode()).rstrip(b"=")
    book.fold(book.put(b"e30." + said + b".AAAA"))
    (told,) = tail.latest(1)
    assert told.actor == "\x1b[2J\x9bm"
    assert tail.line(told).endswith(r"\x1b[2J\x9bm")
    assert ops("tail", "--no-follow", "--json", env=dict(os.environ)).stdout.isascii()
