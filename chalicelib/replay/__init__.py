"""Candidate, then promoted: how a view that is new, changed or has left becomes whole again.

The sweep does it unasked, a little each minute; `ops rebuild` at once, with a comparison before it
promotes. Both drive the same candidate by the same steps, each of them one conditional write, so
they may meet and may die anywhere. What `ops rebuild` is at, the sweep leaves to it; what that left
unfinished, it goes on with where the view is not whole without. A candidate that other code than
this has begun, and in which subjects stand still, or which was found to differ from the log, is
begun anew: the mistake may be mended. What is promoted was folded by the live set for a while,
under the same checkpoint as what was read before: so no answer goes back.
What was read is kept, and folded, until the next is promoted or an operator drops it.
"""

from __future__ import annotations

import time

from chalicelib import projector, register, telemetry
from chalicelib.checkpoint import left_key
from chalicelib.errors import CommitLost
from chalicelib.projector import LIVE, Code
from chalicelib.register import Entry, Register, number_of
from chalicelib.replay.alone import is_taken, rebuild_of
from chalicelib.replay.candidate import Shards, advance, drop, standing_in
from chalicelib.replay.pace import Pace
from chalicelib.replay.sources import digest
from chalicelib.store import Guard
from chalicelib.view import View

__all__ = [
    "Pace",
    "Shards",
    "advance",
    "begun",
    "candidate_of",
    "drop",
    "promote",
    "read_on",
    "standing_in",
    "sweep",
    "tend",
]

BUILD_S = 20.0


def sweep(code: Code = LIVE) -> None:
    """All that is behind catches up: the live set first, then candidates. Raises CloudFailure."""
    projector.sweep(code)
    until, shards = time.monotonic() + BUILD_S, Shards.now()
    named = register.read()
    if named is None:
        return
    drop(shards, named)
    for view in code.views:
        try:
            tend(view, shards, until, code)
        except CommitLost:
            telemetry.say("view-waits", view=view.name, reason="it was changed meanwhile")


def tend(view: View, shards: Shards, until: float, code: Code = LIVE) -> None:
    """What is due of the view, unasked: begin a candidate, advance it, promote it when joined.

    What an operator is at is left to them. Raises CommitLost where somebody else changed it.
    """
    named = register.read()
    if named is None:
        return
    before = named.entry(view.name)
    if before.next is not None and is_taken(rebuild_of(view.name)):
        return
    entry = due(view, before, shards)
    if entry != before:
        shards = Shards.now()  # what is read by now may have joined after those were read
        entry = due(view, before, shards)
    if entry != before:
        change = register.change if entry.read == before.read else read_on
        named = change(named, view.name, entry)
        telemetry.say("candidate", view=view.name, version=entry.next, read=entry.read)
    if entry.next in (None, entry.differs) or _is_whole(view, entry, shards):
        return
    match advance(entry.next, code, until, Pace()):
        case "joined":
            promote(named, view.name)
        case "lost":
            register.change(named, view.name, begun(view, entry, number_of(entry.next)))


def due(view: View, entry: Entry, shards: Shards) -> Entry:
    """What the register is to say of the view, as far as this code knows."""
    wanted = _wanted(view, entry)
    if _is_whole(view, entry, shards):
        asked_for = number_of(entry.next) in (wanted, entry.held)
        return entry if asked_for else entry._replace(next=None)
    if number_of(entry.kept) == wanted and shards.whole(entry.kept):
        return entry._replace(read=entry.kept, kept=entry.read, next=None)
    return candidate_of(view, entry, wanted, shards)


def _wanted(view: View, entry: Entry) -> int:
    """The number that is to be read: this code's, or what was returned to from that."""
    if entry.held == view.version and entry.read is not None and view.named(entry.read):
        return number_of(entry.read)
    return view.version


def _is_whole(view: View, entry: Entry, shards: Shards) -> bool:
    """Whether what is read is as it should be: a candidate beside it is an operator's."""
    return number_of(entry.read) == _wanted(view, entry) and not shards.lack(entry.read)


def candidate_of(view: View, entry: Entry, number: int, shards: Shards) -> Entry:
    """With a candidate of this number: the one that there is, or a new one."""
    if _goes_on(entry, number, shards):
        return entry._replace(by=digest())
    return begun(view, entry, number)


def begun(view: View, entry: Entry, number: int) -> Entry:
    """With a new candidate of this number, by the code that runs here."""
    return entry.begun(view.name, number, digest())


def _goes_on(entry: Entry, number: int, shards: Shards) -> bool:
    """Whether there is a candidate of this number, and what it has folded this code may go on with.

    Where nobody stands still in it, and nobody found that it differs, other code has made no
    mistake that it knows of.
    """
    if entry.next is None or number_of(entry.next) != number:
        return False
    if entry.by == digest():
        return True
    return entry.next != entry.differs and not standing_in(entry.next, shards)


def promote(named: Register, view: str) -> Register:
    """The candidate is read from here on: see `read_on`."""
    changed = read_on(named, view, named.entry(view).promoted())
    entry = changed.entry(view)
    telemetry.say("promoted", view=view, version=entry.read, kept=entry.kept)
    return changed


def read_on(named: Register, view: str, entry: Entry) -> Register:
    """What the entry says is read from here on: one write.

    Raises CommitLost where the register was changed meanwhile, or that version has left.
    """
    assert entry.read is not None
    return register.change(named, view, entry, [Guard(left_key(entry.read), None)])
