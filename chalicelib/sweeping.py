"""The parts of a sweep: each is done, whatever became of those before it.

They need nothing of each other: a view that cannot catch up keeps no money waiting, and no segment
from being notarised.
"""

from __future__ import annotations

from collections.abc import Callable

from chalicelib import telemetry


def run(*parts: Callable[[], None]) -> None:
    """Do each; then raise the first failure, if there was one: so the sweep has failed."""
    failures = []
    for part in parts:
        try:
            part()
        except Exception as failure:  # noqa: BLE001  (raised below, once the others are done)
            telemetry.say("part-failed", part=part.__module__, error=type(failure).__name__)
            failures.append(failure)
    if failures:
        raise failures[0]
