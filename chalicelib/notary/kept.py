"""Where the tree is kept, in the archive bucket: the only part of the notary that reads and writes.

    tree/<MAX - before>.json    a bundle; `before`: how many leaves came before it. Never changed
    tree-heads/<size>           each tree head that was signed. Never changed
    tree-head                   the newest of them

The names of bundles run newest first, as those of segments do, and a bundle is put with
If-None-Match: so of two that would follow the same one, one is there and the other is not.
`tree-head` is put on the condition that it is still what was read: it goes back for nobody.

Raises CloudFailure; Behind for a bundle that is damaged.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from botocore.exceptions import BotoCoreError, ClientError

from chalicelib import config
from chalicelib.errors import Behind, CloudFailure
from chalicelib.notary.bundle import Bundle, decode, encode

MAX = 10**15 - 1
FOLDER, HEADS, HEAD = "tree/", "tree-heads/", "tree-head"
MOST_BYTES = 16 * 1024 * 1024


class Published(NamedTuple):
    """The tree head as it lies there, and what S3 calls this state of it."""

    note: str
    tag: str


def newest() -> Bundle | None:
    """The bundle that was entered last."""
    return _first()


def holding(index: int) -> Bundle:
    """The bundle that holds this leaf. Raises Behind where there is none."""
    found = _first(StartAfter=name(index)[: -len(".json")])
    if found is None or not found.before <= index < found.size:
        raise Behind(f"the tree has lost its leaf {index}")
    return found


def put(bundle: Bundle) -> bool:
    """Whether this bundle is now the one after those before it; False when another is."""
    return _put_once(name(bundle.before), encode(bundle))


def name(before: int) -> str:
    """What the bundle is called before which there are so many leaves."""
    return f"{FOLDER}{MAX - before:015d}.json"


def head() -> Published | None:
    """The tree head, if one was ever published."""
    try:
        answer = _client().get_object(Bucket=_bucket(), Key=HEAD)
        body = answer["Body"].read(MOST_BYTES)
    except ClientError as error:
        if _status(error) == 404:
            return None
        raise CloudFailure(f"s3 get_object: {error}") from error
    except BotoCoreError as error:
        raise CloudFailure(f"s3 get_object: {error}") from error
    return Published(body.decode(errors="replace"), answer["ETag"])


def publish(note: str, size: int, over: Published | None) -> bool:
    """Whether this is now the tree head; False when another stands where `over` did."""
    _put_once(f"{HEADS}{size}", note.encode())
    condition = {"IfNoneMatch": "*"} if over is None else {"IfMatch": over.tag}
    return _put(HEAD, note.encode(), condition)


def read(key: str) -> bytes:
    """What lies under this name."""
    found: bytes = _told(
        lambda: _client().get_object(Bucket=_bucket(), Key=key)["Body"].read(MOST_BYTES)
    )
    return found


def names(prefix: str) -> Iterator[str]:
    """Every name that begins so, in the order of S3."""
    more: dict[str, str] = {}
    while True:
        page = _listed(prefix, **more)
        yield from (entry["Key"] for entry in page.get("Contents", ()))
        if not page.get("IsTruncated"):
            return
        more = {"ContinuationToken": page["NextContinuationToken"]}


def _first(**start: str) -> Bundle | None:
    for entry in _listed(FOLDER, MaxKeys=1, **start).get("Contents", ()):
        try:
            found = decode(read(entry["Key"]))
        except ValueError as flaw:
            raise Behind(f"{entry['Key']}: {flaw}") from None
        if name(found.before) != entry["Key"]:
            raise Behind(f"{entry['Key']} holds another bundle")
        return found
    return None


def _listed(prefix: str, **more: Any) -> dict[str, Any]:
    found: dict[str, Any] = _told(
        lambda: _client().list_objects_v2(Bucket=_bucket(), Prefix=prefix, **more)
    )
    return found


def _put_once(key: str, body: bytes) -> bool:
    return _put(key, body, {"IfNoneMatch": "*"})


def _put(key: str, body: bytes, condition: dict[str, str]) -> bool:
    try:
        _client().put_object(Bucket=_bucket(), Key=key, Body=body, **condition)
    except ClientError as error:
        if _status(error) in (404, 409, 412):  # 409: another put is under way
            return False
        raise CloudFailure(f"s3 put_object: {error}") from error
    except BotoCoreError as error:
        raise CloudFailure(f"s3 put_object: {error}") from error
    return True


def _told(ask: Callable[[], Any]) -> Any:
    try:
        return ask()
    except (ClientError, BotoCoreError) as error:
        raise CloudFailure(f"s3: {error}") from error


def _status(error: ClientError) -> int:
    missing_bucket = error.response["Error"]["Code"] == "NoSuchBucket"
    return 0 if missing_bucket else error.response["ResponseMetadata"]["HTTPStatusCode"]


def _client() -> Any:
    return config.client("s3")


def _bucket() -> str:
    return config.settings().archive_bucket
