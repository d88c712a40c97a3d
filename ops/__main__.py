"""`python -m ops VERB`: what an operator types at 3 a.m.

Exit code 0: done, and what the verb checks holds; a verb that lists checks nothing, whatever it
finds. 1: what it checks does not hold. 2: there is no shop there, or not what was asked for.
"""

from __future__ import annotations

import re
from contextlib import suppress
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from chalicelib.errors import Invalid
from chalicelib.events import Position
from chalicelib.events.envelope import TODO
from ops import audit as auditing
from ops import doctor as examining
from ops import erase as erasing
from ops import explain as explaining
from ops import logs, shop
from ops import parked as parking
from ops import prove as proving
from ops import quarantine as quarantining
from ops import query as querying
from ops import retry as retrying
from ops import shown as showing
from ops import tail as tailing
from ops import verify as verifying
from ops import views as viewing
from ops.audit.seen import remembered
from ops.doctor.show import show as examined
from ops.progress import steps
from ops.query import show as answering
from ops.rebuild.verb import rebuild
from ops.redrive import redrive
from ops.restore.verb import restore
from ops.verb import AsJson
from ops.verb import as_json as _json
from ops.verb import in_shop as _in_shop
from ops.verb import or_why_not as _or_why_not

app = typer.Typer(help=__doc__, no_args_is_help=True, add_completion=False)


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
        with steps("segments read", max(1, logs.segments())) as step:
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


