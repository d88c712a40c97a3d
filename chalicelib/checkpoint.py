"""How far rows are: one checkpoint per shard, committed in one transaction with what it explains.

The token is random and new at each commit, and every commit is conditional on it: whoever loses
reads again. Nothing is ever folded from an absent checkpoint: it is created first. Until every
shard was level once since the table was created there is no row `ready`, and nothing is answered.
A candidate has checkpoints of its own until it joins the live set, where both stand at one
position.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple, Self

from chalicelib import archive, register, store
from chalicelib.errors import CommitLost
from chalicelib.events import Position, Shard
from chalicelib.register import READY, Register, view_of
from chalicelib.store import Add, Guard, Key, Put, Query, Row, Write
from chalicelib.store.used import NOTHING, Used

LIVE = "live"
PK = f"checkpoint/{LIVE}"
ALL = "*"
PAUSE_S = 0.05

Parked = Mapping[str, Mapping[str, str]]


class Ahead(NamedTuple):
    """Part of what comes after the position is folded already: a group that took several commits.

    A group is folded subject by subject, since subjects do not know of each other: of the records
    up to `to`, those are done that stand up to (`subject`, `sequence`) in that order. What they add
    to tallies is kept in `tallies` until the group ends: so a tally is written once a group.
    """

    to: int
    subject: str
    sequence: int
    tallies: tuple[Add, ...] = ()


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """All up to `position` is folded; `segment` is the `before` of the segment to read on in.

    `views` are the versions that the set has here; `parked` is {version or `*`: {subject: position
    since}}, and `heirs` are the shards that inherited it. `born` is random and stays, so that an
    emptied table's checkpoint is not taken for the one before. `whose` is `live`, or the candidate;
    `joined` says that the live set folds it now.
    """

    shard: Shard
    position: int = 0
    segment: int = 0
    ahead: Ahead | None = None
    token: str = field(default_factory=lambda: secrets.token_hex(8))
    born: str = field(default_factory=lambda: secrets.token_hex(8))
    views: tuple[str, ...] = ()
    parked: Parked = field(default_factory=dict)
    whose: str = LIVE
    joined: bool = False
    used: Used = NOTHING
    heirs: tuple[Shard, ...] = ()

    @property
    def guard(self) -> Guard:
        """That nobody has committed since this was read."""
        return Guard(key_of(self.shard, self.whose), self.token)

    @property
    def reached(self) -> tuple[str, int]:
        """How far the begun group is folded, in its order."""
        return ("", 0) if self.ahead is None else (self.ahead.subject, self.ahead.sequence)

    @property
    def waiting(self) -> tuple[Add, ...]:
        """What the begun group has added to tallies, and not yet written."""
        return () if self.ahead is None else self.ahead.tallies

    def passed(self, subject: str) -> int:
        """Up to where the records of this subject are folded, in a begun group too: see Ahead."""
        if self.ahead is None or self.ahead.subject < subject:
            return self.position
        if self.ahead.subject == subject:
            return max(self.position, self.ahead.sequence)
        return self.ahead.to

    def is_in(self, begun: Self, to: int) -> bool:
        """Whether this is still within the group up to `to` that was begun there, in one table."""
        same = (self.born, self.position) == (begun.born, begun.position)
        return same and (self.ahead is None or self.ahead.to == to)

    def moved(self, **changes: Any) -> Self:
        """The checkpoint further on, under a new token."""
        return replace(self, token=secrets.token_hex(8), **changes)

    def row(self) -> Put:
        """The row as it is committed."""
        body = {
            "position": str(self.position),
            "segment": str(self.segment),
            "ahead": self.ahead and _told(self.ahead),
            "token": self.token,
            "born": self.born,
            "views": list(self.views),
            "parked": self.parked,
            "used": self.used,
            **({"joined": True} if self.joined else {}),
            **({"heirs": list(map(str, self.heirs))} if self.heirs else {}),
        }
        return Put(key_of(self.shard, self.whose), body)

    @classmethod
    def of(cls, row: Row) -> Self:
        """The checkpoint that a row holds."""
        body = row.body
        return cls(
            shard=Shard.parse(row.key.sk),
            position=int(body["position"]),
            segment=int(body["segment"]),
            ahead=_ahead(body["ahead"]),
            token=body["token"],
            born=body["born"],
            views=tuple(body["views"]),
            parked=body["parked"],
            whose=row.key.pk.partition("/")[2],
            joined=body.get("joined", False),
            used=Used(*body["used"]),
            heirs=tuple(map(Shard.parse, body.get("heirs", ()))),
        )


def _told(ahead: Ahead) -> list[Any]:
    tallies = [[*tally.key, tally.amount, tally.ranking] for tally in ahead.tallies]
    return [str(ahead.to), ahead.subject, str(ahead.sequence), tallies]


def _ahead(said: list[Any] | None) -> Ahead | None:
    if said is None:
        return None
    to, subject, sequence, told = said
    tallies = (Add(Key(pk, sk), amount, ranking) for pk, sk, amount, ranking in told)
    return Ahead(int(to), subject, int(sequence), tuple(tallies))


def key_of(shard: Shard, of: str = LIVE) -> Key:
    """Where the shard's checkpoint lies."""
    return Key(f"checkpoint/{of}", str(shard))


