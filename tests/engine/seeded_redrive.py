"""The same of what stands still: code that breaks is mended at some moment, and redriven in pieces.

In the end what stands still is what the mended code cannot fold either, and the rows are those of
a table filled anew with it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial

import pytest
import seeded
from planted import Plant
from stories import BROKEN, CODES, GAPS, MENDED, Told

from chalicelib import archive, projector
from chalicelib.errors import Behind
from chalicelib.replay import redrive as redriving
from chalicelib.replay.candidate import Shards
from chalicelib.replay.redrive import places, redrive
from chalicelib.replay.standing import Standing, Waiting

REDRIVES = 6
BREAKS = ["none"] * 6 + ["keyed", "keyed", "again", "expects", "invalid", "unknown"]


class Schedule(seeded.Schedule):
    """The world of one seed, whose code is broken until it is mended."""

    def __init__(self, seed: int) -> None:
        super().__init__(seed)
        self.world.code = self.dice.choice([BROKEN, BROKEN, CODES[1]])
        self.redrives = 0

    def _bound(self, patch: pytest.MonkeyPatch) -> None:
        patch.setattr(redriving, "MOST_RECORDS", self.dice.choice([1, 2, 100]))

    def _story(self) -> list[Told]:
        """A story of three products, of whom one may stand still."""
        dice = self.dice
        return [
            Told(
                dice.randint(0, 3),
                dice.choice([0, 0, 0, 1, 2]),
                dice.choice([0, 2, 3, 4]),
                dice.choice(BREAKS),
                dice.choice(GAPS[:4]),
                dice.randint(0, 3),
            )
            for _ in range(dice.randint(4, 9))
        ]

    def _goes_on(self) -> bool:
        if super()._goes_on() or self.world.code is not MENDED:
            return True
        return self.redrives < REDRIVES and bool(self._standing())

    def _choices(self) -> list[tuple[str, Callable[[], object]]]:
        found, standing = super()._choices(), self._standing()
        if self.world.code is not MENDED:
            over = not super()._goes_on()
            return found + [("mend", self._mend)] * 10 * (1 if over else len(standing))
        return found + [(f"redrive {each}", partial(self._redrive, each)) for each in standing] * 10

    def _mend(self) -> None:
        self.world.code = MENDED

    def _standing(self) -> list[str]:
        """Who stands still, by the table."""
        tables = self.world.cloud["dynamodb"].tables
        found = self.world.checkpoints().values() if tables else ()
        return sorted({s for each in found for listed in each["parked"].values() for s in listed})

    def _redrive(self, subject: str) -> None:
        """An operator's verb, which may die anywhere, or be told that it cannot be done now."""
        self.redrives += 1
        try:
            for place in places(subject, self.world.code):
                redrive(subject, place)
        except Behind as reason:
            self.trace.append(str(reason))

    def _end(self) -> None:
        """All goes well: what stands still is redriven, and the rows are the naive fold's."""
        self.plan.stop()
        self.world.create()
        archive._tails = {}
        projector.sweep(MENDED)
        for subject in self._standing():
            self._redrive(subject)
        fold = self.world.fold()
        still = {s for end in fold.ends.values() for listed in end.parked.values() for s in listed}
        assert self._standing() == sorted(still)
        assert self.world.rows() == fold.rows


play = partial(seeded.play, kind=Schedule)


def one_forgotten(patch: pytest.MonkeyPatch) -> None:
    """Of the checkpoints that list the subject, the last is left as it is."""
    of = Standing.of

    def forgetful(subject: str, view: str, shards: Shards) -> Standing | None:
        found = of(subject, view, shards)
        return found and replace(found, listed=found.listed[:-1] or found.listed)

    patch.setattr(Standing, "of", forgetful)


def position_ignored(patch: pytest.MonkeyPatch) -> None:
    """The subject is taken off the list once what was read at first is folded."""
    read_on, begun = Waiting.read_on, list[Waiting]()

    def once(self: Waiting, standing: Standing, most: int) -> None:
        if not any(each is self for each in begun):
            begun.append(self)
            read_on(self, standing, most)

    patch.setattr(Waiting, "read_on", once)


def told_for_good(patch: pytest.MonkeyPatch) -> None:
    """What was told of the event at which it stood still stays."""
    patch.setattr("chalicelib.replay.refold._untold", lambda *_: [])


PLANTS: dict[str, Plant] = {
    plant.__name__: plant for plant in (one_forgotten, position_ignored, told_for_good)
}
