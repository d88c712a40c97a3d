"""Whether the shop is up, and how far its views are behind the archive."""

from __future__ import annotations

from typing import Any

from chalicelib import archive, checkpoint, http
from chalicelib.errors import CloudFailure
from chalicelib.events import Shard
from chalicelib.http import Request
from chalicelib.views import VIEWS


def health() -> dict[str, Any]:
    """`ok`, or `catching-up` while the views do not hold all of the log yet."""
    try:
        return {"status": "ok" if checkpoint.is_ready() else "catching-up"}
    except CloudFailure:
        return {"status": "catching-up"}


def views(request: Request) -> dict[str, Any]:
    """Every view with its version, and for each shard whether it is level."""
    http.known_arguments(request)
    shards = archive.shards()
    found = checkpoint.all_of(shards)
    lags = {str(shard): _lag(shard, found.get(shard)) for shard in shards}
    items = [
        {
            "view": view.name,
            "version": view.version,
            "live": all(str(view) in reached.views for reached in found.values()),
            "parked": sum(_parked(reached, str(view)) for reached in found.values()),
            "shards": lags,
        }
        for view in VIEWS
    ]
    return {"items": items, "next": None}


def _parked(reached: checkpoint.Checkpoint, view: str) -> int:
    """How many subjects stand still in the view: for itself, or for all."""
    return sum(len(reached.parked.get(name, ())) for name in (view, checkpoint.ALL))


def _lag(shard: Shard, reached: checkpoint.Checkpoint | None) -> dict[str, Any]:
    if reached is None:
        return {"level": False, "position": None}
    return {"level": checkpoint.is_level(shard, reached), "position": str(reached.position)}
