"""What stands still goes on, once the code is mended: its events are folded from the archive.

It may be stopped at any moment and asked for again: it goes on where it stood. Events of the
subject may arrive all the while. What another `ops redrive` is at, it leaves alone.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from typing import Annotated

import typer

from chalicelib import store
from chalicelib.checkpoint import ALL, LIVE
from chalicelib.errors import Behind
from chalicelib.projector.rows import parked_key
from chalicelib.register import view_of
from chalicelib.replay import redrive as redriving
from chalicelib.replay.alone import BusyError, alone
from chalicelib.replay.redrive import Place
from ops import rebuild, shown, verb
from ops.progress import steps
from ops.rebuild import NotDoneError

SUBJECT = re.compile(r"[a-z]+/\S+")
FOLDED = (
    "Folded by the code of this checkout: a consumer that runs other code parks it again at the "
    "next event that it cannot fold."
)


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
    """Where it stands still, in that view or version or anywhere. Raises NotDoneError."""
    if not SUBJECT.fullmatch(subject):
        raise NotDoneError(
            f"'{shown.text(subject)}' is no subject: one looks like product/cup, and `ops parked` "
            "tells which stand still"
        )
    places = among(redriving.places(subject), view)
    if not places:
        where = "" if view is None else f" in {'all views' if view == ALL else view}"
        raise NotDoneError(
            f"{shown.text(subject)} does not stand still{where}; `ops parked` tells who does"
        )
    return places


def among(places: list[Place], view: str | None) -> list[Place]:
    """Those in that view, or in that version of it. Raises NotDoneError where there is none."""
    if view not in (None, ALL):
        rebuild.find(view_of(view))
    return [each for each in places if view in (None, each.view, view_of(each.view))]


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


def everything(view: str | None) -> Iterator[tuple[str, list[Place]]]:
    """Each subject that stands still in that view or anywhere, and where. Raises NotDoneError."""
    among([], view)
    for subject in redriving.subjects():
        if places := among(redriving.places(subject), view):
            yield subject, places


def show(subject: str, found: list[Redriven]) -> None:
    """For a person to read."""
    for each in found:
        where = "all views" if each.view == ALL else each.view
        where += f" (in the candidate {each.candidate})" if each.candidate else ""
        print(f"{shown.text(subject)}  {where}: {each.events:,} events folded")
        if each.since:
            print(f"    it stands still again at {each.since}")
            print(f"    {shown.text(each.why or 'the reason is not in the table')}")


@dataclass
class _Told:
    """What is said of each subject as soon as it is done, and what it all comes to."""

    as_json: bool
    folded: bool = False
    stands: bool = False
    undone: bool = False

    def done(self, subject: str, found: list[Redriven]) -> None:
        self.folded |= any(each.since is None for each in found)
        self.stands |= any(each.since is not None for each in found)
        if self.as_json:
            print(verb.as_json({"subject": subject, "redriven": list(map(asdict, found))}))
        else:
            show(subject, found)

    def not_done(self, subject: str, reason: Exception) -> None:
        self.undone = True
        typer.echo(f"ops: {shown.text(subject)}: {reason}", err=True)

    def over(self) -> int:
        """The exit code."""
        if self.folded and not self.as_json:
            print(FOLDED)
        return 2 if self.undone else 1 if self.stands else 0


def redrive(
    subject: Annotated[str | None, typer.Argument(help="as in order/42")] = None,
    *,
    every: Annotated[bool, typer.Option("--all", help="each that stands still")] = False,
    view: Annotated[str | None, typer.Option(help="in this view alone; * is all views")] = None,
    as_json: verb.AsJson = False,
) -> None:
    """What stands still goes on, once the code is mended; 1 where it stands still again."""
    if every == (subject is not None):
        raise typer.BadParameter("a subject, or --all", param_hint="SUBJECT")
    told = _Told(as_json)
    with verb.in_shop():
        if subject is None:
            _each(view, told)
        else:
            places = find(subject, view)
            segments = max(1, sum(redriving.segments(subject, each) for each in places))
            with alone(f"redrive {subject}") as still, steps("segments read", segments) as step:
                found = redrive_all(subject, places, still, step)
            told.done(subject, found)
    raise typer.Exit(told.over())


def _each(view: str | None, told: _Told) -> None:
    """What cannot be done of one is told, and the next is redriven all the same."""
    for subject, places in everything(view):
        try:
            with alone(f"redrive {subject}") as still:
                told.done(subject, redrive_all(subject, places, still))
        except (Behind, BusyError) as reason:
            told.not_done(subject, reason)
    if not (told.folded or told.stands or told.undone or told.as_json):
        print("Nothing stands still there." if view else "Nothing stands still.")
