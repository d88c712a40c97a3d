"""Courier: a message on the courier's queue, of an order that is made and is to be brought."""

from __future__ import annotations

import json
from functools import cache
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from chalicelib import config, personal
from chalicelib.decisions.order import Order
from chalicelib.errors import TryAgain
from chalicelib.events.order import Dispatched
from chalicelib.todos.kind import Owed


def do(owed: Owed) -> Dispatched:
    """That the queue took it. Raises TryAgain."""
    known = personal.decrypt(owed.state.customer, owed.subject, owed.state.pii)
    body = json.dumps(message(owed.entity, owed.state, known), ensure_ascii=False)
    try:
        sqs = config.client("sqs")
        queue = _url(sqs, config.settings().courier_queue)
        sqs.send_message(QueueUrl=queue, MessageBody=body)
    except ClientError as error:
        raise TryAgain(f"sqs: {error.response['Error']['Code']}") from error
    except BotoCoreError as error:
        raise TryAgain(f"sqs: {type(error).__name__}") from error
    return Dispatched(todo=owed.id)


def message(entity: str, state: Order, known: dict[str, Any] | None) -> dict[str, Any]:
    """What the courier needs; of who was erased since, that they were."""
    lines = [
        {"productId": item.product_id, "name": item.name, "quantity": item.quantity}
        for item in state.lines
    ]
    if known is None:
        return {"orderId": entity, "erased": True, "lines": lines}
    whom = {name: known[name] for name in ("name", "address")}
    phone = {"phone": known["contact"]["phone"]} if "phone" in known["contact"] else {}
    return {"orderId": entity, **whom, **phone, "lines": lines}


@cache
def _url(sqs: Any, queue: str) -> str:
    url: str = sqs.get_queue_url(QueueName=queue)["QueueUrl"]
    return url
