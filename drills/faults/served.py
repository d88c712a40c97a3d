"""The shop's app with the fault layer on: what `drills faults` has the server and dispatcher run.

FAULT_SEED and FAULT_RATE say what its process draws.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from drills.faults.layer import install
from drills.faults.plan import Plan

install(
    Plan(
        f"{os.environ['FAULT_SEED']} {Path(sys.argv[0]).stem}",
        float(os.environ["FAULT_RATE"]),
    )
)

from app import app, project, sweep, work  # noqa: E402  (the layer comes first)

__all__ = ["app", "project", "sweep", "work"]
