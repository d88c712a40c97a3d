"""What versions that nobody names any more have left in the table: rows that nothing reads.

A version has rows only after the register names it, and is not named again. So a row that was read
before the register was, and is of no version that this names, is of none that is ever read.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

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
    count = 0
    for items in store.scanned():
        step()
        named = register.read()
        keys = list(_left_behind(items, named)) if named else []
        for at in range(0, len(keys), TOGETHER):
            _erased(keys[at : at + TOGETHER])
            step()
        count += len(keys)
    return count


def _left_behind(items: Iterable[Mapping[str, Any]], named: Register) -> Iterator[Key]:
    """A candidate's own rows are of no use from when it joined: then it is no candidate."""
    candidates = {entry.next for entry in named.views.values()}
    for item in items:
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
