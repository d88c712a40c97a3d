"""The consumer: archive a batch, unseal, judge, fold, commit; and catch up on what is behind.

A batch fails only when the cloud fails, and then as a whole: Lambda brings it again, and since
rows and checkpoint are one transaction that changes nothing that was done. A batch in hand is
folded by what is level with it; what is behind reads the archive, here for 2 s at most and in the
sweep for every shard the archive knows. There is no other replay.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace

from chalicelib import archive, checkpoint, log, register, telemetry, work
from chalicelib.archive import Segment
from chalicelib.checkpoint import Ahead, Checkpoint
from chalicelib.decisions import DECIDERS
from chalicelib.decisions.todo import UNHURRIED, kind_of
from chalicelib.errors import (
    Behind,
    CloudFailure,
    CommitLost,
    Misfit,
    NotAuthorised,
    SecurityError,
    UnknownKey,
)
from chalicelib.events import Batch, Envelope, Position, Record, Shard
from chalicelib.projector.chunk import Chunk, crowded_at, learn, load
from chalicelib.projector.fold import Code, Effect, Opened, fold, parked_everywhere
from chalicelib.signing import keys, unseal
from chalicelib.views import VIEWS

LIVE = Code(DECIDERS, VIEWS)
CATCH_UP_S = 2.0
SWEEP_S = 40.0
GROUP = 1000
MOST_UNHURRIED = 10

Notice = Callable[[Sequence[Effect]], None]


def project(batch: Batch, code: Code = LIVE) -> None:
    """One batch of one shard: archived, then folded as far as two seconds go.

    Raises CloudFailure; the same batch must then come again.
    """
    hand = archive.append(batch, log.ancestors, log.listed, log.keeps)
    catch_up(batch.shard, time.monotonic() + CATCH_UP_S, code, hand)


def sweep(code: Code = LIVE) -> None:
    """Every shard the archive knows, idle and closed ones too, older streams first.

    Raises CloudFailure, when all have been tried.
    """
    deadline, failure = time.monotonic() + SWEEP_S, None
    for shard in archive.shards():
        try:
            catch_up(shard, deadline, code)
        except CloudFailure as one:
            failure = one
    if failure is not None:
        raise failure
    checkpoint.is_ready()


def catch_up(
    shard: Shard,
    deadline: float,
    code: Code = LIVE,
    hand: Sequence[Segment] = (),
    upto: int = archive.MAX,
) -> None:
    """Fold what the archive holds of the shard, until level or out of time; `hand` always.

    A candidate goes no further than `upto`, and nowhere once the live set folds it.
    """
    while True:
        try:
            base = checkpoint.read(shard, code.whose) or _begin(shard, deadline, code, hand)
            segments = () if base.joined else _segments(base, hand)
            notice = _poke if segments is hand else _pass_over
            for group in _groups(segments, base.ahead):
                if group[0].before >= upto:
                    return
                base = _advance(base, group, code, notice, upto)
                if time.monotonic() > deadline:
                    return
        except CommitLost:
            continue
        except Behind as reason:
            telemetry.say("shard-stopped", shard=str(shard), reason=str(reason))
        return


def _begin(shard: Shard, deadline: float, code: Code, hand: Sequence[Segment]) -> Checkpoint:
    """The shard's first checkpoint, once its parents stand at the end of their archive.

    Raises Behind when a parent does not get there in time.
    """
    parents = []
    for name in _first_segment(shard, hand).parents:
        parent = Shard.parse(name)
        catch_up(parent, deadline, code)
        found = checkpoint.read(parent, code.whose)
        if found is None or found.joined or not checkpoint.is_level(parent, found):
            raise Behind(f"{parent} must be folded to its end first")
        parents.append(found)
    return checkpoint.create(shard, _first_versions(code), parents, code.whose)


def _first_versions(code: Code) -> list[str]:
    """What a shard without parents is folded for: all that the table has, from its first record."""
    named = register.known() if code.whose == checkpoint.LIVE else None
    if named is None:
        return [code.whose] if code.whose != checkpoint.LIVE else [str(v) for v in code.views]
    return [version for version in named.folded if code.view(version)]


def _first_segment(shard: Shard, hand: Sequence[Segment]) -> Segment:
    """Who begins to fold a shard reads one segment for its parents, however many there are.

    Raises Behind where the archive has lost it.
    """
    first = (segment for segment in hand if segment.before == 0)
    found = next(first, None) or archive.segment_at(Position(shard, 1))
    if found is None:
        raise Behind(f"the archive of {shard} has lost the segment after 0")
    return found


def _segments(base: Checkpoint, hand: Sequence[Segment]) -> Iterable[Segment]:
    """What comes after the checkpoint: from the hand when that is level with it."""
    if hand and hand[0].before == base.segment and base.ahead is None:
        return hand
    return archive.read_after(base.shard, base.segment)


def _groups(segments: Iterable[Segment], ahead: Ahead | None) -> Iterator[list[Segment]]:
    """Small segments together, about a thousand records a group; a begun group is whole again."""
    group: list[Segment] = []
    held = 0
    for segment in segments:
        group.append(segment)
        held += len(segment.records)
        if held >= GROUP and (ahead is None or segment.last >= ahead.to):
            yield group
            group, held = [], 0
    if group:
        yield group


def _poke(effects: Sequence[Effect]) -> None:
    """What was just opened is to be done at once; a poke that is lost the sweep makes good."""
    opened = _at_once((todo, effect.opened.order[0]) for effect in effects for todo in effect.owed)
    try:
        work.poke(opened)
    except CloudFailure as failure:
        telemetry.say("pokes-lost", todos=len(opened), reason=str(failure))


def _at_once(opened: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
    """All but those that can wait and are too many: the sweep pokes them."""
    hurried: list[tuple[str, str]] = []
    unhurried: list[tuple[str, str]] = []
    for poke in opened:
        (unhurried if kind_of(poke[0]) in UNHURRIED else hurried).append(poke)
    return hurried + unhurried[:MOST_UNHURRIED]


def _pass_over(effects: Sequence[Effect]) -> None:
    """What is folded while catching up pokes nobody: its outcome may lie further on."""


def _advance(
    base: Checkpoint, group: Sequence[Segment], code: Code, notice: Notice, upto: int
) -> Checkpoint:
    """The checkpoint after the group; a group that was begun is finished first."""
    opened = [found for segment in group for found in _opened(segment, base.position, upto)]
    if base.ahead is not None:
        begun = [found for found in opened if found.record.sequence <= base.ahead.to]
        base = _finish(base, group, begun, code, notice)
        opened = opened[len(begun) :]
    return _finish(base, group, opened, code, notice) if opened else base


def _finish(
    base: Checkpoint,
    group: Sequence[Segment],
    opened: Sequence[Opened],
    code: Code,
    notice: Notice,
) -> Checkpoint:
    """The checkpoint after these records. A row that DynamoDB refuses is found record by record.

    A record at which a view leaves, or the shard stops, is a group of its own: so it is the same
    record wherever groups are cut.
    """
    to = opened[-1].record.sequence
    left = [found for found in opened if found.order > base.reached]
    left.sort(key=lambda found: found.order)
    effects = _effects(base, left, code)
    too_many = crowded_at(base, effects)
    if too_many is not None and len(opened) > 1:
        for part in _split(opened, too_many):
            base = _finish(base, group, part, code, notice)
        return base
    read_on = _segment_after(group, to)
    try:
        reached = _commit_parts(base, to, effects, code).commit_end(to, read_on)
    except Misfit:
        base = _fold_singly(base, to, opened, code)
        reached = Chunk.on(base, code).commit_end(to, read_on)
    notice(effects)
    return reached


def _split(opened: Sequence[Opened], at: int) -> Iterator[Sequence[Opened]]:
    """The records before this one, it alone, and those after it."""
    index = next(i for i, found in enumerate(opened) if found.record.sequence == at)
    parts = opened[:index], opened[index : index + 1], opened[index + 1 :]
    return filter(None, parts)


def _segment_after(group: Sequence[Segment], position: int) -> int:
    """The `before` of the segment to read on in: the next one, where one ends at the position."""
    reached = next(segment for segment in group if position <= segment.last)
    return position if position == reached.last else reached.before


def _opened(segment: Segment, after: int, upto: int) -> Iterator[Opened]:
    for record, clock in archive.with_clock(segment):
        if after < record.sequence <= upto:
            yield open_record(segment.shard, record, clock)


def open_record(shard: Shard, record: Record, clock: int) -> Opened:
    """The record, and what it says, or why that is not believed."""
    position = Position(shard, record.sequence)
    return Opened(record, position, clock, _envelope(shard, record, clock))


def _envelope(shard: Shard, record: Record, clock: int) -> Envelope | SecurityError:
    """What the record says, or why that is not believed: a key or its grant may be a new one."""
    for reload in (False, True):
        try:
            return unseal(
                record.data,
                partition_key=record.key,
                stream=shard.stream,
                clock=clock,
                trust=keys.trust(reload=reload),
            )
        except (UnknownKey, NotAuthorised) as doubt:
            unknown = doubt
        except SecurityError as doubt:
            return doubt
    return unknown


def _effects(base: Checkpoint, records: Sequence[Opened], code: Code) -> list[Effect]:
    """What the records come to, subject by subject: see Ahead. Nothing is written yet."""
    known, chunk = load(records, code), Chunk.on(base, code)
    effects = []
    for opened in records:
        effect = fold(opened, known, chunk.live)
        chunk.note(effect)
        learn(known, effect)
        effects.append(effect)
    return effects


def _commit_parts(base: Checkpoint, to: int, effects: Sequence[Effect], code: Code) -> Chunk:
    """The last chunk, not committed yet; those before it are."""
    chunk = Chunk.on(base, code)
    for effect in effects:
        while not chunk.has_room(effect):
            chunk = Chunk.on(chunk.commit_part(to), code)
        chunk.add(effect)
    while not chunk.fits_whole:
        chunk = Chunk.on(chunk.commit_part(to), code)
    return chunk


def _fold_singly(begun: Checkpoint, to: int, records: Sequence[Opened], code: Code) -> Checkpoint:
    """One transaction a record, so that what DynamoDB refuses is known, parked and passed.

    No tally waits then: one that is refused is known by its record, too.
    """
    base = checkpoint.read(begun.shard, begun.whose)
    if base is None or not base.is_in(begun, to):
        raise CommitLost("the table was emptied meanwhile, or another process went on")
    if base.waiting:
        base = Chunk.on(base, code).commit_whole(to)
    for opened in sorted(records, key=lambda found: found.order):
        if opened.order > base.reached:
            base = _fold_one(base, to, opened, code)
    return base


def _fold_one(base: Checkpoint, to: int, opened: Opened, code: Code) -> Checkpoint:
    known = load([opened], code)
    for suspect in ((), *((view,) for view in base.views)):
        chunk = Chunk.on(base, code)
        live = replace(chunk.live, refused=frozenset(suspect))
        chunk.add(fold(opened, known, live))
        try:
            return chunk.commit_whole(to)
        except Misfit as refusal:
            failure = refusal
    assert isinstance(opened.envelope, Envelope)
    chunk = Chunk.on(base, code)
    chunk.add(parked_everywhere(opened, opened.envelope, known, failure))
    return chunk.commit_whole(to)


__all__ = ["LIVE", "Code", "Effect", "catch_up", "open_record", "project", "sweep"]
