"""An archive as the consumer would have filled it, made by all the machine's cores.

Each segment is named after what lies before it, and that follows from the numbers of the records
alone: so segments are sealed, encoded and put side by side. `append` would write the same objects,
one after the other (a test compares them).
"""

from __future__ import annotations

import multiprocessing
import os
import random
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from itertools import islice

from bench import world
from chalicelib import archive
from chalicelib.archive import Segment, objects
from chalicelib.events import Envelope, Record, Shard
from chalicelib.signing import keys, seal

BUSY, QUIET = (100, 1000), (1, 10)
WORTH = 20_000  # so many events are worth processes
RUN = 4000  # so many, about, go to a process at once
AHEAD = 3  # so many runs wait for each process

Run = list[tuple[Segment, Sequence[Envelope]]]


def fill(shard: Shard, mix: world.Mix, sizes: tuple[int, int] = BUSY) -> None:
    """The events, sealed, in the shard's archive and nowhere else."""
    runs = _runs(_segments(shard, world.each(mix, shard.stream), random.Random(mix.seed), sizes))
    if mix.events < WORTH:
        for run in runs:
            _put(run)
        return
    cores = os.cpu_count() or 1
    waiting: deque[Future[None]] = deque()
    with ProcessPoolExecutor(cores, multiprocessing.get_context("spawn")) as pool:
        for run in runs:
            waiting.append(pool.submit(_put, run))
            if len(waiting) > cores * AHEAD:
                waiting.popleft().result()
        for one in waiting:
            one.result()


def _segments(
    shard: Shard, events: Iterator[Envelope], chance: random.Random, sizes: tuple[int, int]
) -> Iterator[tuple[Segment, Sequence[Envelope]]]:
    """Each segment without its records, and what they will say."""
    tail, number = archive.EMPTY, 0
    while some := list(islice(events, chance.randint(*sizes))):
        yield Segment(shard, tail.last, (), tail.previous, tail.clock), some
        number += len(some)
        last, clock = world.FIRST_SEQUENCE + number - 1, world.BEGUN_MS + number - 1
        tail = archive.Tail(last, clock, tail.last)


def _runs(segments: Iterable[tuple[Segment, Sequence[Envelope]]]) -> Iterator[Run]:
    run: Run = []
    for segment in segments:
        run.append(segment)
        if sum(len(events) for _, events in run) >= RUN:
            yield run
            run = []
    yield run


def _put(run: Run) -> None:
    key = keys.producer()
    for bare, events in run:
        first = bare.before + 1 if bare.before else world.FIRST_SEQUENCE
        records = tuple(
            Record(
                sequence,
                sequence - world.FIRST_SEQUENCE + world.BEGUN_MS,
                event.subject,
                seal(event, key).encode(),
            )
            for sequence, event in enumerate(events, first)
        )
        segment = Segment(bare.shard, bare.before, records, bare.previous, bare.clock)
        if not objects.put(archive.name_of(bare.shard, bare.before), archive.encode(segment)):
            raise RuntimeError(f"the archive of {bare.shard} is not empty")
