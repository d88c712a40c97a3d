"""Every row of the table against the second, naive fold of the archive.

Traffic may go on. The rows are scanned, and compared with the fold up to the checkpoints as they
were before; what differs is then read again together with the checkpoints, at one moment, and
compared with the fold up to those. So a difference that is told was there at one moment.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from chalicelib import archive, checkpoint, config, store
from chalicelib.decisions import DECIDERS
from chalicelib.events import Shard
from chalicelib.signing import keys
from chalicelib.views import VIEWS
from ops import logs, naive
from ops.logs import Count, Step

TOGETHER = 80


@dataclass(frozen=True, slots=True)
class Report:
    """What was compared, and each difference as a sentence."""

    rows: int
    records: int
    parked: int
    differences: list[str]


def verify(step: Step = lambda: None) -> Report:
    """Compare every row. `step` is called after each segment of the first reading."""
    shards = archive.shards()
    upto = _reached(shards)
    rows = naive.plain(store.scan())
    records = Count()
    wanted = _fold(shards, upto, step, records)
    doubtful = sorted(
        key for key in rows.keys() | wanted.keys() if rows.get(key) != wanted.get(key)
    )
    differences = [
        sentence
        for at in range(0, len(doubtful), TOGETHER)
        for sentence in _again(shards, doubtful[at : at + TOGETHER])
    ]
    parked = sum(pk.startswith("parked@") for pk, _ in rows)
    return Report(len(rows), records.seen, parked, differences)


def _again(shards: Sequence[Shard], keys_: Sequence[tuple[str, str]]) -> Iterator[str]:
    """The rows that still differ at one moment."""
    places = [*map(checkpoint.key_of, shards), *(store.Key(*key) for key in keys_)]
    items = _snapshot(places)
    upto = {
        place.sk: naive.Reach.of(json.loads(item["body"]["S"]))
        for place, item in zip(places, items, strict=True)
        if place.pk == checkpoint.PK and item
    }
    found = naive.plain(item for item in items if item)
    wanted = _fold(shards, upto)
    for key in keys_:
        if found.get(key) != wanted.get(key):
            yield _sentence(key, found.get(key), wanted.get(key))


def _snapshot(places: Sequence[store.Key]) -> list[dict[str, Any]]:
    gets = [
        {
            "Get": {
                "TableName": config.settings().table,
                "Key": {"pk": {"S": place.pk}, "sk": {"S": place.sk}},
            }
        }
        for place in places
    ]
    answer = config.client("dynamodb").transact_get_items(TransactItems=gets)
    return [found.get("Item", {}) for found in answer["Responses"]]


def _sentence(key: tuple[str, str], found: naive.Row | None, wanted: naive.Row | None) -> str:
    where = " ".join(key)
    if found is None:
        return f"{where}: is not there, and the log says {wanted}"
    if wanted is None:
        return f"{where}: is there as {found}, and the log knows nothing of it"
    return f"{where}: is {found}, and the log says {wanted}"


def _reached(shards: Sequence[Shard]) -> dict[str, naive.Reach]:
    rows = store.read([checkpoint.key_of(shard) for shard in shards])
    return {key.sk: naive.Reach.of(row.body) for key, row in rows.items()}


def _fold(
    shards: Sequence[Shard],
    upto: dict[str, naive.Reach],
    step: Step = lambda: None,
    count: Count | None = None,
) -> naive.Rows:
    read = logs.read(shards, step, count)
    return naive.expected(read, upto, DECIDERS, VIEWS, keys.trust).rows
