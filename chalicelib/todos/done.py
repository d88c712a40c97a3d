"""What a to-do came to, kept at `done/<to-do>` of the archive before it is said. The first stays.

So who comes later, with the table emptied and every lease lost, says that again and does nothing.
"""

from __future__ import annotations

import json

from botocore.exceptions import BotoCoreError, ClientError

from chalicelib import config
from chalicelib.errors import CloudFailure
from chalicelib.events import FACTS, Outcome


def read(todo: str) -> Outcome | None:
    """What the to-do came to, if it was done. Raises CloudFailure."""
    try:
        answer = config.client("s3").get_object(Bucket=_bucket(), Key=_name(todo))
        said = json.loads(answer["Body"].read())
    except ClientError as error:
        if error.response["Error"]["Code"] == "NoSuchKey":
            return None
        raise CloudFailure(f"s3 get_object: {error}") from error
    except BotoCoreError as error:
        raise CloudFailure(f"s3 get_object: {error}") from error
    outcome = FACTS[said["type"]].model_validate(said["data"])
    assert isinstance(outcome, Outcome)
    return outcome


def put(outcome: Outcome) -> Outcome:
    """What the to-do came to: this, or what somebody else has put before. Raises CloudFailure."""
    data = outcome.model_dump(mode="json", by_alias=True, exclude_none=True)
    body = json.dumps({"type": outcome.type, "data": data}).encode()
    try:
        config.client("s3").put_object(
            Bucket=_bucket(), Key=_name(outcome.todo), Body=body, IfNoneMatch="*"
        )
    except ClientError as error:
        if error.response["ResponseMetadata"]["HTTPStatusCode"] != 412:
            raise CloudFailure(f"s3 put_object: {error}") from error
        return _winner(outcome.todo)
    except BotoCoreError as error:
        raise CloudFailure(f"s3 put_object: {error}") from error
    return outcome


def _winner(todo: str) -> Outcome:
    found = read(todo)
    if found is None:
        raise CloudFailure(f"s3: {_name(todo)} is there, and is not")
    return found


def _name(todo: str) -> str:
    return f"done/{todo}"


def _bucket() -> str:
    return config.settings().archive_bucket
