"""The archive's bucket: an object is put once or not at all, and read whole.

Only the tree head is replaced, on the condition that it is still what was read; and what is mere
memory is overwritten.

Raises CloudFailure.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError, FlexibleChecksumError

from chalicelib import config
from chalicelib.errors import CloudFailure


def put(name: str, body: bytes, **described: str) -> bool:
    """Whether this is now the object of that name; False when another is."""
    for _ in range(5):
        match _put(name, body, IfNoneMatch="*", **described):
            case 200:
                return True
            case 412:
                return False
    raise CloudFailure(f"s3 put_object: {name} stays contended")


def replace(name: str, body: bytes, over: str | None) -> bool:
    """Whether this is now the object of that name; False where what lies there is not `over`."""
    condition = {"IfNoneMatch": "*"} if over is None else {"IfMatch": over}
    return _put(name, body, **condition) == 200


def _put(name: str, body: bytes, **condition: str) -> int:
    """What S3 says: 200, 412 where the condition does not hold, 409 where another put goes on."""
    try:
        config.client("s3").put_object(Bucket=_bucket(), Key=name, Body=body, **condition)
    except ClientError as error:
        status: int = error.response["ResponseMetadata"]["HTTPStatusCode"]
        gone = error.response["Error"]["Code"] == "NoSuchKey"
        if status in (409, 412) or gone:
            return 412 if gone else status
        raise CloudFailure(f"s3 put_object: {error}") from error
    except BotoCoreError as error:
        raise CloudFailure(f"s3 put_object: {error}") from error
    return 200


def overwrite(name: str, body: bytes) -> None:
    """This is the object of that name from now on."""
    call("put_object", Key=name, Body=body)


def body(name: str) -> bytes:
    """The object of that name. Raises ValueError where its bytes are not those that were put."""
    try:
        return _read(call("get_object", Key=name))
    except CloudFailure as failure:
        if not isinstance(failure.__cause__, FlexibleChecksumError):
            raise
        raise ValueError(f"not what was put there: {failure.__cause__}") from failure


def readable(name: str) -> bytes:
    """The same; nothing, which no object of the archive is, where its bytes are not those."""
    try:
        return body(name)
    except ValueError:
        return b""


def find(name: str, **part: str) -> bytes | None:
    """The object of that name, or the part of it that is asked for, if there is one."""
    found = tagged(name, **part)
    return None if found is None else found[0]


def tagged(name: str, **part: str) -> tuple[bytes, str] | None:
    """The object of that name, and what S3 calls this state of it; None if there is none."""
    try:
        answer = call("get_object", Key=name, **part)
    except CloudFailure as failure:
        cause = failure.__cause__
        if isinstance(cause, ClientError) and cause.response["Error"]["Code"] == "NoSuchKey":
            return None
        raise
    return _read(answer), answer["ETag"]


def _read(answer: dict[str, Any]) -> bytes:
    try:
        found: bytes = answer["Body"].read()
    except BotoCoreError as error:
        raise CloudFailure(f"s3 get_object: {error}") from error
    return found


def put_at(name: str) -> int:
    """When the object of that name came to lie there, in ms."""
    told: datetime = call("head_object", Key=name)["LastModified"]
    return round(told.timestamp() * 1000)


def names(prefix: str, **page: Any) -> Iterator[str]:
    """The names under the prefix, in the order of S3."""
    while True:
        answer = call("list_objects_v2", Prefix=prefix, **page)
        yield from (entry["Key"] for entry in answer.get("Contents", ()))
        if not answer.get("IsTruncated"):
            return
        page["ContinuationToken"] = answer["NextContinuationToken"]


def folders(prefix: str) -> Iterator[str]:
    """The names under the prefix up to their next slash, in order."""
    more: dict[str, str] = {}
    while True:
        page = call("list_objects_v2", Prefix=prefix, Delimiter="/", **more)
        yield from (entry["Prefix"] for entry in page.get("CommonPrefixes", ()))
        if not page.get("IsTruncated"):
            return
        more = {"ContinuationToken": page["NextContinuationToken"]}


def call(operation: str, **request: Any) -> dict[str, Any]:
    """What S3 answers of the bucket."""
    try:
        answer: dict[str, Any] = getattr(config.client("s3"), operation)(
            Bucket=_bucket(), **request
        )
    except (ClientError, BotoCoreError) as error:
        raise CloudFailure(f"s3 {operation}: {error}") from error
    return answer


def _bucket() -> str:
    return config.settings().archive_bucket
