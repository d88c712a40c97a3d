"""Who says a hello-retail event, as its origin has it: `<system>/<program>/<unique id>/<name>`."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import AfterValidator, StringConstraints

from chalicelib.events import product

MOST_DIGITS = 6
# What programs call themselves; one of them with a capital.
PROGRAM = re.compile(r"Photographer|(?=.{1,64}$)[a-z][a-z0-9]*(-[a-z0-9]+)*")


def program(origin: str) -> str | None:
    """The first two parts of an origin, or the first, as far as they are names of programs."""
    kept = []
    for part in origin.split("/")[:2]:
        if not PROGRAM.fullmatch(part) or sum(map(str.isdigit, part)) > MOST_DIGITS:
            break
        kept.append(part)
    return "/".join(kept) or None


def parts(origin: str) -> list[str]:
    """The parts of an origin that say who spoke: the last is the person, if it names one."""
    return [part.strip() for part in origin.split("/")[:3] if part.strip()]


def _says_who(origin: str) -> str:
    if not parts(origin):
        raise ValueError("must say who spoke: <system>/<program>/<unique id>/<name>")
    return origin


Origin = Annotated[
    str, StringConstraints(max_length=515, pattern=product.LINE), AfterValidator(_says_who)
]
