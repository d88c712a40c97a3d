"""One candidate: folded from the archive up to where the live set stands, and joined with it there.

A candidate's checkpoints, subjects and keyed ids are its own, since those of the live set are of
another position. It is advanced parents before children, else shards side by side. A shard joins
by one transaction, under the tokens of both checkpoints: from there on the live set folds it, and
what was the candidate's own is of no use any more. A child of shards that joined has it by birth;
where only some had joined, nobody knows the subjects of the others as they were: it is lost.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Literal, Self

from chalicelib import archive, checkpoint, projector, telemetry
from chalicelib.checkpoint import ALL, Checkpoint
from chalicelib.errors import CommitLost
from chalicelib.events import Shard
from chalicelib.projector import Code
from chalicelib.register import Register, view_of
from chalicelib.replay.pace import Pace

Standing = Literal["building", "joined", "lost"]


@dataclass(frozen=True)
class Shards:
    """The shards that the archive knows, and the live set's checkpoints in them."""

    all: Sequence[Shard]
    live: Mapping[Shard, Checkpoint]
    _parents: dict[Shard, list[Shard]] = field(default_factory=dict)

    @classmethod
    def now(cls) -> Self:
        """As they are."""
        shards = archive.shards()
        return cls(shards, checkpoint.all_of(shards))

    @property
    def parents(self) -> Mapping[Shard, list[Shard]]:
        """What each shard came from; read when it is asked for first."""
        if len(self._parents) < len(self.all):
            new = (shard for shard in self.all if shard not in self._parents)
            firsts = {shard: archive.get(shard, 0).parents for shard in new}
            self._parents.update((s, list(map(Shard.parse, names))) for s, names in firsts.items())
        return self._parents

    @property
    def leaves(self) -> set[Shard]:
        """Those that nothing came from yet: where events still arrive."""
        passed = {parent for parents in self.parents.values() for parent in parents}
        return set(self.all) - passed

    @property
    def generations(self) -> Iterator[list[Shard]]:
        """Those without parents, then those whose parents came before, and so on."""
        done: set[Shard] = set()
        while wave := [s for s in self.all if s not in done and done.issuperset(self.parents[s])]:
            yield wave
            done.update(wave)

    def without(self, version: str | None) -> set[Shard]:
        """The shards whose live set does not fold the version, closed ones too."""
        return {shard for shard, found in self.live.items() if version not in found.views}

    def lacking(self, version: str | None) -> set[Shard]:
        """Where events still arrive, and the live set does not fold the version."""
        missing = self.without(version)
        return missing & self.leaves if missing else missing

    def lack(self, version: str | None) -> bool:
        """Whether there is such a shard."""
        return bool(self.lacking(version))

    def whole(self, version: str | None) -> bool:
        """Whether the live set folds the version wherever events still arrive."""
        return self.leaves <= self.live.keys() and not self.lack(version)


def advance(version: str, code: Code, until: float, pace: Pace, at_once: int = 1) -> Standing:
    """The candidate, as far as it comes in time. Raises CloudFailure."""
    view = code.view(version)
    if view is None:
        return "building"
    shards = Shards.now()
    if _is_lost(version, shards):
        return "lost"
    own = replace(code, views=[view], whose=version, pace=pace)
    with ThreadPoolExecutor(at_once) as pool:
        for wave in shards.generations:
            list(pool.map(partial(_step, own=own, until=until, shards=shards), wave))
    return "joined" if Shards.now().whole(version) else "building"


def _is_lost(version: str, shards: Shards) -> bool:
    """Whether it can never be whole: it has left where it had joined, or a parent alone joined."""
    behind = shards.without(version)
    if not behind:
        return False
    own = checkpoint.all_of(shards.all, version)
    joined = {shard for shard, found in own.items() if found.joined}
    return any(
        shard in joined or (shard not in own and joined & set(shards.parents[shard]))
        for shard in behind
    )


def standing_in(version: str, shards: Shards) -> set[str]:
    """The subjects that stand still in the version alone, in the candidate's own shards too."""
    own = checkpoint.all_of(shards.all, version).values()
    sets = [*shards.live.values(), *(found for found in own if not found.joined)]
    return {subject for found in sets for subject in found.parked.get(version, ())}


def _step(shard: Shard, own: Code, until: float, shards: Shards) -> None:
    """One shard: to where the live set stands, and there it joins, unless the shard is closed."""
    while time.monotonic() < until:
        live = checkpoint.read(shard)
        if live is None or own.whose in live.views:
            return
        projector.catch_up(shard, until, own, upto=live.position)
        found = checkpoint.read(shard, own.whose)
        if found is None or found.joined or found.position != live.position:
            return  # out of time, or waiting: what it waits for was told
        if shard not in shards.leaves or live.ahead or found.ahead or _joined(live, found):
            return


def _joined(live: Checkpoint, found: Checkpoint) -> bool:
    """Whether nothing is left to try here: only who lost a race looks again."""
    if live.parked.get(ALL, {}) != found.parked.get(ALL, {}):
        telemetry.say("candidate-waits", version=found.whose, reason="redrive what is parked")
        return True
    try:
        checkpoint.join(live, found)
    except CommitLost:
        return False
    return True


def drop(shards: Shards, named: Register) -> None:
    """What the register names no more is folded no more; `shards` were read before it was."""
    kept = set(named.folded)
    for found in shards.live.values():
        gone = {v for v in found.views if v not in kept and view_of(v) in named.views}
        if gone and found.ahead is None:
            _dropped(found, gone)


def _dropped(found: Checkpoint, gone: set[str]) -> None:
    views = tuple(version for version in found.views if version not in gone)
    parked = {version: found.parked[version] for version in found.parked.keys() - gone}
    try:
        checkpoint.commit(found, found.moved(views=views, parked=parked), [])
    except CommitLost:
        telemetry.say("drop-waits", shard=str(found.shard), versions=sorted(gone))
