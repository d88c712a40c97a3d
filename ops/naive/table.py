"""The table as the naive fold has it: plain dicts by (pk, sk), and a view's writes on them."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import islice
from typing import Any

from chalicelib.events import Event
from chalicelib.store import Add, Delete, Put
from chalicelib.view import View

MOST_ROWS = 80
ROW_BYTES = 350_000
TALLY_BYTES = 1000
EVENT_BYTES = 3_000_000
CHECKPOINTS = "checkpoint/live"
UNEXPLAINED = ("checkpoint/", "candidate/", "ready", "lease")
OF_VERSION = re.compile(r"(?:parked@|left/)?((?!subject@)[a-z]+@\d+(?:\.\d+)?)(?:/|$)")

Row = dict[str, Any]
Rows = dict[tuple[str, str], Row]


class _Only(dict[tuple[str, str], Row]):
    """Rows of one version: what is put of others is not held."""

    def __init__(self, version: str) -> None:
        self._version = version

    def __setitem__(self, key: tuple[str, str], row: Row) -> None:
        found = OF_VERSION.match(key[0])
        if found is not None and found[1] == self._version:
            super().__setitem__(key, row)


def rows_for(only: str | None) -> Rows:
    """Where rows are put: all of them, or those of one version `only`, however many others come."""
    return {} if only is None else _Only(only)


def plain(items: Iterable[Mapping[str, Any]], only: str | None = None) -> Rows:
    """DynamoDB's items as such rows: without what no log explains, and without prose.

    What waits in a checkpoint is added to the tallies: see chalicelib.checkpoint.Ahead.
    """
    rows = rows_for(only)
    waiting: list[list[Any]] = []
    for item in items:
        key = item["pk"]["S"], item["sk"]["S"]
        if key[0] == CHECKPOINTS:
            waiting += (json.loads(item["body"]["S"])["ahead"] or [[]])[-1]
        elif not key[0].startswith(UNEXPLAINED):
            rows[key] = _plain(item)
    for pk, sk, amount, ranking in waiting:
        _add(rows, (pk, sk), {"rank": amount} | ({"ranking": ranking} if ranking else {}))
    return rows


def among(rows: Rows, versions: Iterable[str]) -> Rows:
    """The rows but for those of other versions, and for what a view alone made of a verdict."""
    known, found = set(versions), {}
    for key, row in rows.items():
        version = OF_VERSION.match(key[0])
        settled = row if version else _settled(row)
        if (version is None or version[1] in known) and settled is not None:
            found[key] = settled
    return found


def _settled(row: Row) -> Row | None:
    """A verdict as it would be had no view parked the subject: it counted."""
    body = row.get("body", {})
    if body.get("verdict") != "parked" or body["views"] == ["*"]:
        return row
    if "commandhash" not in body:
        return None
    told = {name: value for name, value in body.items() if name != "views"}
    return {**row, "body": told | {"verdict": "counted"}}


def _plain(item: Mapping[str, Any]) -> Row:
    row: Row = {}
    for name, value in item.items():
        match name, value:
            case ("pk" | "sk", _) | ("blob", {"B": b""}):
                pass
            case "body", {"S": text}:
                row["body"] = {k: v for k, v in json.loads(text).items() if k != "detail"}
            case _, {"N": number}:
                row[name] = int(number)
            case _, {"S": text} | {"B": text}:
                row[name] = text
    return row


How = Callable[[Rows, tuple[str, str], Row], None]


def writes_of(
    view: View, event: Event, before: Any, after: Any
) -> Iterator[tuple[tuple[str, str], Row, How]]:
    """What the reducer says, as rows of the table; it may touch its own rows only."""
    whole = re.compile(rf"(?<![A-Za-z0-9._~/-]){re.escape(event.subject)}(?![A-Za-z0-9._~-])")
    for write in islice(view.reduce(event, before, after), MOST_ROWS + 1):
        key = f"{view}/{write.key.pk}", write.key.sk
        if not isinstance(write, Add) and not whole.search(key[1]):
            raise ValueError("not its subject's own row")
        match write:
            case Put(body=body, listing=None):
                yield key, {"body": body}, _put
            case Put(body=body, listing=(listing, listed)):
                row = {"body": body, "listing": f"{view}/{listing}", "listed": listed}
                yield key, row, _put
            case Delete():
                yield key, {}, _delete
            case Add(amount=amount, ranking=ranking):
                ranked = {} if ranking is None else {"ranking": f"{view}/{ranking}"}
                yield key, {"rank": amount, **ranked}, _add
            case _:
                raise TypeError("a view puts, deletes or adds")


def _put(rows: Rows, key: tuple[str, str], row: Row) -> None:
    rows[key] = json.loads(json.dumps(row))


def _delete(rows: Rows, key: tuple[str, str], _: Row) -> None:
    rows.pop(key, None)


def _add(rows: Rows, key: tuple[str, str], row: Row) -> None:
    rows[key] = row | {"rank": rows.get(key, {}).get("rank", 0) + row["rank"]}


def fits(rows: int, size: int) -> None:
    """Raises ValueError for more rows or bytes than one event may write."""
    if rows > MOST_ROWS or size > EVENT_BYTES:
        raise ValueError("too much for one event")


def check(key: tuple[str, str], row: Row) -> int:
    """The row's bytes. Raises ValueError where DynamoDB would refuse it."""
    lengths = [len(part.encode()) for part in key]
    ordered = [len(row[name].encode()) for name in ("listing", "listed", "ranking") if name in row]
    amount = row.get("rank", 0)
    if not (0 < lengths[0] <= 2048 and 0 < lengths[1] <= 1024):
        raise ValueError("a key too long, or empty")
    if any(not 0 < length <= 1024 for length in ordered):
        raise ValueError("an index key too long, or empty")
    if type(amount) is not int or len(str(abs(amount))) > 15:
        raise ValueError("not a number of 15 digits")
    if "rank" in row and _length([*key, row.get("ranking")]) > TALLY_BYTES:
        raise ValueError("a tally too large")
    written = _length(row.get("body", {})) + len(row.get("blob", b""))
    size = sum(lengths) + sum(ordered) + written + 100
    if size > ROW_BYTES:
        raise ValueError("a row too large")
    return size


def _length(body: Any) -> int:
    text = json.dumps(body, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return len(text.encode())
