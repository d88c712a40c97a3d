"""Notify: the customer is told what became of an order, by mail, by text message, or by both.

Whom one of them reached is told: the other is not waited for, so that nobody hears it twice because
of it. What is no longer so when it could be said is not said. Nor is anything to who was erased.
"""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Any, NamedTuple

from chalicelib import config, personal, read, telemetry
from chalicelib.decisions.order import Order
from chalicelib.errors import TryAgain
from chalicelib.events.order import Channel, Notified
from chalicelib.events.product import Price
from chalicelib.todos import sending
from chalicelib.todos.kind import Owed
from chalicelib.views import queue

# ISO 4217: the currencies whose minor unit is not a hundredth.
WHOLE = re.compile("BIF|CLP|DJF|GNF|ISK|JPY|KMF|KRW|PYG|RWF|UGX|VND|VUV|XAF|XOF|XPF")
THOUSANDTHS = re.compile("BHD|IQD|JOD|KWD|LYD|OMR|TND")
MINUTE_MS = 60_000


class Notice(NamedTuple):
    """A message: its subject and one or two sentences, which name nobody."""

    subject: str
    text: str


def do(owed: Owed) -> Notified:
    """By which channels the customer was told. Raises TryAgain, CloudFailure."""
    known = personal.decrypt(owed.state.customer, owed.subject, owed.state.pii)
    if known is None or not _is_news(owed.state, owed.todo.about):
        return Notified(todo=owed.id, channels=[])
    notice = _notice(owed)
    return Notified(todo=owed.id, channels=_told(owed.entity, notice, known))


def _told(entity: str, notice: Notice, known: dict[str, Any]) -> list[Channel]:
    """The channels that worked. Raises TryAgain where none did, and one may yet."""
    told: list[Channel] = []
    failed: list[TryAgain] = []
    for channel, address in _addresses(known["contact"]):
        try:
            if _say(channel, address, entity, notice, known["name"]):
                told.append(channel)
        except TryAgain as failure:
            telemetry.say("message-failed", channel=channel, order=entity)
            failed.append(failure)
    if failed and not told:
        raise failed[0]
    return told


def _addresses(contact: dict[str, str]) -> list[tuple[Channel, str]]:
    """How the customer can be reached; by mail where the shop has an address to send from."""
    channels: list[Channel] = ["email", "phone"] if config.settings().mail_from else ["phone"]
    return [(channel, contact[channel]) for channel in channels if channel in contact]


def _say(channel: Channel, address: str, entity: str, notice: Notice, name: str) -> bool:
    if channel == "phone":
        return sending.text_message(address, f"{notice.text} (order {entity})")
    return sending.mail(address, notice.subject, _letter(entity, notice, name))


def _letter(entity: str, notice: Notice, name: str) -> str:
    return f"Hello {name},\n\n{notice.text}\n\nYour order: {entity}\n"


def _is_news(state: Order, about: str) -> bool:
    """Whether it is still so, and still worth saying."""
    match about:
        case "accepted":
            return queue.is_to_be_made(state)
        case "payment-declined" | "ready" | "expired" | "cancelled":
            return state.status == about
        case _:
            return True


def _notice(owed: Owed) -> Notice:
    state: Order = owed.state
    match owed.todo.about:
        case "accepted":
            return Notice("Your order is accepted", f"We make your order now{_how(owed)}")
        case "payment-declined":
            minutes = config.settings().card_wait_s // 60
            text = f"Your card was not accepted. Offer another card within {minutes} minutes."
            return Notice("Your card was not accepted", text)
        case "ready":
            return Notice("Your order is ready", "Your order is ready: it waits on the counter.")
        case "expired":
            text = "Your order was not paid in time and is closed. Nothing was charged."
            return Notice("Your order is closed", text)
        case "cancelled":
            back = " You get the money back." if state.captured else ""
            return Notice("Your order was cancelled", f"Your order was cancelled.{back}")
        case "refunded":
            amount = money(state.total.model_copy(update={"amount": state.refunded}))
            return Notice("You get money back", f"We gave back {amount} of your order in all.")
        case other:
            raise ValueError(f"there is no notice about {other}")


def _how(owed: Owed) -> str:
    """How they come by it."""
    if owed.state.branch == "deliver":
        return "; a courier brings it."
    return f". It is ready {_when(owed)}."


def _when(owed: Owed) -> str:
    """When it will be ready; with the day, if that is not today."""
    now = read.now_ms()
    ready = queue.line().ready_at(queue.place_of(owed.state.due, owed.subject), now)
    minutes = max(1, -(-(ready - now) // MINUTE_MS))
    day, time = read.stamp(ready)[:10], read.stamp(ready)[11:16]
    on_day = "" if read.stamp(now)[:10] == day else f" on {day}"
    return f"in about {minutes} min, at {time} UTC{on_day}"


def money(price: Price) -> str:
    """The amount as people write it."""
    places = 0 if WHOLE.match(price.currency) else 3 if THOUSANDTHS.match(price.currency) else 2
    return f"{Decimal(price.amount).scaleb(-places):f} {price.currency}"
