"""`python -m local.leash MODULE ARGUMENT…`: run a module until the parent process is gone.

The parent holds the other end of our standard input. However the parent dies, `kill -9` included,
the kernel closes that end; we read the end of file, ask ourselves to stop, and insist after a
while. This needs nothing but a pipe, so it holds on every Unix.
"""

from __future__ import annotations

import os
import runpy
import signal
import sys
import threading
import time

GRACE_S = 5.0


def run(module: str, arguments: list[str]) -> None:
    """Run the module as `python -m` would; a daemon thread watches the parent."""
    threading.Thread(target=_end_with_parent, name="leash", daemon=True).start()
    sys.argv = [module, *arguments]
    runpy.run_module(module, run_name="__main__", alter_sys=True)


def _end_with_parent() -> None:
    while os.read(0, 1024):
        pass
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(GRACE_S)
    os._exit(1)


if __name__ == "__main__":
    run(sys.argv[1], sys.argv[2:])
