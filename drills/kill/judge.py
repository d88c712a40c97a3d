"""What the shop says in the end is compared with what its people were told."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from drills.kill.found import find
from drills.kill.load import Load
from drills.kill.report import Report
from drills.kill.settle import settle
from drills.own import Own, Steps
from ops import verify

MOST_TOLD = 20

Faults = Callable[[], Mapping[str, int]]


def judge(  # noqa: PLR0913  (what is told of a drill)
    shop: Own, load: Load, *, what: str, seed: int, steps: Steps, faults: Faults = dict
) -> Report:
    """The report; nobody says anything more. Raises UnreachableError."""
    shop.enter()
    late, flaws = settle(load, steps)
    shop.come_back()
    found, compared = find(load.heard), verify.verify()
    parked = [f"{compared.parked} subjects are parked"] * (compared.parked > 0)
    return Report(
        what,
        seed,
        acknowledged=len(set(load.heard)),
        found=found.found,
        copies=found.copies,
        unheard=load.unheard,
        orders=len(load.orders),
        given_up=shop.given_up,
        rows=compared.rows,
        faults=faults(),
        missing=found.missing,
        twice=found.twice,
        wrong=[*load.odd, *flaws, *parked, *compared.differences[:MOST_TOLD]],
        late=late,
    )
