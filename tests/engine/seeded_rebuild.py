"""The same of views that are built anew: a release changes some, and the sweep builds them.

In the end the changed views are read, and each version that is folded has the rows of the log.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial

import pytest
import seeded
from stories import GAPS, Told
from test_candidates import assert_read, deployed, holds

from chalicelib import archive, checkpoint, projector, replay
from chalicelib.events import Shard
from chalicelib.projector import Code
from chalicelib.replay import candidate
from chalicelib.replay.candidate import Shards

FEW = {"scores", "catalog", "brittle"}  # the more views, the less a second is found
BUILDS = 4  # a schedule goes on until the sweep has come so often
MOST_BUILDS = 5  # and one that meets nothing has built all by then
FLAWS = ["none"] * 6 + ["keyed"] * 3 + ["again", "unknown", "expects"]


class Schedule(seeded.Schedule):
    """The world of one seed, whose next release comes meanwhile."""

    def __init__(self, seed: int) -> None:
        super().__init__(seed)
        views = [view for view in self.world.code.views if view.name in FEW]
        self.world.code = self.old = replace(self.world.code, views=views)
        self.builds = 0

    def _story(self) -> list[Told]:
        """A story of three products, with what the changed views are fed with."""
        dice = self.dice
        return [
            Told(
                dice.randint(0, 3),
                dice.randint(0, 2),
                dice.choice([0, 2, 3, 4, 4]),
                dice.choice(FLAWS),
                dice.choice(GAPS[:5]),
                dice.randint(0, 3),
            )
            for _ in range(dice.randint(4, 9))
        ]

    def _goes_on(self) -> bool:
        return super()._goes_on() or self.world.code is self.old or self.builds < BUILDS

    def _choices(self) -> list[tuple[str, Callable[[], object]]]:
        found = super()._choices()
        if self.world.code is self.old:
            is_level = ("ready", "live") in self.world.cloud["dynamodb"].tables.get("views", ())
            return found + [("deploy", self._deploy)] * (10 if is_level else 1)
        return found + [("build", self._build)] * 10

    def _deploy(self) -> None:
        self.world.code = deployed(self.old)

    def _build(self) -> None:
        """The sweep of each minute, which builds what is new, and promotes it."""
        self.builds += 1
        replay.sweep(self.world.code)

    def _end(self) -> None:
        """All goes well: the changed views are built, and hold what the log comes to."""
        self.plan.stop()
        self.world.create()
        archive._tails = {}
        for _ in range(MOST_BUILDS):
            replay.sweep(self.world.code)
        holds(self.world)
        if not any("*" in found["parked"] for found in self.world.checkpoints().values()):
            assert_read(self.world)
        self._check_archive()


play = partial(seeded.play, kind=Schedule)


def joined_where_it_stands(patch: pytest.MonkeyPatch) -> None:
    """A candidate joins the live set, wherever that stands meanwhile."""

    def step(shard: Shard, own: Code, until: float, shards: Shards) -> None:
        live = checkpoint.read(shard)
        if live is None or own.whose in live.views:
            return
        projector.catch_up(shard, until, own, upto=live.position)
        found = checkpoint.read(shard, own.whose)
        if found and not (found.joined or live.ahead or found.ahead) and shard in shards.leaves:
            candidate._joined(live, found)

    patch.setattr(candidate, "_step", step)
