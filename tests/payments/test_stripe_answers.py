"""What Stripe may answer, and what that comes to: said by a server that reads from a script.

localstripe cannot say most of it. The bodies are as Stripe documents them.
"""

from __future__ import annotations

import json
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from urllib.error import HTTPError
from urllib.parse import parse_qs

import pytest
from counterparts import AUTHENTICATES, LikeStripe

from chalicelib.errors import TryAgain
from chalicelib.events.product import Price
from chalicelib.payments import Captured, Declined
from chalicelib.payments.stripe import Stripe

PRICE = Price(amount=840, currency="EUR")
KEY = "charge@tillstream-prod-1/shardId-000000000000:7"
TODO = {"stage": "prod", "order": "o-1", "todo": KEY}


class Script(BaseHTTPRequestHandler):
    """Says what comes next in the script."""

    protocol_version = "HTTP/1.1"

    def do_POST(self):
        length = int(self.headers.get("Content-Length", 0))
        body = parse_qs(self.rfile.read(length).decode())
        self.server.asked.append((self.command, self.path, dict(self.headers), body))
        status, said = self.server.script.pop(0)
        raw = json.dumps(said).encode() if isinstance(said, dict) else said
        self.send_response(status)
        self.send_header("Content-Length", str(len(raw)))
        self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(raw)

    do_GET = do_POST  # noqa: N815

    def log_message(self, *_):
        """Nothing."""


@contextmanager
def scripted(*script):
    """A gateway to a Stripe that answers so, and what it was asked."""
    with HTTPServer(("127.0.0.1", 0), Script) as server:
        server.script, server.asked = list(script), []
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield (
                Stripe("sk_test_1", "prod", f"http://127.0.0.1:{server.server_port}"),
                server.asked,
            )
        finally:
            server.shutdown()
            thread.join()
        assert not server.script, "it was not asked for all that it had to say"


def intent(status, **more):
    return {"object": "payment_intent", "id": "pi_1", "status": status, "metadata": TODO} | more


def error(status, **members):
    return status, {"error": {"message": "Said to 4242", **members}}


def charge(gateway):
    return gateway.charge(KEY, "o-1", PRICE, "pm_1")


def test_a_charge_names_its_key_stage_order_and_todo_and_takes_cards_alone():
    with scripted((200, intent("succeeded"))) as (gateway, asked):
        assert charge(gateway) == Captured("pi_1")
    ((method, path, headers, form),) = asked
    assert (method, path, headers["Idempotency-Key"]) == ("POST", "/v1/payment_intents", KEY)
    assert headers["Authorization"] == "Bearer sk_test_1"
    assert form == {
        "amount": ["840"],
        "currency": ["eur"],
        "confirm": ["true"],
        "payment_method": ["pm_1"],
        "allowed_payment_method_types[0]": ["card"],
        "metadata[stage]": ["prod"],
        "metadata[order]": ["o-1"],
        "metadata[todo]": [KEY],
    }


@pytest.mark.parametrize(
    ("members", "reason"),
    [
        ({"code": "card_declined", "decline_code": "insufficient_funds"}, "insufficient-funds"),
        ({"code": "card_declined", "decline_code": "generic_decline"}, "declined"),
        ({"code": "card_declined", "decline_code": "authentication_required"}, "requires-action"),
        ({"code": "authentication_required"}, "requires-action"),
        ({"code": "expired_card"}, "invalid-card"),
        ({"code": "incorrect_number"}, "invalid-card"),
        ({"code": "processing_error"}, "declined"),
        ({}, "declined"),
    ],
)
def test_a_card_error_is_a_decline_of_its_kind(members, reason):
    with scripted(error(402, type="card_error", **members)) as (gateway, _):
        assert charge(gateway) == Declined(reason)
    listed = intent("requires_payment_method", last_payment_error=members)
    with scripted((200, listing(listed))) as (gateway, _):
        assert gateway.find(KEY, 0) == Declined(reason)


@pytest.mark.parametrize(
    "members",
    [
        {"code": "resource_missing", "param": "payment_method"},
        {"code": "payment_method_unexpected_state"},
    ],
)
def test_a_refusal_of_the_payment_method_is_an_invalid_card(members):
    with scripted(error(400, type="invalid_request_error", **members)) as (gateway, _):
        assert charge(gateway) == Declined("invalid-card")


