"""`python -m drills VERB`: what a running shop must stand.

Exit code 0: what the drill checks holds. 1: it does not, and what differs is told. 2: there was
nothing to drill: no shop there, or none on this machine. 3: nothing differs, but a race's money was
not settled in time.
"""

from __future__ import annotations

import functools
import json
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from enum import StrEnum
from typing import Annotated, Any, NoReturn, Protocol, TypeVar

import typer
from rich.console import Console

from drills import bank
from drills import demo as showing
from drills.cafe import play as cafe_play
from drills.cafe import report as cafe_report
from drills.cafe import script as cafe_script
from drills.client import Client, UnreachableError, check_is_shop
from drills.crowd import play, report, script, tally
from drills.crowd.sight import Sight
from drills.faults import play as failing
from drills.kill import play as killing
from drills.loopback import ElsewhereError, Endpoint, endpoint
from drills.own import PARTS
from drills.race import order as ordering
from drills.race import pay as paying
from drills.sim import photographers
from local.errors import LocalError
from ops.progress import steps

app = typer.Typer(help=__doc__, no_args_is_help=True, add_completion=False)
race = typer.Typer(help="The same thing at the same moment, counted once.", no_args_is_help=True)
app.add_typer(race, name="race")
sim = typer.Typer(help="Days in a second, on a clock that is played.", no_args_is_help=True)
app.add_typer(sim, name="sim")
Count = Annotated[int, typer.Option(min=1, max=100_000)]
Url = Annotated[str | None, typer.Option(help="in place of HOST and PORT")]
AsJson = Annotated[bool, typer.Option("--json", help="one JSON object")]


class Scene(StrEnum):
    """Where a crowd plays."""

    market = "market"
    cafe = "cafe"


class Told(Protocol):
    """What a drill tells at its end; with no `differences` it is passed."""

    @property
    def differences(self) -> Sequence[str]: ...

    def as_dict(self) -> dict[str, Any]: ...


class Raced(Told, Protocol):
    """What a race tells; `late` names what was not settled in time."""

    @property
    def late(self) -> Sequence[str]: ...


LATE = 3
T = TypeVar("T", bound=Told)


@app.callback()
def drills() -> None:
    """What a running shop must stand."""


@app.command()
def crowd(  # noqa: PLR0913  (each is an option)
    *,
    scene: Annotated[Scene, typer.Option(help="the workshop's game, or orders")] = Scene.market,
    merchants: Count = 20,
    photographers: Count = 20,
    customers: Count = 200,
    events: Annotated[int, typer.Option(min=1, max=10_000_000)] = 5000,
    seed: int = 7,
    hands: Annotated[int, typer.Option(min=1, max=64, help="connections at once")] = 8,
    look: Annotated[int, typer.Option(min=0, help="look at one move in so many")] = 20,
    seconds: Annotated[
        float, typer.Option(min=0, max=86_400, help="of a morning in the café")
    ] = 60.0,
    url: Url = None,
    as_json: AsJson = False,
) -> None:
    """People play over REST; at the end the shop must say what they know themselves.

    The market takes all options but seconds, and ends with the scores. The café takes customers,
    seconds and seed, and ends with every order and its money, at the shop and at the bank.
    """
    with _drilling():
        shop = endpoint(url)
        if scene is Scene.cafe:
            morning = cafe_script.write(customers=customers, seconds=seconds, seed=seed)
            _end(_open(shop, morning, seed), cafe_report.show, as_json=as_json)
        roles = {"merchants": merchants, "photographers": photographers, "customers": customers}
        written = script.write(**roles, events=events, seed=seed)
        told = _play(shop, written, seed=seed, hands=hands, look=look)
        _end(told, report.show, as_json=as_json)


@race.command("order")
def race_order(
    *,
    count: Annotated[int, typer.Option(min=2, max=500, help="orders at once")] = 100,
    url: Url = None,
    as_json: AsJson = False,
) -> None:
    """One order, sent so often at one moment under one Idempotency-Key, is one order, paid once."""
    with _drilling():
        shop, at = endpoint(url), bank.bank()
        with Client(shop) as client:
            check_is_shop(client)
        _end_race(ordering.race(shop, at, count), as_json=as_json)


@race.command("pay")
def race_pay(
    *,
    rounds: Annotated[int, typer.Option(min=1, max=10_000, help="orders to race for")] = 30,
    url: Url = None,
    as_json: AsJson = False,
) -> None:
    """Cards and a cancellation at one moment: charged once at most, given back if for nothing."""
    with _drilling():
        shop, at = endpoint(url), bank.bank()
        with Client(shop) as client:
            check_is_shop(client)
        with steps("rounds", rounds) as step:
            told = paying.race(shop, at, rounds, step)
        _end_race(told, as_json=as_json)


