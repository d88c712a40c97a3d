"""A shop of a drill's own, on a STATE that nobody else has: what runs there may be killed.

It is `python -m local`, as anybody starts it, on a free port of 127.0.0.1 which it keeps. Its
processes are found by the STATE that each carries in its environment, so no other shop is ever
touched. It ends when the drill does, however that ends.

Raises UnreachableError.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from chalicelib import config
from drills.client import Client, UnreachableError
from drills.loopback import Endpoint
from local import cloud

ROOT = Path(__file__).parents[1]
PROCESSES = Path("/proc")
RUNNER = "runner"
MODULES = {
    "local.server": "server",
    "local.dispatcher": "dispatcher",
    "local.emulator": "ministack",
    "local.kinesis": "kinesis",
    "local.bank": "bank",
}
PARTS = (RUNNER, *MODULES.values())
PATIENCE_S = 120.0
GONE_S = 40.0
LOOK_S = 0.05

Steps = Callable[[str, int], AbstractContextManager[Callable[[], None]]]


@dataclass(slots=True)
class Own:
    """One shop in a folder; `more` is added to its environment.

    Its port is known once it was ready; `given_up` is how often it ended with 1.
    """

    folder: Path
    more: Mapping[str, str] = field(default_factory=dict)
    port: int = 0
    process: subprocess.Popen[str] | None = None
    given_up: int = 0

    @property
    def state(self) -> Path:
        return self.folder / "state"

    @property
    def endpoint(self) -> Endpoint:
        return Endpoint("127.0.0.1", self.port)

    def start(self) -> None:
        """Begin, and do not wait; below a make it ends with its parent, and we are that."""
        if not (PROCESSES / "self" / "environ").exists():
            raise UnreachableError("this machine does not tell which processes there are in /proc")
        around = {name: said for name, said in os.environ.items() if not name.startswith("AWS_")}
        around |= {"STATE": str(self.state), "HOST": "127.0.0.1", "PORT": str(self.port)}
        with (self.folder / "said").open("ab") as said:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "local"],
                cwd=ROOT,
                env={**around, "MAKELEVEL": "1", **self.more},
                stdout=subprocess.PIPE,
                stderr=said,
                text=True,
            )
        threading.Thread(target=self._hear, args=(self.process,), daemon=True).start()

    def _hear(self, process: subprocess.Popen[str]) -> None:
        assert process.stdout is not None
        with process.stdout as lines:
            for line in lines:
                if line.startswith("ready "):
                    self.port = int(line.rpartition(":")[2])

    def parts(self) -> dict[str, int]:
        """The number of each part's process that is there."""
        found: dict[str, int] = {}
        for number, words in _with_state(self.state):
            names = {MODULES[word] for word in words if word in MODULES}
            runner = {RUNNER} if words[1:3] == ["-m", "local"] else set()
            found |= dict.fromkeys(names | runner, number)
        return found

    def strike(self, how: signal.Signals, names: Iterable[str]) -> set[int]:
        """The signal to these parts; the processes that it went to."""
        there = self.parts()
        struck = {there[name] for name in names if name in there}
        for number in struck:
            with contextlib.suppress(ProcessLookupError):
                os.kill(number, how)
        return struck

    def end(self, how: signal.Signals) -> None:
        """The signal to whatever runs there, until nothing does: what is killed starts nothing."""
        until = time.monotonic() + GONE_S
        while left := [number for number, _ in _with_state(self.state)]:
            if time.monotonic() > until:
                raise UnreachableError(f"{how.name} does not end {left}: see {self.folder}")
            for number in left:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(number, how)
            self._reap()
            time.sleep(LOOK_S)
        self._reap()

    def _reap(self) -> None:
        if self.process is not None:
            self.process.poll()

    def come_back(self, gone: Iterable[int] = ()) -> None:
        """Until every part is there, none of these processes any more, and the rows are level.

        A runner that has ended is started again.
        """
        until = time.monotonic() + PATIENCE_S
        while not self._is_whole(set(gone)):
            if time.monotonic() > until:
                raise UnreachableError(f"the shop does not come back: see {self.folder}")
            if self.process is None or self.process.poll() is not None:
                self.given_up += self.process is not None and self.process.returncode == 1
                self.start()
            time.sleep(LOOK_S)

    def _is_whole(self, gone: set[int]) -> bool:
        there = self.parts()
        if set(there) != set(PARTS) or gone & set(there.values()) or not self.port:
            return False
        return self.says_ok()

    def says_ok(self) -> bool:
        """Whether it answers, and its rows are level."""
        try:
            with Client(self.endpoint, patience_s=0.0) as client:
                answer = client.ask("GET", "/health", patient=False)
        except UnreachableError:
            return False
        return answer.status == 200 and answer.body == {"status": "ok"}

    def enter(self) -> None:
        """From here on this process reads this shop."""
        cloud.enter(self.state, cloud.Names(stream_number=_stream(self.state)))
        config.forget()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.end(signal.SIGKILL)


@contextlib.contextmanager
def folder() -> Iterator[Path]:
    """A folder that is gone afterwards; it stays where something fails, for whoever looks into it.

    Whoever finds a flaw calls `keep`.
    """
    made = Path(tempfile.mkdtemp(prefix="tillstream-drill-"))
    yield made
    if not (made / "keep").exists():
        shutil.rmtree(made)


def keep(made: Path) -> None:
    """The folder stays."""
    (made / "keep").touch()


def _with_state(state: Path) -> Iterator[tuple[int, list[str]]]:
    """All processes that carry this STATE: number and command."""
    mark = f"STATE={state}".encode()
    for found in PROCESSES.glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if mark in (found / "environ").read_bytes().split(b"\0"):
                words = (found / "cmdline").read_bytes().decode(errors="replace").split("\0")
                if words[0]:
                    yield int(found.name), words


def _stream(state: Path) -> int:
    return cloud.read_ports(state).get("stream", 1)
