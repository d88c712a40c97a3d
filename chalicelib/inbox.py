"""The inbox: the text messages that this shop sent, on a machine where no telephone rings.

They lie in the memory of the emulator that stands for SNS, and are gone with it. Its ids tell when
a message was sent (`local/emulator.py`). In AWS there is none.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from http.client import HTTPConnection, HTTPException
from typing import Any
from urllib.parse import urlsplit

from typing_extensions import TypedDict

from chalicelib import config, http, read, web
from chalicelib.errors import CloudFailure, NotFound
from chalicelib.http import Answer, Request

PAGE, SENT = "inbox.html", "/_ministack/sns/sms-messages"
MOST, PATIENCE_S = 100, 5.0


class Text(TypedDict):
    """A text message, to whom it was sent and when."""

    id: str
    phone: str
    text: str
    at: str


def inbox(request: Request) -> Answer:
    """The newest messages. Raises NotFound where telephones ring, and CloudFailure."""
    if config.settings().identity != "local":
        raise NotFound("here text messages go to the telephones they are for")
    texts = sorted(_texts(_sent()), key=lambda text: text["id"], reverse=True)[:MOST]
    page = read.Page[Text](items=texts, next=None)
    return http.private(request, page, f'W/"{http.digest(page)}"')


def show(request: Request, answer: Answer) -> Answer:
    """The answer; as a page that asks for it anew, where the caller prefers one."""
    if answer.status == 200 and http.prefers(request, http.HTML):
        answer = web.file(replace(request, headers={}), PAGE)
    return replace(answer, headers={**answer.headers, "Vary": "Accept"})


def _texts(sent: Any) -> Iterator[Text]:
    for phone, messages in sent["sms_messages"].items():
        for each in messages:
            number = each["MessageId"]
            at = read.stamp(int(number.replace("-", "")[:12], 16))
            yield {"id": number, "phone": phone, "text": each["Message"], "at": at}


def _sent() -> Any:
    """What the emulator has. Raises CloudFailure."""
    address = urlsplit(config.client("sns").meta.endpoint_url).netloc
    connection = HTTPConnection(address, timeout=PATIENCE_S)
    try:
        connection.request("GET", SENT)
        return json.loads(connection.getresponse().read())
    except (OSError, HTTPException) as failure:
        raise CloudFailure(f"the local cloud does not answer: {failure}") from failure
    finally:
        connection.close()
