"""What stands still goes on, once the code is mended: its events are folded from the archive.

It may be stopped at any moment and asked for again: it goes on where it stood. Events of the
subject may arrive all the while. What another `ops redrive` is at, it leaves alone.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Annotated

import typer

from chalicelib import store
from chalicelib.checkpoint import ALL, LIVE
from chalicelib.projector.rows import parked_key
from chalicelib.register import view_of
from chalicelib.replay import redrive as redriving
from chalicelib.replay.redrive import Place
from ops import rebuild, shown, verb
from ops.alone import alone
from ops.progress import steps
from ops.rebuild import NotDoneError


@dataclass(frozen=True, slots=True)
class Redriven:
    """Where a subject stood still, and how many events were folded; where it stands still again.

    `view` is a version, or `*` for all views; `candidate` is the one whose own subjects these are.
    """

    view: str
    candidate: str | None
    events: int
    since: str | None
    why: str | None


def find(subject: str, view: str | None) -> list[Place]:
    """Where it stands still, in that view or anywhere. Raises NotDoneError."""
    if view not in (None, ALL):
        rebuild.find(view)
    places = [each for each in redriving.places(subject) if view in (None, view_of(each.view))]
    if not places:
        where = "" if view is None else f" in {'all views' if view == ALL else view}"
        raise NotDoneError(
            f"{shown.text(subject)} does not stand still{where}; `ops parked` tells who does"
        )
    return places


def redrive_all(
    subject: str,
    places: list[Place],
    still: Callable[[], None] = lambda: None,
    step: Callable[[], None] = lambda: None,
) -> list[Redriven]:
    """Each of the places in turn. Raises Behind, CloudFailure."""
    return [_told(subject, each, redriving.redrive(subject, each, still, step)) for each in places]


def _told(subject: str, place: Place, done: redriving.Redriven) -> Redriven:
    row = store.get(parked_key(place.view, subject)) if done.since else None
    return Redriven(
        view=place.view,
        candidate=None if place.code.whose == LIVE else place.code.whose,
        events=done.events,
        since=done.since,
        why=None if row is None else row.body["detail"],
    )


def show(subject: str, found: list[Redriven]) -> None:
    """For a person to read."""
    for each in found:
        where = "all views" if each.view == ALL else each.view
        where += f" (in the candidate {each.candidate})" if each.candidate else ""
        print(f"{subject}  {where}: {each.events:,} events folded")
        if each.since:
            print(f"    it stands still again at {each.since}")
            print(f"    {shown.text(each.why or 'the reason is not in the table')}")


def redrive(
    subject: Annotated[str, typer.Argument(help="as in order/42")],
    *,
    view: Annotated[str | None, typer.Option(help="in this view alone; * is all views")] = None,
    as_json: verb.AsJson = False,
) -> None:
    """What stands still goes on, once the code is mended; 1 where it stands still again."""
    with verb.in_shop():
        places = find(subject, view)
        segments = sum(redriving.segments(subject, each) for each in places)
        with alone(f"redrive {subject}") as still, steps("segments read", max(1, segments)) as step:
            found = redrive_all(subject, places, still, step)
    if as_json:
        print(verb.as_json({"subject": subject, "redriven": [asdict(each) for each in found]}))
    else:
        show(subject, found)
    raise typer.Exit(1 if any(each.since for each in found) else 0)
