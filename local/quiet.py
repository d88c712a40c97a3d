"""What libraries log goes to standard error as one JSON line, without its message.

A message may repeat what a client sent, and personal data is written nowhere. The place in the
code and the kind of the exception are enough to begin with.
"""

from __future__ import annotations

import logging

from chalicelib import telemetry


def speak_in_lines() -> None:
    """From here on every warning or error of a library is one line."""
    logging.basicConfig(handlers=[_Lines()], level=logging.WARNING, force=True)


class _Lines(logging.Handler):
    def emit(self, record: logging.LogRecord) -> None:
        kind = record.exc_info[0].__name__ if record.exc_info and record.exc_info[0] else None
        at = f"{record.name}:{record.filename}:{record.lineno}"
        telemetry.say("log", level=record.levelname, at=at, error=kind)
