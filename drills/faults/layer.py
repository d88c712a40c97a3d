"""The fault layer: what the plan draws happens to the HTTP requests of botocore's clients.

It is hooked to `before-send`, so the client's own retries meet it as they would meet AWS: each
attempt is a call of its own. What is done and not heard is really done. Each fault is told as one
line on standard error.
"""

from __future__ import annotations

import io
import json
import time
from collections.abc import Iterator
from typing import Any

import boto3
from botocore import xform_name
from botocore.awsrequest import AWSPreparedRequest, AWSResponse, HeadersDict
from botocore.exceptions import ConnectTimeoutError, ReadTimeoutError
from botocore.httpsession import URLLib3Session

from chalicelib import config, telemetry
from drills.faults.plan import Fault, Plan

SLOW_S = 1.0
Said = dict[str, Any]
SLOW_DOWN = {"ErrorCode": "ProvisionedThroughputExceededException", "ErrorMessage": "slow down"}
TOO_FAST = {
    "s3": ("SlowDown", 503),
    "kinesis": ("ProvisionedThroughputExceededException", 400),
    "dynamodb": ("ThrottlingException", 400),
}
CONDITIONS = ("If-None-Match", "If-Match")
CONFLICT = {"CancellationReasons": [{"Code": "TransactionConflict", "Message": "another one"}]}


def install(plan: Plan) -> None:
    """From here on every client that `config.client` makes meets what the plan draws."""
    boto3.setup_default_session()
    assert boto3.DEFAULT_SESSION is not None
    boto3.DEFAULT_SESSION.events.register("before-send", Layer(plan).before_send)
    config.forget()


class Layer:
    """The faults of one process."""

    def __init__(self, plan: Plan) -> None:
        self.plan, self.wire = plan, URLLib3Session(timeout=10)

    def before_send(
        self, request: AWSPreparedRequest, event_name: str, **_: Any
    ) -> AWSResponse | None:
        """The answer, if it is not to be what comes of sending the request once."""
        service, name = event_name.split(".")[1:]
        operation = xform_name(name)
        conditional = any(each in request.headers for each in CONDITIONS)
        fault = self.plan.draw(operation, conditional=conditional)
        if fault is None:
            return None
        telemetry.say("fault", fault=fault, call=f"{service} {operation}")
        if fault is Fault.partly:
            return self._partly(operation, request)
        if fault in (Fault.unheard, Fault.spoilt, Fault.again):
            self._send(request)
        return _answer(fault, service, request)

    def _send(self, request: AWSPreparedRequest) -> bytes:
        """What the service says, read to its end; the request can be sent once more."""
        answer = self.wire.send(request)
        said: bytes = answer.content
        request.reset_stream()
        return said

    def _partly(self, operation: str, request: AWSPreparedRequest) -> AWSResponse:
        """Some of it is sent, and the answer tells of the rest as the service does."""
        asked = json.loads(request.body)
        parts = {"batch_get_item": self._read, "put_records": self._put}
        told = parts.get(operation, self._post)(request, asked)
        return _made(request, 200, json.dumps(told))

    def _read(self, request: AWSPreparedRequest, asked: Said) -> Said:
        ((table, wanted),) = asked["RequestItems"].items()
        done, left = self._parted(wanted["Keys"])
        said = self._some(request, {"RequestItems": {table: {**wanted, "Keys": done}}}, done)
        return {"Responses": {}, **said, "UnprocessedKeys": {table: {**wanted, "Keys": left}}}

    def _put(self, request: AWSPreparedRequest, asked: Said) -> Said:
        records = asked["Records"]
        refused = set(self.plan.some(len(records)))
        done = [each for at, each in enumerate(records) if at not in refused]
        taken = iter(self._some(request, {**asked, "Records": done}, done).get("Records", ()))
        told = [SLOW_DOWN if at in refused else next(taken) for at in range(len(records))]
        return {"FailedRecordCount": len(refused), "Records": told}

    def _post(self, request: AWSPreparedRequest, asked: Said) -> Said:
        done, left = self._parted(asked["Entries"])
        said = self._some(request, {**asked, "Entries": done}, done)
        no = {"Code": "InternalError", "SenderFault": False}
        return {"Successful": [], **said, "Failed": [{"Id": each["Id"], **no} for each in left]}

    def _parted(self, of: list[Any]) -> tuple[list[Any], list[Any]]:
        left = set(self.plan.some(len(of)))
        return [each for at, each in enumerate(of) if at not in left], [of[at] for at in left]

    def _some(self, request: AWSPreparedRequest, asked: Said, done: list[Any]) -> Said:
        """What the service says to so much of it; nothing where nothing is left to ask."""
        if not done:
            return {}
        body = json.dumps(asked).encode()
        headers = HeadersDict(request.headers)
        headers["Content-Length"] = str(len(body))
        less = AWSPreparedRequest(request.method, request.url, headers, body, stream_output=False)
        said: Said = json.loads(self._send(less))
        return said


def _answer(fault: Fault, service: str, request: AWSPreparedRequest) -> AWSResponse | None:
    """What comes back; None for what the service itself says when the request is sent (again)."""
    match fault:
        case Fault.throttled:
            return _refusal(request, service, *TOO_FAST.get(service, ("ThrottlingException", 400)))
        case Fault.broken | Fault.spoilt:
            return _refusal(request, service, "InternalServerError", 500)
        case Fault.conflict if service == "s3":
            return _refusal(request, service, "ConditionalRequestConflict", 409)
        case Fault.conflict:
            return _refusal(request, service, "TransactionCanceledException", 400, **CONFLICT)
        case Fault.lost:
            raise ConnectTimeoutError(endpoint_url=request.url)
        case Fault.unheard:
            raise ReadTimeoutError(endpoint_url=request.url)
        case Fault.slow:
            time.sleep(SLOW_S)
    return None


def _refusal(
    request: AWSPreparedRequest, service: str, code: str, status: int, **more: Any
) -> AWSResponse:
    if service == "s3":
        return _made(request, status, f"<Error><Code>{code}</Code><Message>drill</Message></Error>")
    return _made(request, status, json.dumps({"__type": code, "message": "drill", **more}))


def _made(request: AWSPreparedRequest, status: int, body: str) -> AWSResponse:
    return AWSResponse(request.url, status, {"x-amzn-RequestId": "drill"}, _Raw(body.encode()))


class _Raw(io.BytesIO):
    """A body as urllib3 has it."""

    def stream(self) -> Iterator[bytes]:
        yield self.read()