def left_key(version: str) -> Key:
    """Where it is said that the version has left: what it would answer is not whole."""
    return Key(f"left/{version}", LIVE)


def read(shard: Shard, of: str = LIVE) -> Checkpoint | None:
    """The shard's checkpoint, read consistently; the register is heard of in the same request."""
    key = key_of(shard, of)
    found = store.read([key, READY])
    register.heard(found.get(READY))
    return Checkpoint.of(found[key]) if key in found else None


def create(
    shard: Shard, views: Sequence[str], parents: Sequence[Checkpoint], of: str = LIVE
) -> Checkpoint:
    """The shard's first checkpoint. It inherits what is parked, and which versions are folded.

    A parent that leaves something names its heir, under a new token: so a redrive hears of it.
    Raises CommitLost when it exists by now, or a parent has moved.
    """
    parked: dict[str, dict[str, str]] = {}
    for parent in parents:
        for view, subjects in parent.parked.items():
            parked.setdefault(view, {}).update(subjects)
    known = parents[0].views if parents else views
    live = tuple(view for view in known if all(view in parent.views for parent in parents))
    made = Checkpoint(shard, views=live, parked=parked, whose=of)
    same = [p.guard for p in parents if not p.parked]
    told = [(p.moved(heirs=(*p.heirs, shard)).row(), p.guard) for p in parents if p.parked]
    store.commit(made.row(), Guard(key_of(shard, of), None), [], same, told)
    return made


def join(live: Checkpoint, candidate: Checkpoint) -> None:
    """From here on the live set folds the candidate. Both stand at one position.

    Raises CommitLost where either has moved.
    """
    assert (live.position, live.ahead, candidate.ahead) == (candidate.position, None, None)
    parked = {**live.parked, **{v: candidate.parked[v] for v in candidate.parked if v != ALL}}
    after = live.moved(views=(*live.views, *candidate.views), parked=parked)
    kept = candidate.moved(joined=True).row(), candidate.guard
    store.commit(after.row(), live.guard, [], beside=[kept])


def commit(before: Checkpoint, after: Checkpoint, writes: Iterable[Write]) -> None:
    """The rows and the checkpoint that explains them, or neither. Raises as `store.commit`."""
    store.commit(after.row(), before.guard, writes)


def all_of(shards: Sequence[Shard], of: str = LIVE) -> dict[Shard, Checkpoint]:
    """The checkpoints that exist; of a hundred shards, as they were at one moment."""
    keys = [key_of(shard, of) for shard in shards]
    rows = [row for at in range(0, len(keys), 100) for row in store.snapshot(*keys[at : at + 100])]
    return {found.shard: found for found in map(Checkpoint.of, filter(None, rows))}


