"""What a gateway does for a shop, and what it answers.

- A key stands for one charge, or one refund, however often it is asked for: the to-do's id.
- A decline is final for that key and that card. Whatever may turn out otherwise later (no network,
  too many requests, a fault over there) is TryAgain, and is asked again under the same key: after
  an answer that nobody heard, the money may have moved.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from chalicelib.events.order import Decline
from chalicelib.events.product import Price


@dataclass(frozen=True, slots=True)
class Captured:
    """The money is the shop's; `payment` is the gateway's name for it."""

    payment: str


@dataclass(frozen=True, slots=True)
class Declined:
    """This card is not charged."""

    reason: Decline


class Gateway(Protocol):
    """Who moves the money. Every call raises TryAgain."""

    def charge(self, key: str, order: str, amount: Price, token: str) -> Captured | Declined:
        """The amount from the card of this token, at once and whole."""

    def find(self, key: str, since: int) -> Captured | Declined | None:
        """What the charge of this key came to; None if there was none since then (ms)."""

    def refund(self, key: str, payment: str, amount: Price) -> str:
        """So much of a payment back to its card; the gateway's name for it."""
