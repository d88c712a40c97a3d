"""How people are reached: by mail (SES) and by text message (SNS).

An address that the provider will never take is no reason to ask again: it is told to the log, by
the provider's word for it alone. Raises TryAgain where asking again may help.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from chalicelib import config, telemetry
from chalicelib.errors import TryAgain

# By SES: refused; no address. By SNS: no number, one that wants no messages.
FOR_GOOD = {"MessageRejected", "InvalidParameterValue", "InvalidParameter", "OptedOut"}


def mail(to: str, subject: str, text: str) -> bool:
    """Whether the mail is on its way; it never will be, if not. Raises TryAgain."""
    message = {"Subject": _utf8(subject), "Body": {"Text": _utf8(text)}}
    return _taken(
        "email",
        lambda: config.client("ses").send_email(
            Source=config.settings().mail_from,
            Destination={"ToAddresses": [to]},
            Message=message,
        ),
    )


def text_message(to: str, text: str) -> bool:
    """Whether the text message is on its way; it never will be, if not. Raises TryAgain."""
    return _taken("phone", lambda: config.client("sns").publish(PhoneNumber=to, Message=text))


def _utf8(text: str) -> dict[str, str]:
    return {"Charset": "UTF-8", "Data": text}


def _taken(channel: str, send: Callable[[], Any]) -> bool:
    try:
        send()
    except ClientError as error:
        code = error.response["Error"]["Code"]
        if code not in FOR_GOOD:
            raise TryAgain(f"{channel}: {code}") from error
        telemetry.say("message-refused", channel=channel, error=code)
        return False
    except BotoCoreError as error:
        raise TryAgain(f"{channel}: {type(error).__name__}") from error
    return True
