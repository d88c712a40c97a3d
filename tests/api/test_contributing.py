"""CONTRIBUTING.md is done word for word: in a copy of the tree, its view fills from event 1."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from whole_shop import ROOT, Shop

TEXT = (ROOT / "CONTRIBUTING.md").read_text()
BLOCK = re.compile(r"^```(python|diff) (\S+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
BESIDE = '@route(\n    "GET",\n    "/contributions",\n'
PARTS = ("app.py", "pyproject.toml", "chalicelib", "local", "ops", "drills", "bench", "tests")
ROLES = ["merchant", "customer"]
MUG = {"id": "mug", "brand": "B", "name": "Mug", "description": "", "category": "mugs"}


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tree with the four steps done."""
    tree = tmp_path_factory.mktemp("copy")
    for part in (*PARTS, ".chalice"):
        if (ROOT / part).is_dir():
            leave = shutil.ignore_patterns("__pycache__", "results")
            shutil.copytree(ROOT / part, tree / part, ignore=leave)
        else:
            shutil.copy(ROOT / part, tree / part)
    for kind, name, block in BLOCK.findall(TEXT):
        apply(kind, tree / name, block)
    return tree


def apply(kind: str, path: Path, block: str) -> None:
    """A block as its reader does it: a new file, a line after another, a route beside its like."""
    if kind == "diff":
        insert(path, block)
    elif not path.exists():
        path.write_text(block)
    else:
        text = path.read_text()
        assert text.count(BESIDE) == 1
        path.write_text(text.replace(BESIDE, f"{block}\n\n{BESIDE}"))


def insert(path: Path, block: str) -> None:
    line, added = block.splitlines()
    assert (line[0], added[0]) == (" ", "+")
    lines = path.read_text().splitlines()
    assert lines.count(line[1:]) == 1, f"{path.name} has not just one line {line[1:]!r}"
    lines.insert(lines.index(line[1:]) + 1, added[1:])
    path.write_text("\n".join(lines) + "\n")


def run(tree: Path, *command: str, **environment: str) -> str:
    ran = subprocess.run(
        [sys.executable, "-m", *command],
        cwd=tree,
        env={"PATH": "/usr/bin:/bin", "HOME": str(tree), **environment},
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    return ran.stdout


@contextmanager
def open_shop(state: Path, tree: Path) -> Iterator[Shop]:
    shop = Shop(state, ROLES, tree)
    try:
        yield shop
    finally:
        shop.stop()


def told(answer: tuple[int, bytes]) -> Any:
    return json.loads(answer[1])


def recorded(shop: Shop, path: str, body: Any) -> str:
    """The position of what a client records, that asks again while the shop is busy."""
    for _ in range(60):
        status, said = shop.send("POST", path, body)
        if status != 503:
            assert status == 202, said
            return str(json.loads(said)["position"])
    raise AssertionError(f"{path} stays busy")


def seen(shop: Shop, path: str, position: str) -> Any:
    """The answer that knows what lies at the position, however slow this machine is."""
    for _ in range(60):
        status, said = shop.send("GET", path, Read_After=position)
        if status != 503:
            return json.loads(said)
    raise AssertionError(f"{position} is not judged")


def test_a_view_is_one_file_a_name_in_two_lists_a_route_and_a_test(copy: Path) -> None:
    changed = {
        path.relative_to(copy)
        for path in copy.rglob("*")
        if path.is_file() and not same(path, ROOT / path.relative_to(copy))
    }
    assert {str(path) for path in changed if "__pycache__" not in path.parts} == {
        "app.py",
        "chalicelib/views/__init__.py",
        "chalicelib/views/interest.py",
        "tests/api/test_interest.py",
    }


def same(one: Path, other: Path) -> bool:
    return other.exists() and one.read_bytes() == other.read_bytes()


def test_the_copy_passes_its_checks_and_the_test_of_its_view(copy: Path) -> None:
    touched = ("app.py", "chalicelib/views", "tests/api/test_interest.py")
    run(copy, "ruff", "check", "--no-cache", *touched)
    run(copy, "ruff", "format", "--no-cache", "--check", *touched)
    given = ("-q", "-p", "no:cacheprovider", "tests/test_architecture.py")
    run(copy, "pytest", *given, "tests/api/test_interest.py")


def test_the_new_view_holds_what_happened_before_anybody_asked(tmp_path: Path, copy: Path) -> None:
    state, asked = tmp_path / "state", "/products/mug/interest"
    with open_shop(state, ROOT) as shop:
        recorded(shop, "/products", MUG)
        for move in ("views", "purchases", "views"):
            position = recorded(shop, f"/products/mug/{move}", {})
        assert seen(shop, "/products/mug", position)["name"] == "Mug"
        assert shop.send("GET", asked)[0] == 404
    with open_shop(state, copy) as shop:
        assert told(shop.send("GET", asked)) == {"productId": "mug", "viewed": 2, "bought": 1}
        later = recorded(shop, "/products/mug/views", {})
        assert seen(shop, asked, later)["viewed"] == 3
        assert "/products/{id}/interest" in told(shop.send("GET", "/openapi.json"))["paths"]
        assert ": 0 differ, 0 are parked" in run(copy, "ops", "verify", STATE=str(state))


def test_every_target_that_is_named_is_one() -> None:
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    named = set(re.findall(r"make ([a-z]+)", TEXT))
    assert {"run", "test", "check"} <= named
    assert {name for name in named if f"`make {name}" in TEXT} <= targets
