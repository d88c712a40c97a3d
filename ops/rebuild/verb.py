"""`python -m ops rebuild VIEW`, as it is typed."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

import typer

from ops import rebuild as rebuilding
from ops import verb
from ops.progress import steps


def rebuild(
    view: str,
    *,
    rollback: Annotated[bool, typer.Option(help="read again what was read before")] = False,
    drop: Annotated[bool, typer.Option(help="fold no more what is kept for a rollback")] = False,
    rate: Annotated[float | None, typer.Option(min=1, help="write units a second")] = None,
    as_json: verb.AsJson = False,
) -> None:
    """Build a view anew beside the one that is read, compare, promote; 1 where it is not whole."""
    if rollback and drop:
        raise typer.BadParameter("one of --rollback and --drop at a time", param_hint="--drop")
    with verb.in_shop():
        known = rebuilding.find(view)
        if rollback:
            found = rebuilding.roll_back(known)
        elif drop:
            found = rebuilding.drop(known)
        else:
            with steps("hundredths of the log folded", rebuilding.WHOLE) as step:
                found = rebuilding.rebuild(known, rate, rebuilding.Progress(step))
        if as_json:
            print(verb.as_json(asdict(found)))
        else:
            rebuilding.show(found)
    raise typer.Exit(1 if found.differences or found.standing else 0)
