"""What every verb has: the shop that is meant, JSON, and a sentence where there is no answer."""

from __future__ import annotations

import json
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, Any

import typer
from botocore.exceptions import BotoCoreError, ClientError

from chalicelib.errors import Behind, CloudFailure, Unavailable
from ops import prove, query, rebuild, shop

if TYPE_CHECKING:
    from collections.abc import Iterator

UNANSWERED = (
    shop.NoShopError,
    Behind,
    CloudFailure,
    Unavailable,
    ClientError,
    BotoCoreError,
    query.QueryError,
    prove.NotProvenError,
    rebuild.NotDoneError,
    rebuild.BusyError,
)
AsJson = Annotated[bool, typer.Option("--json", help="for programs: JSON, one object a line")]


@contextmanager
def in_shop() -> Iterator[None]:
    with or_why_not():
        shop.enter()
        yield


@contextmanager
def or_why_not() -> Iterator[None]:
    try:
        yield
    except UNANSWERED as reason:
        typer.echo(f"ops: {reason}", err=True)
        raise typer.Exit(2) from None


def as_text(value: Any) -> str:
    """In ASCII: what a record says of itself does not speak to the terminal here either."""
    return json.dumps(value)
