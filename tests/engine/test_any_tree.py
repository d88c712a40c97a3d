"""However shards split, merge and begin anew: the rows are the log's, from any shard on."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from stories import lay, told, trees
from worlds import TRUST, World, simulated

from chalicelib import archive, checkpoint, projector
from chalicelib.events import Position
from ops import logs, naive


def before(world: World, shard: str) -> set[str]:
    """All that the shard comes after, however far back."""
    found = set(world.before(shard))
    return found.union(*(before(world, parent) for parent in found))


def is_closed(world: World, shard: str) -> bool:
    return any(shard in world.before(other) for other in world.parents)


def forget(world: World, shard: str) -> None:
    """Its stream lists it no more, a retention after it was closed; those before it neither."""
    listed = world.cloud["kinesis"].streams[world.shard(shard).stream]
    for each in {shard, *before(world, shard)}:
        listed.pop(each, None)


def empty(world: World) -> None:
    world.drop()
    world.create()
    archive._tails.clear()


def delivered(world: World, shard: str, cut: int) -> None:
    """All of the shard's records, by processes that know nothing yet."""
    for start in range(0, len(world.logs[shard]), cut):
        archive._tails.clear()
        projector.project(world.batch(shard, start, start + cut), world.code)


def naively(world: World) -> naive.Rows:
    """The naive fold of the archive: what a shard comes after is what its manifest names.

    Where a stream has forgotten who was whose parent, more are named than were.
    """
    read = logs.read(archive.shards())
    return naive.expected(read, None, world.code.deciders, world.code.views, lambda: TRUST).rows


@given(
    tree=trees(),
    steps=st.lists(told, min_size=1, max_size=16),
    emptied=st.sets(st.integers(0, 7)),
    forgotten=st.sets(st.integers(0, 7)),
    cut=st.integers(1, 7),
)
def test_in_any_tree_the_rows_are_the_logs_though_tables_are_emptied_and_parents_forgotten(
    tree, steps, emptied, forgotten, cut
):
    world = lay(*tree, steps)
    with simulated(world):
        for number, shard in enumerate(world.parents):
            if number in emptied:
                empty(world)
            delivered(world, shard, cut)
            if number in forgotten and is_closed(world, shard):
                forget(world, shard)
        projector.sweep(world.code)
        assert checkpoint.is_ready()
        assert world.rows() == naively(world)
        for name in filter(world.logs.get, world.parents):
            fills_what_came_before(world, name)
            are_answerable(world, name)


def fills_what_came_before(world: World, name: str) -> None:
    """A batch that comes again into an emptied table fills all that its shard comes after, too."""
    empty(world)
    projector.project(world.batch(name, -1), world.code)
    filled = {*world.checkpoints()}
    needed = {name, *before(world, name)}
    assert filled >= {str(world.shard(each)) for each in needed if world.logs[each]}


def are_answerable(world: World, name: str) -> None:
    """Every record is found at its position, and is known to be judged, in a closed shard too."""
    reached = checkpoint.read(world.shard(name))
    for record in world.logs[name]:
        position = Position(world.shard(name), record.sequence)
        assert checkpoint.passed(reached, position)
        found = archive.record_at(position)
        assert found is not None
        assert found[0] == record
