"""Whether the shop is up, and how far its views are behind the archive."""

from __future__ import annotations

from typing import Literal

from typing_extensions import TypedDict

from chalicelib import archive, checkpoint, register
from chalicelib.errors import CloudFailure
from chalicelib.events import Shard
from chalicelib.read import Page
from chalicelib.replay import Shards
from chalicelib.views import VIEWS


class Health(TypedDict):
    """`ok` once the views hold all of the log."""

    status: Literal["ok", "catching-up"]


class Lag(TypedDict):
    """How far a shard is folded; level is as far as the archive goes."""

    level: bool
    position: str | None


class Progress(TypedDict):
    """One view: its version, whether it answers, and how many subjects stand still in it."""

    view: str
    version: int
    live: bool
    parked: int
    shards: dict[str, Lag]


def health() -> Health:
    """`ok`, or `catching-up` while the views do not hold all of the log yet."""
    try:
        return {"status": "ok" if checkpoint.is_ready() else "catching-up"}
    except CloudFailure:
        return {"status": "catching-up"}


def views() -> Page[Progress]:
    """Every view with its version, and for each shard whether it is level."""
    shards = archive.shards()
    found, _ = checkpoint.all_of(shards), register.read()
    known = Shards(list(found), found)
    lags = {str(shard): _lag(shard, found.get(shard)) for shard in shards}
    items: list[Progress] = [
        {
            "view": view.name,
            "version": register.number_of(view.reading),
            "live": not known.lack(view.reading),
            "parked": sum(_parked(reached, view.reading) for reached in found.values()),
            "shards": lags,
        }
        for view in VIEWS
    ]
    return {"items": items, "next": None}


def _parked(reached: checkpoint.Checkpoint, view: str) -> int:
    """How many subjects stand still in the view: for itself, or for all."""
    return sum(len(reached.parked.get(name, ())) for name in (view, checkpoint.ALL))


def _lag(shard: Shard, reached: checkpoint.Checkpoint | None) -> Lag:
    if reached is None:
        return {"level": False, "position": None}
    return {"level": checkpoint.is_level(shard, reached), "position": str(reached.position)}