@pytest.mark.parametrize(
    "answer",
    [
        error(400, type="invalid_request_error", code="parameter_unknown", param="confirm"),
        error(400, type="invalid_request_error", code="payment_method_types_no_longer_supported"),
        error(400, type="idempotency_error"),
        error(401, type="invalid_request_error"),
        error(403, type="invalid_request_error"),
        error(404, type="invalid_request_error", code="resource_missing"),
        error(409, type="api_error", code="idempotency_key_in_use"),
        error(429, type="invalid_request_error", code="rate_limit"),
        error(500, type="api_error"),
        (503, b"<html>no server here</html>"),
        (200, b"not json"),
        (200, intent("processing")),
        (200, intent("requires_confirmation")),
    ],
)
def test_what_is_no_word_on_the_card_is_tried_again_and_repeats_nothing_that_was_sent(answer):
    twice = [answer] if answer[1] != intent("processing") else [answer] * 2
    with scripted(*twice) as (gateway, _), pytest.raises(TryAgain) as failure:
        charge(gateway)
    assert "4242" not in str(failure.value)
    assert failure.value.__cause__ is None


def test_an_answer_of_an_hour_ago_that_was_processing_is_asked_for_anew():
    script = [(200, intent("processing")), (200, intent("succeeded"))]
    with scripted(*script) as (gateway, asked):
        assert charge(gateway) == Captured("pi_1")
    assert asked[1][:2] == ("GET", "/v1/payment_intents/pi_1")


def test_an_intent_that_was_completed_before_it_could_be_cancelled_is_captured():
    script = [
        (200, intent("requires_action")),
        error(400, type="invalid_request_error", code="payment_intent_unexpected_state"),
        (200, intent("succeeded")),
    ]
    with scripted(*script) as (gateway, asked):
        assert charge(gateway) == Captured("pi_1")
    assert asked[1][1] == "/v1/payment_intents/pi_1/cancel"


def test_an_intent_that_was_cancelled_before_is_declined_again():
    script = [
        (200, intent("requires_action")),
        error(400, type="invalid_request_error", code="payment_intent_unexpected_state"),
        (200, intent("canceled")),
    ]
    with scripted(*script) as (gateway, _):
        assert charge(gateway) == Declined("requires-action")


def test_a_card_that_wants_its_holder_leaves_nothing_that_can_be_completed(like_stripe):
    stripe = LikeStripe(like_stripe)
    card = stripe.card(AUTHENTICATES)
    assert stripe.gateway.charge(KEY, "wants-holder", PRICE, card) == Declined("requires-action")
    (left,) = stripe.intents("wants-holder")
    assert left["status"] == "canceled"
    form = {"client_secret": left["client_secret"], "success": "true"}
    with pytest.raises(HTTPError) as refusal:
        stripe.ask(f"/v1/payment_intents/{left['id']}/_authenticate", form)
    refusal.value.close()
    assert stripe.captured("wants-holder") == []


def listing(*items, more=False):
    return {"object": "list", "data": list(items), "has_more": more, "url": "/v1/payment_intents"}


def test_a_lookup_reads_on_until_it_has_read_all_that_was_created_since():
    others = [intent("succeeded", id=f"pi_{n}", metadata={"todo": "other"}) for n in range(2)]
    bare = intent("succeeded", id="pi_bare", metadata={})
    script = [(200, listing(*others, more=True)), (200, listing(bare, intent("succeeded")))]
    with scripted(*script) as (gateway, asked):
        assert gateway.find(KEY, 1_700_000_000_000) == Captured("pi_1")
    pages = [parse_qs(path.partition("?")[2]) for _, path, _, _ in asked]
    assert [page["created[gte]"] for page in pages] == [["1699999700"]] * 2
    assert pages[1]["starting_after"] == ["pi_1"]


def test_a_lookup_of_what_is_not_decided_yet_is_tried_again():
    script = [(200, listing(intent("processing"))), (200, intent("processing"))]
    with scripted(*script) as (gateway, _), pytest.raises(TryAgain):
        gateway.find(KEY, 0)


def test_a_refund_names_its_key_and_todo_and_may_be_pending():
    refund = {"object": "refund", "id": "re_1", "status": "pending", "metadata": {}}
    with scripted((200, listing()), (200, refund)) as (gateway, asked):
        assert gateway.refund("refund@p", "pi_1", PRICE) == "re_1"
    assert asked[1][2]["Idempotency-Key"] == "refund@p"
    assert asked[1][3] == {
        "payment_intent": ["pi_1"],
        "amount": ["840"],
        "metadata[stage]": ["prod"],
        "metadata[todo]": ["refund@p"],
    }


def test_a_refund_that_failed_stays_open():
    refund = {"object": "refund", "id": "re_1", "status": "failed", "metadata": {"todo": "r@p"}}
    with scripted((200, listing(refund))) as (gateway, _), pytest.raises(TryAgain):
        gateway.refund("r@p", "pi_1", PRICE)
