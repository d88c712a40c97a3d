"""What the crowd itself counted, and how the shop's scores differ from it.

The credit rule is written here a second time, from the rules of the game and not from the shop's
code: the first who lists a product keeps it; its latest photographer earns with them; a product
that was bought before it was listed belongs to nobody, in both roles, for good.
"""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from drills.client import Client, UnreachableError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from drills.client import Answer
    from drills.crowd.play import Known
    from drills.crowd.script import Move, Person, Script

ROLES = ("creator", "photographer")
SETTLE_S = 2.0

Score = tuple[str, str]  # a role, and the id of who earned in it


def counted(moves: Iterable[Move], known: Mapping[Person, Known]) -> Counter[Score]:
    """Everybody's sales, from the moves that were accepted, in the order of each product."""
    found: Counter[Score] = Counter()
    products: dict[str, _Owners] = {}
    for move in moves:
        owners = products.setdefault(move.product, _Owners())
        if move.kind == "buy":
            found.update(owners.sell())
        else:
            owners.hear(move.kind, known[move.person].id)
    return found


@dataclass(slots=True)
class _Owners:
    creator: str | None = None
    photographer: str | None = None
    nobodys: bool = False

    def hear(self, kind: str, who: str) -> None:
        if kind == "list":
            self.creator = self.creator or who
        if kind == "photograph":
            self.photographer = who

    def sell(self) -> list[Score]:
        if self.creator is None:
            self.nobodys = True
        if self.nobodys or self.creator is None:
            return []
        shared = [] if self.photographer is None else [("photographer", self.photographer)]
        return [("creator", self.creator), *shared]


@dataclass(frozen=True, slots=True)
class Board:
    """The shop's scores: all of them, and the first of each role as the shop shows them."""

    scores: Mapping[Score, int]
    winners: Mapping[str, Mapping[str, Any]]


def board(client: Client) -> Board:
    """The scores as the shop has them now."""
    scores: dict[Score, int] = {}
    winners: dict[str, Mapping[str, Any]] = {}
    for role in ROLES:
        cursor = ""
        while cursor is not None:
            path = f"/scores?role={role}&limit=100" + (f"&cursor={cursor}" if cursor else "")
            page = client.ask("GET", path).body
            for item in page["items"]:
                scores[role, item["userId"]] = item["score"]
                winners.setdefault(role, item)
            cursor = page["next"]
    return Board(scores, winners)


def expected(
    script: Script, answers: Mapping[Move, Answer], known: Mapping[Person, Known]
) -> tuple[list[str], Counter[Score]]:
    """Where the accepted moves lie, and what they come to."""
    accepted = [move for move in script.moves if answers[move].position]
    return [answers[move].position or "" for move in accepted], counted(accepted, known)


def settled(client: Client, positions: Iterable[str], scores: Mapping[Score, int]) -> Board:
    """The scores once all of the positions are judged.

    A ranking may trail its checkpoint by moments, so a difference is looked at twice.
    Raises UnreachableError when the shop does not get there.
    """
    for position in _last_of_each_shard(positions):
        answer = client.ask("GET", "/scores?role=creator", headers={"Read-After": position})
        if answer.status != 200:
            raise UnreachableError(f"the scores cannot be read: {answer.status} {answer.body}")
    until = time.monotonic() + SETTLE_S
    while True:
        found = board(client)
        agree = all(found.scores.get(who, 0) == count for who, count in scores.items())
        if agree or time.monotonic() > until:
            return found
        time.sleep(0.2)


def _last_of_each_shard(positions: Iterable[str]) -> list[str]:
    last: dict[str, int] = {}
    for position in positions:
        shard, _, sequence = position.rpartition(":")
        last[shard] = max(last.get(shard, 0), int(sequence))
    return [f"{shard}:{sequence}" for shard, sequence in last.items()]


def differences(
    script: Script,
    answers: Mapping[Move, Answer],
    known: Mapping[Person, Known],
    shop: Mapping[Score, int],
) -> list[str]:
    """One line for each thing that does not hold; none, and the drill is passed."""
    _, scores = expected(script, answers, known)
    found = [
        f"move {move.number} ({move.kind} {move.product}) was answered {answers[move].status}: "
        f"{answers[move].body}"
        for move in script.moves
        if not answers[move].position
    ]
    for person in script.people:
        for role in ROLES:
            who = role, known[person].id
            if scores[who] != shop.get(who, 0):
                found.append(
                    f"{role} {person.name}: counted {scores[who]}, the shop says {shop.get(who, 0)}"
                )
    return found + _disorder(script, answers)


def _disorder(script: Script, answers: Mapping[Move, Answer]) -> list[str]:
    """Moves on one product that lie in the log in another order than they were made in."""
    last: dict[str, int] = {}
    found = []
    for move in script.moves:
        if position := answers[move].position:
            sequence = int(position.rpartition(":")[2])
            if sequence <= last.get(move.product, -1):
                found.append(f"move {move.number} on {move.product} lies before an earlier one")
            last[move.product] = sequence
    return found
