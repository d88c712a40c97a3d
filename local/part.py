"""One part of the shop as a child process: started, announced, stopped, and never left behind.

- A part says on the first line of its standard output that it is there: `<name> <what>`.
- It holds our end of its standard input only through us: when we die, however, it ends (`leash`).
- It is in a process group of its own, so that Ctrl-C reaches the runner alone, which stops the
  parts in order.
- It inherits the lock of its STATE, so nobody starts on a STATE that a part still writes to.
"""

from __future__ import annotations

import queue
import shutil
import signal
import subprocess
import sys
import threading
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, TYPE_CHECKING

from local.errors import LocalError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


PROJECT = Path(__file__).parent.parent


@dataclass(slots=True)
class Part:
    """A module that runs as a process of its own."""

    name: str
    module: str
    arguments: Sequence[str]
    environment: Mapping[str, str]
    inherits: tuple[int, ...] = ()
    process: subprocess.Popen[bytes] | None = field(default=None, init=False)
    _lines: queue.SimpleQueue[bytes] = field(default_factory=queue.SimpleQueue, init=False)

    def start(self) -> str:
        """What the part announced, once it has. Raises LocalError as `announced` does."""
        self.begin()
        return self.announced()

    def begin(self) -> None:
        """Start, and do not wait: parts that need not each other begin together."""
        self.process, self._lines = self._spawned(), queue.SimpleQueue()
        assert self.process.stdout is not None
        passing = (self.process.stdout, self._lines)
        threading.Thread(target=_pass_on, args=passing, daemon=True).start()

    def announced(self, patience_s: float = 20.0) -> str:
        """What the part announced, once it has.

        Raises LocalError if it ends first, or is silent for too long.
        """
        assert self.process is not None
        line = _first_of(self._lines, patience_s)
        words = line.decode(errors="replace").split()
        if len(words) != 2 or words[0] != self.name:
            self.kill()
            raise LocalError(f"{self.name} did not start: {_why(line, self.process)}")
        return words[1]

    def is_alive(self) -> bool:
        return self.process is not None and self.process.poll() is None

    def ask_to_stop(self) -> None:
        if self.process is not None and self.process.poll() is None:
            self.process.terminate()

    def stop(self, patience_s: float = 5.0) -> None:
        """Nothing of the part is left; what it had in hand, it finished if it could in time."""
        self.ask_to_stop()
        if self.process is None:
            return
        try:
            self.process.wait(patience_s)
        except subprocess.TimeoutExpired:
            self.kill()
        self._let_go()

    def kill(self) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.wait()

    def _spawned(self) -> subprocess.Popen[bytes]:
        self._let_go()
        return subprocess.Popen(
            [sys.executable, "-m", "local.leash", self.module, *self.arguments],
            env=dict(self.environment),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            pass_fds=self.inherits,
            process_group=0,
            cwd=PROJECT,
        )

    def _let_go(self) -> None:
        if self.process is not None and self.process.stdin is not None:
            self.process.stdin.close()


def _first_of(lines: queue.SimpleQueue[bytes], patience_s: float) -> bytes:
    try:
        return lines.get(timeout=patience_s)
    except queue.Empty:
        return b""


def _pass_on(source: IO[bytes], lines: queue.SimpleQueue[bytes]) -> None:
    """The first line, or nothing, to whoever waits; what comes after it to our standard error."""
    with source:
        lines.put(source.readline())
        shutil.copyfileobj(source, sys.stderr.buffer)


def _why(line: bytes, process: subprocess.Popen[bytes]) -> str:
    if line:
        return f"it said {line.decode(errors='replace').strip()!r}"
    if process.returncode == -signal.SIGKILL:
        return "it was silent for too long"
    return f"it ended with {process.returncode}"
