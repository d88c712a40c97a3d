"""The table `views`: the transaction, the batch read, the snapshot, the paged query.

The only room that knows DynamoDB. A missing table, a throttle or a time-out is CloudFailure, and
nothing was changed; a row that DynamoDB refuses is Misfit.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError, ParamValidationError

from chalicelib import config
from chalicelib.errors import CloudFailure, CommitLost, Conflict, Misfit
from chalicelib.store.rows import (
    PARKED_BYTES,
    ROW_BYTES,
    Add,
    Delete,
    Key,
    Owned,
    Put,
    PutFirst,
    Row,
    Write,
    merge,
    size,
    text_of,
)

__all__ = [
    "PARKED_BYTES",
    "ROW_BYTES",
    "Add",
    "Delete",
    "Guard",
    "Key",
    "Owned",
    "Put",
    "PutFirst",
    "Query",
    "Row",
    "Write",
    "commit",
    "get",
    "merge",
    "page",
    "read",
    "row_of",
    "scan",
    "scanned",
    "size",
    "snapshot",
]

MOST_ROWS = 100
MOST_BYTES = 3_500_000


@dataclass(frozen=True, slots=True)
class Guard:
    """A row that must be there with this `token`, or must not be there at all (None)."""

    key: Key
    token: str | None


def commit(
    guarded: Put,
    guard: Guard,
    writes: Iterable[Write],
    also: Sequence[Guard] = (),
    beside: Sequence[tuple[Put, Guard]] = (),
) -> None:
    """All rows, or none: `guarded` replaces what `guard` saw, if `also` still hold.

    So does each that stands `beside` it.

    The token by which others will guard it lies in the body of `guarded`.

    Raises CommitLost when a guard no longer holds, Misfit when DynamoDB refuses a row, and
    CloudFailure when it could not be asked.
    """
    puts = [_put(*each) for each in ((guarded, guard), *beside)]
    actions = [*puts, *map(_check, also), *map(_action, writes)]
    _call("transact_write_items", TransactItems=actions)


def _put(put: Put, guard: Guard) -> dict[str, Any]:
    item = _item(put) | {"token": {"S": put.body["token"]}}
    return {"Put": {"TableName": _table(), "Item": item, **_condition(guard)}}


def _check(guard: Guard) -> dict[str, Any]:
    return {"ConditionCheck": {"TableName": _table(), "Key": _key(guard.key), **_condition(guard)}}


def _condition(guard: Guard) -> dict[str, Any]:
    if guard.token is None:
        return {"ConditionExpression": "attribute_not_exists(pk)"}
    return {
        "ConditionExpression": "#token = :token",
        "ExpressionAttributeNames": {"#token": "token"},
        "ExpressionAttributeValues": {":token": {"S": guard.token}},
    }


def _action(write: Write) -> dict[str, Any]:
    match write:
        case Put():
            return {"Put": {"TableName": _table(), "Item": _item(write)}}
        case Delete():
            return {"Delete": {"TableName": _table(), "Key": _key(write.key)}}
        case PutFirst():
            return _update(write.key, *_keep_first(_item(write)))
        case Add(ranking=None):
            return _update(write.key, "ADD #rank :rank", {"rank": {"N": str(write.amount)}})
        case Add():
            values = {"rank": {"N": str(write.amount)}, "ranking": {"S": write.ranking}}
            return _update(write.key, "ADD #rank :rank SET #ranking = :ranking", values)


def _keep_first(item: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    values = {name: value for name, value in item.items() if name not in ("pk", "sk")}
    sets = ", ".join(f"#{name} = if_not_exists(#{name}, :{name})" for name in values)
    return f"SET {sets}", values


def _update(key: Key, expression: str, values: dict[str, Any]) -> dict[str, Any]:
    return {
        "Update": {
            "TableName": _table(),
            "Key": _key(key),
            "UpdateExpression": expression,
            "ExpressionAttributeNames": {f"#{name}": name for name in values},
            "ExpressionAttributeValues": {f":{name}": value for name, value in values.items()},
        }
    }


def _item(write: Put | PutFirst) -> dict[str, Any]:
    item: dict[str, Any] = {**_key(write.key), "body": {"S": text_of(write.body)}}
    if write.listing is not None:
        item["listing"], item["listed"] = ({"S": part} for part in write.listing)
    if isinstance(write, Put) and write.blob is not None:
        item["blob"] = {"B": write.blob}
    return item


def _key(key: Key) -> dict[str, Any]:
    return {"pk": {"S": key.pk}, "sk": {"S": key.sk}}


def row_of(item: dict[str, Any]) -> Row:
    """The row that DynamoDB's item is."""
    return Row(
        Key(item["pk"]["S"], item["sk"]["S"]),
        json.loads(item["body"]["S"]) if "body" in item else {},
        item["blob"]["B"] if "blob" in item else b"",
        int(item["rank"]["N"]) if "rank" in item else 0,
    )


