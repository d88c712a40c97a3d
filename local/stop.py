"""What a signal to stop brings about, with no lock taken inside its handler.

A handler runs between any two steps of the main thread, those of another handler included: a lock
that it waits for may be held by the very code that it interrupts. So it puts a word into a queue
that allows for that (`queue.SimpleQueue`), and a thread does the rest.
"""

from __future__ import annotations

import signal
import threading
from queue import SimpleQueue
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def when_told(stop: Callable[[], object]) -> None:
    """Call `stop` once, at the first of the signals; those after it change nothing."""
    told: SimpleQueue[int] = SimpleQueue()

    def wait() -> None:
        told.get()
        stop()

    for number in SIGNALS:
        signal.signal(number, lambda number, _: told.put(number))
    threading.Thread(target=wait, name="stop", daemon=True).start()
