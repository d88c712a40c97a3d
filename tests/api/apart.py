"""The shop of a front, answered and folded by another process: of this tree, or of a changed one.

It has its own memory, and its functions are invoked there, as Lambda does it.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from shopfront import Shopfront

ROOT = Path(__file__).parents[2]
LIFE_S = 300
PROCESS = """
import json, sys, shopfront
with shopfront.served() as (app, port):
    print(port, flush=True)
    for line in sys.stdin:
        name, event = json.loads(line)
        getattr(app, name)(event, None)
        print("done", flush=True)
"""
RELEASE = """
import dataclasses


def twice(event, before, after):
    for write in reduce(event, before, after):
        yield dataclasses.replace(write, amount=2 * write.amount)


OLDER = VIEW
VIEW = View("scores", 3, FEEDS, twice, older=(OLDER,))
"""


@dataclass
class Process:
    """An app of its own, whose functions are invoked as Lambda does it."""

    process: subprocess.Popen[bytes]

    def invoke(self, name: str, event: dict[str, Any]) -> None:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(json.dumps([name, event]).encode() + b"\n")
        self.process.stdin.flush()
        assert self.process.stdout.readline() == b"done\n"

    def project(self, event: dict[str, Any], _: None) -> None:
        self.invoke("project", event)

    def sweep(self, event: dict[str, Any], _: None) -> None:
        self.invoke("sweep", event)


@contextmanager
def running(front: Shopfront, tree: Path = ROOT) -> Iterator[Shopfront]:
    """The same shop, by a process of its own that runs this tree's app."""
    around = os.environ | {"PYTHONPATH": f"{tree}{os.pathsep}{ROOT}"}
    with subprocess.Popen(
        [sys.executable, "-c", PROCESS],
        cwd=Path(__file__).parent,
        env=around,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        end = threading.Timer(LIFE_S, process.kill)  # one that hangs fails its test, not the suite
        end.start()
        try:
            yield replace(front, port=int(process.stdout.readline()), application=Process(process))
        finally:
            process.stdin.close()
            process.wait()
            end.cancel()


def changed(folder: Path) -> Path:
    """A tree in which a sale scores twice; the reducer of before is there, too."""
    shutil.copy(ROOT / "app.py", folder)
    leave = shutil.ignore_patterns("__pycache__")
    shutil.copytree(ROOT / "chalicelib", folder / "chalicelib", ignore=leave)
    with (folder / "chalicelib" / "views" / "scores.py").open("a") as source:
        source.write(RELEASE)
    return folder
