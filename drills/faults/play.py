"""People use a shop in whose processes the layer is on, for some minutes; then it is compared.

The seed draws what goes wrong in each process, call after call; which call comes when is the
machine's affair. What replays to the letter are the schedules of `tests/engine/test_any_fault.py`.
"""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Mapping

from drills.faults.plan import Fault
from drills.kill.judge import judge
from drills.kill.load import Load
from drills.kill.report import Report
from drills.own import Own, Steps, folder, keep

HANDS = 4


def play(*, minutes: float, rate: float, seed: int, cards: bool, steps: Steps) -> Report:
    """On a shop of its own. Raises UnreachableError."""
    drawn = {"FAULT_SEED": str(seed), "FAULT_RATE": str(rate)}
    more = {"TILLSTREAM_APP": "drills.faults.served", **drawn}
    seconds = max(1, round(minutes * 60))
    with folder() as place, Own(place, more) as shop:
        shop.come_back()
        with Load(shop.endpoint, seed, HANDS, cards) as load, steps("seconds", seconds) as step:
            for _ in range(seconds):
                time.sleep(1)
                step()
        told = judge(
            shop,
            load,
            what=f"{seconds} s in which one call in {round(1 / rate)} fails",
            seed=seed,
            steps=steps,
            faults=lambda: faults(shop),
        )
        if told.differences:
            keep(place)
    return told


def faults(shop: Own) -> Mapping[str, int]:
    """How often which fault befell the shop: its processes have told each."""
    found: Counter[str] = Counter()
    for line in (shop.folder / "said").read_text().splitlines():
        if '"what": "fault"' in line:
            found[Fault(json.loads(line)["fault"])] += 1
    return dict(sorted(found.items()))