def newest(most: int) -> list[Checkpoint]:
    """The checkpoints of the shards whose names come last: those of the newest stream, if many."""
    rows, _ = store.page(Query(PK, newest_first=True), most)
    return list(map(Checkpoint.of, rows))


def is_level(shard: Shard, checkpoint: Checkpoint | None) -> bool:
    """Whether all that the archive now holds of the shard is folded."""
    return _reached(checkpoint, archive.head(shard))


def is_ready(wait_s: float = 0.0) -> bool:
    """Whether the table has been level once since it was created; finds out, if nobody has yet.

    Level at T: every checkpoint has passed the archive's heads as they were at T, and the table
    was there at T: it has a checkpoint that was seen before. A shop without segments is level, and
    puts no row: it has no checkpoint to show for it.
    """
    if store.get(READY) is not None:
        return True
    seen, until = all_of(archive.shards()), time.monotonic() + wait_s
    heads = _heads()
    while (found := _passed_heads(heads, until)) is not None:
        if not found or _put_ready(seen, found):
            return True
        if time.monotonic() >= until:
            return False
        time.sleep(PAUSE_S)
    return False


class Level(NamedTuple):
    """A table that was level: the row `ready`, which no two tables share, and its checkpoints."""

    ready: Row
    reached: Sequence[Checkpoint]

    def is_of(self, ready: Row | None) -> bool:
        """Whether the row is this table's, whatever was promoted meanwhile."""
        return ready is not None and ready.body["born"] == self.ready.body["born"]

    @property
    def parked(self) -> set[str]:
        """The subjects that stand still for all views: their rows are of some time ago."""
        return {subject for each in self.reached for subject in each.parked.get(ALL, ())}

    def has(self, version: str) -> bool:
        """Whether the version is read, and has not left."""
        entry = Register.of(self.ready).entry(view_of(version))
        return entry.read == version and store.get(left_key(version)) is None


def level(wait_s: float = 0.0) -> Level | None:
    """The table, once it has passed the archive's heads as they are now; None if not in time.

    It was this very table all the while, if its row `ready` is of the same table afterwards.
    """
    ready = store.get(READY)
    register.heard(ready)
    if ready is None:
        return None
    found = _passed_heads(_heads(), time.monotonic() + wait_s)
    return None if found is None else Level(ready, list(found.values()))


def _heads() -> dict[Shard, int | None]:
    return {shard: archive.head(shard) for shard in archive.shards()}


def _passed_heads(
    heads: Mapping[Shard, int | None], until: float
) -> dict[Shard, Checkpoint] | None:
    """The checkpoints once all of them have passed; None if one has not in time."""
    while True:
        found = all_of(list(heads))
        if all(_reached(found.get(shard), head) for shard, head in heads.items()):
            return found
        if time.monotonic() >= until:
            return None
        time.sleep(PAUSE_S)


def _reached(checkpoint: Checkpoint | None, head: int | None) -> bool:
    return head is None or (checkpoint is not None and checkpoint.segment > head)


def _put_ready(seen: Mapping[Shard, Checkpoint], found: Mapping[Shard, Checkpoint]) -> bool:
    """Put the row, if the table was the same from before the heads were read until now.

    It names the views that all shards are filled for: one that is newer than the table is not.
    """
    witness = next(iter(found.values()))
    before = seen.get(witness.shard)
    if before is None or before.born != witness.born:
        return False
    views = set.intersection(*(set(reached.views) for reached in found.values()))
    row = Register.first(views).row()
    try:
        store.commit(row, Guard(READY, None), [], [witness.guard])
    except CommitLost:
        return store.get(READY) is not None
    return True


def passed(checkpoint: Checkpoint | None, position: Position) -> bool:
    """Whether what lies at the position is judged: counted, ignored, parked or quarantined."""
    return checkpoint is not None and checkpoint.position >= position.sequence