class Signal(StrEnum):
    """What a process is told."""

    KILL = "KILL"
    TERM = "TERM"


Part = StrEnum("Part", [killing.ALL, killing.ANY, *PARTS])  # type: ignore[misc]
WHOLE, AT_ONCE = [Part(killing.ALL)], [Signal.KILL]


@app.command()
def kill(  # noqa: PLR0913  (each is an option)
    *,
    rounds: Annotated[int, typer.Option(min=1, max=10_000)] = 50,
    signal: Annotated[list[Signal], typer.Option(case_sensitive=False)] = AT_ONCE,
    part: Annotated[list[Part], typer.Option(help="all at once, one of them, any")] = WHOLE,
    seed: int = 7,
    cards: Annotated[bool, typer.Option(help="people order by card, too")] = True,
    as_json: AsJson = False,
) -> None:
    """A shop of the drill's own is killed under load, again and again: nothing lost or doubled.

    It runs on a STATE that is gone afterwards; where something does not hold, it stays. With cards
    the end waits until all money is settled, which may take minutes. Of several parts or signals
    each round takes the next.
    """
    strikes = [killing.Strike(each.value, how.value) for each in part for how in signal]
    with _drilling():
        told = killing.play(rounds=rounds, strikes=strikes, seed=seed, cards=cards, steps=steps)
        _end_race(told, as_json=as_json)


@app.command()
def faults(
    *,
    minutes: Annotated[float, typer.Option(min=0.01, max=10_000)] = 5.0,
    rate: Annotated[float, typer.Option(min=0.001, max=0.5, help="of all calls to AWS")] = 0.05,
    seed: int = 7,
    cards: Annotated[bool, typer.Option(help="people order by card, too")] = True,
    as_json: AsJson = False,
) -> None:
    """Calls to AWS fail in every way, by a seed, in a shop of the drill's own: nothing comes of it.

    The shop is as that of `kill`, and is compared in the same way.
    """
    with _drilling():
        told = failing.play(minutes=minutes, rate=rate, seed=seed, cards=cards, steps=steps)
        _end_race(told, as_json=as_json)


@sim.command("photographers")
def sim_photographers(
    *,
    seed: int = 7,
    arrivals: Annotated[int, typer.Option(min=2, max=100_000, help="of products")] = 4000,
    as_json: AsJson = False,
) -> None:
    """The photo desk: no product is asked of two or lost, and no photographer is passed over."""
    with _drilling():
        _end(photographers.play(seed, arrivals), photographers.show, as_json=as_json)


@app.command()
def demo() -> None:
    """A shop to show, with HOST, PORT and STATE as `make run` has them, until Ctrl-C."""
    with _drilling():
        code = showing.demo(functools.partial(print, flush=True))
    raise typer.Exit(code)


@contextmanager
def _drilling() -> Iterator[None]:
    """Where there is nothing to drill, or nowhere to tell it, a sentence and exit code 2."""
    try:
        yield
    except BrokenPipeError:
        raise  # whoever read what was told has read enough
    except (ElsewhereError, UnreachableError, LocalError, OSError) as reason:
        typer.echo(f"drills: {reason}", err=True)
        raise typer.Exit(2) from None


def _end(told: T, show: Callable[[T, Console], None], *, as_json: bool) -> NoReturn:
    """What the drill came to, on standard output and as the exit code."""
    _tell(told, show, as_json=as_json)
    raise typer.Exit(1 if told.differences else 0)


def _tell(told: T, show: Callable[[T, Console], None], *, as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps(told.as_dict(), ensure_ascii=False))
    else:
        show(told, Console())


def _end_race(told: Raced, *, as_json: bool) -> NoReturn:
    """As `_end`; with nothing but what is late, a code of its own."""
    if told.late and not told.differences:
        _tell(told, _show, as_json=as_json)
        raise typer.Exit(LATE)
    _end(told, _show, as_json=as_json)


def _show(told: Raced, console: Console) -> None:
    """A line, one for each thing that does not hold, and one for each that is late."""
    console.print(str(told), markup=False, highlight=False, soft_wrap=True)
    for style, lines in (("red", told.differences), ("yellow", told.late)):
        for line in lines:
            console.print(line, style=style, markup=False, soft_wrap=True)


def _open(shop: Endpoint, morning: cafe_script.Morning, seed: int) -> cafe_report.Report:
    with Client(shop) as client, Client(bank.bank()) as asked:
        check_is_shop(client)
        cafe_play.open_doors(client, morning)
        with steps("visits", len(morning.visits)) as step:
            played = cafe_play.play(shop, morning, step)
        books = {went.id: bank.books(asked, went.id) for went in played.visits if went.order}
    return cafe_report.of(morning, played, books, seed=seed)


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
