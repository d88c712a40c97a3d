"""Every view with its version, and every shard with how far its rows are behind the archive.

All live views of a shard share its checkpoint, so the lag is the shard's: in segments, and in
the events in them that are not folded yet. A long lag is counted to `MOST` segments and no further.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import chain, islice
from typing import TYPE_CHECKING, NamedTuple

from rich.table import Table

from chalicelib import archive, checkpoint, register
from chalicelib.checkpoint import ALL, Checkpoint
from chalicelib.register import Entry, Register, number_of
from chalicelib.replay import Shards
from chalicelib.views import VIEWS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rich.console import Console

    from chalicelib.events import Shard
    from chalicelib.view import View

MOST = 1000


@dataclass(frozen=True, slots=True)
class ViewState:
    """`live` says that it is folded wherever events still arrive.

    `parked` counts subjects that stand still in it. `read` is the version that queries read, `kept`
    the one before it, `candidate` what is built; `built` says in which shards that has joined, and
    how far it is behind in the others.
    """

    view: str
    version: int
    live: bool
    parked: int
    read: str | None
    kept: str | None
    candidate: str | None
    built: dict[str, str]


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


class Far(NamedTuple):
    """A lag; `since` is when what comes next had arrived (ms), None where nothing does."""

    segments: int
    events: int
    more: bool
    since: int | None


@dataclass(frozen=True, slots=True)
class State:
    """The views and the shards of a shop."""

    views: list[ViewState]
    shards: list[ShardState]


def state() -> State:
    """As it is now."""
    shards = archive.shards()
    found = checkpoint.all_of(shards)
    named = register.read() or Register.first(map(str, VIEWS))
    known = Shards(list(found), found)
    views = [_view(view, named.entry(view.name), known) for view in VIEWS]
    return State(views, [_shard(shard, found.get(shard)) for shard in shards])


def _view(view: View, entry: Entry, shards: Shards) -> ViewState:
    return ViewState(
        view=view.name,
        version=number_of(entry.read) or view.version,
        live=not shards.lack(entry.read),
        parked=_parked(shards.live, entry.read or str(view)),
        read=entry.read,
        kept=entry.kept,
        candidate=entry.next,
        built={} if entry.next is None else _built(entry.next, shards.live),
    )


def _built(version: str, live: Mapping[Shard, Checkpoint]) -> dict[str, str]:
    own = checkpoint.all_of(list(live), version)
    return {
        str(shard): "joined" if version in found.views else _behind(_shard(shard, own.get(shard)))
        for shard, found in live.items()
    }


def _behind(shard: ShardState) -> str:
    more = "more than " if shard.more else ""
    return f"{more}{shard.segments:,} segments, {shard.events:,} events behind"


def _shard(shard: Shard, reached: Checkpoint | None) -> ShardState:
    behind = far(shard, reached)
    return ShardState(
        shard=str(shard),
        position=str(reached.position) if reached else None,
        level=behind.since is None,
        segments=behind.segments,
        events=behind.events,
        more=behind.more,
        parked=0 if reached is None else len(reached.parked.get(ALL, ())),
    )


def far(shard: Shard, reached: Checkpoint | None) -> Far:
    """How far what stands there is behind the shard's archive."""
    position, segment = (0, 0) if reached is None else (reached.position, reached.segment)
    behind = [
        [record.arrival for record in each.records if record.sequence > position]
        for each in islice(archive.read_after(shard, segment), MOST + 1)
    ]
    return Far(
        segments=min(sum(map(bool, behind)), MOST),
        events=sum(map(len, behind[:MOST])),
        more=len(behind) > MOST,
        since=next(chain.from_iterable(behind), None),
    )


def _parked(found: Mapping[Shard, Checkpoint], view: str) -> int:
    return sum(len(reached.parked.get(view, ())) for reached in found.values())


def show(found: State, console: Console) -> None:
    """For a person to read."""
    heads = "view", "read", "live", "parked", "kept", "candidate"
    views = Table(*heads, box=None, header_style="dim")
    for view in found.views:
        live = "[green]live[/]" if view.live else "[red]not live[/]"
        versions = (each or "" for each in (view.kept, view.candidate))
        views.add_row(view.view, view.read or "", live, str(view.parked), *versions)
    console.print(views)
    for view in found.views:
        for where, far in view.built.items():
            console.print(f"{view.candidate} in {where}: {far}", highlight=False)
    shards = Table("shard", "behind", "parked for all", box=None, header_style="dim")
    for shard in found.shards:
        more = "more than " if shard.more else ""
        lag = f"[yellow]{more}{shard.segments:,} segments, {shard.events:,} events[/]"
        shards.add_row(shard.shard, "level" if shard.level else lag, str(shard.parked))
    console.print(shards)
    if not found.shards:
        console.print("The log is empty.")
