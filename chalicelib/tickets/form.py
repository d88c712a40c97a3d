"""What is sent to open a ticket: JSON, or the fields of a page's form.

A form's `once` is its Idempotency-Key: sent twice, it is one ticket. Whoever has no token is told
from nobody else, so their key must be one that nobody guesses, and stands for this very text alone.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated
from urllib.parse import parse_qsl

from pydantic import AfterValidator, StringConstraints

from chalicelib import door, http, vault
from chalicelib.errors import BadRequest
from chalicelib.events import Model
from chalicelib.events.envelope import example
from chalicelib.events.order import Id
from chalicelib.events.product import TEXT, not_blank
from chalicelib.events.told import valid
from chalicelib.http import Request
from chalicelib.signing import strict

FORM = "application/x-www-form-urlencoded"
MOST_TEXT, MOST_FIELDS, LEAST_KEY = 4000, 20, 22
Text = Annotated[
    str,
    StringConstraints(min_length=1, max_length=MOST_TEXT, pattern=TEXT),
    AfterValidator(not_blank),
]


class NewTicket(Model):
    """What somebody asks of the shop, and of which order of theirs, if of one."""

    model_config = example(text="The cup came without its handle.")

    text: Text
    order_id: Id | None = None


class TicketForm(Model):
    """The same as a page's form has it."""

    model_config = example(text="The cup came without its handle.")

    text: Text
    once: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{22,64}$")] | None = None


class TicketChange(Model):
    """Whether it is done; and its text, which stays where it is left out."""

    model_config = example(text="The cup came without its handle.", checked=True)

    text: Text | None = None
    checked: bool


def read(request: Request) -> tuple[NewTicket, door.Once | None]:
    """What is asked, and what its key comes to.

    Raises Unsupported, TooLarge, BadRequest, Invalid.
    """
    key = door.key_of(request)
    if http.content_type(request, (http.JSON, FORM)) == http.JSON:
        said = http.parse(request, NewTicket)
        return said, _once(request, said, key, door.HEADER)
    sent = valid(TicketForm, fields(http.body(request)))
    said = NewTicket(text=sent.text)
    return said, _once(request, said, key or sent.once, door.HEADER if key else "once")


def fields(body: bytes) -> dict[str, str]:
    """A form's fields, its lines ended as ours are. Raises BadRequest."""
    try:
        pairs = parse_qsl(
            body.decode("ascii"),
            keep_blank_values=True,
            strict_parsing=True,
            errors="strict",
            max_num_fields=MOST_FIELDS,
        )
    except ValueError:
        raise BadRequest("the body is not a form that can be read", field="body") from None
    found = {name: [value for other, value in pairs if other == name] for name, _ in pairs}
    if any(len(values) > 1 for values in found.values()):
        raise BadRequest("a field of a form stands once", field="body")
    return {name: value.replace("\r\n", "\n") for name, value in pairs}


def _once(request: Request, said: NewTicket, key: str | None, named: str) -> door.Once | None:
    if key is None:
        return None
    document = said.model_dump(by_alias=True, exclude_none=True)
    if request.actor:
        return door.Once.of(request, key, document, named)
    if len(key) < LEAST_KEY:
        detail = f"without a token a key has {LEAST_KEY} or more characters, which nobody guesses"
        raise BadRequest(detail, field=named)
    text = vault.fingerprint("guests", strict.encode(document)).hex()
    return door.Once.of(replace(request, actor=f"guest {text}"), key, document, named)
