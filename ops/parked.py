"""What stands still: every parked subject, since which event, and what comes next.

A subject is parked for one view, or for all (`*`), at the first event that could not be folded.
A child shard inherits it: it is told once, with the shard of that event. Of each shard at most
`SEGMENTS` segments are read after it, and at most `EVENTS` waiting events of a subject are counted.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import NamedTuple

from chalicelib import archive, checkpoint, register, store, verdicts
from chalicelib.checkpoint import ALL, Checkpoint
from chalicelib.events import Position, Shard
from chalicelib.projector.rows import parked_key, verdict_key
from chalicelib.read import stamp
from chalicelib.register import Register, view_of
from chalicelib.views import VIEWS
from ops import behind, shown

SEGMENTS = 1000
EVENTS = 1000


@dataclass(frozen=True, slots=True)
class Standing:
    """One subject in one view. `more` says that the waiting events were not counted to the end."""

    shard: str
    view: str
    subject: str
    since: str
    arrived: str | None
    type: str | None
    id: str | None
    why: str | None
    waiting: int
    more: bool
    next: str


@dataclass(frozen=True, slots=True)
class Left:
    """A view that left the live set; `why` names the last subject that it could not fold."""

    view: str
    why: str | None


@dataclass(frozen=True, slots=True)
class Parked:
    """Who stands still, the views that left the live set for it, and the shards not judged yet."""

    subjects: list[Standing]
    left: list[Left]
    behind: list[str]


@dataclass(frozen=True, slots=True)
class Later:
    """Where records of each subject lie in a shard; `cut` says that not all of it was read."""

    sequences: Mapping[str, list[int]]
    cut: bool


class Place(NamedTuple):
    """Who stands still in what, and since when."""

    since: Position
    view: str
    subject: str


def state() -> Parked:
    """As it is now."""
    late, places = behind.shards(), defaultdict(list)
    for shard, reached in checkpoint.all_of(archive.shards()).items():
        for place in _places(reached):
            places[place].append(shard)
    later = {
        shard: _later(shard, [place for place in places if shard in places[place]])
        for shard in {shard for shards in places.values() for shard in shards}
    }
    subjects = [
        _standing(place, {shard: later[shard] for shard in places[place]})
        for place in sorted(places)
    ]
    return Parked(subjects, left(), late)


def _places(reached: Checkpoint) -> Iterator[Place]:
    for view, subjects in reached.parked.items():
        for subject, since in subjects.items():
            yield Place(Position.parse(since), view, subject)


def _later(shard: Shard, places: Sequence[Place]) -> Later:
    """The records that came under the subjects' keys since the first of them stands still."""
    after = min(place.since.sequence if place.since.shard == shard else 0 for place in places)
    subjects = {place.subject for place in places}
    found: dict[str, list[int]] = defaultdict(list)
    first = archive.segment_at(Position(shard, max(1, after))) if after else None
    segments = archive.read_after(shard, first.before if first else 0)
    for segment in islice(segments, SEGMENTS):
        for record in segment.records:
            if record.key in subjects:
                found[record.key].append(record.sequence)
    return Later(found, cut=next(segments, None) is not None)


def _standing(place: Place, later: Mapping[Shard, Later]) -> Standing:
    since, view, subject = place
    found = archive.record_at(since)
    said = verdicts.payload(found[0].data) if found else {}
    row = store.get(parked_key(view, subject))
    why = row.body["detail"] if row else None
    waiting, more = _waiting(place, later)
    return Standing(
        shard=str(since.shard),
        view=view,
        subject=subject,
        since=str(since),
        arrived=stamp(found[0].arrival) if found else None,
        type=shown.claim(said, "type"),
        id=shown.claim(said, "id"),
        why=why,
        waiting=waiting,
        more=more,
        next=_next(view, subject, why),
    )