def read(keys: Sequence[Key]) -> dict[Key, Row]:
    """The rows that exist, read consistently, a hundred at a time; not one moment's picture."""
    found: dict[Key, Row] = {}
    for at in range(0, len(keys), 100):
        request = {"Keys": [_key(key) for key in keys[at : at + 100]], "ConsistentRead": True}
        pending = {_table(): request}
        while pending:
            answer = _call("batch_get_item", RequestItems=pending)
            rows = map(row_of, answer["Responses"].get(_table(), ()))
            found.update((row.key, row) for row in rows)
            pending = answer.get("UnprocessedKeys") or {}
    return found


def get(key: Key) -> Row | None:
    """One row, read consistently."""
    item = _call("get_item", TableName=_table(), Key=_key(key), ConsistentRead=True).get("Item")
    return row_of(item) if item else None


def snapshot(*keys: Key) -> list[Row | None]:
    """The rows as they were at one moment, in the order of the keys."""
    gets = [{"Get": {"TableName": _table(), "Key": _key(key)}} for key in keys]
    answers = _unless_conflict(lambda: _call("transact_get_items", TransactItems=gets))
    return [
        row_of(item) if (item := answer.get("Item")) else None for answer in answers["Responses"]
    ]


def _unless_conflict(ask: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """A snapshot loses to a commit that is under way on one of its rows: ask again."""
    for pause in (0.01, 0.03, 0.09):
        try:
            return ask()
        except Conflict:
            time.sleep(pause)
    return ask()


@dataclass(frozen=True, slots=True)
class Query:
    """Which rows of a partition or of an index, and in which order."""

    partition: str
    index: str | None = None
    prefix: str = ""
    newest_first: bool = False

    @property
    def names(self) -> tuple[str, str]:
        """The partition's and the order's attribute."""
        return {
            None: ("pk", "sk"),
            "listing": ("listing", "listed"),
            "ranking": ("ranking", "rank"),
        }[self.index]


def page(query: Query, limit: int, after: dict[str, Any] | None = None) -> tuple[list[Row], Any]:
    """At most `limit` rows and where to go on, None at the end. `after` is what a page gave."""
    hash_name, range_name = query.names
    condition, values = "#h = :h", {":h": {"S": query.partition}}
    names = {"#h": hash_name}
    if query.prefix:
        condition += " AND begins_with(#r, :r)"
        names["#r"], values[":r"] = range_name, {"S": query.prefix}
    answer = _call(
        "query",
        TableName=_table(),
        KeyConditionExpression=condition,
        ExpressionAttributeNames=names,
        ExpressionAttributeValues=values,
        ScanIndexForward=not query.newest_first,
        Limit=limit,
        **({"IndexName": query.index} if query.index else {"ConsistentRead": True}),
        **({"ExclusiveStartKey": after} if after else {}),
    )
    return [row_of(item) for item in answer["Items"]], answer.get("LastEvaluatedKey")


def scan() -> Iterator[dict[str, Any]]:
    """Every item of the table as DynamoDB has it: for an operator, never for a route."""
    return chain.from_iterable(scanned())


def scanned() -> Iterator[list[dict[str, Any]]]:
    """The same, each time what was read just now."""
    after: dict[str, Any] = {}
    while True:
        answer = _call("scan", TableName=_table(), ConsistentRead=True, **after)
        yield answer["Items"]
        if "LastEvaluatedKey" not in answer:
            return
        after = {"ExclusiveStartKey": answer["LastEvaluatedKey"]}


def _table() -> str:
    return config.settings().table


def _call(operation: str, **request: Any) -> dict[str, Any]:
    try:
        answer: dict[str, Any] = getattr(config.client("dynamodb"), operation)(**request)
    except ClientError as error:
        raise _meaning(error) from error
    except ParamValidationError as error:
        raise Misfit(f"boto3 does not even send it: {error}") from error
    except BotoCoreError as error:
        raise CloudFailure(f"dynamodb could not be asked: {error}") from error
    return answer


def _meaning(error: ClientError) -> Exception:
    code = error.response["Error"]["Code"]
    reasons = {r.get("Code", "None") for r in error.response.get("CancellationReasons", ())}
    if "ConditionalCheckFailed" in reasons:
        return CommitLost("a guard of the transaction no longer holds")
    if code == "ValidationException" or "ValidationError" in reasons:
        return Misfit(f"dynamodb refuses a row: {error}")
    if "TransactionConflict" in reasons:
        return Conflict("another transaction holds one of the rows")
    return CloudFailure(f"dynamodb: {code}")
