"""A method is called as often as the template says, here as in AWS."""

import json

from chalice import Chalice
from hypothesis import given
from hypothesis import strategies as st

from local import throttle
from local.gateway import Gateway
from local.throttle import Bucket, Throttle
from local.wire import Request


def test_the_figures_are_those_of_the_packaged_template():
    bucket = throttle.declared()._buckets["POST", "/tickets"]
    assert (bucket.rate, bucket.burst) == (5, 20)


def test_the_bound_of_the_whole_stage_is_not_counted_here():
    assert [*throttle.declared()._buckets] == [("POST", "/tickets")]


def test_so_many_come_at_once_and_then_at_the_rate():
    now = [0.0]
    counted = Throttle({("POST", "/tickets"): Bucket(rate=2, burst=3)}, lambda: now[0])
    lets = lambda: counted.lets("POST", "/tickets")  # noqa: E731
    assert [lets() for _ in range(4)] == [True, True, True, False]
    now[0] = 0.5
    assert [lets(), lets()] == [True, False]
    now[0] = 3600
    assert [lets() for _ in range(4)] == [True, True, True, False]
    assert counted.lets("GET", "/tickets")
    assert counted.lets("POST", "/orders")


@given(st.lists(st.floats(0, 5), max_size=60))
def test_no_more_are_let_through_than_burst_and_rate_allow(pauses):
    bucket, now, taken = Bucket(rate=5, burst=4), 0.0, 0
    for pause in pauses:
        now += pause
        taken += bucket.take(now)
        assert taken <= 4 + 5 * now + 1e-6


def test_what_is_too_often_is_429_with_when_to_come_back_and_reaches_no_handler():
    app, calls = Chalice(app_name="tiny", configure_logs=False), []

    @app.route("/tickets", methods=["POST"])
    def open_ticket():
        calls.append(1)
        return {}

    gateway = Gateway(app, Throttle({("POST", "/tickets"): Bucket(rate=1e-9, burst=2)}))
    headers = {"content-type": "application/json"}
    answers = [gateway.answer(Request("POST", "/tickets", headers, b"{}")) for _ in range(3)]
    assert [answer.status for answer in answers] == [200, 200, 429]
    assert len(calls) == 2
    said = json.loads(answers[2].body)
    assert (said["type"], said["status"]) == ("/problems/too-many-requests", 429)
    assert dict(answers[2].headers)["Retry-After"] == "1"
    assert gateway.answer(Request("GET", "/tickets", headers)).status == 405
