"""`docs/guarantees.md` promises nothing that no test holds: each row names tests that there are."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
TEXT = (ROOT / "docs" / "guarantees.md").read_text()
ROWS = [
    [cell.strip() for cell in line.strip("|").split("|")]
    for line in TEXT.splitlines()
    if line.startswith("|") and not set(line) <= set("|- ")
]
HEADS = ["what is promised", "the test that holds it", "what is not promised"]
NAMED = re.compile(r"`(tests/[A-Za-z0-9_/]+\.py)((?:::[A-Za-z0-9_]+)+)`")
TOO_MUCH = re.compile(r"exactly.once|tamper|unbreakable|100 ?%|guaranteed", re.IGNORECASE)


def promises() -> list[list[str]]:
    return [row for row in ROWS if row != HEADS]


def names_in(path: Path) -> set[str]:
    """The tests of a file, as pytest names them."""
    found = set()
    for node in ast.parse(path.read_text()).body:
        if isinstance(node, ast.FunctionDef):
            found.add(f"::{node.name}")
        elif isinstance(node, ast.ClassDef):
            methods = [each for each in node.body if isinstance(each, ast.FunctionDef)]
            found |= {f"::{node.name}::{each.name}" for each in methods}
    return found


def test_there_are_promises() -> None:
    assert HEADS in ROWS
    assert len(promises()) >= 25


@pytest.mark.parametrize("row", promises(), ids=lambda row: row[0][:60])
def test_each_promise_names_tests_that_there_are_and_what_it_does_not_mean(row: list[str]) -> None:
    assert len(row) == len(HEADS), "a cell has a | in it"
    promise, tests, limits = row
    assert promise.endswith(".")
    assert limits.endswith(".")
    named = NAMED.findall(tests)
    assert named
    assert NAMED.sub("", tests).replace("<br>", "").strip() == "", "something else than a test"
    for path, test in named:
        assert test.rpartition("::")[2].startswith("test_")
        assert test in names_in(ROOT / path), f"{path}{test}"


def test_no_promise_is_made_twice() -> None:
    first = [row[0] for row in promises()]
    assert len(set(first)) == len(first)


def test_no_word_says_more_than_a_test_can() -> None:
    assert TOO_MUCH.findall(TEXT) == []
