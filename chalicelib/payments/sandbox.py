"""The sandbox: the bank of the local cloud (`local/bank`), asked over HTTP.

It keeps a key for ever, so a lookup needs no time to begin at.
"""

from __future__ import annotations

import json
from http.client import HTTPConnection, HTTPException
from typing import Any
from urllib.parse import urlencode, urlsplit

from chalicelib.errors import TryAgain
from chalicelib.events.product import Price
from chalicelib.payments.gateway import Captured, Declined

PATIENCE_S = 10.0


class Sandbox:
    """The bank at this address."""

    def __init__(self, url: str) -> None:
        self.address = urlsplit(url).netloc

    def charge(self, key: str, order: str, amount: Price, token: str) -> Captured | Declined:
        """As the interface has it."""
        asked = {"key": key, "order": order, "amount": amount.model_dump(), "token": token}
        return _outcome(self._ask("POST", "/charges", asked))

    def find(self, key: str, since: int) -> Captured | Declined | None:  # noqa: ARG002
        """As the interface has it."""
        items = self._ask("GET", "/charges?" + urlencode({"key": key}))["items"]
        return _outcome(items[0]) if items else None

    def refund(self, key: str, payment: str, amount: Price) -> str:
        """As the interface has it."""
        asked = {"key": key, "payment": payment, "amount": amount.model_dump()}
        refund: str = self._ask("POST", "/refunds", asked)["refund"]
        return refund

    def _ask(self, method: str, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
        """What the bank says, if it says 200. Raises TryAgain."""
        connection = HTTPConnection(self.address, timeout=PATIENCE_S)
        try:
            connection.request(method, path, json.dumps(body) if body else None)
            answer = connection.getresponse()
            said = answer.read()
        except (OSError, HTTPException) as failure:
            raise TryAgain(f"the sandbox did not answer: {type(failure).__name__}") from failure
        finally:
            connection.close()
        if answer.status != 200:
            raise TryAgain(f"the sandbox answered {answer.status}")
        found: dict[str, Any] = json.loads(said)
        return found


def _outcome(said: dict[str, Any]) -> Captured | Declined:
    return Captured(said["payment"]) if "payment" in said else Declined(said["reason"])
