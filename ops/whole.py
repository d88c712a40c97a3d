"""A file that is written whole, or left as it was: what is new lies beside it first.

Raises OSError.
"""

from __future__ import annotations

import errno
from contextlib import suppress
from pathlib import Path


def check(path: Path) -> None:
    """That a text could be put there: asked before the work, not after it."""
    if path.exists() and not path.is_file():
        raise OSError(errno.EINVAL, "it is no file")
    fresh = _beside(path)
    fresh.touch()
    fresh.unlink()


def put(path: Path, text: str) -> None:
    """The text, in place of what lies there."""
    fresh = _beside(path)
    try:
        fresh.write_text(text, encoding="utf-8")
        fresh.replace(path.resolve())
    except (OSError, ValueError):
        with suppress(OSError):
            fresh.unlink()
        raise


def _beside(path: Path) -> Path:
    there = path.resolve()
    return there.with_name(f"{there.name}.new")
