"""Whatever the schedule, the rows are those of the naive fold."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from schedules import PerProcess, Schedule
from stories import NAMES, plans, served, sizes, worlds
from worlds import World, simulated

from chalicelib import archive, projector, store
from chalicelib.projector import chunk
from ops import naive

zombies = st.lists(st.tuples(st.integers(0, 5), st.integers(0, 12), st.integers(1, 12)), max_size=3)


class Watch:
    """What must hold at every moment of a schedule."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.table: Any = None
        self.heads: dict[str, int] = {}
        self.ready = False

    def heads_now(self) -> dict[str, int]:
        names: dict[str, int] = {}
        there = self.world.cloud["s3"].buckets.get("archive", ())
        for name in (each for each in there if each.startswith("segments/")):
            shard = "/".join(name.split("/")[1:3])
            names[shard] = max(names.get(shard, -1), archive._before(name))
        return names

    def look(self) -> None:
        tables = self.world.cloud["dynamodb"].tables
        table = tables.get("views")
        if table is not self.table:
            self.table, self.heads, self.ready = table, self.heads_now(), False
        if table is not None and ("ready", "live") in table and not self.ready:
            self.ready = True
            found = self.world.checkpoints()
            for shard, head in self.heads.items():
                assert shard in found, f"ready, and {shard} has no checkpoint"
                assert int(found[shard]["position"]) > head, f"ready, and {shard} is behind"


def race(
    world: World,
    plan: Sequence[tuple[int, str]],
    cuts: Sequence[int],
    undead: Sequence[tuple[int, int, int]],
) -> None:
    """Everyone at once, and then quiet: what is behind is caught up by the sweep alone."""
    schedule = Schedule(world, plan)
    watch = Watch(world)
    schedule.on_moment = watch.look
    for shard in world.parents:
        schedule.add(schedule.deliver(shard, cuts))
    for which, back, size in undead:
        shard = NAMES[which % len(world.parents)]
        schedule.add(schedule.zombie(shard, back, size))
    schedule.add(schedule.sweeper(2))
    schedule.add(schedule.asker(3))
    schedule.run()
    world.cloud.around = lambda *_: None
    world.create()
    assert world.rows() == world.explained()
    archive._tails.clear()
    projector.sweep(world.code)
    assert world.rows() == world.fold().rows


@given(
    worlds() | worlds(steps=served),
    plans,
    sizes,
    zombies,
    st.sampled_from([1, 2, 100]),
    st.sampled_from([3, 9]),
)
@settings(max_examples=200)
def test_any_schedule_of_consumers_zombies_crashes_and_emptied_tables_gives_the_same_rows(
    world, plan, cuts, undead, most_parked, room
):
    with simulated(world) as patch:
        patch.setattr(chunk, "MOST_PARKED", most_parked)
        patch.setattr(naive, "MOST_PARKED", most_parked)
        patch.setattr(store, "MOST_ROWS", room)
        patch.setattr(archive, "_tails", PerProcess())
        race(world, plan, cuts, undead)
