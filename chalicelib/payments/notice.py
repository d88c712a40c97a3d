"""What Stripe tells by itself of a payment: believed by its signature, read no further than needed.

The signature is HMAC-SHA-256 over the time of sending and the bytes, under a secret that Stripe and
the shop share. One that was sent over 300 s ago may be a replay, and is not read.
"""

from __future__ import annotations

import re
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

from chalicelib.errors import BadRequest, SignedLongAgo, UnfitSignature
from chalicelib.events.envelope import example

TOLERANCE_S = 300
SIGNATURE = r"^t=[0-9]{1,12}(,[a-z0-9_]{1,16}=[!-+\--~]{1,256}){1,16}$"
HEADER = "Stripe-Signature"


class Object(BaseModel):
    """The thing as it stands: of a PaymentIntent, with the metadata that the shop gave it."""

    object: dict[str, Any]


class Notice(BaseModel):
    """An event as Stripe tells it; members that are not named here are not read."""

    model_config = ConfigDict(frozen=True, strict=True) | example(
        type="payment_intent.succeeded",
        data={"object": {"object": "payment_intent", "id": "pi_1", "status": "succeeded"}},
    )

    type: Annotated[str, Field(max_length=100)]
    data: Object


def believe(body: bytes, header: str | None, secret: str) -> None:
    """Nothing, where Stripe sent these bytes just now.

    Raises BadRequest (no such header), UnfitSignature, SignedLongAgo.
    """
    import stripe  # noqa: PLC0415  (a third of a cold start)

    if header is None or not re.fullmatch(SIGNATURE, header):
        raise BadRequest(f"Stripe signs what it sends: {HEADER} is t=…,v1=…", field=HEADER)
    try:
        stripe.WebhookSignature.verify_header(body, header, secret)
    except (stripe.SignatureVerificationError, UnicodeDecodeError):
        raise UnfitSignature("it does not fit these bytes", field=HEADER) from None
    try:
        stripe.WebhookSignature.verify_header(body, header, secret, TOLERANCE_S)
    except stripe.SignatureVerificationError:
        raise SignedLongAgo(f"it was sent over {TOLERANCE_S} s ago", field=HEADER) from None
