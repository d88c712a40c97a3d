"""One JSON line per thing that happened, on standard error. Never a body, a name or a token."""

from __future__ import annotations

import json
import sys
import time
from typing import Any


def say(what: str, **fields: Any) -> None:
    """Write one line: what happened, when, and what is needed to act on it."""
    line = {"time": round(time.time(), 3), "what": what, **fields}
    sys.stderr.write(json.dumps(line, default=str) + "\n")
