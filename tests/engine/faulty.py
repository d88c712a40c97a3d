"""The twin of the clouds with the fault layer on: what `drills/faults/plan.py` draws, happens here.

Each call is a moment at which other processes may get their turn too: `meanwhile` is called there.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ConnectTimeoutError, ReadTimeoutError
from simulator import Cloud, refusal

from drills.faults.plan import Fault, Plan

WHERE = "http://127.0.0.1"
Asked = dict[str, Any]
CONDITIONS = {"IfNoneMatch", "IfMatch"}
TOO_FAST = {
    "s3": ("SlowDown", 503),
    "kinesis": ("ProvisionedThroughputExceededException", 400),
    "dynamodb": ("ThrottlingException", 400),
    "sqs": ("RequestThrottled", 403),
}


@dataclass
class Faulty:
    """The clients of a region in which things go wrong; `told` is every call and its fault."""

    cloud: Cloud
    plan: Plan
    meanwhile: Callable[[str], None]
    told: list[str]

    def client(self, service: str) -> Client:
        """What `config.client` is replaced by."""
        return Client(self, service)


class Client:
    """One service's client."""

    def __init__(self, of: Faulty, service: str) -> None:
        self.of, self.service = of, service

    def __getattr__(self, operation: str) -> Callable[..., Any]:
        def call(**request: Any) -> Any:
            conditional = not CONDITIONS.isdisjoint(request)
            fault = self.of.plan.draw(operation, conditional=conditional)
            self.of.told.append(f"{self.service} {operation} {fault or ''}".strip())
            self.of.meanwhile("before")
            do = getattr(self.of.cloud.services[self.service], operation)
            answer = do(**request) if fault is None else self._wrong(operation, request, fault, do)
            self.of.meanwhile("after")
            return answer

        return call

    def _wrong(self, operation: str, request: Asked, fault: Fault, do: Callable[..., Any]) -> Any:
        match fault:
            case Fault.throttled:
                raise refusal(operation, *TOO_FAST.get(self.service, ("Throttled", 429)))
            case Fault.broken:
                raise refusal(operation, "InternalServerError", 500)
            case Fault.lost:
                raise ConnectTimeoutError(endpoint_url=WHERE)
            case Fault.conflict:
                raise contended(operation)
            case Fault.partly:
                return self._partly(operation, request, do)
        answer = do(**request)
        match fault:
            case Fault.unheard:
                raise ReadTimeoutError(endpoint_url=WHERE)
            case Fault.spoilt:
                raise refusal(operation, "InternalServerError", 500)
            case Fault.again:
                return do(**request)
            case Fault.slow:
                self.of.meanwhile("slow")
        return answer

    def _partly(self, operation: str, request: Asked, do: Callable[..., Any]) -> Any:
        """Some of it is done; the answer tells of the rest as the service does."""
        match operation:
            case "batch_get_item":
                ((table, asked),) = request["RequestItems"].items()
                done, left = self._parted(asked["Keys"])
                rest = {table: {**asked, "Keys": left}}
                if not done:
                    return {"Responses": {}, "UnprocessedKeys": rest}
                answer = do(RequestItems={table: {**asked, "Keys": done}})
                return answer | {"UnprocessedKeys": rest}
            case "put_records":
                records = request["Records"]
                refused = set(self.of.plan.some(len(records)))
                taken = [each for at, each in enumerate(records) if at not in refused]
                said = iter(do(**{**request, "Records": taken})["Records"] if taken else [])
                no = {"ErrorCode": TOO_FAST["kinesis"][0], "ErrorMessage": "slow down"}
                told = [no if at in refused else next(said) for at in range(len(records))]
                return {"FailedRecordCount": len(refused), "Records": told}
            case _:
                done, left = self._parted(request["Entries"])
                answer = do(**{**request, "Entries": done}) if done else {"Successful": []}
                failed = [{"Id": each["Id"], "Code": "InternalError"} for each in left]
                return answer | {"Failed": failed}

    def _parted(self, of: list[Any]) -> tuple[list[Any], list[Any]]:
        """What is done and what is not; in an order that is the same in every process."""
        of = sorted(of, key=repr)
        left = set(self.of.plan.some(len(of)))
        return [each for at, each in enumerate(of) if at not in left], [of[at] for at in left]


def contended(operation: str) -> Exception:
    """What one is told of whom somebody else is in the way."""
    if operation == "put_object":
        return refusal(operation, "ConditionalRequestConflict", 409)
    reasons = [{"Code": "TransactionConflict"}]
    return refusal(operation, "TransactionCanceledException", CancellationReasons=reasons)
