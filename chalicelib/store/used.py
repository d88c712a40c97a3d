"""How much was written: rows by the minute, as a checkpoint keeps it."""

from __future__ import annotations

import time
from typing import NamedTuple


class Used(NamedTuple):
    """How many rows were written in the minute of the clock, and in the minute before it."""

    minute: int = 0
    rows: int = 0
    before: int = 0

    def more(self, rows: int, now: int) -> Used:
        """With so many rows more, now."""
        return Used(now, rows + (self.rows if now == self.minute else 0), self._before(now))

    def of_last(self, now: int) -> int:
        """The rows of the minute that is over, or of this one where that has more by now."""
        return max(self._before(now), self.rows if now == self.minute else 0)

    def _before(self, now: int) -> int:
        return {self.minute: self.before, self.minute + 1: self.rows}.get(now, 0)


def minute() -> int:
    """The minute of the clock."""
    return int(time.time()) // 60


NOTHING = Used()
