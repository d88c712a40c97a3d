"""`ops query`: SQL over what counted, that sees nothing personal and nothing but its tables."""

import csv
import json
import os
import types
import typing
from dataclasses import replace
from xml.etree import ElementTree as ET

import pytest
from logbook import Logbook
from morning import PII, SECRET, Morning, cafe, listing, placed
from test_shop_found import ops

from chalicelib.decisions.order.commands import Cancel
from chalicelib.decisions.product import View
from chalicelib.events import FACTS, order
from chalicelib.events.envelope import JWE
from chalicelib.signing import keys, seal
from ops import naive, query
from ops.query import columns, plot, show


def answer(sql):
    with query.answer(sql) as found:
        return list(found.rows)


@pytest.fixture
def corner(shop):
    """A shop with one order of two lines."""
    morning = Morning(shop)
    morning.say("product/espresso", listing("espresso", 220), "merchant", 0)
    morning.say("product/espresso", View(), "cleo", 1.5)
    morning.say("order/o-1", placed({"espresso": 2, "flat-white": 1}, card=False), "cleo", 2)
    return morning


@pytest.fixture
def refused(shop):
    """The one line of a refusal, with exit code 2."""

    def asked(sql, *options):
        ran = ops("query", sql, *options, env=os.environ)
        assert (ran.returncode, ran.stdout) == (2, "")
        (line,) = [each for each in ran.stderr.splitlines() if not each.startswith("segments read")]
        return line

    return asked


def test_an_event_is_a_row_with_its_envelope_and_its_data_in_their_own_types(corner):
    corner.close()
    (row,) = answer("select * from order_placed")
    price = {"currency": "EUR"}
    credit = {"creator": "merchant", "photographer": "UNKNOWN"}
    assert row == (
        "event-3",
        "order/o-1",
        "o-1",
        "cleo",
        "2026-11-21T07:00:02.000Z",
        "2026-11-21T07:00:02.000Z",
        f"{corner.shard}:3",
        "collect",
        [
            {"product_id": "espresso", "name": "espresso", "quantity": 2}
            | {"price": {"amount": 220} | price} | credit,
            {"product_id": "flat-white", "name": "flat white", "quantity": 1}
            | {"price": {"amount": 380} | price} | credit,
        ],
        {"amount": 820, "currency": "EUR"},
        False,
        [],
    )  # fmt: skip
    assert answer("select brand, price.amount from product_created") == [("Corner", 220)]
    assert answer("select actor, epoch_ms(clock) from product_viewed")[0][1] % 1000 == 500


def test_a_product_without_a_price_has_none(shop):
    book = Logbook(shop)
    words = {"brand": "b", "name": "n", "description": "d", "category": "c"}
    book.archive(book.record("created", **words))
    assert answer("select price is null, price.amount from product_created") == [(True, None)]


def test_what_did_not_count_is_in_the_table_of_all_with_the_reason_and_in_no_other(corner):
    corner.say("order/o-1", Cancel(), "cleo", 3)
    corner.put("order/o-1", order.Cancelled(), "cleo", 4)
    corner.put("order/o-1", order.Ready(), "kim", 5)
    corner.close()
    assert answer("select id from order_cancelled") == [("event-4",)]
    assert answer("select count(*) from order_ready") == [(0,)]
    said = "select id, type, verdict, reason from event where verdict <> 'counted' order by clock"
    assert answer(said) == [
        ("event-5", "tillstream.order.cancelled.v1", "ignored", "illegal-move"),
        ("event-6", "tillstream.order.ready.v1", "ignored", "illegal-move"),
    ]
    ran = ops("query", "select 1", env=os.environ)
    assert ran.stderr.splitlines()[-1] == "Not counted, so in no type's table: 2 ignored."


def test_what_is_not_verified_or_not_told_twice_alike_is_in_no_table(shop):
    book = Logbook(shop)
    once = book.event("viewed")
    forged = seal(once, keys.producer())[:-8] + "AAAAAAAA"
    book.archive(
        book.put(seal(once, keys.producer()).encode()),
        book.put(forged.encode()),
        book.nonsense(),
        book.put(seal(replace(once, data={"claimed": None}), keys.producer()).encode()),
        book.record("created", brand="only a brand"),
    )
    assert answer("select id from event") == [(once.id,)]
    with query.answer("select 1") as found:
        assert found.verdicts == {"counted": 1, "quarantined": 4}


def test_what_is_parked_and_what_follows_on_its_subject_is_in_the_table_of_all_alone(shop):
    book = Logbook(shop)
    book.archive(book.record("transmogrified"), book.record("viewed"), book.record("viewed", "jug"))
    verdicts = answer("select subject, verdict from event order by clock")
    assert verdicts == [
        ("product/cup", "parked"), ("product/cup", "parked"), ("product/jug", "counted"),
    ]  # fmt: skip
    assert answer("select entity from product_viewed") == [("jug",)]


def test_where_too_much_is_parked_the_rest_is_said_to_be_missing(shop, monkeypatch):
    monkeypatch.setattr(naive, "MOST_PARKED", 1)
    book = Logbook(shop)
    book.archive(
        book.record("transmogrified"), book.record("transmogrified", "jug"), book.record("viewed")
    )
    with query.answer("select subject from event") as found:
        assert list(found.rows) == [("product/cup",)]
        assert show.left_out(found.verdicts).endswith(
            "1 parked, 1 and all that follows on its shard, where too much is parked."
        )


