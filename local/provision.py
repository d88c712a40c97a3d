"""Keys, stream, table, buckets, queues and trust document of a shop, each made if it is missing.

- Making what is there already changes nothing, so this runs at every start.
- A key file is whole or absent: it is written under another name first.
- A stream name is used for one stream only. If the archive knows a stream that Kinesis does not
  (somebody removed its database), the next one gets the next number.
- The table is made as the design has it, and emptied by deleting it, never item by item.

Clients are the app's own, so the environment of the shop must be in `os.environ`.
Raises LocalError.
"""

from __future__ import annotations

import contextlib
import os
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from chalicelib.config import client
from chalicelib.errors import SecurityError
from chalicelib.signing import keys
from chalicelib.signing.trust import Trust, opened, system_trust
from local.errors import LocalError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from chalicelib.signing.jws import SigningKey
    from local.cloud import Names


MAIL_FROM = "till@shop.example"
# With it anybody may sign a picture message to a shop on this machine: try POST /sms with curl.
TWILIO_TOKEN = "the-local-phone"  # noqa: S105  (as public as this line)
WORK_VISIBILITY_S = 360  # six times as long as `work` may run
WORK_RETENTION_S = 1800  # by then the sweep has poked again, thirty times over


def provision(names: Names, state: Path, shards: int) -> None:
    """Everything that the names name."""
    make_buckets(names)
    make_stream(names.stream, shards)
    make_table(names.table)
    make_queue(names.work_queue, WORK_VISIBILITY_S, WORK_RETENTION_S)
    make_queue(names.courier_queue)
    make_sender()
    make_phone(names)
    make_trust(names, state)


def key(state: Path, name: str) -> SigningKey:
    """The key `root`, `system` or `notary` of this shop, made the first time."""
    path = state / "keys" / f"{name}.jwk"
    if not path.exists():
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        fresh = path.with_suffix(f".{os.getpid()}")
        fresh.unlink(missing_ok=True)
        keys.write_key_file(fresh)
        fresh.rename(path)
    try:
        return keys.read_key_file(path)
    except (OSError, SecurityError) as error:
        raise LocalError(f"{path} is no key that can be used: {error}") from error


def make_buckets(names: Names) -> None:
    s3 = client("s3")
    for bucket in (names.archive_bucket, names.vault_bucket, names.upload_bucket):
        with _unless("BucketAlreadyOwnedByYou", "BucketAlreadyExists"):
            region = {"LocationConstraint": s3.meta.region_name}
            s3.create_bucket(Bucket=bucket, CreateBucketConfiguration=region)
    s3.put_bucket_versioning(
        Bucket=names.archive_bucket, VersioningConfiguration={"Status": "Enabled"}
    )


def make_stream(stream: str, shards: int) -> None:
    with _unless("ResourceInUseException"):
        client("kinesis").create_stream(StreamName=stream, ShardCount=shards)


def newest_stream(names: Names) -> int:
    """Which stream to write to: the newest that the archive knows, or the one after it if lost."""
    known = _archived_streams(names)
    number = max(known, default=1)
    return number + 1 if known and not _is_there(names.numbered_stream(number)) else number


def make_table(table: str) -> None:
    with _unless("ResourceInUseException"):
        client("dynamodb").create_table(TableName=table, **TABLE)
    client("dynamodb").get_waiter("table_exists").wait(
        TableName=table, WaiterConfig={"Delay": 1, "MaxAttempts": 20}
    )


def empty_table(table: str) -> None:
    """The table without a row: deleted and made anew."""
    with _unless("ResourceNotFoundException"):
        client("dynamodb").delete_table(TableName=table)
    client("dynamodb").get_waiter("table_not_exists").wait(
        TableName=table, WaiterConfig={"Delay": 1, "MaxAttempts": 20}
    )
    make_table(table)


