"""The bank's requests, each answered in JSON.

    POST /charges {key, order, amount: {amount, currency}, token}   {payment} or {reason}, and more
    POST /refunds {key, payment, amount: {amount, currency}}        {refund}, and more
    GET  /charges?key=&order=   GET /refunds?key=&payment=          {items}, oldest first

What is wrong is a problem that names it: 404, 409, 413, 422.
"""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Annotated, Any
from urllib.parse import parse_qsl

from pydantic import StringConstraints, ValidationError

from chalicelib.events import Model
from chalicelib.events.product import Price
from local.answers import Answer, problem
from local.bank.ledger import Ledger, Refused

if TYPE_CHECKING:
    from local.wire import Request

APPROVED, SLOW, ERROR_AFTER = "tok_approved", "tok_slow", "tok_error_after"
DECLINES = {"tok_declined": "declined", "tok_insufficient_funds": "insufficient-funds"}
SLOW_S = 3.0
ASKS = {"/charges": {"key", "order"}, "/refunds": {"key", "payment"}}
STATUSES = {"unknown-payment": 404, "key-reused": 409, "refund-too-large": 409, "invalid": 422}

Word = Annotated[str, StringConstraints(pattern=r"^[!-~]{1,255}$")]


class Charge(Model):
    """So much from the card of this token."""

    key: Word
    order: Word
    amount: Price
    token: str


class Refund(Model):
    """So much of a payment back."""

    key: Word
    payment: Word
    amount: Price


class Counter:
    """Where one asks: stands before the ledger."""

    def __init__(self, ledger: Ledger) -> None:
        self.ledger = ledger

    def answer(self, request: Request) -> Answer:
        """The answer, whatever was asked."""
        path, _, query = request.target.partition("?")
        if path not in ASKS or request.method not in ("GET", "POST"):
            return problem(404, "not-found", "there is no such route")
        try:
            if request.method == "GET":
                return _said({"items": self._listed(path, dict(parse_qsl(query)))})
            return self._charge(request) if path == "/charges" else self._refund(request)
        except Refused as no:
            return problem(STATUSES[no.slug], no.slug, no.detail)
        except ValidationError as no:
            where = ".".join(map(str, no.errors()[0]["loc"])) or "body"
            return problem(422, "invalid", "this is not what the bank takes", field=where)

    def _listed(self, path: str, where: dict[str, str]) -> list[dict[str, Any]]:
        if unknown := where.keys() - ASKS[path]:
            raise Refused("invalid", f"the bank has no {min(unknown)} to ask for")
        read = self.ledger.charges if path == "/charges" else self.ledger.refunds
        return read(**where)

    def _charge(self, request: Request) -> Answer:
        asked = Charge.model_validate_json(request.body)
        if asked.token == SLOW and not self.ledger.charges(key=asked.key):
            time.sleep(SLOW_S)
        charged, fresh = self.ledger.charge(
            asked.key, asked.order, asked.amount, _reason(asked.token)
        )
        if fresh and asked.token == ERROR_AFTER:
            return problem(500, "internal", "this card's charge is done, and not answered")
        return _said(charged)

    def _refund(self, request: Request) -> Answer:
        asked = Refund.model_validate_json(request.body)
        return _said(self.ledger.refund(asked.key, asked.payment, asked.amount))


def _reason(token: str) -> str | None:
    """Why the card is declined, if it is."""
    if token in (APPROVED, SLOW, ERROR_AFTER):
        return None
    return DECLINES.get(token, "invalid-card")


def _said(body: dict[str, Any]) -> Answer:
    return Answer(200, (("Content-Type", "application/json"),), json.dumps(body).encode())
