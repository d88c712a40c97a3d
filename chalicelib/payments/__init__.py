"""Payments: one interface to whoever moves the money, and two that do.

gateway   what a gateway does, and what it answers
stripe    Stripe, by PaymentIntents
sandbox   the bank of the local cloud
"""

from __future__ import annotations

from chalicelib.config import settings
from chalicelib.payments.gateway import Captured, Declined, Gateway

__all__ = ["Captured", "Declined", "Gateway", "gateway"]


def gateway() -> Gateway | None:
    """The gateway that the settings name; None where the shop takes no cards.

    Raises CloudFailure where Stripe's key cannot be read, KeyError for a gateway that there is not.
    """
    return _GATEWAYS[settings().payments]()


def _none() -> None:
    return None


def _sandbox() -> Gateway:
    from chalicelib.payments.sandbox import Sandbox  # noqa: PLC0415  (who takes no cards needs none)

    return Sandbox(settings().sandbox_url)


def _stripe() -> Gateway:
    from chalicelib.payments import stripe  # noqa: PLC0415

    return stripe.gateway()


_GATEWAYS = {"": _none, "sandbox": _sandbox, "stripe": _stripe}