def test_nothing_personal_and_nothing_claimed_is_in_any_table(shop):
    cafe(shop)
    book = Logbook(shop, 1)
    book.archive(book.record("viewed", claimed={"origin": "somebody/elsewhere"}))
    every = " union all ".join(f'select t::text from "{table}" t' for table in columns.TABLES)
    dump = json.dumps(answer(every))
    assert "flat-white" in dump
    assert answer("select count(*) from product_viewed where entity = 'cup'") == [(1,)]
    for word in (SECRET, PII[:20], "somebody"):
        assert word not in dump


def fields(model):
    for field in model.model_fields.values():
        yield field
        for part in typing.get_args(field.annotation) or [field.annotation]:
            if isinstance(part, type) and hasattr(part, "model_fields"):
                yield from fields(part)


@pytest.mark.parametrize("fact", FACTS.values(), ids=FACTS)
def test_a_type_has_a_table_of_its_own_whose_columns_are_told_once_and_hold_no_jwe(fact):
    assert [columns.table(name) for name in FACTS].count(columns.table(fact.type)) == 1
    told = columns.told(fact)
    assert not told.keys() & columns.ENVELOPE.keys()
    kept = [fact.model_fields[name] for name in told]
    every = list(fields(types.SimpleNamespace(model_fields=dict(enumerate(kept)))))
    assert not [field for field in every if repr(JWE) in repr(field)]
    assert repr(JWE) in repr(order.Placed.model_fields["pii"])


@pytest.mark.parametrize(
    "sql",
    [
        "select * from read_text('/etc/hostname')",
        "select * from '/etc/hostname'",
        "select * from read_csv('http://127.0.0.1:9/x.csv')",
        "select * from glob('/etc/*')",
        "attach '/tmp/other.duckdb'",
        "copy event to '/tmp/event.csv'",
        "set enable_external_access = true",
        "load httpfs",
        "install httpfs",
        "delete from event",
        "drop table event",
        "insert into event (id) values ('x')",
        "create table mine (a int)",
    ],
)
def test_a_question_reads_nothing_but_the_tables_and_changes_nothing(shop, sql):
    with pytest.raises(query.QueryError) as refusal, query.answer(sql) as found:
        list(found.rows)
    assert "\n" not in str(refusal.value)


@pytest.mark.parametrize("sql", ["selekt 1", "select nothing from event", "", "select 1; select 2"])
def test_a_question_that_is_none_is_refused_before_the_archive_is_read(shop, refused, sql):
    book = Logbook(shop)
    book.archive(book.nonsense())
    assert refused(sql).startswith("ops: ")
    assert "segments read" not in ops("query", sql, env=os.environ).stderr


def test_what_fails_while_it_is_answered_is_one_line_too(corner, refused):
    corner.close()
    assert "Overflow" in refused(
        "select 9223372036854775807 + epoch_ms(clock) from event", "--json"
    )


def test_a_program_gets_an_object_a_line_or_csv(corner):
    corner.close()
    said = "entity, lines, clock, null as none, 1.5 as half, 'nan'::double as nan"
    sql = f"select {said} from order_placed"
    told = json.loads(ops("query", sql, "--json", env=os.environ).stdout)
    assert (told["entity"], told["none"], told["half"], told["nan"]) == ("o-1", None, 1.5, None)
    assert (told["lines"][1]["quantity"], told["clock"]) == (1, "2026-11-21T07:00:02.000Z")
    ran = ops("query", sql, "--csv", env=os.environ)
    head, row = csv.reader(ran.stdout.splitlines())
    assert head == list(told)
    assert [row[0], row[3], json.loads(row[1])] == ["o-1", "", told["lines"]]


def test_columns_of_one_name_are_no_json_and_two_forms_are_no_form(shop, refused):
    assert "give them names of their own" in refused("select 1 as a, 2 as a", "--json")
    ran = ops("query", "select 1", "--json", "--plot", env=os.environ)
    assert ran.returncode == 2
    assert "at a time" in ran.stderr


@pytest.mark.parametrize(
    "sql", ["select 1", "select 'a', 'b'", "select 'a', -1", "select 'a', null"]
)
def test_what_is_no_name_and_number_is_not_plotted(shop, refused, sql, tmp_path):
    for option in ("--plot", f"--svg={tmp_path / 'plot.svg'}"):
        assert refused(sql, option).startswith("ops: a ")
    assert list(tmp_path.iterdir()) == []


def test_on_a_terminal_the_longest_bar_belongs_to_the_greatest_number(shop):
    sql = "select * from (values ('small', 1), ('great', 2)) as t (name, number)"
    head, small, great = ops("query", sql, "--plot", env=os.environ).stdout.splitlines()
    assert head.split() == ["name", "number"]
    assert small.count("█") * 2 == great.count("█")


def test_the_drawn_bars_are_well_formed_and_in_proportion(shop, tmp_path):
    sql = "select * from (values ('<a> & \x1b', 1), ('b', 4), ('c', 0)) as t (name, number)"
    ops("query", sql, "--svg", str(tmp_path / "x.svg"), env=os.environ)
    root = ET.parse(tmp_path / "x.svg").getroot()
    svg = "{http://www.w3.org/2000/svg}"
    widths = [float(rect.get("width")) for rect in root.iter(f"{svg}rect")][1:]
    assert widths == [plot.SPAN / 4, plot.SPAN, 0]
    texts = [text.text for text in root.iter(f"{svg}text")]
    assert texts == ["name", "number", "<a> & \\x1b", "1", "b", "4", "c", "0"]


def test_what_a_terminal_would_obey_is_shown_as_escapes(shop):
    ran = ops("query", "select 'Käse' || chr(27) || chr(155) as said", env=os.environ)
    assert ran.stdout.split() == ["said", r"Käse\x1b\x9b"]
