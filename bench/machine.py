"""What the figures were measured on, and with which versions. No name of any host."""

from __future__ import annotations

import os
import platform
from importlib import metadata

DISTRIBUTIONS = ("boto3", "botocore", "chalice", "cryptography", "ministack", "pydantic")


def machine() -> dict[str, str | int]:
    """Cores, interpreter and platform."""
    return {
        "cores": os.cpu_count() or 0,
        "python": platform.python_version(),
        "platform": f"{platform.system()} {platform.machine()}",
    }


def versions() -> dict[str, str]:
    """The libraries whose speed is in the figures."""
    return {name: metadata.version(name) for name in DISTRIBUTIONS}
