"""The consumer: archive a batch, unseal, judge, fold, commit; and catch up on what is behind.

A batch fails only when the cloud fails, and then as a whole: Lambda brings it again, and since
rows and checkpoint are one transaction that changes nothing that was done. A batch in hand is
folded by what is level with it; what is behind reads the archive, here for 2 s at most and in the
sweep for every shard the archive knows. There is no other replay.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import chain

from chalicelib import archive, checkpoint, log, store, telemetry
from chalicelib.archive import Segment
from chalicelib.checkpoint import Checkpoint
from chalicelib.decisions import DECIDERS
from chalicelib.errors import Behind, CommitLost, Misfit, SecurityError, UnknownKey
from chalicelib.events import Batch, Envelope, Position, Record, Shard
from chalicelib.projector.chunk import Chunk, Place, learn
from chalicelib.projector.fold import Code, Effect, Known, Opened, fold, parked_everywhere
from chalicelib.projector.rows import event_key, keyed_of, subject_key, subject_of
from chalicelib.signing import keys, unseal
from chalicelib.views import VIEWS

LIVE = Code(DECIDERS, VIEWS)
CATCH_UP_S = 2.0
SWEEP_S = 40.0
GROUP = 1000


def project(batch: Batch, code: Code = LIVE) -> None:
    """One batch of one shard: archived, then folded as far as two seconds go.

    Raises CloudFailure; the same batch must then come again.
    """
    hand = archive.append(batch, log.ancestors)
    catch_up(batch.shard, time.monotonic() + CATCH_UP_S, code, hand)


def sweep(code: Code = LIVE) -> None:
    """Every shard the archive knows, idle and closed ones too, older streams first."""
    deadline = time.monotonic() + SWEEP_S
    for shard in archive.shards():
        catch_up(shard, deadline, code)
    checkpoint.is_ready()


def catch_up(
    shard: Shard, deadline: float, code: Code = LIVE, hand: Sequence[Segment] = ()
) -> None:
    """Fold what the archive holds of the shard, until level or out of time; `hand` always."""
    while True:
        try:
            base = checkpoint.read(shard) or _begin(shard, deadline, code, hand)
            for group in _groups(_segments(base, hand)):
                base = _advance(base, group, code)
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
        found = checkpoint.read(parent)
        if found is None or not checkpoint.is_level(parent, found):
            raise Behind(f"{parent} must be folded to its end first")
        parents.append(found)
    return checkpoint.create(shard, [str(view) for view in code.views], parents)


def _first_segment(shard: Shard, hand: Sequence[Segment]) -> Segment:
    return next(chain((s for s in hand if s.before == 0), archive.read_after(shard, 0)))


def _segments(base: Checkpoint, hand: Sequence[Segment]) -> Iterable[Segment]:
    """What comes after the checkpoint: from the hand when that is level with it."""
    if hand and hand[0].before == base.segment:
        return hand
    return archive.read_after(base.shard, base.segment)


def _groups(segments: Iterable[Segment]) -> Iterator[list[Segment]]:
    """Small segments together, about a thousand records a group."""
    group: list[Segment] = []
    held = 0
    for segment in segments:
        group.append(segment)
        held += len(segment.records)
        if held >= GROUP:
            yield group
            group, held = [], 0
    if group:
        yield group


def _advance(base: Checkpoint, group: Sequence[Segment], code: Code) -> Checkpoint:
    """The checkpoint after the group. A row that DynamoDB refuses is found record by record."""
    opened = [found for segment in group for found in _opened(segment, base.position)]
    known = _load([found for found, _ in opened], code)
    try:
        return _fold_all(base, opened, known, code)
    except Misfit:
        return _fold_singly(base, opened, code)


def _opened(segment: Segment, after: int) -> Iterator[tuple[Opened, Place]]:
    for record, clock in archive.with_clock(segment):
        if record.sequence > after:
            done = record.sequence == segment.last
            place = Place(record.sequence, segment.last if done else segment.before)
            yield _open(segment.shard, record, clock), place


def _open(shard: Shard, record: Record, clock: int) -> Opened:
    position = Position(shard, record.sequence)
    return Opened(record, position, clock, _envelope(shard, record, clock))


def _envelope(shard: Shard, record: Record, clock: int) -> Envelope | SecurityError:
    """What the record says, or why that is not believed; an unknown key may be a new one."""
    for reload in (False, True):
        try:
            return unseal(
                record.data,
                partition_key=record.key,
                stream=shard.stream,
                clock=clock,
                trust=keys.trust(reload=reload),
            )
        except UnknownKey as doubt:
            unknown = doubt
        except SecurityError as doubt:
            return doubt
    return unknown


def _load(opened: Sequence[Opened], code: Code) -> Known:
    """The subjects' rows and the keyed ids' rows, in as few reads as there can be."""
    envelopes = [found.envelope for found in opened if isinstance(found.envelope, Envelope)]
    places = {
        subject_key(decider, envelope.subject): decider
        for envelope in envelopes
        if (decider := code.deciders.get(envelope.subject.partition("/")[0]))
    }
    keyed = {event_key(envelope) for envelope in envelopes if envelope.commandhash}
    rows = store.read([*places, *keyed])
    return Known(
        {key.sk: subject_of(places[key], row) for key, row in rows.items() if key in places},
        {key: found for key in keyed & rows.keys() if (found := keyed_of(rows[key]))},
    )


def _fold_all(
    base: Checkpoint, opened: Sequence[tuple[Opened, Place]], known: Known, code: Code
) -> Checkpoint:
    chunk = Chunk.on(base, code)
    for found, place in opened:
        effect = fold(found, known, chunk.live)
        if not chunk.has_room(effect):
            chunk = Chunk.on(chunk.commit(), code)
        try:
            chunk.add(effect, place)
        except Behind:
            chunk.commit()
            raise
        learn(known, effect)
    return chunk.commit()


def _fold_singly(
    begun: Checkpoint, opened: Sequence[tuple[Opened, Place]], code: Code
) -> Checkpoint:
    """One transaction a record, so that what DynamoDB refuses is known, parked and passed."""
    base = checkpoint.read(begun.shard)
    if base is None or base.born != begun.born:
        raise CommitLost("the table was emptied meanwhile")
    for found, place in opened:
        if found.record.sequence > base.position:
            base = _fold_one(base, found, place, code)
    return base


def _fold_one(base: Checkpoint, found: Opened, place: Place, code: Code) -> Checkpoint:
    known = _load([found], code)
    for suspect in ((), *((view,) for view in base.views)):
        chunk = Chunk.on(base, code)
        live = replace(chunk.live, refused=frozenset(suspect))
        chunk.add(fold(found, known, live), place)
        try:
            return chunk.commit()
        except Misfit as refusal:
            failure = refusal
    assert isinstance(found.envelope, Envelope)
    chunk = Chunk.on(base, code)
    chunk.add(parked_everywhere(found, found.envelope, known, failure), place)
    return chunk.commit()


__all__ = ["LIVE", "Code", "Effect", "catch_up", "project", "sweep"]
