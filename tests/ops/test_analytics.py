"""The questions of docs/analytics.md are asked of a morning, and worked out a second time."""

import os
import re
from collections import defaultdict
from statistics import median

import pytest
from morning import BARISTAS, cafe
from test_shop_found import ROOT, ops

from chalicelib.events import order, product
from ops import query

DOCS = ROOT / "docs"
PAGE = (DOCS / "analytics.md").read_text()
WORKED = re.findall(r"```sql\n(.*?)```\n+```text\n(.*?)```", PAGE, re.DOTALL)
BEST_HOUR, WAITING, VIEW_TO_PURCHASE = (sql for sql, _ in WORKED)


@pytest.fixture
def morning(shop):
    return cafe(shop)


def answer(sql):
    with query.answer(sql) as found:
        return [tuple(row) for row in found.rows]


def of(morning, *facts):
    return [event for event in morning.events if isinstance(event.data, facts)]


def test_the_best_hour_is_what_came_in_in_euros_less_what_was_given_back(morning):
    totals = {e.entity: e.data.total for e in of(morning, order.Placed)}
    paid = {e.entity for e in of(morning, order.Paid)}
    moves = [(e, e.data.amount, 1) for e in of(morning, order.Paid)]
    moves += [(e, e.data.amount, -1) for e in of(morning, order.Refunded)]
    handed = of(morning, order.Collected, order.Delivered)
    moves += [(e, totals[e.entity], 1) for e in handed if e.entity not in paid]
    hours = defaultdict(list)
    for event, price, sign in moves:
        if price.currency == "EUR":
            hours[f"{event.time[11:13]}:00"].append(sign * price.amount)
    expected = [
        (hour, sum(all_) / 100, sum(cents > 0 for cents in all_), sum(cents < 0 for cents in all_))
        for hour, all_ in sorted(hours.items())
    ]
    assert answer(BEST_HOUR) == expected
    assert len(expected) >= 4
    assert {price.currency for _, price, _ in moves} == {"EUR", "CHF"}
    assert sum(refunds for *_, refunds in expected) == 2


def test_the_waiting_of_each_barista_runs_from_to_be_made_to_ready(morning):
    begun = {e.entity: e.clock for e in of(morning, order.Placed)}
    begun |= {e.entity: e.clock for e in of(morning, order.Paid)}
    waits = defaultdict(list)
    for event in of(morning, order.Ready):
        waits[BARISTAS[event.actor]].append((event.clock - begun[event.entity]) / 60_000)
    expected = {
        name: (pytest.approx(median(all_), abs=0.051), len(all_)) for name, all_ in waits.items()
    }
    assert {name: (minutes, orders) for name, minutes, orders in answer(WAITING)} == expected
    assert len(expected) == len(BARISTAS)


def test_from_view_to_purchase_a_buyer_counts_once_and_only_after_looking(morning):
    looked, bought = defaultdict(set), defaultdict(set)
    for event in morning.events:
        if isinstance(event.data, product.Viewed):
            looked[event.entity].add(event.actor)
        if isinstance(event.data, order.Placed):
            for line in event.data.lines:
                bought[line.product_id].add(event.actor)
    expected = {
        name: (round(100 * len(who & bought[name]) / len(who), 1), len(who))
        for name, who in looked.items()
    }
    assert {
        name: (percent, viewers) for name, percent, viewers in answer(VIEW_TO_PURCHASE)
    } == expected


@pytest.mark.parametrize("number", range(3))
def test_the_page_shows_what_the_command_prints(morning, number):
    sql, printed = WORKED[number]
    ran = ops("query", sql, env=os.environ)
    assert ran.returncode == 0, ran.stderr
    assert [line.rstrip() for line in ran.stdout.splitlines()] == printed.splitlines()


def test_the_pages_plot_is_what_the_command_draws(morning, tmp_path):
    ran = ops("query", BEST_HOUR, "--svg", str(tmp_path / "drawn.svg"), env=os.environ)
    assert ran.returncode == 0, ran.stderr
    assert (tmp_path / "drawn.svg").read_text() == (DOCS / "best-hour.svg").read_text()
