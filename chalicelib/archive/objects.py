"""The archive's bucket: an object is put once or not at all, and read whole.

Raises CloudFailure.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from chalicelib import config
from chalicelib.errors import CloudFailure


def put(name: str, body: bytes) -> bool:
    """Whether this is now the object of that name; False when another is."""
    for _ in range(5):
        try:
            config.client("s3").put_object(Bucket=_bucket(), Key=name, Body=body, IfNoneMatch="*")
        except ClientError as error:
            status = error.response["ResponseMetadata"]["HTTPStatusCode"]
            if status == 412:
                return False
            if status != 409:  # 409: another put is under way, ask again
                raise CloudFailure(f"s3 put_object: {error}") from error
        except BotoCoreError as error:
            raise CloudFailure(f"s3 put_object: {error}") from error
        else:
            return True
    raise CloudFailure(f"s3 put_object: {name} stays contended")


def body(name: str) -> bytes:
    """The object of that name."""
    answer = call("get_object", Key=name)
    try:
        found: bytes = answer["Body"].read()
    except BotoCoreError as error:
        raise CloudFailure(f"s3 get_object: {error}") from error
    return found


def find(name: str) -> bytes | None:
    """The object of that name, if there is one."""
    try:
        return body(name)
    except CloudFailure as failure:
        cause = failure.__cause__
        if isinstance(cause, ClientError) and cause.response["Error"]["Code"] == "NoSuchKey":
            return None
        raise


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
