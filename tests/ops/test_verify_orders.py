"""`ops verify` over a café's morning: orders, their to-dos, their credit and their sales."""

from collections import Counter

import pytest
from morning import Morning, cafe, listing, placed

from chalicelib import config, projector, store
from chalicelib.decisions.order.commands import Cancel, Refund
from chalicelib.events import order
from chalicelib.events.order import Returned
from chalicelib.events.product import Price
from chalicelib.views import sales, scores
from ops import verify as verifying

pytestmark = pytest.mark.usefixtures("unsplit")


def tallies(view, partition):
    """A view's tallies as the rows and what waits in the checkpoint have them."""
    rows = verifying.naive.plain(store.scan())
    found = {sk: row["rank"] for (pk, sk), row in rows.items() if pk == view.pk(partition)}
    return {name: amount for name, amount in found.items() if amount}


def test_every_row_of_a_morning_is_the_logs_and_its_credit_adds_up(shop):
    morning = cafe(shop)
    projector.sweep()
    report = verifying.verify()
    assert (report.differences, report.parked) == ([], 0)
    sold = Counter()
    for subject, state in morning.states.items():
        if subject.startswith("order/") and (state.captured or state.status == "collected"):
            for line, left in zip(state.lines, state.left, strict=True):
                sold[line.product_id] += left
    assert sum(sold.values()) > 50
    assert tallies(sales.VIEW, "product") == sold
    for partition in ("creator", "photographer"):
        assert sum(tallies(scores.VIEW, partition).values()) == sum(sold.values())
    hours = tallies(sales.VIEW, "hour")
    assert sum(hours.values()) == sum(sold.values())
    assert min(hours) == "2026-11-21T07Z"


def test_what_was_given_back_is_taken_back_and_holds_too(shop):
    morning = Morning(shop)
    morning.say("product/flat-white", listing("flat-white", 380), "merchant", 0)
    total = Price(amount=3 * 380, currency="EUR")
    for entity, at in (("kept", 10), ("late", 20)):
        morning.say(f"order/{entity}", placed({"flat-white": 3}, card=True), "cleo", at)
    morning.say("order/late", Cancel(), "cleo", 30)
    for entity in ("kept", "late"):
        morning.settle(entity, "charge", order.Paid, 40, payment="p", amount=total)
    morning.settle("late", "refund", order.Refunded, 50, refund="r", amount=total)
    morning.say("order/kept", Refund(lines=[Returned(line=0, quantity=1)]), "sue", 60)
    amount = Price(amount=380, currency="EUR")
    morning.settle("kept", "refund", order.Refunded, 3700, refund="r", amount=amount)
    morning.close()
    projector.sweep()
    assert verifying.verify().differences == []
    assert tallies(sales.VIEW, "product") == {"flat-white": 2}
    assert tallies(sales.VIEW, "hour") == {"2026-11-21T07Z": 3, "2026-11-21T08Z": -1}
    assert tallies(scores.VIEW, "creator") == {"merchant": 2}
    assert tallies(scores.VIEW, "photographer") == {"UNKNOWN": 2}


def test_a_sale_that_nobody_made_is_a_difference(shop):
    cafe(shop)
    projector.sweep()
    key = {"pk": {"S": sales.VIEW.pk("product")}, "sk": {"S": "free-lunch"}}
    config.client("dynamodb").put_item(
        TableName=config.settings().table, Item=key | {"rank": {"N": "1"}}
    )
    (difference,) = verifying.verify().differences
    assert "free-lunch" in difference
