"""What is told at the end of a morning: how orders ended, how long it took, what does not hold."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from rich.console import Console
from rich.table import Table

from drills import money
from drills.bank import Books
from drills.cafe.play import Played
from drills.cafe.script import Morning
from drills.cafe.visit import Went
from drills.crowd.report import listed, times

MADE = ("ready", "fulfilled")
EXPECTED = (202, 409)  # 409: somebody else was first


@dataclass(frozen=True, slots=True)
class Report:
    """Times are in milliseconds; `made` is from to be made until it was ready or fulfilled."""

    crowd: str
    seed: int
    customers: int
    seconds: float
    orders: Mapping[str, int]
    accepted: Mapping[str, float]
    visible: Mapping[str, float]
    made: Mapping[str, float]
    charged: int
    declined: int
    given_back: int
    answers: Mapping[str, int]
    differences: Sequence[str]

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


def of(morning: Morning, played: Played, books: Mapping[str, Books], *, seed: int) -> Report:
    """The report of a morning that is over."""
    visits = played.visits
    answers = Counter(each.status for went in visits for each in went.answers)
    charges = [charge for each in books.values() for charge in each.charges]
    return Report(
        crowd=morning.tag,
        seed=seed,
        customers=len(visits),
        seconds=round(played.seconds, 1),
        orders=dict(Counter(went.order.get("status", "refused") for went in visits)),
        accepted=times([went.accepted for went in visits if went.order]),
        visible=times([went.visible for went in visits if went.order]),
        made=times([made for went in visits for made in _made(went.order)]),
        charged=sum("payment" in charge for charge in charges),
        declined=sum("reason" in charge for charge in charges),
        given_back=sum(len(each.refunds) for each in books.values()),
        answers={str(status): count for status, count in sorted((answers + played.staff).items())},
        differences=[line for went in visits for line in _differences(went, books.get(went.id))]
        + [f"the staff was answered {each}" for each in played.staff if each not in EXPECTED],
    )


def _differences(went: Went, books: Books | None) -> Iterator[str]:
    """What does not hold of one order, each line with its name."""
    for answer in went.answers:
        if answer.status not in EXPECTED:
            yield f"order {went.id}: a command was answered {answer.status}: {answer.body}"
    if went.order and not went.in_time:
        yield f"order {went.id} is {went.order['status']}, and did not come to its end in time"
    if books is not None:
        yield from (f"order {went.id}: {flaw}" for flaw in money.flaws(went.order, books))


def _made(order: Mapping[str, Any]) -> Iterator[float]:
    """How many seconds its making took, if it was made."""
    if not order:
        return
    at = {step["status"]: datetime.fromisoformat(step["at"]) for step in order["timeline"]}
    begun = at.get("paid") or at["placed"]
    yield from ((at[name] - begun).total_seconds() for name in MADE if name in at)


def show(report: Report, console: Console) -> None:
    """For a person to read."""
    console.print(
        f"[bold]{report.customers} customers[/] in {report.seconds:.0f} s"
        f"   (crowd {report.crowd}, seed {report.seed})"
    )
    table = Table("", "p50 ms", "p99 ms", "max ms", box=None, header_style="dim")
    for name in ("accepted", "visible", "made"):
        found = getattr(report, name)
        table.add_row(name, *(f"{each:,.1f}" for each in found.values()))
    console.print(table)
    console.print("orders    " + listed(report.orders))
    console.print("answers   " + listed(report.answers))
    console.print(
        f"the bank  {report.charged} charged   {report.declined} declined   "
        f"{report.given_back} given back"
    )
    for line in report.differences:
        console.print(line, style="red", markup=False, soft_wrap=True)
    if not report.differences:
        console.print("Every order came to its end, and the bank says of the money what they say.")
