"""What a function asked of AWS, and what a policy of ours lets it ask, in IAM's own words.

Only as much of IAM as the policies use: Allow statements, patterns in resources, five conditions.
Anything else in a policy is an error here, so that nothing is believed to hold that is not read.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any

from chalicelib import config

SERVICES = ("kinesis", "dynamodb", "s3", "ssm", "sqs", "ses", "sns")
HERE = "arn:aws:{}:eu-central-1:000000000000:{}"
TRANSACTED = {"Put": "PutItem", "Update": "UpdateItem", "Delete": "DeleteItem", "Get": "GetItem"}
TRANSACTED["ConditionCheck"] = "ConditionCheckItem"


@dataclass(frozen=True, slots=True)
class Use:
    """One thing that was asked, of one resource; `context` is what conditions may look at."""

    action: str
    resource: str
    context: tuple[tuple[str, str], ...] = ()


@dataclass
class Recorder:
    """What each function asked since its recording began."""

    uses: dict[str, set[Use]] = field(default_factory=dict)
    _function: str | None = None

    def attach(self) -> None:
        """From here on the clients of this process tell us."""
        for service in SERVICES:
            events = config.client(service).meta.events
            events.register(f"provide-client-params.{service}", self._asked)
            events.register(f"after-call.{service}.GetObject", self._answered)

    @contextmanager
    def of(self, function: str) -> Iterator[None]:
        self._function = function
        try:
            yield
        finally:
            self._function = None

    def _add(self, uses: Iterable[Use]) -> None:
        if self._function is not None:
            self.uses.setdefault(self._function, set()).update(uses)

    def _asked(self, params: Mapping[str, Any], model: Any, **_: Any) -> None:
        service = model.service_model.service_name
        self._add(globals()[f"of_{service}"](model.name, params))

    def _answered(self, parsed: Mapping[str, Any], context: Mapping[str, Any], **_: Any) -> None:
        """A missing object reads 404 only to who may list the bucket; to others it reads 403."""
        if parsed["ResponseMetadata"]["HTTPStatusCode"] == 404:
            bucket = context["s3_redirect"]["params"]["Bucket"]
            self._add([Use("s3:ListBucket", f"arn:aws:s3:::{bucket}")])


def of_kinesis(operation: str, params: Mapping[str, Any]) -> Iterator[Use]:
    """An iterator stands for its stream, and there is one here."""
    stream = params.get("StreamName", config.settings().stream)
    yield Use(f"kinesis:{operation}", HERE.format("kinesis", f"stream/{stream}"))


def of_ssm(operation: str, params: Mapping[str, Any]) -> Iterator[Use]:
    yield Use(f"ssm:{operation}", HERE.format("ssm", f"parameter{params['Name']}"))


def of_sqs(operation: str, params: Mapping[str, Any]) -> Iterator[Use]:
    name = params.get("QueueName") or params["QueueUrl"].rpartition("/")[2]
    yield Use(f"sqs:{operation.removesuffix('Batch')}", HERE.format("sqs", name))


def of_ses(operation: str, params: Mapping[str, Any]) -> Iterator[Use]:
    yield Use(f"ses:{operation}", HERE.format("ses", f"identity/{params['Source']}"))


def of_sns(operation: str, params: Mapping[str, Any]) -> Iterator[Use]:
    """A message to a phone number is of no resource that IAM could name."""
    assert "PhoneNumber" in params
    yield Use(f"sns:{operation}", "*")


def of_s3(operation: str, params: Mapping[str, Any]) -> Iterator[Use]:
    bucket = f"arn:aws:s3:::{params['Bucket']}"
    if operation == "CreateBucket":  # what botocore looks up to sign a form; nothing is asked
        return
    if operation in ("ListObjectsV2", "ListObjects"):
        yield Use("s3:ListBucket", bucket, (("s3:prefix", params.get("Prefix", "")),))
    else:
        once = (("s3:if-none-match", params["IfNoneMatch"]),) if "IfNoneMatch" in params else ()
        yield Use(f"s3:{operation}", f"{bucket}/{params['Key']}", once)


def of_dynamodb(operation: str, params: Mapping[str, Any]) -> Iterator[Use]:
    if operation == "BatchGetItem":
        for table, asked in params["RequestItems"].items():
            yield from (_row(operation, table, key) for key in asked["Keys"])
    elif operation.startswith("Transact"):
        for kind, item in (pair for each in params["TransactItems"] for pair in each.items()):
            yield _row(TRANSACTED[kind], item["TableName"], item.get("Key") or item["Item"])
    elif operation == "Query":
        index = f"/index/{params['IndexName']}" if "IndexName" in params else ""
        yield Use("dynamodb:Query", HERE.format("dynamodb", f"table/{params['TableName']}{index}"))
    else:
        yield _row(operation, params["TableName"], params["Key"])


def _row(action: str, table: str, key: Mapping[str, Any]) -> Use:
    resource = HERE.format("dynamodb", f"table/{table}")
    return Use(f"dynamodb:{action}", resource, (("dynamodb:LeadingKeys", key["pk"]["S"]),))


def grants(statement: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """The statement in its smallest parts: one action, one resource, one value a condition."""
    assert statement["Effect"] == "Allow", "deny is not read here"
    assert set(statement) <= {"Sid", "Effect", "Action", "Resource", "Condition"}
    for action in statement["Action"]:
        assert "*" not in action, "an action is named"
        for resource in statement["Resource"]:
            for condition in _single(statement.get("Condition", {})):
                yield {"action": action, "resource": resource, "conditions": condition}


def _single(conditions: Mapping[str, Any]) -> Iterator[list[tuple[str, str, str]]]:
    found: list[list[tuple[str, str, str]]] = [[]]
    for how, tests in conditions.items():
        for name, given in tests.items():
            values = [given] if isinstance(given, str) else given
            found = [[*known, (how, name, value)] for known in found for value in values]
    yield from found


def allows(grant: Mapping[str, Any], use: Use) -> bool:
    return (
        grant["action"] == use.action
        and fnmatchcase(use.resource, grant["resource"])
        and all(_holds(*test, use) for test in grant["conditions"])
    )


def _holds(how: str, name: str, value: str, use: Use) -> bool:
    given = [text for said, text in use.context if said == name]
    if (how, name) == ("StringEquals", "aws:ResourceAccount"):
        assert value == "${aws:PrincipalAccount}"
        return True  # there is one account here
    if how in ("StringLike", "StringLikeIfExists"):
        assert not re.search(r"[?\[]", value)
        return all(fnmatchcase(text, value) for text in given) and bool(given or "If" in how)
    if how == "Null":
        assert value == "false", "that something is not said is not read here"
        return bool(given)
    assert how == "ForAllValues:StringEquals", f"{how} is not read here"
    return all(text == value for text in given)
