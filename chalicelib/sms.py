"""Text messages, as Twilio passes them on: a form, signed, and answered at once in TwiML.

- A message is believed by its signature alone: HMAC-SHA-1, under the account's token, of the
  address that Twilio was given and of every member of the form. Without it nothing is read.
- Who sent it is whom the desk knows by the number's fingerprint. A picture is fetched later, by a
  to-do: here it is said that one was sent, under an id of the message's, so it counts once.
- A word is a command where it comes alone. With a picture it is what somebody says of the picture,
  but for STOP.
- What cannot be is said to the sender in a sentence, and changes nothing.
"""

from __future__ import annotations

import base64
import hmac
import html
from collections.abc import Mapping
from dataclasses import replace
from functools import cache
from typing import Annotated
from urllib.parse import parse_qsl, urlsplit

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from chalicelib import config, door, http, photographers, read
from chalicelib.config import settings
from chalicelib.decisions import DECIDERS
from chalicelib.decisions.desk import KIND, SUBJECT, Desk, unless_doubted
from chalicelib.door import Once
from chalicelib.errors import (
    BadRequest,
    NotFound,
    NotFromTwilio,
    Refused,
    UnknownPhotographer,
)
from chalicelib.events import Fact, desk
from chalicelib.events.envelope import example
from chalicelib.events.told import valid
from chalicelib.http import Answer, Request
from chalicelib.subjects import subject_key, subject_of

HEADER = "X-Twilio-Signature"
FORM, TWIML = "application/x-www-form-urlencoded", "text/xml"
MOST_MEMBERS = 200
PORTS = {"https": 443, "http": 80}
STOP = {"STOP", "STOPALL", "UNSUBSCRIBE", "CANCEL", "END", "QUIT"}  # as Twilio has them
ASKED = {"HELP", "INFO", "START", "YES", "UNSTOP"}

TAKEN = "Thank you! We look at the first picture that reaches us in time."
LEFT = "You are asked for no more pictures. Register again when you want to be."
HELP = "We ask photographers who registered for pictures of products. Reply STOP to end it."
STRANGER = "We do not know this number. Register as a photographer first."
NO_PICTURE = "We need a picture: please send one."
ONE_PICTURE = "We take one picture at a time: please send the best one alone."


class Message(BaseModel):
    """A message as Twilio tells it; members that are not named here are not read."""

    model_config = ConfigDict(frozen=True) | example(
        MessageSid="MM0123456789abcdef0123456789abcdef",
        From="+4915155500000",
        Body="",
        NumMedia="1",
        MediaUrl0="https://api.twilio.com/2010-04-01/Accounts/AC0/Messages/MM0/Media/ME0",
    )

    sid: Annotated[
        str, StringConstraints(pattern=r"^[A-Za-z0-9]{1,64}$"), Field(alias="MessageSid")
    ]
    number: Annotated[str, Field(alias="From", min_length=1, max_length=320)]
    text: Annotated[str, Field(alias="Body", max_length=4000)] = ""
    pictures: Annotated[
        str, StringConstraints(pattern=r"^[0-9]{1,2}$"), Field(alias="NumMedia")
    ] = "0"
    media: Annotated[desk.Media | None, Field(alias="MediaUrl0")] = None


def hear(request: Request) -> Answer:
    """What somebody sent, answered in TwiML.

    Raises NotFound where the shop takes no messages, NotFromTwilio, BadRequest, TooLarge, Invalid.
    """
    if not settings().twilio_token:
        raise NotFound("this shop takes no text messages")
    http.content_type(request, (FORM,))
    members = _form(http.body(request))
    believe(members, request.headers.get(HEADER.lower(), ""))
    return _twiml(_answered(request, valid(Message, members)))


def _form(body: bytes) -> dict[str, str]:
    """The members of the form. Raises BadRequest."""
    try:
        pairs = parse_qsl(
            body.decode(), keep_blank_values=True, errors="strict", max_num_fields=MOST_MEMBERS
        )
    except ValueError:
        raise BadRequest("the body is no form that can be read", field="body") from None
    members = dict(pairs)
    if len(members) < len(pairs):
        raise BadRequest("a member of the form stands once", field="body")
    return members


def believe(members: Mapping[str, str], signature: str) -> None:
    """Nothing, where Twilio signed this. Raises NotFromTwilio.

    Whether it signs an address with its port is told differently in different years: both will do.
    """
    said = signature.encode()
    fits = [hmac.compare_digest(_signed(each, members), said) for each in _addresses()]
    if not any(fits):
        raise NotFromTwilio(f"{HEADER} does not fit this request", field=HEADER)


def _addresses() -> set[str]:
    address = f"{settings().public_url}/sms"
    parts = urlsplit(address)
    port = parts.port or PORTS.get(parts.scheme)
    bare = parts.netloc.removesuffix(f":{parts.port}")
    return {address, *(parts._replace(netloc=n).geturl() for n in (bare, f"{bare}:{port}"))}


def _signed(address: str, members: Mapping[str, str]) -> bytes:
    text = address + "".join(name + members[name] for name in sorted(members))
    return base64.b64encode(hmac.digest(_token().encode(), text.encode(), "sha1"))


def _answered(request: Request, message: Message) -> str:
    """The sentence that the sender gets."""
    word, sender = message.text.strip().upper(), _sender(request, message.number)
    pictures = int(message.pictures)
    if word in ASKED and not pictures:
        return HELP
    if sender is None:
        return STRANGER
    if word == "STOP" or (word in STOP and not pictures):
        left = desk.PhotographerLeft(photographer=sender)
        return _said(request, sender, message.sid, left) or LEFT
    if pictures != 1 or message.media is None:
        return ONE_PICTURE if pictures > 1 else NO_PICTURE
    received = desk.PictureReceived(media=message.media)
    return _said(request, sender, message.sid, received) or TAKEN


def _sender(request: Request, number: str) -> str | None:
    """The photographer with this number, if the desk knows one."""
    decider = DECIDERS[KIND]
    (row,) = read.rows(request, subject_key(decider, SUBJECT))
    state: Desk | None = subject_of(decider, row).state
    known = state or Desk()
    return known.who_has(photographers.phone_key(number), read.now_ms())


def _said(request: Request, sender: str, sid: str, fact: Fact) -> str | None:
    """The fact recorded, as the sender's; or why it is not, by the clock as it is now."""
    theirs = replace(request, actor=sender)
    once = Once.of(theirs, sid, fact.model_dump(mode="json"), "MessageSid")
    try:
        door.decided(
            theirs,
            SUBJECT,
            lambda state: unless_doubted(state, fact, sender, read.now_ms()),
            once,
        )
    except (Refused, UnknownPhotographer) as refusal:
        return f"Sorry: {refusal.detail}."
    return None


def _twiml(sentence: str) -> Answer:
    said = html.escape(sentence, quote=False)
    text = f'<?xml version="1.0" encoding="UTF-8"?>\n<Response><Message>{said}</Message></Response>'
    return Answer(200, text, {"Content-Type": f"{TWIML}; charset=utf-8"})


@cache
def _token() -> str:
    """What Twilio signs with, as SSM keeps it."""
    return config.parameter(settings().twilio_token)
