"""What versions that nobody names any more have left in the table: rows that nothing reads."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from itertools import islice

from chalicelib import config, register, store
from chalicelib.register import Register, view_of
from chalicelib.replay import Shards
from chalicelib.store import Key

OF_VERSION = re.compile(r"(candidate/|parked@|left/)?([a-z]+@\d+(?:\.\d+)?)(?:/|$)")
TOGETHER = 25


def folded() -> set[str]:
    """The versions that the live set folds somewhere, and the register does not name."""
    shards = Shards.now()
    named = register.read()
    versions = {version for found in shards.live.values() for version in found.views}
    return {v for v in versions if named and view_of(v) in named.views and v not in named.folded}


def erase(step: Callable[[], None]) -> int:
    """All such rows, gone; how many they were."""
    named, count = register.read(), 0
    keys = _left_behind(named) if named else iter(())
    while some := list(islice(keys, TOGETHER)):
        _erased(some)
        count += len(some)
        step()
    return count


def _left_behind(named: Register) -> Iterator[Key]:
    """A candidate's own rows are of no use from when it joined: then it is no candidate."""
    candidates = {entry.next for entry in named.views.values()}
    for item in store.scan():
        found = OF_VERSION.match(item["pk"]["S"])
        if found is None or view_of(found[2]) not in named.views:
            continue
        if found[2] not in (candidates if found[1] == "candidate/" else named.folded):
            yield Key(item["pk"]["S"], item["sk"]["S"])


def _erased(keys: list[Key]) -> None:
    deletes = [
        {"DeleteRequest": {"Key": {"pk": {"S": key.pk}, "sk": {"S": key.sk}}}} for key in keys
    ]
    asked = {config.settings().table: deletes}
    while asked:
        asked = config.client("dynamodb").batch_write_item(RequestItems=asked)["UnprocessedItems"]
