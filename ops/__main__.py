"""`python -m ops VERB`: what an operator types at 3 a.m.

Exit code 0: done, and what the verb checks holds. 1: it does not. 2: there is no shop there.
"""

from __future__ import annotations

import json
from contextlib import contextmanager, suppress
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer
from botocore.exceptions import BotoCoreError, ClientError
from rich.console import Console

from chalicelib.errors import Behind, CloudFailure
from ops import shop
from ops import tail as tailing
from ops import verify as verifying
from ops import views as viewing
from ops.progress import steps

if TYPE_CHECKING:
    from collections.abc import Iterator

app = typer.Typer(help=__doc__, no_args_is_help=True, add_completion=False)
AsJson = Annotated[bool, typer.Option("--json", help="for programs: JSON, one object a line")]


@app.callback()
def ops() -> None:
    """What an operator types at 3 a.m. STATE says which local shop is meant."""


@app.command()
def tail(
    *,
    limit: Annotated[int, typer.Option(min=0, max=100_000, help="the last so many")] = 20,
    follow: Annotated[bool, typer.Option(help="go on with what comes, until Ctrl-C")] = True,
    as_json: AsJson = False,
) -> None:
    """The log, as events with what became of them."""
    with _in_shop():
        told = tailing.follow(limit) if follow else iter(tailing.latest(limit))
        with suppress(KeyboardInterrupt):
            for each in told:
                line = _json(asdict(each)) if as_json else tailing.line(each)
                print(line, flush=True)


@app.command()
def views(*, as_json: AsJson = False) -> None:
    """Every view and its version; how far each shard is behind; what is parked."""
    with _in_shop():
        found = viewing.state()
        if as_json:
            print(_json(asdict(found)))
        else:
            viewing.show(found, Console())


@app.command()
def verify(*, as_json: AsJson = False) -> None:
    """Every row against a second, naive fold of the archive; exit code 1 where one differs."""
    with _in_shop():
        with steps("segments read", max(1, verifying.segments())) as step:
            report = verifying.verify(step)
        if as_json:
            print(_json(asdict(report)))
        else:
            print(*report.differences, sep="\n", end="\n" if report.differences else "")
            print(
                f"{report.rows:,} rows against {report.records:,} records: "
                f"{len(report.differences)} differ, {report.parked} are parked"
            )
    raise typer.Exit(1 if report.differences else 0)


@contextmanager
def _in_shop() -> Iterator[None]:
    try:
        shop.enter()
        yield
    except (shop.NoShopError, Behind, CloudFailure, ClientError, BotoCoreError) as reason:
        typer.echo(f"ops: {reason}", err=True)
        raise typer.Exit(2) from None


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


if __name__ == "__main__":
    app(prog_name="python -m ops")
