"""How far each version of each view is behind the archive, shard by shard: events and seconds.

What the live set folds shares the shard's checkpoint; a candidate has its own until it joins.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from chalicelib import checkpoint, register
from chalicelib.checkpoint import Checkpoint
from chalicelib.events import Shard
from chalicelib.register import Entry, Register
from chalicelib.view import View
from chalicelib.views import VIEWS
from ops import views as viewing

BEHIND_S = 300

Role = Literal["read", "kept", "candidate"]


@dataclass(frozen=True, slots=True)
class Lag:
    """How far a version is behind a shard's archive; `seconds` is the age of what comes next.

    `more` says that the events were not counted to their end.
    """

    view: str
    version: str
    role: Role
    shard: str
    events: int
    more: bool
    seconds: int


def read(reached: Mapping[Shard, Checkpoint], shards: Sequence[Shard], at: int) -> list[Lag]:
    """Of all versions that are folded anywhere, at this time (ms)."""
    named = register.read() or Register.first(map(str, VIEWS))
    live = {shard: viewing.far(shard, reached.get(shard)) for shard in shards}
    found = []
    for view in VIEWS:
        for role, version in _versions(view, named.entry(view.name)):
            own = checkpoint.all_of(shards, version) if role == "candidate" else {}
            for shard in shards:
                known = reached.get(shard)
                far = live[shard]
                if known is not None and version not in known.views:
                    if role != "candidate":
                        continue  # it left, or never came to be: `left` and `unlisted` tell
                    far = viewing.far(shard, own.get(shard))
                seconds = 0 if far.since is None else max(0, at - far.since) // 1000
                found.append(
                    Lag(view.name, version, role, str(shard), far.events, far.more, seconds)
                )
    return found


def _versions(view: View, entry: Entry) -> Iterator[tuple[Role, str]]:
    yield "read", entry.read or str(view)
    if entry.kept is not None:
        yield "kept", entry.kept
    if entry.next is not None:
        yield "candidate", entry.next


def behind(lags: Sequence[Lag]) -> Iterator[str]:
    """Each shard on which what is read has stood still for minutes."""
    seconds = {lag.shard: lag.seconds for lag in lags if lag.role == "read"}
    for shard, late in seconds.items():
        if late > BEHIND_S:
            yield f"{shard}: the rows are {late} s behind"


def left(versions: Sequence[str]) -> Iterator[str]:
    """Each view that answers 503."""
    for version in versions:
        yield f"{version} left the live set, and answers 503: `ops parked` says why and what to do"


def told(lags: Sequence[Lag]) -> Iterator[str]:
    """A line for the versions of a role that are equally far on every shard."""
    versions: dict[tuple[Role, str], list[Lag]] = {}
    for lag in lags:
        versions.setdefault((lag.role, lag.version), []).append(lag)
    alike: dict[tuple[Role, str], list[str]] = {}
    for (role, version), own in versions.items():
        alike.setdefault((role, _far(own)), []).append(version)
    for (role, far), names in alike.items():
        which = f"{len(names)} views that are {role}" if role != "candidate" else ""
        which = which or f"candidates {', '.join(sorted(names))}"
        yield f"{which}: {far}"


def _far(lags: Sequence[Lag]) -> str:
    """One version on all its shards."""
    late = [
        f"{lag.shard}: {'more than ' if lag.more else ''}{lag.events:,} events, "
        f"{lag.seconds:,} s behind"
        for lag in lags
        if lag.events
    ]
    if not late:
        return "level"
    level = len(lags) - len(late)
    return ", ".join([*late, f"level on {level:,} more"] if level else late)