def make_queue(queue: str, visibility_s: int = 30, retention_s: int = 14 * 86_400) -> None:
    """A queue without a dead-letter queue: what is poked in vain the sweep pokes again."""
    attributes = {
        "VisibilityTimeout": str(visibility_s),
        "MessageRetentionPeriod": str(retention_s),
    }
    client("sqs").create_queue(QueueName=queue, Attributes=attributes)


def make_sender() -> None:
    """The address that mail is sent from, known to SES."""
    client("ses").verify_email_identity(EmailAddress=MAIL_FROM)


def make_phone(names: Names) -> None:
    """The token that signs picture messages, as Twilio's does."""
    client("ssm").put_parameter(
        Name=names.twilio_token, Value=TWILIO_TOKEN, Type="SecureString", Overwrite=True
    )


def make_trust(names: Names, state: Path) -> None:
    """The keys of producer and notary where the app reads them, and the document that names them.

    An archive whose newest document grants less than this code says gets the next version; who
    loses a race for that version looks again at what won.
    """
    root, system, notary = (key(state, name) for name in ("root", "system", "notary"))
    for parameter, name in ((names.producer_key, "system"), (names.notary_key, "notary")):
        jwk = (state / "keys" / f"{name}.jwk").read_text()
        client("ssm").put_parameter(Name=parameter, Value=jwk, Type="SecureString", Overwrite=True)
    while (document := _wanted(system, notary, found := _trust(root))) != found:
        with _unless("PreconditionFailed", "ConditionalRequestConflict"):
            client("s3").put_object(
                Bucket=names.archive_bucket,
                Key=f"trust/{document['version']}.json",
                Body=Trust.sign(document, root),
                IfNoneMatch="*",
            )


def _wanted(system: SigningKey, notary: SigningKey, after: dict[str, Any] | None) -> dict[str, Any]:
    return system_trust(system.public.jwk, notary=notary.public.jwk, after=after)


def _trust(root: SigningKey) -> dict[str, Any] | None:
    """The archive's newest trust document, if there is one."""
    newest = keys.newest()
    try:
        return newest and opened(newest[1], {root.kid: root.public})
    except SecurityError as error:
        raise LocalError(f"the root key did not sign this archive's trust: {error}") from error


def _archived_streams(names: Names) -> list[int]:
    found: list[int] = []
    pages: Any = client("s3").get_paginator("list_objects_v2")
    for page in pages.paginate(Bucket=names.archive_bucket, Prefix="segments/", Delimiter="/"):
        streams = [each["Prefix"].split("/")[1] for each in page.get("CommonPrefixes", [])]
        found += [int(each.rpartition("-")[2]) for each in streams]
    return found


def _is_there(stream: str) -> bool:
    with _unless("ResourceNotFoundException"):
        client("kinesis").describe_stream_summary(StreamName=stream)
        return True
    return False


@contextlib.contextmanager
def _unless(*codes: str) -> Iterator[None]:
    """Whatever the cloud refuses with one of these codes is as it should be."""
    try:
        yield
    except ClientError as error:
        if error.response["Error"]["Code"] not in codes:
            raise


def _index(name: str, hash_key: str, range_key: str) -> dict[str, Any]:
    return {
        "IndexName": name,
        "KeySchema": [
            {"AttributeName": hash_key, "KeyType": "HASH"},
            {"AttributeName": range_key, "KeyType": "RANGE"},
        ],
        "Projection": {"ProjectionType": "ALL"},
    }


_KINDS = {"pk": "S", "sk": "S", "listing": "S", "listed": "S", "ranking": "S", "rank": "N"}
TABLE: dict[str, Any] = {
    "AttributeDefinitions": [
        {"AttributeName": name, "AttributeType": kind} for name, kind in _KINDS.items()
    ],
    "KeySchema": [
        {"AttributeName": "pk", "KeyType": "HASH"},
        {"AttributeName": "sk", "KeyType": "RANGE"},
    ],
    "GlobalSecondaryIndexes": [
        _index("listing", "listing", "listed"),
        _index("ranking", "ranking", "rank"),
    ],
    "BillingMode": "PAY_PER_REQUEST",
}
