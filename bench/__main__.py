"""`python -m bench`: every figure beside its target, and all of them in results/latest.json.

Figures are no tests: the exit code is 0 whatever they are. Times depend on the machine and on what
else it does; the ratios do less, and `verify_bare_per_s` says how fast it was at the time.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

from bench import machine
from bench.figures import MEASUREMENTS, Measurement

LATEST = Path(__file__).parent / "results" / "latest.json"
NAMES = {name for measurement in MEASUREMENTS for name in measurement.targets}
AT_ONCE = {name for each in MEASUREMENTS if not each.only_by_name for name in each.targets}
PARTS = {measurement.what for measurement in MEASUREMENTS}


def main() -> None:
    given = _parsed()
    figures: dict[str, float] = {}
    for measurement in _chosen(given.only):
        print(f"{measurement.what} …", flush=True)
        measured = measurement.measure(given.size, given.seed)
        figures |= {name: measured[name] for name in measurement.targets}
        _show(measurement, figures)
    _write(given.out, figures, given.seed, given.size)
    print(given.out)


def _parsed() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    known = sorted(PARTS) + sorted(NAMES)
    parser.add_argument(
        "--only",
        nargs="+",
        default=[],
        choices=known,
        metavar="NAME",
        help=f"parts ({', '.join(sorted(PARTS))}) or figures; what is measured with one comes too",
    )
    parser.add_argument("--size", type=float, default=1.0, help="1 is what the targets mean")
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--out", type=Path, default=LATEST)
    return parser.parse_args()


def _chosen(only: list[str]) -> list[Measurement]:
    """The measurements that give what is asked for; all that are not very long if nothing is."""
    if not only:
        return [each for each in MEASUREMENTS if not each.only_by_name]
    return [each for each in MEASUREMENTS if {*only} & {each.what, *each.targets}]


def _show(measurement: Measurement, figures: dict[str, float]) -> None:
    for name, target in measurement.targets.items():
        mark = {True: "holds", False: "DOES NOT HOLD", None: ""}[target.holds(figures[name])]
        print(f"  {name:<44}{_written(figures[name]):>10}   {target!s:<10} {mark}".rstrip())


def _written(value: float) -> str:
    return f"{value:,.0f}" if value >= 1000 else f"{value:,.4g}"


def _write(out: Path, figures: dict[str, float], seed: int, size: float) -> None:
    """What this run has measured, and nothing of another."""
    found: dict[str, Any] = {
        "machine": machine.machine(),
        "versions": machine.versions(),
        "seed": seed,
        "size": size,
        "figures": {name: float(f"{value:.6g}") for name, value in figures.items()},
    }
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(json.dumps(found, indent=1, sort_keys=True) + "\n")


if __name__ == "__main__":
    main()
