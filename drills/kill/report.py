"""What a drill came to: what was acknowledged and found, and all that is not right."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Report:
    """`missing` and `twice` are of the acknowledged; `wrong` is all else that does not hold.

    `copies` were appended again, and ignored. `unheard` are commands that nobody answered: they
    may be recorded. `late` names the orders whose money was not settled in time. `given_up` is how
    often the shop stopped since a part had died five times within a minute, and was started again.
    """

    what: str
    seed: int
    acknowledged: int
    found: int
    copies: int
    unheard: int
    orders: int
    given_up: int
    rows: int
    faults: Mapping[str, int]
    missing: Sequence[str]
    twice: Sequence[str]
    wrong: Sequence[str]
    late: Sequence[str]

    @property
    def differences(self) -> Sequence[str]:
        return [*self.missing, *self.twice, *self.wrong]

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)

    def __str__(self) -> str:
        kinds = ", ".join(f"{kind} {count:,}" for kind, count in self.faults.items())
        told = f"{sum(self.faults.values()):,} faults ({kinds}); " if kinds else ""
        return (
            f"{self.what}, seed {self.seed}: {told}{self.acknowledged:,} acknowledged, "
            f"{self.found:,} found in the archive, {len(self.missing)} missing, "
            f"{len(self.twice)} twice; {self.copies} appended again and ignored, "
            f"{self.unheard:,} unheard; {self.orders} orders, {len(self.late)} late; "
            f"{self.rows:,} rows verified"
        )
