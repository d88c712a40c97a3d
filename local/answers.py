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


def problem(
    status: int, slug: str, detail: str, *, field: str | None = None, **headers: str
) -> Answer:
    """A refusal as RFC 9457 has it; `field` names the header at fault."""
    title = slug.replace("-", " ").capitalize()
    body: dict[str, object] = {
        "type": f"/problems/{slug}",
        "title": title,
        "status": status,
        "detail": detail,
    }
    errors = [{"field": field, "detail": detail}]
    body |= {"errors": errors} if field else {}
    given = {"Content-Type": "application/problem+json"} | headers
    return Answer(status, tuple(given.items()), json.dumps(body).encode())
