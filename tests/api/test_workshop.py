"""The lessons of the workshop, word for word: each in a copy of the tree, with a shop of its own.

A shell block is run, all of them in one bash; a diff changes the copy. Every line of the plain
block right behind one stands in what that printed; `…` is anything.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from whole_shop import ROOT, Shop

LESSONS = sorted((ROOT / "docs" / "workshop").glob("*.md"))
BLOCK = re.compile(r"^```(sh|diff (\S+)|)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
PARTS = ("app.py", "chalicelib", "local", "ops", ".chalice")
NEXT = "--- next block ---"


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A copy of what a shop is made of."""
    copy = tmp_path / "tree"
    copy.mkdir()
    for part in PARTS:
        if (ROOT / part).is_dir():
            leave = shutil.ignore_patterns("__pycache__")
            shutil.copytree(ROOT / part, copy / part, ignore=leave)
        else:
            shutil.copy(ROOT / part, copy)
    return copy


@pytest.fixture
def shop(tmp_path: Path, tree: Path) -> Iterator[Shop]:
    running = Shop(tmp_path / "state", ["admin"], tree)
    yield running
    running.stop()


class Bash:
    """One shell, told block by block; it ends at the first command that fails."""

    def __init__(self, tree: Path, shop: Shop) -> None:
        given = {"BASE": f"http://127.0.0.1:{shop.port}", "STATE": str(shop.state)}
        path = f"{ROOT / '.venv' / 'bin'}:{os.environ['PATH']}"
        self.process = subprocess.Popen(
            ["bash", "-euo", "pipefail"],
            cwd=tree,
            env={"PATH": path, "HOME": str(tree), "no_proxy": "127.0.0.1", **given},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def run(self, block: str) -> str:
        """What the block printed."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(f"{block}\necho; echo '{NEXT}'\n")
        self.process.stdin.flush()
        printed = []
        for line in self.process.stdout:
            if line.rstrip() == NEXT:
                return "".join(printed)
            printed.append(line)
        raise AssertionError(f"{block}\n{''.join(printed)}")

    def end(self) -> None:
        _, _ = self.process.communicate(timeout=60)


def changed(path: Path, block: str) -> None:
    """The file with the block done: a line after another, or a line less."""
    *before, line = block.splitlines()
    lines = path.read_text().splitlines()
    if line.startswith("-"):
        lines.remove(line[1:])
    else:
        (after,) = before
        lines.insert(lines.index(after[1:]) + 1, line[1:])
    path.write_text("\n".join(lines) + "\n")


def shown(line: str, printed: str) -> bool:
    return re.search(".*".join(map(re.escape, line.split("…"))), printed) is not None


@pytest.mark.parametrize("lesson", LESSONS, ids=lambda path: path.stem)
def test_a_lesson_is_taken_word_for_word(lesson: Path, tree: Path, shop: Shop) -> None:
    bash, printed, end = Bash(tree, shop), "", -1
    text = lesson.read_text()
    try:
        for block in BLOCK.finditer(text):
            kind, path, said = block.groups()
            if kind == "sh":
                printed, end = bash.run(said), block.end()
            elif path:
                changed(tree / path, said)
            elif text[end : block.start()].strip() == "" and end > 0:
                for line in said.splitlines():
                    assert shown(line, printed), f"{line!r} is not shown by\n{printed}"
    finally:
        bash.end()
