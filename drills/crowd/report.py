"""What is told at the end of a crowd: rates, how long things took, the winners, what differs."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from rich.table import Table

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from rich.console import Console

    from drills.client import Answer
    from drills.crowd.script import Move, Script
    from drills.crowd.sight import Sight
    from drills.crowd.tally import Board

NAMES = {"creator": "merchant", "photographer": "photographer"}


@dataclass(frozen=True, slots=True)
class Report:
    """Times are in milliseconds. `answers` counts every answer, the ones asked again too."""

    crowd: str
    seed: int
    people: int
    moves: int
    seconds: float
    moves_per_s: float
    accepted: Mapping[str, float]
    visible: Mapping[str, float]
    looked_at: int
    never_seen: int
    answers: Mapping[str, int]
    kinds: Mapping[str, int]
    winners: Mapping[str, Mapping[str, Any]]
    differences: Sequence[str]

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


def of(  # noqa: PLR0913  (what there is to tell of)
    script: Script,
    answers: Mapping[Move, Answer],
    sight: Sight,
    board: Board,
    differences: Sequence[str],
    *,
    seconds: float,
    seed: int,
) -> Report:
    """The report of a play that has ended."""
    never = [f"{position} was recorded, and never seen" for position in sight.unseen]
    return Report(
        crowd=script.tag,
        seed=seed,
        people=len(script.people),
        moves=len(script.moves),
        seconds=round(seconds, 3),
        moves_per_s=round(len(script.moves) / seconds, 1),
        accepted=times([each.seconds for each in answers.values() if each.position]),
        visible=times(sight.seconds),
        looked_at=len(sight.seconds) + len(sight.unseen),
        never_seen=len(sight.unseen),
        answers=heard(answers),
        kinds=dict(Counter(move.kind for move in script.moves)),
        winners=board.winners,
        differences=[*differences, *never],
    )


def times(seconds: Sequence[float]) -> dict[str, float]:
    """The 50th and 99th percentile, nearest rank, and the most; nothing of nothing."""
    ordered = sorted(seconds)
    if not ordered:
        return {}
    ranks = {"p50": 0.50, "p99": 0.99, "max": 1.0}
    return {
        name: round(ordered[math.ceil(len(ordered) * rank) - 1] * 1000, 2)
        for name, rank in ranks.items()
    }


def heard(answers: Mapping[Move, Answer]) -> dict[str, int]:
    """How many answers there were of each status; `broken` are connections that gave none."""
    statuses: Counter[int] = Counter()
    for answer in answers.values():
        statuses.update((answer.status, *answer.before))
    return {str(status) if status else "broken": count for status, count in statuses.items()}


def show(report: Report, console: Console) -> None:
    """For a person to read."""
    console.print(
        f"[bold]{report.people} people made {report.moves:,} moves[/] in {report.seconds:.1f} s: "
        f"{report.moves_per_s:,.0f} a second   (crowd {report.crowd}, seed {report.seed})"
    )
    table = Table("", "p50 ms", "p99 ms", "max ms", box=None, header_style="dim")
    for name, found in (("accepted", report.accepted), ("visible", report.visible)):
        table.add_row(name, *(f"{found[rank]:,.1f}" if found else "-" for rank in _RANKS))
    console.print(table)
    console.print("moves     " + listed(report.kinds))
    console.print("answers   " + listed(report.answers))
    for role, winner in report.winners.items():
        name = winner["name"] or winner["userId"]
        console.print(f"[green]{NAMES[role]:<13}[/] [bold]{name}[/] with {winner['score']:,} sales")
    for line in report.differences:
        console.print(line, style="red", markup=False)
    if not report.differences:
        console.print("The scores are what the crowd itself counted, for each of them.")


_RANKS = ("p50", "p99", "max")


def listed(counts: Mapping[str, int]) -> str:
    """Names with their counts, on one line."""
    return "   ".join(f"{name} {count:,}" for name, count in sorted(counts.items()))
