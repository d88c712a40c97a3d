"""What the verbs of `ops` have in common: the shop that they are in, and how they say no."""

from __future__ import annotations

import json
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, Any

import typer
from botocore.exceptions import BotoCoreError, ClientError

from chalicelib.errors import Behind, CloudFailure, Unavailable
from local.errors import LocalError
from ops import shop
from ops.audit.seen import SeenError
from ops.prove import NotProvenError
from ops.query import QueryError
from ops.rebuild import BusyError, NotDoneError
from ops.restore.copies import CopyError

if TYPE_CHECKING:
    from collections.abc import Iterator

UNANSWERED = (
    shop.NoShopError,
    Behind,
    CloudFailure,
    Unavailable,
    ClientError,
    BotoCoreError,
    QueryError,
    NotProvenError,
    SeenError,
    NotDoneError,
    BusyError,
    CopyError,
    LocalError,
    OSError,
)
AsJson = Annotated[bool, typer.Option("--json", help="for programs: JSON, one object a line")]


@contextmanager
def in_shop() -> Iterator[None]:
    """In the shop that the operator means; what cannot be answered is a sentence and 2."""
    with or_why_not():
        shop.enter()
        yield


@contextmanager
def or_why_not() -> Iterator[None]:
    """What cannot be answered, or not be written where it was to go, is a sentence and 2."""
    try:
        yield
        sys.stdout.flush()
    except BrokenPipeError:
        raise  # whoever read it has read enough
    except UNANSWERED as reason:
        typer.echo(f"ops: {reason}", err=True)
        raise typer.Exit(2) from None


def as_json(value: Any) -> str:
    """In ASCII: what a record says of itself does not speak to the terminal here either."""
    return json.dumps(value)