@app.command()
def quarantine(
    *,
    limit: Annotated[int, typer.Option(min=0, max=10_000, help="the newest so many")] = 20,
    show: Annotated[
        str | None, typer.Option(metavar="POSITION", help="one record, with its bytes escaped")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """What was not believed, and why, newest first; how many for each reason."""
    with _in_shop():
        if show is not None:
            _show_one(_position(show), as_json=as_json)
            return
        found = quarantining.state(limit)
        if as_json:
            print(_json(asdict(found)))
        else:
            quarantining.show(found)


def _show_one(position: Position, *, as_json: bool) -> None:
    try:
        told, data = quarantining.one(position)
    except quarantining.NotQuarantined as reason:
        raise typer.BadParameter(str(reason), param_hint="--show") from None
    if as_json:
        print(_json({**asdict(told), "bytes": len(data), "data": showing.data(data)}))
    else:
        print(f"{quarantining.line(told)}\n    {len(data):,} bytes:\n{showing.data(data)}")


def _position(text: str) -> Position:
    try:
        return Position.parse(text)
    except ValueError as flaw:
        raise typer.BadParameter(str(flaw), param_hint="--show") from None


@app.command()
def parked(
    *,
    limit: Annotated[int, typer.Option(min=1, max=100_000, help="so many at length")] = 20,
    as_json: AsJson = False,
) -> None:
    """What stands still: how many and why; each subject, since which event, and what to do."""
    with _in_shop():
        found = parking.state()
        if as_json:
            print(_json(asdict(found)))
        else:
            parking.tell(found, limit)


@app.command()
def erase(person: str, *, as_json: AsJson = False) -> None:
    """Erase a person, and tell what remains; exit code 1 where their key is still there."""
    with _in_shop():
        try:
            found = erasing.erase(person, erasing.WAIT_S)
        except Invalid as flaw:
            raise typer.BadParameter(flaw.detail, param_hint="PERSON") from None
        if as_json:
            print(_json(asdict(found)))
        else:
            erasing.show(found)
    raise typer.Exit(0 if found.destroyed else 1)


@app.command()
def query(
    sql: str,
    *,
    as_json: AsJson = False,
    as_csv: Annotated[bool, typer.Option("--csv", help="for programs: CSV")] = False,
    plot: Annotated[bool, typer.Option(help="the first two columns as bars")] = False,
    svg: Annotated[Path | None, typer.Option(help="the same bars, into a file")] = None,
) -> None:
    """SQL over the archive: a table per type of event, and `event`; see docs/analytics.md."""
    forms = {"json": as_json, "csv": as_csv, "plot": plot}
    form, *more = [name for name, given in forms.items() if given] or ["table"]
    if more:
        raise typer.BadParameter("one of --json, --csv and --plot at a time")
    with _in_shop():
        answering.check(svg)
        with querying.answer(sql) as found:
            answering.show(found, form, svg)
            if others := answering.left_out(found.verdicts):
                typer.echo(others, err=True)


@app.command()
def doctor(
    *,
    quick: Annotated[bool, typer.Option(help="leave out every row against the log")] = False,
    as_json: AsJson = False,
) -> None:
    """All that must hold of the shop, while it goes on; exit code 1 where something does not."""
    with _in_shop():
        with steps("segments read", max(1, logs.segments() * (1 if quick else 2))) as step:
            found = examining.examine(step, quick=quick)
        if as_json:
            print(_json(asdict(found)))
        else:
            examined(found, Console())
    raise typer.Exit(1 if found.wrong else 0)


@app.command()
def retry(
    todos: Annotated[list[str] | None, typer.Argument(metavar="TODO...")] = None,
    *,
    every: Annotated[bool, typer.Option("--all", help="all that was given up")] = False,
    as_json: AsJson = False,
) -> None:
    """Try again what was given up; exit code 1 where one that was named is not tried."""
    if bool(todos) == every:
        raise typer.BadParameter("name what `ops doctor` lists, or say --all", param_hint="TODO")
    if flawed := [name for name in todos or () if not re.fullmatch(TODO, name)]:
        raise typer.BadParameter(f"{flawed[0]!r} is no to-do's id", param_hint="TODO")
    with _in_shop():
        found = retrying.retry(todos or retrying.given_up())
        if as_json:
            print(_json(asdict(found)))
        else:
            retrying.show(found)
    raise typer.Exit(0 if all(each.did == "poked" for each in found.todos) else 1)


@app.command()
def explain(
    subject: Annotated[str, typer.Argument(help="as in order/42")],
    *,
    at: Annotated[str | None, typer.Option(metavar="TIME", help="as in 2026-11-21T12:00Z")] = None,
    as_json: AsJson = False,
) -> None:
    """A subject's events, who said them, what became of each, and its rows as of then."""
    until = None if at is None else _moment(at)
    with _in_shop():
        try:
            with steps("segments read", max(1, logs.segments())) as step:
                found = explaining.explain(subject, until, step)
        except explaining.UnknownSubjectError as reason:
            raise typer.BadParameter(str(reason), param_hint="SUBJECT") from None
        if as_json:
            print(_json(asdict(found)))
        else:
            explaining.show(found)


def _moment(text: str) -> int:
    """Integer ms. Raises BadParameter for what is no moment, or says no zone."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise typer.BadParameter("it is no date and time (ISO 8601)", param_hint="--at") from None
    if moment.tzinfo is None:
        raise typer.BadParameter("it says no zone: end it with Z for UTC", param_hint="--at")
    return int(moment.timestamp() * 1000)


@app.command()
def prove(
    event: str,
    *,
    at: Annotated[
        str | None, typer.Option(metavar="POSITION", help="where it lies, as its 202 had it")
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="a new file; else proof-EVENT.json, here")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """That an event is on the log, as a file for ops/verify_proof.py; 1 where it is not proven."""
    with _in_shop():
        try:
            proof = proving.prove(event, at)
        except proving.DoubtfulError as why:
            typer.echo(f"ops: {why}", err=True)
            raise typer.Exit(1) from None
        path = out or Path(f"proof-{event}.json")
        proving.write(proof, path)
        told = {"event": event, "position": proof["position"], "file": str(path)}
        print(_json(told) if as_json else f"{told['position']}: proven in {path}")


@app.command()
def audit(
    *,
    seen: Annotated[
        Path | None, typer.Option(metavar="FILE", help="the tree head of the last audit; kept anew")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """The whole archive against the signed tree, with every signature; 1 where it is not so."""
    with _in_shop():
        kept = None if seen is None else remembered(seen)
        with steps("segments audited", max(1, logs.segments())) as step:
            found = auditing.audit(kept, step)
        print(_json(asdict(found)) if as_json else auditing.told(found))
    raise typer.Exit(1 if found.wrong else 0)


app.command()(rebuild)
app.command()(redrive)
app.command()(restore)


@app.command()
def env() -> None:
    """For a shell: eval "$(python -m ops env)", and it is in this shop, as is what it starts."""
    with _or_why_not():
        print(*shop.lines(), sep="\n")


if __name__ == "__main__":
    app(prog_name="python -m ops")
