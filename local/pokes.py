"""The queue `work`, driven as Lambda's mapping would: one message a call, a few calls at a time.

- A message that was worked on is deleted. One that failed is visible again after 1 s, doubling with
  each time that it is received up to 60 s: Lambda would let its whole visibility time-out pass.
- No more is received than can be begun at once.
- Told to stop, what is in hand is finished; what was just received is visible again at once.
"""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from chalicelib import config, telemetry
from chalicelib.errors import TillstreamError
from local.batches import poked

if TYPE_CHECKING:
    from collections.abc import Callable

AT_ONCE = 4
LONG_POLL_S = 1
PAUSE_S = 0.5
MOST_BACK_OFF_S = 60


@dataclass
class Pokes:
    """The mapping of one queue."""

    queue: str
    work: Callable[[dict[str, Any], Any], Any]
    context: Any
    stop: threading.Event
    free: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(AT_ONCE))

    def run(self) -> None:
        """Until `stop` is set; then once all that is in hand is done."""
        with ThreadPoolExecutor(AT_ONCE, "work") as pool:
            while not self.stop.is_set():
                if not self.free.acquire(timeout=PAUSE_S):
                    continue
                message = self._received()
                if message is None:
                    self.free.release()
                else:
                    pool.submit(self._deliver, message)

    def _received(self) -> dict[str, Any] | None:
        """The next message, if one comes in time."""
        try:
            answer = self._ask(
                "receive_message",
                MaxNumberOfMessages=1,
                WaitTimeSeconds=LONG_POLL_S,
                AttributeNames=["ApproximateReceiveCount"],
            )
        except Exception as failure:  # noqa: BLE001  (no queue stands still in silence)
            telemetry.say("queue-unread", queue=self.queue, reason=str(failure))
            self.stop.wait(PAUSE_S)
            return None
        found: list[dict[str, Any]] = answer.get("Messages", [])
        return found[0] if found else None

    def _deliver(self, message: dict[str, Any]) -> None:
        try:
            if self.stop.is_set():
                self._again(message, 0)
            elif self._worked(message):
                self._ask("delete_message", ReceiptHandle=message["ReceiptHandle"])
            else:
                times = int(message["Attributes"]["ApproximateReceiveCount"])
                self._again(message, min(2 ** min(times - 1, 9), MOST_BACK_OFF_S))
        except (ClientError, BotoCoreError) as failure:
            telemetry.say("queue-unread", queue=self.queue, reason=str(failure))
        finally:
            self.free.release()

    def _worked(self, message: dict[str, Any]) -> bool:
        try:
            self.work(poked(self.queue, message), self.context)
        except Exception as failure:  # noqa: BLE001  (whatever it is, Lambda tries again)
            reason = str(failure) if isinstance(failure, TillstreamError) else ""
            telemetry.say("work-failed", error=type(failure).__name__, reason=reason)
            return False
        return True

    def _again(self, message: dict[str, Any], in_s: int) -> None:
        handle = message["ReceiptHandle"]
        self._ask("change_message_visibility", ReceiptHandle=handle, VisibilityTimeout=in_s)

    def _ask(self, operation: str, **request: Any) -> dict[str, Any]:
        sqs = config.client("sqs")
        url = sqs.get_queue_url(QueueName=self.queue)["QueueUrl"]
        answer: dict[str, Any] = getattr(sqs, operation)(QueueUrl=url, **request)
        return answer
