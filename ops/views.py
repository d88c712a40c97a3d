"""Every view with its version, and every shard with how far its rows are behind the archive.

All live views of a shard share its checkpoint, so the lag is the shard's: in segments, and in
the events in them that are not folded yet. A long lag is counted to `MOST` segments and no further.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING

from rich.table import Table

from chalicelib import archive, checkpoint
from chalicelib.checkpoint import ALL, Checkpoint
from chalicelib.views import VIEWS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rich.console import Console

    from chalicelib.events import Shard

MOST = 1000


@dataclass(frozen=True, slots=True)
class ViewState:
    """`live` says that every shard folds it; `parked` counts subjects that stand still in it."""

    view: str
    version: int
    live: bool
    parked: int


@dataclass(frozen=True, slots=True)
class ShardState:
    """`more` says that the lag was not counted to its end."""

    shard: str
    position: str | None
    level: bool
    segments: int
    events: int
    more: bool
    parked: int


@dataclass(frozen=True, slots=True)
class State:
    """The views and the shards of a shop."""

    views: list[ViewState]
    shards: list[ShardState]


def state() -> State:
    """As it is now."""
    shards = archive.shards()
    found = checkpoint.all_of(shards)
    views = [
        ViewState(
            view=view.name,
            version=view.version,
            live=all(str(view) in reached.views for reached in found.values()),
            parked=_parked(found, str(view)),
        )
        for view in VIEWS
    ]
    return State(views, [_shard(shard, found.get(shard)) for shard in shards])


def _shard(shard: Shard, reached: Checkpoint | None) -> ShardState:
    position, segment = (0, 0) if reached is None else (reached.position, reached.segment)
    behind = [
        sum(record.sequence > position for record in each.records)
        for each in islice(archive.read_after(shard, segment), MOST + 1)
    ]
    return ShardState(
        shard=str(shard),
        position=str(position) if reached else None,
        level=not any(behind),
        segments=min(sum(map(bool, behind)), MOST),
        events=sum(behind[:MOST]),
        more=len(behind) > MOST,
        parked=0 if reached is None else len(reached.parked.get(ALL, ())),
    )


def _parked(found: Mapping[Shard, Checkpoint], view: str) -> int:
    return sum(len(reached.parked.get(view, ())) for reached in found.values())


def show(found: State, console: Console) -> None:
    """For a person to read."""
    views = Table("view", "version", "live", "parked", box=None, header_style="dim")
    for view in found.views:
        live = "[green]live[/]" if view.live else "[red]not live[/]"
        views.add_row(view.view, str(view.version), live, str(view.parked))
    console.print(views)
    shards = Table("shard", "behind", "parked for all", box=None, header_style="dim")
    for shard in found.shards:
        more = "more than " if shard.more else ""
        lag = f"[yellow]{more}{shard.segments:,} segments, {shard.events:,} events[/]"
        shards.add_row(shard.shard, "level" if shard.level else lag, str(shard.parked))
    console.print(shards)
    if not found.shards:
        console.print("The log is empty.")
