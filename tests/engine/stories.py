"""What hypothesis tells: logs over shards that split and merge, with every kind of event."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import order_moves
from hypothesis import strategies as st
from worlds import CODE, IMAGE, START, STRANGER, World, commandhash, said, stamp

from chalicelib.decisions import DECIDERS
from chalicelib.events import Event, Position, product
from chalicelib.projector import Code
from chalicelib.signing import seal
from chalicelib.store import Add, Key, Put, Write
from chalicelib.view import View
from chalicelib.views import VIEWS

NEW = "tillstream-test-10"
NAMES = [f"shardId-{number:012d}" for number in range(12)]
SUBJECTS = ["product/1", "product/2", "product/12", "customer/ada", "customer/bob"]
SUBJECTS += ["order/1", "order/12"]
MOVES = {
    "product": ["created", "updated", "photographed", "viewed", "purchased"],
    "customer": ["registered", "role-claimed"],
    "order": [*order_moves.MOVES],
}

# For each phase of the log the shard of each of five subjects, and again; and the parents of each
# shard.
Layout = tuple[list[list[int]], dict[int, list[int]]]
LAYOUTS: dict[str, Layout] = {
    "one": ([[0, 0, 0, 0, 0]], {0: []}),
    "two": ([[0, 1, 0, 1, 0]], {0: [], 1: []}),
    "split": ([[0, 0, 0, 0, 0], [1, 2, 1, 2, 2]], {0: [], 1: [0], 2: [0]}),
    "split and merge": (
        [[0, 0, 0, 0, 0], [1, 2, 1, 2, 1], [3, 3, 3, 3, 3]],
        {0: [], 1: [0], 2: [0], 3: [1, 2]},
    ),
    "uneven": (
        [[0, 1, 0, 1, 1], [0, 2, 0, 3, 3], [4, 4, 4, 3, 3], [4, 4, 4, 5, 5]],
        {0: [], 1: [], 2: [1], 3: [1], 4: [0, 2], 5: [3]},
    ),
    "a new stream": ([[0, 1, 0, 1, 1], [2, 3, 2, 2, 3]], {0: [], 1: [], 2: [], 3: []}),
}
STREAMS = {"a new stream": {"shardId-000000000002": NEW, "shardId-000000000003": NEW}}

# Mostly honest; each flaw often enough to matter.
FLAWS = [
    *["none"] * 10,
    *["again", "again", "other content", "keyed", "keyed", "keyed", "expects", "expects"],
    *["stale", "early", "forged", "foreign", "misplaced", "garbage", "binary", "invalid"],
    *["unknown"],
]


@dataclass(frozen=True)
class Told:
    """One step of a story: small numbers, so that it shrinks well."""

    phase: int
    subject: int
    move: int
    flaw: str
    gap: int
    pick: int


GAPS = [0, 1, 40, 900, 14_000, 30_000, 61_000, 91_000, 25 * 3_600_000, -2_000]
told = st.builds(
    Told,
    st.integers(0, 3),
    st.integers(0, len(SUBJECTS) - 1),
    st.integers(0, len(order_moves.MOVES) - 1),
    st.sampled_from(FLAWS),
    st.sampled_from(GAPS),
    st.integers(0, 3),
)
# A counter at work: all that happens, happens to two orders, and mostly as it should.
served = st.builds(
    Told,
    st.integers(0, 3),
    st.sampled_from([5, 6]),
    st.integers(0, len(order_moves.MOVES) - 1),
    st.sampled_from(["none"] * 9 + ["again"]),
    st.sampled_from([1, 40, 900]),
    st.integers(0, 3),
)


def brittle(event: Event, before: Any, after: Any) -> Iterator[Write]:
    """A reducer that cannot stand cyd."""
    yield Put(Key("rows", event.subject), {"last": event.envelope.id})
    yield Add(Key("tally", event.actor), 1)
    if event.actor == "cyd":
        raise ZeroDivisionError


def stumbling(state: Any, event: Event) -> Any:
    """A decider that cannot stand bob's looks at products."""
    if event.actor == "bob" and isinstance(event.data, product.Viewed):
        raise ZeroDivisionError
    return DECIDERS["product"].evolve(state, event)


def sturdy(event: Event, *_: Any) -> Iterator[Write]:
    """The same, mended."""
    yield Put(Key("rows", event.subject), {"last": event.envelope.id})
    yield Add(Key("tally", event.actor), 1)


BRITTLE = View("brittle", 1, (product.Photographed, product.Purchased), brittle)
STUMBLING = {**DECIDERS, "product": replace(DECIDERS["product"], evolve=stumbling)}
CODES = [CODE, Code(DECIDERS, [*VIEWS, BRITTLE]), Code(STUMBLING, [*VIEWS, BRITTLE])]
BROKEN = CODES[-1]
MENDED = Code(DECIDERS, [*VIEWS, replace(BRITTLE, reduce=sturdy)])


