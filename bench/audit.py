"""How fast `ops audit` reads an archive, every signature verified, by as many processes as cores.

The archive is notarised by sweeps. In a busy shop a segment
holds hundreds of records, in a quiet one a handful: then what counts is the number of segments, and
both are told. The processes' start is in it, so small archives look slower than they are.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from bench import fill, world
from chalicelib import notary
from chalicelib.events import Shard
from chalicelib.notary import kept
from ops import audit as auditing

if TYPE_CHECKING:
    from local.cloud import Cloud


@dataclass(frozen=True, slots=True)
class Audit:
    """Of one archive, whole."""

    events_per_s: float
    segments_per_s: float


def measure(running: Cloud, mix: world.Mix, sizes: tuple[int, int]) -> Audit:
    """A shop whose archive holds the events in segments of these sizes, audited."""
    names = world.open_shop(running)
    fill.fill(Shard(names.stream, world.SHARD), mix, sizes)
    return audited(mix)


def audited(mix: world.Mix) -> Audit:
    """The shop that this process is in, whose archive holds the events, audited."""
    _notarise()
    begun = time.perf_counter()
    found = auditing.audit()
    seconds = time.perf_counter() - begun
    if found.wrong or found.not_notarised or found.records != mix.events:
        raise RuntimeError(f"the audit is not of the archive that was filled: {found}")
    return Audit(found.records / seconds, found.segments / seconds)


def _notarise() -> None:
    before, size = -1, 0
    while size != before:
        before = size
        notary.sweep()
        newest = kept.newest()
        size = newest.size if newest else 0
