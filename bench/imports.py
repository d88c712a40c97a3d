"""What a cold start imports: app.py, against the libraries that it cannot do without.

Each import is a process of its own; the two take turns. The libraries are chalice, boto3 with two
clients, pydantic and cryptography; app.py makes no client before it is asked something.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
from pathlib import Path

ROUNDS = 7
ROOT = Path(__file__).parents[1]
TIMED = "import time; begun = time.perf_counter(); {}; print(time.perf_counter() - begun)"
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
    ours, theirs = [], []
    for _ in range(rounds):
        ours.append(_seconds("import app"))
        theirs.append(_seconds(LIBRARIES))
    mine = statistics.median(ours)
    return mine / statistics.median(theirs), mine * 1000


def _seconds(statements: str) -> float:
    command = [sys.executable, "-c", TIMED.format(statements)]
    ran = subprocess.run(
        command, cwd=ROOT, env=os.environ | ENVIRONMENT, check=True, capture_output=True, text=True
    )
    return float(ran.stdout)
