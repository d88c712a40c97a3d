"""Candidate, then promoted: how a view that is new, changed or has left becomes whole again.

The sweep does it unasked, a little each minute; `ops rebuild` at once, with a comparison before it
promotes. Both drive the same candidate by the same steps, each of them one conditional write, so
they may meet and may die anywhere. A candidate that other code than this has begun, and in which
subjects stand still, is begun anew: their mistake may be mended. What is promoted was folded by the
live set for a while, under the same checkpoint as what was read before: so no answer goes back.
What was read is kept, and folded, until the next is promoted or an operator drops it.
"""

from __future__ import annotations

import time

from chalicelib import projector, register, telemetry
from chalicelib.errors import CommitLost
from chalicelib.projector import LIVE, Code
from chalicelib.register import Entry, Register, number_of
from chalicelib.replay.candidate import Shards, advance, drop, standing_in
from chalicelib.replay.pace import Pace
from chalicelib.replay.sources import digest
from chalicelib.view import View

__all__ = ["Pace", "Shards", "advance", "begun", "drop", "goes_on", "standing_in", "sweep", "tend"]

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

    What an operator holds is left to them. Raises CommitLost where somebody else changed it.
    """
    named = register.read()
    if named is None:
        return
    before = named.entry(view.name)
    entry = due(view, before, shards)
    if entry != before:
        named = register.change(named, view.name, entry)
        telemetry.say("candidate", view=view.name, version=entry.next, read=entry.read)
    if entry.next is None or number_of(entry.next) == entry.held:
        return
    match advance(entry.next, code, until, Pace()):
        case "joined":
            promote(named, view.name)
        case "lost":
            register.change(named, view.name, begun(view, entry, number_of(entry.next)))


def due(view: View, entry: Entry, shards: Shards) -> Entry:
    """What the register is to say of the view, as far as this code knows."""
    if entry.next is not None and number_of(entry.next) == entry.held:
        return entry
    wanted = view.version
    if entry.held == wanted and entry.read is not None and view.named(entry.read):
        wanted = number_of(entry.read)
    if goes_on(entry, wanted, shards):
        return entry
    if number_of(entry.read) == wanted and not shards.lack(entry.read):
        return entry._replace(next=None)
    if number_of(entry.kept) == wanted and shards.whole(entry.kept):
        return entry._replace(read=entry.kept, kept=entry.read, next=None)
    return begun(view, entry, wanted)


def begun(view: View, entry: Entry, number: int) -> Entry:
    """With a new candidate of this number, by the code that runs here."""
    return entry.begun(view.name, number, digest())


def goes_on(entry: Entry, number: int, shards: Shards) -> bool:
    """Whether there is a candidate of this number, and what it has folded this code may go on with.

    Where nobody stands still in it, other code has made no mistake that it knows of.
    """
    if entry.next is None or number_of(entry.next) != number:
        return False
    return entry.by == digest() or not standing_in(entry.next, shards)


def promote(named: Register, view: str) -> Register:
    """The candidate is read from here on: one write. Raises CommitLost."""
    entry = named.entry(view).promoted()
    telemetry.say("promoted", view=view, version=entry.read, kept=entry.kept)
    return register.change(named, view, entry)
