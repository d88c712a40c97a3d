"""Thousands of products for the photo desk, with time-outs, duplicates and deaths, from a seed.

Half of them come thick and fast, so that many wait: then each offer must go to who has completed
the fewest among those who are free. It does not come out even: who is quick is free more often. The
other half come one by one, each when the one before has its picture: then, whatever the others do,
those who are there throughout and answer must have completed as many, give or take one.
In both no product is asked of two, and in the end every one has a picture.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from random import Random

from rich.console import Console

from chalicelib.events.desk import Assigned, AssignmentExpired
from drills.sim.people import People
from drills.sim.worker import Worker
from drills.sim.world import BEGUN_MS, World

HOUR_MS = 3_600_000
MOST_DOUBLE = 100


@dataclass(frozen=True, slots=True)
class Half:
    """What one half came to; `completed` are those of who was there throughout."""

    arrivals: int
    hours: int
    assigned: int
    expired: int
    repeats: int
    deaths: int
    twice: int
    ignored: Mapping[str, int]
    completed: Sequence[int]
    double: Sequence[str]
    unfair: Sequence[str]
    lost: Sequence[str]


@dataclass(frozen=True, slots=True)
class Report:
    """Both halves, and what does not hold."""

    seed: int
    busy: Half
    scarce: Half
    differences: Sequence[str]

    def as_dict(self) -> dict[str, object]:
        return asdict(self)


def play(seed: int, arrivals: int) -> Report:
    """The same seed and number, the same report."""
    busy = _played(Random(f"busy {seed}"), arrivals - arrivals // 2, scarce=False)
    scarce = _played(Random(f"scarce {seed}"), arrivals // 2, scarce=True)
    return Report(seed, busy, scarce, [*_differences(busy, scarce)])


def _differences(busy: Half, scarce: Half) -> Iterator[str]:
    for name, half in (("busy", busy), ("scarce", scarce)):
        for line in (*half.double, *half.unfair, *half.lost):
            yield f"{name}: {line}"
    if max(scarce.completed) - min(scarce.completed) > 1:
        yield f"scarce: those who were there throughout have completed {list(scarce.completed)}"


def _played(chance: Random, arrivals: int, *, scarce: bool) -> Half:
    world = World(chance)
    worker, people = Worker(world), People(world)
    worker.start()
    people.open_doors()
    _arriving(world, people, arrivals, scarce=scarce)
    over = BEGUN_MS + arrivals * HOUR_MS
    world.run(lambda: _is_hopeless(world, over) or _is_done(people, arrivals))
    photographers = world.desk.photographers
    return Half(
        arrivals=arrivals,
        hours=(world.now - BEGUN_MS) // HOUR_MS,
        assigned=world.counted[Assigned.type],
        expired=world.counted[AssignmentExpired.type],
        repeats=world.ignored["repeat"],
        deaths=worker.deaths,
        twice=worker.twice,
        ignored=dict(sorted(world.ignored.items())),
        completed=[photographers[who].completed for who in people.steady],
        double=world.doubles,
        unfair=world.unfair,
        lost=[f"{name} has no picture" for name in people.bare()],
    )


def _arriving(world: World, people: People, arrivals: int, *, scarce: bool) -> None:
    """The next product, until all are there; where they are scarce, once nobody has one."""

    def arrive() -> None:
        held = [each.assignment for each in world.desk.photographers.values() if each.assignment]
        if not scarce or not (held or world.desk.waiting or people.bare()):
            people.list_one()
            if not scarce and world.chance.random() < 0.05:
                entity = people.listed[-1]
                world.later(
                    world.chance.uniform(0, 2) * HOUR_MS, lambda: people.picture_one(entity)
                )
        if len(people.listed) < arrivals:
            world.later(world.chance.uniform(0, 60_000), arrive)

    arrive()


def _is_hopeless(world: World, over: int) -> bool:
    """An hour a product was not enough, or enough is wrong to be told."""
    return world.now > over or len(world.doubles) > MOST_DOUBLE


def _is_done(people: People, arrivals: int) -> bool:
    return len(people.listed) == arrivals and not people.bare()


def show(report: Report, console: Console) -> None:
    """For a person to read."""
    for name, half in (("busy", report.busy), ("scarce", report.scarce)):
        console.print(
            f"[bold]{name:7}[/]{half.arrivals:,} products in {half.hours:,} hours: "
            f"{half.assigned:,} assigned, {half.expired:,} expired, {half.repeats:,} repeats, "
            f"{half.deaths:,} deaths; there throughout, completed {list(half.completed)}"
        )
    for line in report.differences[:50]:
        console.print(line, style="red", markup=False, soft_wrap=True)
    if not report.differences:
        console.print(
            "No product was asked of two, none was lost, and no offer passed over anybody."
        )
