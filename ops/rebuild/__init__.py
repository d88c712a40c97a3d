"""A view built anew beside the one that is read, compared, and read from then on.

Everything here may be stopped at any moment and asked for again: it goes on where it stood. What
another `ops rebuild` of the view is at, it leaves alone. What other code than this has begun, and
subjects stand still in, it begins anew.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from chalicelib import archive, register, replay, store
from chalicelib.checkpoint import left_key
from chalicelib.errors import CommitLost, TillstreamError
from chalicelib.projector import LIVE
from chalicelib.register import Entry, Register
from chalicelib.replay import Pace, Shards
from chalicelib.replay.alone import BusyError, alone, rebuild_of
from chalicelib.view import View
from chalicelib.views import VIEWS
from ops import shown, verify
from ops.rebuild import remains
from ops.rebuild.progress import WHOLE, Progress

ROUND_S = 2.0
AT_ONCE = 8
STUCK_S = 60.0


class NotDoneError(TillstreamError):
    """What was asked for cannot be: a sentence for whoever asked."""


@dataclass(frozen=True, slots=True)
class Rebuilt:
    """What is read and what is kept now; what differed, where the candidate was not promoted.

    `standing` counts the subjects that stand still in what was promoted, and in no more than that.
    """

    view: str
    read: str | None
    kept: str | None
    candidate: str | None
    records: int
    differences: list[str]
    standing: int


def find(name: str) -> View:
    """The view of this name. Raises NotDoneError."""
    for view in VIEWS:
        if view.name == name:
            return view
    raise NotDoneError(f"there is no view {name!r}; there are {', '.join(v.name for v in VIEWS)}")


def rebuild(view: View, rate: float | None, progress: Progress) -> Rebuilt:
    """Build, compare, promote. Raises NotDoneError, CloudFailure.

    Raises Behind, and begins nothing, where the archive is damaged.
    """
    with alone(rebuild_of(view.name)) as still:
        _read_through(still)
        version = _changed(view, lambda entry: _candidate(view, entry))
        while not _joined(version, rate, progress, still):
            version = _changed(view, lambda entry: replay.begun(view, entry, view.version))
        progress.whole()
        report = verify.verify(still, only=version, page=still)
        if report.differences:
            _changed(view, lambda entry: _compared(entry, version)._replace(differs=version))
            return _told(view, report)
        still()
        _changed(view, lambda entry: _compared(entry, version).promoted())
        return _told(view, report, len(replay.standing_in(version, Shards.now())))


def roll_back(view: View) -> Rebuilt:
    """What was read before is read again: it was folded all the while. Raises NotDoneError."""
    with alone(rebuild_of(view.name)):
        _changed(view, lambda entry: _rolled_back(view, entry))
        return _told(view, None)


def drop(view: View) -> Rebuilt:
    """What is kept is folded no more, and its rows are gone. Raises NotDoneError."""
    with alone(rebuild_of(view.name)) as still:
        if _named().entry(view.name).kept is None:
            raise NotDoneError(f"nothing is kept of {view.name} but what is read")
        _changed(view, lambda entry: entry._replace(kept=None))
        while remains.folded():
            shards = Shards.now()
            replay.drop(shards, _named())
            still()
        remains.erase(still)
        return _told(view, None)


def _read_through(still: Callable[[], None]) -> None:
    """Raises Behind where the archive is damaged."""
    for shard in archive.shards():
        for _ in archive.read_after(shard, 0):
            still()


def _named() -> Register:
    named = register.read()
    if named is None:
        raise NotDoneError("the table is being filled: there is nothing to build beside yet")
    return named


def _candidate(view: View, entry: Entry) -> Entry:
    """With the candidate that is begun here, or gone on with; one that differs is begun anew."""
    if entry.next is not None and entry.next == entry.differs:
        return replay.begun(view, entry, view.version)
    return replay.candidate_of(view, entry, view.version, Shards.now())


def _compared(entry: Entry, version: str) -> Entry:
    """The entry. Raises NotDoneError where what was compared is no candidate any more."""
    if entry.next != version:
        raise NotDoneError(f"{version} is not the candidate any more: somebody else was at it")
    return entry


def _rolled_back(view: View, entry: Entry) -> Entry:
    """With what is kept read. Raises NotDoneError."""
    if entry.kept is None or view.named(entry.kept) is None:
        raise NotDoneError(f"there is no other version of {view.name} to return to")
    return entry.rolled_back()


def _changed(view: View, change: Callable[[Entry], Entry]) -> str:
    """The candidate, or what is read, after the change; again where somebody else was first.

    Raises NotDoneError where other than before would be read, and that is not whole.
    """
    while True:
        named = _named()
        before = named.entry(view.name)
        after = change(before)
        try:
            if after.read == before.read:
                register.change(named, view.name, after)
            else:
                _check_whole(after.read or "")
                replay.read_on(named, view.name, after)
        except CommitLost:
            continue
        return after.next or after.read or ""


def _check_whole(version: str) -> None:
    """Raises NotDoneError, with the reason, where the version has left the live set."""
    left = store.get(left_key(version))
    if left is None and Shards.now().whole(version):
        return
    if left is None:
        raise NotDoneError(f"{version} is not folded everywhere yet: ask again in a minute")
    why = shown.text(left.body["detail"])
    raise NotDoneError(f"{version} has left the live set, and is not read: {why}")


def _joined(
    version: str, rate: float | None, progress: Progress, still: Callable[[], None]
) -> bool:
    """Whether it joined the live set; else it is lost. Raises NotDoneError where it waits."""
    pace, moved, done = Pace(rate), time.monotonic(), -1
    while True:
        still()
        standing = replay.advance(version, LIVE, time.monotonic() + ROUND_S, pace, AT_ONCE)
        if standing != "building":
            return standing == "joined"
        if (now := progress.built(version)) != done:
            moved, done = time.monotonic(), now
        elif time.monotonic() - moved > STUCK_S:
            raise NotDoneError(f"{version} comes no further; `ops views` and `ops parked` say why")


def _told(view: View, report: verify.Report | None, standing: int = 0) -> Rebuilt:
    entry = _named().entry(view.name)
    records, differences = (report.records, report.differences) if report else (0, [])
    return Rebuilt(view.name, entry.read, entry.kept, entry.next, records, differences, standing)


def show(found: Rebuilt) -> None:
    """For a person to read."""
    print(*found.differences, sep="\n", end="\n" if found.differences else "")
    if found.differences:
        print(
            f"{found.candidate} differs from the log and is not read; {found.read} is, as before."
        )
        return
    kept = f"{found.kept} is kept, and folded" if found.kept else "nothing else of it is kept"
    print(f"{found.read} is read; {kept}.")
    if found.standing:
        print(f"Subjects that stand still in it: {found.standing:,}; `ops parked` says why.")


__all__ = [
    "WHOLE",
    "BusyError",
    "NotDoneError",
    "Progress",
    "Rebuilt",
    "drop",
    "find",
    "rebuild",
    "roll_back",
    "show",
]
