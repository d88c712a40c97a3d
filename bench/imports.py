"""What a cold start imports: app.py, against the libraries that it cannot do without.

Each import is a process of its own; the two take turns. The libraries are chalice, boto3 with two
clients, pydantic and cryptography; app.py makes no client before it is asked something. Both are
byte code by then, in a folder that the first round fills: whether this machine keeps any is its
own affair, and a third of an import without it is the compiler's.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

ROUNDS = 15
ROOT = Path(__file__).parents[1]
TIMED = "import time; begun = time.perf_counter(); {}; print(time.perf_counter() - begun)"
OURS = "import app"
LIBRARIES = (
    "import boto3, chalice, pydantic;"
    "from cryptography.hazmat.primitives.asymmetric import ed25519;"
    "boto3.client('dynamodb'); boto3.client('kinesis')"
)
ENVIRONMENT = {
    "AWS_DEFAULT_REGION": "eu-central-1",
    "AWS_ACCESS_KEY_ID": "local",
    "AWS_SECRET_ACCESS_KEY": "local",
    "AWS_CONFIG_FILE": os.devnull,
    "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
}


def measure(rounds: int) -> tuple[float, float]:
    """The ratio of the medians, and the median of `import app` in milliseconds."""
    with tempfile.TemporaryDirectory() as folder:
        kept = {"PYTHONPYCACHEPREFIX": folder, "PYTHONDONTWRITEBYTECODE": ""}
        found = [[_seconds(each, kept) for each in (OURS, LIBRARIES)] for _ in range(rounds + 1)]
    ours, theirs = map(statistics.median, zip(*found[1:], strict=True))
    return ours / theirs, ours * 1000


def _seconds(statements: str, kept: dict[str, str]) -> float:
    ran = subprocess.run(
        [sys.executable, "-c", TIMED.format(statements)],
        cwd=ROOT,
        env=os.environ | ENVIRONMENT | kept,
        check=True,
        capture_output=True,
        text=True,
    )
    return float(ran.stdout)
