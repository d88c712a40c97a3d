"""The README's tour, run as it stands: every shell block between `## A tour` and the next title.

What blocks there are is the README's affair; each call that one makes must have been taken.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

README = Path(__file__).parent.parent / "README.md"
TOLD = "%{stderr}%{http_code} %{method} %{url}\\n"
NEXT = "--- next block ---"


@dataclass(frozen=True, slots=True)
class Block:
    """A block, what it printed, its calls (status, method, path), and the JSON that it printed."""

    text: str
    printed: str
    calls: list[tuple[int, str, str]]
    answers: list[dict[str, Any]]


def blocks() -> list[str]:
    """The tour's blocks as they stand in the README."""
    tour = README.read_text().split("\n## A tour\n")[1].split("\n## ")[0]
    return re.findall(r"^```sh\n(.*?)^```$", tour, re.MULTILINE | re.DOTALL)


def taken(folder: Path, base: str, **variables: str) -> list[Block]:
    """The tour, taken in one bash; it ends at the first command that fails."""
    curl = folder / "curl"
    curl.write_text(f"#!/bin/sh\nexec {shutil.which('curl')} --write-out '{TOLD}' \"$@\"\n")
    curl.chmod(0o755)
    script = f"\necho '{NEXT}' | tee /dev/stderr\n".join(blocks())
    path = f"{folder}:{os.environ['PATH']}"
    ran = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script],
        env={"PATH": path, "BASE": base, "no_proxy": "127.0.0.1", **variables},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    told, printed = ran.stderr.split(NEXT), ran.stdout.split(NEXT)
    assert len(told) == len(printed) == len(blocks())
    return [
        Block(text, out, calls(each, base), answers(out))
        for text, each, out in zip(blocks(), told, printed, strict=True)
    ]


def calls(told: str, base: str) -> list[tuple[int, str, str]]:
    found = [line.split(" ", 2) for line in told.split("\n") if line]
    return [(int(status), method, url.removeprefix(base)) for status, method, url in found]


def answers(printed: str) -> list[dict[str, Any]]:
    """Every JSON object in the text, one after the other."""
    found, reader, at = [], json.JSONDecoder(), printed.find("{")
    while at >= 0:
        value, end = reader.raw_decode(printed, at)
        found.append(value)
        at = printed.find("{", end)
    return found


def check(tour: list[Block]) -> None:
    """Every call was taken, and what was done in the tour is what it shows."""
    for block in tour:
        for status, method, path in block.calls:
            assert status in (200, 202), (status, method, path, block.answers)
    asked = {(method, path.partition("?")[0]) for block in tour for _, method, path in block.calls}
    assert {("POST", "/products"), ("PUT", "/products/mug-1/photo")} <= asked
    assert {("POST", "/products/mug-1/views"), ("POST", "/products/mug-1/purchases")} <= asked
    assert {("POST", "/orders"), ("GET", "/orders"), ("POST", "/deliveries")} <= asked
    said = [answer for block in tour for answer in block.answers]
    items = [item for each in said for item in each.get("items", ())]
    product, listed = first(said, "id", "mug-1"), first(items, "id", "mug-1")
    assert (product["name"], product["price"]) == ("Mug", {"amount": 1200, "currency": "EUR"})
    assert listed["image"] == "https://pictures.example/mug.jpg"
    score, shared = first(items, "role", "creator"), first(items, "productId", "mug-1")
    assert score["score"] >= 1
    assert shared["creator"] == score["userId"]
    assert shared["photographer"] != "UNKNOWN"
    assert first(said, "verdict", "counted")["subject"] == "product/mug-1"
    check_orders(said, items)


def check_orders(said: list[dict[str, Any]], items: list[dict[str, Any]]) -> None:
    """The coffee is John's with its milk and was handed over; the cake is at its door."""
    made, coffee = first(items, "name", "John"), first(said, "name", "John")
    assert [line["options"] for line in made["lines"]] == [["oat milk"]]
    assert made["readyAt"] > coffee["timeline"][0]["at"]
    assert coffee["total"] == {"amount": 840, "currency": "EUR"}
    assert [step["status"] for step in coffee["timeline"]] == ["placed", "ready", "collected"]
    cake = first(said, "name", "marcia")
    assert (cake["status"], cake["address"]) == ("delivered", "somewhere")


def first(found: list[dict[str, Any]], name: str, value: str) -> dict[str, Any]:
    """The first that says so; there is one."""
    return [each for each in found if each.get(name) == value][0]  # noqa: RUF015
