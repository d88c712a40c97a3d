"""The queue `work`: a poke says that a to-do may be open. The only file that knows it.

A poke carries no truth: whoever takes it looks what is owed. So a poke may be lost (the sweep pokes
again), come twice, or come late.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Any, NamedTuple

from botocore.exceptions import BotoCoreError, ClientError

from chalicelib import config
from chalicelib.errors import CloudFailure

TOGETHER = 10  # a call takes no more
MOST_DELAY_S = 900  # nor longer


class Poke(NamedTuple):
    """This to-do of this subject may be open."""

    todo: str
    subject: str


def poke(todos: Iterable[tuple[str, str]], delay_s: int = 0) -> None:
    """Put a poke for each (to-do, subject) on the queue, to be taken after the delay.

    Raises CloudFailure; some of them may be on the queue all the same.
    """
    bodies = [json.dumps({"todo": todo, "subject": subject}) for todo, subject in todos]
    for at in range(0, len(bodies), TOGETHER):
        entries = [
            {"Id": str(number), "MessageBody": body, "DelaySeconds": min(delay_s, MOST_DELAY_S)}
            for number, body in enumerate(bodies[at : at + TOGETHER])
        ]
        _send(entries)


def decode(invocation: Mapping[str, Any]) -> Poke | None:
    """The poke that Lambda's mapping hands over, one a batch; None for what is none of ours."""
    (message,) = invocation["Records"]
    try:
        said = json.loads(message["body"])
    except ValueError:
        return None
    match said:
        case {"todo": str(todo), "subject": str(subject)}:
            return Poke(todo, subject)
        case _:
            return None


def _send(entries: list[dict[str, Any]]) -> None:
    try:
        sqs = config.client("sqs")
        queue = _url(sqs, config.settings().work_queue)
        answer = sqs.send_message_batch(QueueUrl=queue, Entries=entries)
    except (ClientError, BotoCoreError) as error:
        raise CloudFailure(f"sqs send_message_batch: {error}") from error
    if answer.get("Failed"):
        raise CloudFailure(f"sqs took not every poke: {answer['Failed'][0].get('Code')}")


@lru_cache(maxsize=8)
def _url(sqs: Any, queue: str) -> str:
    url: str = sqs.get_queue_url(QueueName=queue)["QueueUrl"]
    return url
