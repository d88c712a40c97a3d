"""The table `views`: the transaction, the batch read, the snapshot, the paged query.

The only file that knows DynamoDB. A row is `pk`, `sk` and a JSON `body`; a tally has a number
`rank` that is only ever added to. `listing`+`listed` put a row into a newest-first list,
`ranking`+`rank` into a top-n list. What DynamoDB would refuse is refused here, as Misfit, before
it is sent; a missing table or a throttle is CloudFailure, and nothing was changed.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from botocore.exceptions import BotoCoreError, ClientError

from chalicelib import config
from chalicelib.errors import CloudFailure, CommitLost, Conflict, Misfit

MOST_ROWS = 100
MOST_BYTES = 3_500_000
ROW_BYTES = 350_000
DIGITS = 10**38


class Key(NamedTuple):
    """The primary key of a row."""

    pk: str
    sk: str


@dataclass(frozen=True, slots=True)
class Put:
    """The whole row. `listing` is (list, order); `memory` is a subject's own."""

    key: Key
    body: dict[str, Any]
    listing: tuple[str, str] | None = None
    blob: bytes | None = None


@dataclass(frozen=True, slots=True)
class PutFirst:
    """The whole row, unless there is one: the first stays."""

    key: Key
    body: dict[str, Any]
    listing: tuple[str, str] | None = None


@dataclass(frozen=True, slots=True)
class Delete:
    """No such row any more."""

    key: Key


@dataclass(frozen=True, slots=True)
class Add:
    """More (or less) on a tally. `ranking` is its top-n list, a constant of its key."""

    key: Key
    amount: int
    ranking: str | None = None


Write = Put | PutFirst | Delete | Add


@dataclass(frozen=True, slots=True)
class Row:
    """A row as read."""

    key: Key
    body: dict[str, Any] = field(default_factory=dict)
    blob: bytes = b""
    rank: int = 0


def merge(earlier: Write | None, later: Write) -> Write:
    """The one write that comes to the same as both, in this order."""
    match earlier, later:
        case Add(), Add():
            return Add(later.key, earlier.amount + later.amount, later.ranking)
        case ((Put() | PutFirst()), PutFirst()):
            return earlier
        case _:
            return later


def size(write: Write) -> int:
    """About how many bytes the row takes, at most.

    Raises Misfit where DynamoDB would refuse the row.
    """
    pk, sk = (len(part.encode()) for part in write.key)
    if not (0 < pk <= 2048 and 0 < sk <= 1024):
        raise Misfit(f"the key of a row is {pk} and {sk} bytes long")
    total = pk + sk + _payload(write)
    if total > ROW_BYTES:
        raise Misfit(f"a row of {total} bytes is over {ROW_BYTES}")
    return total


def _payload(write: Write) -> int:
    match write:
        case Put() | PutFirst():
            listed = sum(_index_key(part) for part in write.listing or ())
            blob = len(write.blob or b"") if isinstance(write, Put) else 0
            return len(_text(write.body).encode()) + listed + blob + 100
        case Add():
            if type(write.amount) is not int or abs(write.amount) >= DIGITS:
                raise Misfit("a tally adds a whole number of at most 38 digits")
            return 100 + _index_key(write.ranking or "-")
        case Delete():
            return 0


def _index_key(text: str) -> int:
    length = len(text.encode())
    if not 0 < length <= 1024:
        raise Misfit(f"the key of an index is {length} bytes long")
    return length


# A prepared encoder takes half the time of json.dumps with options.
_encode = json.JSONEncoder(separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode


def _text(body: dict[str, Any]) -> str:
    try:
        return _encode(body)
    except (TypeError, ValueError) as error:
        raise Misfit(f"a row's body is no JSON: {error}") from error


@dataclass(frozen=True, slots=True)
class Guard:
    """A row that must be there with this `token`, or must not be there at all (None)."""

    key: Key
    token: str | None


def commit(guarded: Put, guard: Guard, writes: Iterable[Write], also: Sequence[Guard] = ()) -> None:
    """All rows, or none: `guarded` replaces what `guard` saw, if `also` still hold.

    Raises CommitLost when a guard no longer holds, Misfit when DynamoDB refuses a row, and
    CloudFailure when it could not be asked.
    """
    actions = [_put(guarded, guard), *map(_check, also), *map(_action, writes)]
    _call("transact_write_items", TransactItems=actions)


def _put(put: Put, guard: Guard) -> dict[str, Any]:
    return {"Put": {"TableName": _table(), "Item": _item(put), **_condition(guard)}}


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
    item: dict[str, Any] = {**_key(write.key), "body": {"S": _text(write.body)}}
    if write.listing is not None:
        item["listing"], item["listed"] = ({"S": part} for part in write.listing)
    if isinstance(write, Put) and write.blob is not None:
        item["blob"] = {"B": write.blob}
    if "token" in write.body:
        item["token"] = {"S": write.body["token"]}
    return item


def _key(key: Key) -> dict[str, Any]:
    return {"pk": {"S": key.pk}, "sk": {"S": key.sk}}


def _row(item: dict[str, Any]) -> Row:
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
            rows = map(_row, answer["Responses"].get(_table(), ()))
            found.update((row.key, row) for row in rows)
            pending = answer.get("UnprocessedKeys") or {}
    return found


def get(key: Key) -> Row | None:
    """One row, read consistently."""
    item = _call("get_item", TableName=_table(), Key=_key(key), ConsistentRead=True).get("Item")
    return _row(item) if item else None


def snapshot(*keys: Key) -> list[Row | None]:
    """The rows as they were at one moment, in the order of the keys."""
    gets = [{"Get": {"TableName": _table(), "Key": _key(key)}} for key in keys]
    answers = _unless_conflict(lambda: _call("transact_get_items", TransactItems=gets))
    return [_row(item) if (item := answer.get("Item")) else None for answer in answers["Responses"]]


def _unless_conflict(ask: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """A snapshot loses to a commit that is under way on one of its rows: ask again, twice."""
    for pause in (0.01, 0.03):
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
    return [_row(item) for item in answer["Items"]], answer.get("LastEvaluatedKey")


def scan() -> Iterator[dict[str, Any]]:
    """Every item of the table as DynamoDB has it: for an operator, never for a route."""
    after: dict[str, Any] = {}
    while True:
        answer = _call("scan", TableName=_table(), ConsistentRead=True, **after)
        yield from answer["Items"]
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
