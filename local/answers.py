"""An answer as it goes onto the wire, and a refusal as RFC 9457 has it."""

from __future__ import annotations

import json
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer as it goes onto the wire."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes


def problem(status: int, slug: str, detail: str, **headers: str) -> Answer:
    """A refusal as RFC 9457 has it."""
    title = slug.replace("-", " ").capitalize()
    body = {"type": f"/problems/{slug}", "title": title, "status": status, "detail": detail}
    given = {"Content-Type": "application/problem+json"} | headers
    return Answer(status, tuple(given.items()), json.dumps(body).encode())
