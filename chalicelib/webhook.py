"""The webhook: Stripe tells what became of a payment, and it is settled as the worker would.

- The outcome is the one that the worker would find, by the same function, kept at the same place
  (`done/`, the first stays) and said under the same id: so they cannot disagree, and what is told
  twice changes nothing.
- What is not about an open charge of this shop and stage is acknowledged all the same: what Stripe
  is refused, it sends again for days.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Annotated, Any

from pydantic import BaseModel, StringConstraints, ValidationError

from chalicelib import config, http, telemetry, todos
from chalicelib.config import settings
from chalicelib.errors import NotFound
from chalicelib.events.order import Id, Paid, PaymentDeclined, Reference
from chalicelib.events.product import Price
from chalicelib.http import Answer, Request
from chalicelib.payments import Captured, Declined, notice, stripe
from chalicelib.payments.notice import HEADER, Notice

TYPES = {
    "payment_intent.succeeded",
    "payment_intent.payment_failed",
    "payment_intent.canceled",
}


class About(BaseModel):
    """What the shop wrote onto an intent when it made it."""

    stage: str
    order: Id
    todo: Annotated[str, StringConstraints(pattern=r"^charge@[!-~]{1,255}$")]


class Intent(BaseModel):
    """A PaymentIntent of a shop's, as far as it is read."""

    id: Reference
    status: str
    amount: int
    currency: str
    metadata: About
    last_payment_error: dict[str, Any] | None = None


def hear(request: Request) -> Answer:
    """What Stripe tells, settled or passed over.

    Raises NotFound where the shop has no Stripe, BadRequest, UnfitSignature, SignedLongAgo,
    TooLarge, Invalid, CatchingUp, CloudFailure.
    """
    if settings().payments != "stripe":
        raise NotFound("this shop takes no cards by Stripe")
    notice.believe(http.body(request), request.headers.get(HEADER.lower()), _secret())
    told = http.parse(request, Notice)
    is_settled = told.type in TYPES and _settled(told.data.object)
    telemetry.say("webhook", settled=is_settled)
    return Answer(204, "")


def _settled(told: Mapping[str, Any]) -> bool:
    """Whether this was an open charge of ours, and is settled now."""
    try:
        intent = Intent.model_validate(told)
        fact = _fact(intent)
    except ValidationError:  # an intent that somebody else made, or wrote upon
        return False
    about = intent.metadata
    if about.stage != settings().stage or fact is None:
        return False
    return todos.settle(about.todo, f"order/{about.order}", fact)


def _fact(intent: Intent) -> Paid | PaymentDeclined | None:
    """What the worker would say of it; None while it is open."""
    match stripe.outcome(intent.model_dump()):
        case Captured(payment=payment):
            amount = Price(amount=intent.amount, currency=intent.currency.upper())
            return Paid(todo=intent.metadata.todo, payment=payment, amount=amount)
        case Declined(reason=reason):
            return PaymentDeclined(todo=intent.metadata.todo, reason=reason)
        case _:
            return None


@cache
def _secret() -> str:
    """What Stripe signs with, as SSM keeps it."""
    return config.parameter(settings().stripe_webhook)
