"""`ops explain`: a subject's events, who said them, what became of each, and its rows then."""

import json
import os

import pytest
from logbook import Logbook
from morning import PII, SECRET, Morning, listing, placed
from test_shop_found import ops

from chalicelib import archive, projector, store
from chalicelib.decisions.customer import Register
from chalicelib.decisions.order.commands import Ready
from chalicelib.events import Batch
from ops import explain


@pytest.fixture
def corner(shop):
    """An order that was placed and made ready twice, among what others did."""
    morning = Morning(shop)
    morning.say("product/espresso", listing("espresso", 220), "merchant", 0)
    morning.say("customer/kim", Register(public_name="Kim"), "kim", 1)
    morning.say("order/o-1", placed({"espresso": 2}, card=False), "cleo", 2)
    ready = morning.say("order/o-1", Ready(), "kim", 60)
    morning.say("order/o-2", placed({"espresso": 1}, card=False), "cleo", 61)
    morning.put("order/o-1", ready.data, "kim", 62)
    return morning


def status(found):
    (judge,) = [body for name, body in found.rows.items() if name.startswith("subject@")]
    return json.loads(judge["state"])["status"]


def test_each_event_of_the_subject_is_told_with_who_said_it_and_what_became_of_it(corner):
    corner.close()
    found = explain.explain("order/o-1", None)
    assert [(e.type.split(".")[2], e.actor, e.verdict, e.reason) for e in found.events] == [
        ("placed", "cleo", "counted", None),
        ("ready", "kim", "counted", None),
        ("ready", "kim", "ignored", "illegal-move"),
    ]
    assert [each.position for each in found.events] == [f"{corner.shard}:{n}" for n in (3, 4, 6)]
    assert found.events[0].at == "2026-11-21T07:00:02.000Z"


def test_its_rows_are_as_they_were_at_the_moment_asked_for(corner):
    corner.close()
    opened = corner.events[2].clock
    assert status(explain.explain("order/o-1", opened)) == "placed"
    assert status(explain.explain("order/o-1", None)) == "ready"
    assert len(explain.explain("order/o-1", opened).events) == 1


def test_its_rows_are_those_of_the_table(corner, monkeypatch):
    monkeypatch.setattr("chalicelib.log.ancestors", lambda _: [])
    projector.project(Batch(corner.shard, tuple(corner.records)))
    found = explain.explain("order/o-1", None)
    table = {f"{row['pk']['S']} {row['sk']['S']}": row for row in store.scan()}
    for name, body in found.rows.items():
        lies = json.loads(table[name]["body"]["S"])
        assert json.loads(json.dumps(lies).replace(PII, explain.PERSONAL)) == body
    assert found.rows


def test_what_is_personal_is_not_shown(corner, capsys):
    corner.close()
    explain.show(explain.explain("order/o-1", None))
    told = capsys.readouterr().out
    assert SECRET not in told
    assert explain.PERSONAL in told


def test_a_tally_is_told_as_what_the_subject_added_to_it(shop):
    book = Logbook(shop)
    price = {"amount": 1, "currency": "EUR"}
    mug = {"brand": "b", "name": "n", "description": "", "category": "c", "price": price}
    book.archive(
        book.record("created", actor="mia", **mug),
        *(book.record("purchased") for _ in range(3)),
        book.record("created", "pot", actor="mia", **mug),
        book.record("purchased", "pot"),
    )
    (sold,) = [n for name, n in explain.explain("product/cup", None).added.items() if "mia" in name]
    assert sold == 3


def test_a_record_that_is_not_believed_is_told_too_and_says_nothing(shop):
    book = Logbook(shop)
    book.archive(book.record(), book.put(b"nonsense"))
    counted, doubted = explain.explain("product/cup", None).events
    assert (counted.verdict, doubted.verdict, doubted.reason) == (
        "counted",
        "quarantined",
        "Malformed",
    )
    assert doubted.type is doubted.actor is doubted.data is None


def test_the_name_of_who_said_it_stands_beside_their_id(corner, monkeypatch):
    monkeypatch.setattr("chalicelib.log.ancestors", lambda _: [])
    projector.project(Batch(corner.shard, tuple(corner.records)))
    assert [each.name for each in explain.explain("order/o-1", None).events] == [None, "Kim", "Kim"]


@pytest.mark.parametrize(
    ("asked", "mend"),
    [
        (["order/none"], "holds nothing of order/none"),
        (["order/o-1", "--at", "yesterday"], "no date and time"),
        (["order/o-1", "--at", "2026-11-21T12:00"], "says no zone"),
        (["order/o-1", "--at", "2020-01-01T00:00Z"], "holds nothing of order/o-1"),
    ],
)
def test_what_cannot_be_explained_is_said_with_exit_code_2(corner, asked, mend):
    corner.close()
    ran = ops("explain", *asked, env=os.environ)
    assert ran.returncode == 2
    assert ran.stdout == ""
    assert mend in " ".join(ran.stderr.replace("│", " ").split())


def test_as_a_process_it_tells_programs_and_people(corner):
    corner.close()
    told = json.loads(ops("explain", "order/o-1", "--json", env=os.environ).stdout)
    assert [each["verdict"] for each in told["events"]] == ["counted", "counted", "ignored"]
    ran = ops("explain", "order/o-1", "--at", "2026-11-21T08:00:30+01:00", env=os.environ)
    assert ran.returncode == 0
    assert "order.placed" in ran.stdout
    assert "order.ready" not in ran.stdout


def test_what_follows_on_a_later_segment_is_told_after_it(shop):
    book = Logbook(shop)
    first = book.record()
    book.archive(first)
    second = book.record()
    archive.append(Batch(book.shard, (second,)), lambda _: [])
    found = explain.explain("product/cup", None)
    assert [each.position for each in found.events] == [book.position(first), book.position(second)]
