"""What an order's events sell: the pieces follow the money, or the goods where there is none."""

from __future__ import annotations

from hypothesis import given, settings
from order_told import Story, back, item, paid, placed
from test_order_machine import ACTS, NUMBERS, played

from chalicelib.decisions.order import evolve
from chalicelib.decisions.order.sold import SELLING, sold
from chalicelib.decisions.product import UNKNOWN
from chalicelib.decisions.subject import Ignored
from chalicelib.events import order
from chalicelib.views import sales, scores


def pieces(story: Story) -> list[int]:
    """How many of each line the whole story sold, event by event."""
    state, total = None, [0] * len(story.now.lines)
    for event in story.said:
        after = evolve(state, event)
        if isinstance(after, Ignored):
            continue
        for line, quantity in sold(event, state, after):
            assert type(event.data) in SELLING
            total[[each is line for each in after.lines].index(True)] += quantity
        state = after
    return total


COFFEE, CAKE = item(2, 350), item(3, 400, "cake")


def test_a_paid_order_sells_its_pieces_once_and_not_again_when_it_is_collected():
    story = paid(COFFEE, CAKE)
    assert pieces(story) == [2, 3]
    for move in (order.Ready(), order.Collected()):
        story(move)
    assert pieces(story) == [2, 3]


def test_an_order_without_a_card_sells_when_it_is_handed_over():
    story = Story(placed(COFFEE, card=False), order.Ready())
    assert pieces(story) == [0]
    story(order.Collected())
    assert pieces(story) == [2]
    brought = Story(placed(CAKE, card=False, branch="deliver"), order.Fulfilled(fulfillment_id="f"))
    assert pieces(brought) == [0]
    brought(order.Delivered(delivery_company_id="c"))
    assert pieces(brought) == [3]


def test_a_refund_takes_back_what_it_was_for_once_it_is_given():
    story = paid(COFFEE, CAKE)
    story(back((1, 2)))
    assert pieces(story) == [2, 3]
    story(story.refunds())
    assert pieces(story) == [2, 1]


def test_a_payment_that_comes_after_the_cancelling_sells_until_it_is_given_back():
    story = Story(placed(COFFEE), order.Cancelled())
    story(story.pays())
    assert pieces(story) == [2]
    story(story.refunds())
    assert pieces(story) == [0]


def test_a_refund_that_was_given_up_takes_nothing_back_before_it_is_given():
    story = paid(COFFEE)
    story(order.Cancelled())
    story(story.gives_up("refund"))
    assert pieces(story) == [2]
    story(story.refunds())
    assert pieces(story) == [0]


@settings(max_examples=200)
@given(NUMBERS, ACTS)
def test_over_any_history_what_is_sold_is_worth_what_was_captured_less_what_was_given_back(
    first, acts
):
    history = played(first, acts)
    if (state := history.state) is None:
        return
    total, ordered = pieces(history), [line.quantity for line in state.lines]
    if state.by_card:
        assert state.worth(total) == state.captured - state.refunded
        assert all(0 <= one <= most for one, most in zip(total, ordered, strict=True))
    else:
        over = state.status in ("collected", "delivered")
        assert total == (ordered if over else [0] * len(ordered))


def test_an_order_sells_pieces_each_credited_as_its_line_has_it():
    lines = [item(2), item(3, creator="mo"), item(1, name="cake", photographer=UNKNOWN)]
    story = Story(placed(*lines))
    before = story.now
    assert story(story.pays()) == "counted"
    sale = story.said[-1]
    earned = {w.key: (w.amount, w.ranking) for w in scores.VIEW.writes(sale, before, story.now)}
    creators, photographers = scores.VIEW.pk("creator"), scores.VIEW.pk("photographer")
    assert earned == {
        (creators, "mia"): (3, creators),
        (creators, "mo"): (3, creators),
        (photographers, "phil"): (5, photographers),
        (photographers, UNKNOWN): (1, None),
    }
    counted = {w.key: (w.amount, w.ranking) for w in sales.VIEW.writes(sale, before, story.now)}
    products = sales.VIEW.pk("product")
    assert counted == {
        (sales.VIEW.pk("hour"), "2026-11-18T11Z"): (6, None),
        (products, "flat-white"): (5, products),
        (products, "cake"): (1, products),
    }


def test_what_sells_nothing_writes_nothing():
    story = Story(placed(card=True), order.Cancelled())
    for view in (sales.VIEW, scores.VIEW):
        assert view.writes(story.event(order.Collected()), story.now, story.now) == []


def test_the_hour_is_that_of_the_clock_in_utc():
    assert sales.hour_of(0) == "1970-01-01T00Z"
    assert sales.hour_of(3_600_000 - 1) == "1970-01-01T00Z"
    assert sales.hour_of(3_600_000) == "1970-01-01T01Z"
