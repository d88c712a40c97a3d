"""What the tests of the gateways know of each provider: its cards, and what it says it moved."""

from __future__ import annotations

import base64
import json
from typing import Any
from urllib.parse import urlencode
from urllib.request import Request, urlopen

from chalicelib.payments.sandbox import Sandbox
from chalicelib.payments.stripe import Stripe

AUTHENTICATES = {"number": "4000002760003184", "exp_month": 12, "exp_year": 2040, "cvc": "123"}


class Sandboxed:
    """The bank of the local cloud."""

    approved = "tok_approved"
    error_after = "tok_error_after"
    repeats_faults = False

    def __init__(self, url: str) -> None:
        self.url, self.gateway = url, Sandbox(url)
        self.declines = {
            "tok_declined": "declined",
            "tok_insufficient_funds": "insufficient-funds",
            "tok_nobody": "invalid-card",
            "": "invalid-card",
            "4242 4242 4242 4242": "invalid-card",
        }

    def captured(self, order: str) -> list[int]:
        """The amounts that were captured for the order."""
        items = self._get("/charges?" + urlencode({"order": order}))["items"]
        return [each["amount"]["amount"] for each in items if "payment" in each]

    def refunded(self, payment: str) -> list[int]:
        """The amounts that were given back of the payment."""
        items = self._get("/refunds?" + urlencode({"payment": payment}))["items"]
        return [each["amount"]["amount"] for each in items]

    def day_later(self) -> None:
        """It keeps keys for ever."""

    def _get(self, path: str) -> Any:
        with urlopen(self.url + path) as answer:
            return json.load(answer)


class LikeStripe:
    """localstripe, by its own API."""

    approved = "pm_card_visa"
    error_after = "pm_card_visa"
    repeats_faults = True

    def __init__(self, url: str) -> None:
        self.url, self.gateway = url, Stripe("sk_test_12345", "t", url)
        self.declines = {
            "pm_card_chargeCustomerFail": "declined",
            self.card(AUTHENTICATES): "requires-action",
            "pm_nobody": "invalid-card",
            "tok_visa": "invalid-card",
            "": "invalid-card",
        }

    def card(self, card: dict[str, Any]) -> str:
        """The PaymentMethod of a card."""
        form = {"type": "card"} | {f"card[{name}]": value for name, value in card.items()}
        name: str = self.ask("/v1/payment_methods", form)["id"]
        return name

    def intents(self, order: str) -> list[dict[str, Any]]:
        """The order's PaymentIntents, newest first."""
        listed = self.ask("/v1/payment_intents?limit=100000")["data"]
        return [each for each in listed if each["metadata"].get("order") == order]

    def captured(self, order: str) -> list[int]:
        """The amounts that were captured for the order."""
        return [each["amount"] for each in self.intents(order) if each["status"] == "succeeded"]

    def refunded(self, payment: str) -> list[int]:
        """The amounts that were given back of the payment."""
        listed = self.ask(f"/v1/refunds?payment_intent={payment}&limit=100")["data"]
        return [each["amount"] for each in listed]

    def day_later(self) -> None:
        """It forgets every key."""
        self.ask("/_config/day-later", {})

    def ask(self, path: str, form: dict[str, Any] | None = None) -> Any:
        """One request of the API; a form is POSTed."""
        token = base64.b64encode(b"sk_test_12345:").decode()
        body = None if form is None else urlencode(form).encode()
        asked = Request(self.url + path, body, {"Authorization": f"Basic {token}"})
        with urlopen(asked) as answer:
            said = answer.read()
        return json.loads(said) if said else None
