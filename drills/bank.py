"""The sandbox bank of the shop on STATE, as a drill asks it: what it charged and gave back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from drills.client import Client, UnreachableError
from drills.loopback import Endpoint
from local.cloud import read_ports
from local.errors import LocalError
from ops import shop


@dataclass(frozen=True, slots=True)
class Books:
    """What the bank keeps of one order: charges, those that it declined too, and refunds."""

    charges: list[dict[str, Any]]
    refunds: list[dict[str, Any]]

    @property
    def captured(self) -> list[dict[str, Any]]:
        """The charges that took money."""
        return [charge for charge in self.charges if "payment" in charge]

    @property
    def back(self) -> int:
        """What was given back."""
        return sum(refund["amount"]["amount"] for refund in self.refunds)


def bank() -> Endpoint:
    """Where the bank is. Raises UnreachableError where STATE knows of none."""
    try:
        return Endpoint("127.0.0.1", read_ports(shop.state())["bank"])
    except (LocalError, KeyError):
        raise UnreachableError(f"{shop.state()} is no STATE of a shop with a bank") from None


def books(client: Client, order: str) -> Books:
    """The bank's books on one order."""
    charges = _items(client, f"/charges?order={quote(order)}")
    payments = [charge["payment"] for charge in charges if "payment" in charge]
    refunds = [_items(client, f"/refunds?payment={quote(each)}") for each in payments]
    return Books(charges, [refund for found in refunds for refund in found])


def _items(client: Client, path: str) -> list[dict[str, Any]]:
    answer = client.ask("GET", path)
    if answer.status != 200:
        raise UnreachableError(f"the bank at {client.endpoint} answered {answer.status}")
    items: list[dict[str, Any]] = answer.body["items"]
    return items