def _waiting(place: Place, later: Mapping[Shard, Later]) -> tuple[int, bool]:
    """How many events of the subject came after: records but for those that cannot count."""
    positions = [
        Position(shard, sequence)
        for shard, found in later.items()
        for sequence in found.sequences.get(place.subject, ())
        if shard != place.since.shard or sequence > place.since.sequence
    ]
    rows = store.read([verdict_key(position) for position in positions[:EVENTS]])
    never = sum(row.body["verdict"] in ("quarantined", "ignored") for row in rows.values())
    cut = any(found.cut for found in later.values())
    return min(len(positions), EVENTS) - never, cut or len(positions) > EVENTS


def _next(view: str, subject: str, why: str | None) -> str:
    """What the operator does."""
    kind = (why or "").partition(":")[0]
    if kind == "UnknownType":
        return f"Deploy code that knows the event's type, then `ops redrive {subject}`."
    if view == ALL:
        return f"Mend the decider and deploy it, then `ops redrive {subject}`."
    name = view_of(view)
    return (
        f"Mend the reducer of {name} and deploy it, then `ops redrive {subject} --view {name}`; "
        "under a new number it is built anew, and that is not needed."
    )


def left() -> list[Left]:
    """The versions that are read and not live any more: too many subjects stood still in them."""
    named = register.read() or Register.first(map(str, VIEWS))
    versions = [entry.read for entry in named.views.values() if entry.read]
    keys = {checkpoint.left_key(version): version for version in versions}
    found = store.read(sorted(keys))
    return [Left(keys[key], found[key].body.get("detail")) for key in sorted(found)]


def tell(found: Parked, limit: int) -> None:
    """For a person: who stands still in what, and why; then the first `limit` of them at length."""
    for said in summed(found.subjects):
        print(said)
    if more := found.subjects[limit:]:
        print(f"The first {limit:,} follow, {len(more):,} more do not: --limit, or --json for all.")
    show(replace(found, subjects=found.subjects[:limit]))


def summed(subjects: Iterable[Standing]) -> list[str]:
    """How many stand still in each view for each kind of reason, most first, in a line each."""
    kinds: dict[tuple[str, str], list[str]] = defaultdict(list)
    for each in subjects:
        why = each.why or "the reason is not in the table"
        kinds[each.view, why.partition(":")[0]].append(why)
    most = sorted(kinds.items(), key=lambda kind: -len(kind[1]))
    return [_sum(view, reasons) for (view, _), reasons in most]


def _sum(view: str, reasons: Sequence[str]) -> str:
    many = f"{len(reasons):,} subject{'s stand' if len(reasons) > 1 else ' stands'} still"
    where = "all views" if view == ALL else view
    others = len(set(reasons)) - 1
    also = f" (and {others:,} more reasons of this kind)" if others else ""
    return f"{many} in {where}: {shown.text(reasons[0])}{also}"


def show(found: Parked) -> None:
    """For a person to read."""
    for each in found.subjects:
        print(line(each))
    for gone in found.left:
        print(_departed(gone))
    if not (found.subjects or found.left):
        print("Nothing is parked.")
    behind.warned(found.behind)


def _departed(gone: Left) -> str:
    """A view that left, in four lines."""
    name = view_of(gone.view)
    return "\n    ".join(
        (
            f"{gone.view} left the live set, and it answers 503",
            shown.text(gone.why or "the reason is not in the table"),
            f"Mend the reducer of {name} and deploy it: the sweep builds it anew, and whole.",
            "`ops redrive` has nothing to do in it.",
        )
    )


def line(each: Standing) -> str:
    """One subject in five lines."""
    more = "more than " if each.more else ""
    kind = shown.text(each.type or "?")
    where = "all views" if each.view == ALL else each.view
    return "\n    ".join(
        (
            f"{each.shard}  {where}  {each.subject}",
            f"since {each.arrived}: {kind} {shown.text(each.id or '?')} at {each.since}",
            shown.text(each.why or "the reason is not in the table"),
            f"{more}{each.waiting:,} later events of it wait in the archive",
            each.next,
        )
    )
