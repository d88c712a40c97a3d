"""What one shop alone may hold: its STATE, and the address it listens on.

- `runner` under STATE is locked by the runner alone, `lock` by the runner and every part it
  started, through one shared open file. So a second runner is refused at once, and one that
  follows a killed one begins when nothing that writes there is left. The kernel lets go of both,
  whoever was killed how.
- `restoring` lies under a STATE that `ops restore` has not filled to its end yet: nobody else
  begins there, for it is not a whole shop.
- The runner listens, and lends the listener to the server: clients wait, and are not refused,
  while a server that died comes back.

Raises LocalError with a sentence for whoever ran `make run`.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import socket
import time
from typing import TYPE_CHECKING

from local.errors import LocalError

if TYPE_CHECKING:
    from pathlib import Path

RESTORING = "restoring"
PATIENCE_S = 10.0  # parts of a runner that was killed end sooner (see `leash`)


def state(folder: Path, *, restoring: bool = False) -> int:
    """The descriptor of the lock that parts inherit, once it is ours."""
    if not restoring:
        refuse_unfinished(folder)
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        runner, parts = _opened(folder / "runner"), _opened(folder / "lock")
    except OSError as error:
        raise LocalError(
            f"cannot keep a shop in {folder} ({error.strerror}): choose a folder with STATE=…"
        ) from None
    if not _is_taken_by_us(runner):
        process = os.pread(runner, 20, 0).decode().strip()
        raise LocalError(
            f"a shop runs on {folder} already (process {process}): "
            "stop it, or choose another folder with STATE=…"
        )
    os.ftruncate(runner, 0)
    os.pwrite(runner, f"{os.getpid()}\n".encode(), 0)
    _wait_for(parts, folder)
    return parts


def refuse_unfinished(folder: Path) -> None:
    """Raises LocalError where a restore was begun and is not done."""
    if (folder / RESTORING).exists():
        raise LocalError(
            f"a shop is being restored to {folder}, and is not whole: the same "
            "`python -m ops restore ...` goes on, or choose another folder with STATE=…"
        )


def address(host: str, port: int) -> socket.socket:
    """A listener on the address."""
    try:
        return listen(host, port)
    except OSError as error:
        raise LocalError(
            f"cannot listen on {host}:{port} ({error.strerror}): "
            "choose another with HOST=… or PORT=…"
        ) from None


def listen(host: str, port: int) -> socket.socket:
    """A listener that a server, and the one after it, can take over.

    Raises OSError if the address is taken.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    return socket.create_server((host, port), family=family, backlog=256)


def _opened(path: Path) -> int:
    return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)


def _wait_for(parts: int, folder: Path) -> None:
    end = time.monotonic() + PATIENCE_S
    while not _is_taken_by_us(parts):
        if time.monotonic() > end:
            raise LocalError(f"parts of a shop that was killed still run on {folder}")
        time.sleep(0.05)


def _is_taken_by_us(lock: int) -> bool:
    with contextlib.suppress(BlockingIOError):
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return True
    return False