@st.composite
def worlds(draw: Any, most: int = 24, steps: Any = told, least: int = 1) -> World:
    """A shop with its log."""
    said = draw(st.lists(steps, min_size=least, max_size=most))
    layout = draw(st.sampled_from([*LAYOUTS, None]))
    world = lay(*draw(trees()), said) if layout is None else build(layout, said)
    world.code = draw(st.sampled_from(CODES))
    return world


@st.composite
def trees(draw: Any) -> tuple[Layout, dict[str, str]]:
    """Shards that split, merge and begin anew in any way, some without a record; and their streams.

    After a change each subject of a shard that was closed is in any of those that came of it.
    """
    live = list(range(draw(st.integers(1, 2))))
    parents: dict[int, list[int]] = {shard: [] for shard in live}
    streams: dict[str, str] = {}
    phases = [[draw(st.sampled_from(live)) for _ in range(5)]]
    for generation in range(2, 2 + draw(st.integers(1, 3))):
        change = draw(st.sampled_from(["split", "merge", "anew"]))
        closed = draw(st.permutations(live))[: {"split": 1, "merge": 2}.get(change)]
        born = [len(parents) + more for more in range(1 if change == "merge" else 2)]
        parents |= {shard: [] if change == "anew" else sorted(closed) for shard in born}
        stream = f"tillstream-test-{5 * generation}" if change == "anew" else None
        inherited = stream or streams.get(NAMES[closed[0]])
        streams |= {NAMES[shard]: inherited for shard in born if inherited}
        live = [shard for shard in live if shard not in closed] + born
        moved = [draw(st.sampled_from(born)) if s in closed else s for s in phases[-1]]
        phases.append(moved)
    return (phases, parents), streams


def build(layout: str, steps: list[Told]) -> World:
    """The log that the steps tell."""
    return lay(LAYOUTS[layout], STREAMS.get(layout, {}), steps)


def lay(layout: Layout, streams: dict[str, str], steps: list[Told]) -> World:
    """The log that the steps tell, on these shards."""
    phases, parents = layout
    over = {NAMES[shard]: [NAMES[p] for p in them] for shard, them in parents.items()}
    world = World(over, streams)
    now, earlier = START, []
    last = len(phases) - 1
    for number, step in enumerate(sorted(steps, key=lambda step: min(step.phase, last))):
        now += step.gap
        column = phases[min(step.phase, last)]
        shard = NAMES[column[step.subject % len(column)]]
        tell(world, shard, step, now, number, earlier)
    return world


def tell(world: World, shard: str, step: Told, now: int, number: int, earlier: list[Any]) -> None:
    """The step as a record of the shard."""
    subject = SUBJECTS[step.subject]
    kind = subject.partition("/")[0]
    move = MOVES[kind][step.move % len(MOVES[kind])]
    actor = ["ada", "bob", "cyd", "ada"][step.pick]
    stream = world.shard(shard).stream
    told_before = [each for each in earlier if each[0].subject == subject]
    if kind == "order":
        move, data = order_moves.told(move, step.pick, [position for _, _, position in told_before])
        event = said(move, subject, now, number, actor=actor, stream=stream, data=data)
    else:
        event = said(move, subject, now, number, actor=actor, stream=stream)
    match step.flaw:
        case "again" if told_before:
            same, data, _ = told_before[-1 - step.pick % len(told_before)]
            world.put(shard, now, same.subject, data)
            return
        case "other content" if told_before:
            same, *_ = told_before[-1 - step.pick % len(told_before)]
            event = replace(event, id=same.id)
        case "keyed":
            event = replace(event, id=f"k{step.pick % 2}", commandhash=commandhash(str(step.move)))
        case "expects":
            event = replace(event, expects=step.pick)
        case "stale":
            event = replace(event, time=stamp(now - 61_000))
        case "early":
            event = replace(event, time=stamp(now + 14_000))
        case "foreign":
            event = replace(event, stream="tillstream-other-1")
        case "invalid":
            event = replace(event, data={"brand": 7} | IMAGE)
        case "unknown" if step.pick == 0:
            event = replace(event, type=event.type.replace(".v1", ".v9"))
    sealed = seal(event, STRANGER).encode() if step.flaw == "forged" else None
    match step.flaw:
        case "forged":
            world.put(shard, now, subject, sealed or b"")
        case "garbage":
            world.put(shard, now, subject, b"{}" * step.pick)
        case "binary":
            world.put(shard, now, subject, b"\xff\x00\xc3" * step.pick)
        case "misplaced":
            data = world.say(shard, event, now)
            world.logs[shard][-1] = replace(data, key="product/elsewhere")
        case _:
            record = world.say(shard, event, now)
            position = str(Position(world.shard(shard), record.sequence))
            earlier.append((event, record.data, position))


actions = st.sampled_from(
    ["turn"] * 8 + ["crash"] * 3 + ["fail", "conflict", "empty", "empty", "drop", "create"]
)
plans = st.lists(st.tuples(st.integers(0, 25), actions), max_size=25)
sizes = st.lists(st.integers(1, 7), min_size=1, max_size=5)
