"""`python -m drills VERB`: what a running shop must stand.

Exit code 0: what the drill checks holds. 1: it does not, and what differs is told. 2: there was
nothing to drill: no shop there, or none on this machine.
"""

from __future__ import annotations

import functools
import json
import time
from typing import Annotated

import typer
from rich.console import Console

from drills import demo as showing
from drills.client import Client, UnreachableError, check_is_shop
from drills.crowd import play, report, script, tally
from drills.crowd.sight import Sight
from drills.loopback import ElsewhereError, Endpoint, endpoint
from ops.progress import steps

app = typer.Typer(help=__doc__, no_args_is_help=True, add_completion=False)
Count = Annotated[int, typer.Option(min=1, max=100_000)]


@app.callback()
def drills() -> None:
    """What a running shop must stand."""


@app.command()
def crowd(  # noqa: PLR0913  (each is an option)
    *,
    merchants: Count = 20,
    photographers: Count = 20,
    customers: Count = 200,
    events: Annotated[int, typer.Option(min=1, max=10_000_000)] = 5000,
    seed: int = 7,
    hands: Annotated[int, typer.Option(min=1, max=64, help="connections at once")] = 8,
    look: Annotated[int, typer.Option(min=0, help="look at one move in so many")] = 20,
    url: Annotated[str | None, typer.Option(help="in place of HOST and PORT")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="one JSON object")] = False,
) -> None:
    """People play over REST; at the end the shop's scores are what they counted themselves."""
    written = script.write(
        merchants=merchants,
        photographers=photographers,
        customers=customers,
        events=events,
        seed=seed,
    )
    try:
        told = _play(endpoint(url), written, seed=seed, hands=hands, look=look)
    except (ElsewhereError, UnreachableError) as reason:
        typer.echo(f"drills: {reason}", err=True)
        raise typer.Exit(2) from None
    if as_json:
        typer.echo(json.dumps(told.as_dict(), ensure_ascii=False))
    else:
        report.show(told, Console())
    raise typer.Exit(1 if told.differences else 0)


@app.command()
def demo() -> None:
    """A shop to show, with HOST, PORT and STATE as `make run` has them, until Ctrl-C."""
    try:
        code = showing.demo(functools.partial(print, flush=True))
    except (ElsewhereError, UnreachableError) as reason:
        typer.echo(f"drills: {reason}", err=True)
        raise typer.Exit(2) from None
    raise typer.Exit(code)


def _play(
    shop: Endpoint, written: script.Script, *, seed: int, hands: int, look: int
) -> report.Report:
    with Client(shop) as client, Sight(shop, every=look) as sight:
        check_is_shop(client)
        with steps("arriving", len(written.people)) as step:
            known = play.arrive(shop, written.people, hands, step)
        begun = time.monotonic()
        with steps("playing", len(written.moves)) as step:
            answers = play.play(shop, written, known, sight, hands=hands, step=step)
        seconds = time.monotonic() - begun
        board = tally.settled(client, *tally.expected(written, answers, known))
    differences = tally.differences(written, answers, known, board.scores)
    return report.of(written, answers, sight, board, differences, seconds=seconds, seed=seed)


if __name__ == "__main__":
    app(prog_name="python -m drills")
