"""Stripe: a charge is one PaymentIntent, created and confirmed in one call.

- The key is Stripe's idempotency key: for 24 h it answers the same key with the same answer, a
  fault of its own included. So whoever tries again looks the charge up first.
- A lookup lists what was created since, and takes the intent whose metadata names the to-do. A
  search would be one call, but it lags behind what happened, by minutes at times, and might miss
  the very payment that is asked for. A list misses nothing; it costs a call for each hundred.
- Nobody is there to prove who they are: an intent that asks for it is cancelled, so that it cannot
  be completed later, and that is a decline.
- A refund is looked for among the payment's own before it is made, so its key never grows old.

The package is imported when Stripe is first asked: it is a third of a cold start.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from typing import TYPE_CHECKING, Any

from chalicelib import config
from chalicelib.errors import TryAgain
from chalicelib.events.order import Decline
from chalicelib.events.product import Price
from chalicelib.payments.gateway import Captured, Declined

if TYPE_CHECKING:
    from stripe import PaymentIntent, Refund

PATIENCE_S = 20.0
CLOCKS_APART_S = 300
TOKEN = re.compile(r"pm_[A-Za-z0-9_]{1,200}")
REASONS: dict[str, Decline] = {
    "insufficient_funds": "insufficient-funds",
    "authentication_required": "requires-action",
    "payment_intent_authentication_failure": "requires-action",
    **dict.fromkeys(
        (
            "expired_card",
            "incorrect_cvc",
            "incorrect_number",
            "invalid_cvc",
            "invalid_expiry_month",
            "invalid_expiry_year",
            "invalid_number",
        ),
        "invalid-card",
    ),
}

UNFIT = (
    "payment_method_not_available",
    "payment_method_unexpected_state",
    "payment_method_unsupported_type",
)


@cache
def gateway() -> Stripe:
    """Stripe as the settings have it, with the key that SSM keeps. Raises CloudFailure."""
    given = config.settings()
    return Stripe(config.parameter(given.stripe_key), given.stage, given.stripe_url)


class Stripe:
    """The account of this key; `stage` is in what it makes, `url` is where it is, if elsewhere."""

    def __init__(self, key: str, stage: str, url: str = "") -> None:
        import stripe  # noqa: PLC0415

        self._errors = stripe
        self._stage = stage
        self._api = stripe.StripeClient(
            key,
            base_addresses={"api": url} if url else {},
            http_client=stripe.RequestsClient(timeout=PATIENCE_S),
            max_network_retries=0,
        ).v1

    def charge(self, key: str, order: str, amount: Price, token: str) -> Captured | Declined:
        """As the interface has it; the token is a PaymentMethod's id."""
        if not TOKEN.fullmatch(token):
            return Declined("invalid-card")
        with self._asking():
            try:
                return self._decided(self._created(key, order, amount, token))
            except self._errors.CardError as no:
                return Declined(_reason(_error(no.json_body)))
            except self._errors.InvalidRequestError as no:
                if no.param == "payment_method" or no.code in UNFIT:
                    return Declined("invalid-card")
                raise

    def find(self, key: str, since: int) -> Captured | Declined | None:
        """As the interface has it."""
        asked: Any = {"created": {"gte": since // 1000 - CLOCKS_APART_S}, "limit": 100}
        with self._asking():
            for intent in self._api.payment_intents.list(asked).auto_paging_iter():
                if _todo(intent.to_dict()) == key:
                    return self._decided(intent)
        return None

    def refund(self, key: str, payment: str, amount: Price) -> str:
        """As the interface has it."""
        with self._asking():
            made = self._refunded(key, payment) or self._api.refunds.create(
                {
                    "payment_intent": payment,
                    "amount": amount.amount,
                    "metadata": {"stage": self._stage, "todo": key},
                },
                {"idempotency_key": key},
            )
        if made.status in ("failed", "canceled"):
            raise TryAgain(f"Stripe: the refund {made.id} is {made.status}")
        return made.id

    def _created(self, key: str, order: str, amount: Price, token: str) -> PaymentIntent:
        return self._api.payment_intents.create(
            {
                "amount": amount.amount,
                "currency": amount.currency.lower(),
                "payment_method": token,
                "allowed_payment_method_types": ["card"],
                "confirm": True,
                "metadata": {"stage": self._stage, "order": order, "todo": key},
            },
            {"idempotency_key": key},
        )

    def _decided(self, intent: PaymentIntent) -> Captured | Declined:
        """What the intent came to. What Stripe answered may be an hour old, so it is asked anew."""
        if intent.status == "processing":
            intent = self._api.payment_intents.retrieve(intent.id)
        if intent.status == "requires_action":
            intent = self._cancelled(intent.id)
        found = outcome(intent.to_dict())
        if found is None:
            raise TryAgain(f"Stripe: the intent {intent.id} is {intent.status}")
        return found

    def _cancelled(self, name: str) -> PaymentIntent:
        """The intent, which nobody can complete any more; or which is completed or cancelled."""
        try:
            return self._api.payment_intents.cancel(name)
        except self._errors.InvalidRequestError:
            return self._api.payment_intents.retrieve(name)

    def _refunded(self, key: str, payment: str) -> Refund | None:
        made = self._api.refunds.list({"payment_intent": payment, "limit": 100})
        return next(
            (each for each in made.auto_paging_iter() if _todo(each.to_dict()) == key), None
        )

    @contextmanager
    def _asking(self) -> Iterator[None]:
        """What Stripe's package raises, as ours; its message may repeat what was sent."""
        try:
            yield
        except self._errors.StripeError as failure:
            said = (type(failure).__name__, failure.http_status, failure.code)
            raise TryAgain("Stripe: " + " ".join(map(str, filter(None, said)))) from None


def outcome(intent: Mapping[str, Any]) -> Captured | Declined | None:
    """What an intent came to; None while that is open."""
    match intent["status"]:
        case "succeeded":
            return Captured(intent["id"])
        case "canceled":
            return Declined("requires-action")
        case "requires_payment_method":
            return Declined(_reason(intent.get("last_payment_error") or {}))
        case _:
            return None


def _todo(made: Mapping[str, Any]) -> str | None:
    return (made.get("metadata") or {}).get("todo")


def _error(body: Any) -> Mapping[str, Any]:
    found: Mapping[str, Any] = body["error"]
    return found


def _reason(error: Mapping[str, Any]) -> Decline:
    """Why the card was declined, as Stripe's codes have it; the bank's own comes first."""
    codes = (error.get("decline_code"), error.get("code"))
    return next((REASONS[code] for code in codes if code in REASONS), "declined")
