"""Every row of the table against the second, naive fold of the archive.

Traffic may go on. The rows are scanned, and compared with the fold up to the checkpoints as they
were before; what differs is then read again together with the checkpoints, at one moment, and
compared with the fold up to those. So a difference that is told was there at one moment.

The rows of a version are compared where the live set folds it wherever events still arrive, whether
it is read or not: a shard that was closed before it was built never folds it. A verdict that a view
alone parked is not: which views there were then, no log says.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from chalicelib import archive, checkpoint, config, store
from chalicelib.checkpoint import Checkpoint
from chalicelib.decisions import DECIDERS
from chalicelib.events import Shard
from chalicelib.projector import LIVE
from chalicelib.replay import Shards
from chalicelib.signing import keys
from chalicelib.view import View
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


def verify(step: Step = lambda: None, only: str | None = None, page: Step = lambda: None) -> Report:
    """Compare every row, or those of one version `only`: then no others are held.

    `step` is called after each segment of the first reading, and of each that follows it; `page`
    before each page of the table.
    """
    shards = archive.shards()
    live = checkpoint.all_of(shards)
    views = _folded(live, only)
    rows = naive.among(naive.plain(_scanned(page), only), map(str, views))
    records = Count()
    wanted = naive.among(
        _fold(logs.read(shards, step, records), live, views, only), map(str, views)
    )
    doubtful = sorted(
        key for key in rows.keys() | wanted.keys() if rows.get(key) != wanted.get(key)
    )
    differences = [
        sentence
        for at in range(0, len(doubtful), TOGETHER)
        for sentence in _again(shards, doubtful[at : at + TOGETHER], step, only)
    ]
    parked = sum(pk.startswith("parked@") for pk, _ in rows)
    return Report(len(rows), records.seen, parked, differences)


def _folded(live: Mapping[Shard, Checkpoint], only: str | None) -> list[View]:
    """The versions that are folded where nothing came of the shard yet, if this code has them."""
    leaves = Shards(list(live), live).leaves
    versions = [found.views for shard, found in live.items() if shard in leaves]
    common = [v for v in versions[0] if all(v in each for each in versions)] if versions else []
    known = [LIVE.view(version) for version in common if only in (None, version)]
    return [view for view in known if view is not None]


def _scanned(page: Step) -> Iterator[dict[str, Any]]:
    for items in store.scanned():
        page()
        yield from items


def _again(
    shards: Sequence[Shard], keys_: Sequence[tuple[str, str]], step: Step, only: str | None
) -> Iterator[str]:
    """The rows that still differ at one moment."""
    places = [*map(checkpoint.key_of, shards), *(store.Key(*key) for key in keys_)]
    items = _snapshot(places)
    checkpoints = [store.row_of(item) for item in items[: len(shards)] if item]
    live = {each.shard: each for each in map(Checkpoint.of, checkpoints)}
    views = _folded(live, only)
    found = naive.among(naive.plain(filter(None, items), only), map(str, views))
    wanted = naive.among(_fold(logs.read(shards, step), live, views, only), map(str, views))
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


def _fold(
    read: Mapping[str, naive.Log],
    live: Mapping[Shard, Checkpoint],
    views: Sequence[View],
    only: str | None,
) -> naive.Rows:
    upto = {str(shard): naive.Reach.of(found.row().body) for shard, found in live.items()}
    fold = naive.Fold(DECIDERS, views, keys.trust, naive.rows_for(only))
    return fold.over(read, upto).rows
