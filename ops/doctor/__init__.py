"""Is the shop well? All that must hold of it is looked at in one run, while it goes on.

    found      what is looked at, read once
    waits      what the stream holds that is not archived: does the consumer run
    notarised  the tree head: does the sweep run
    lags       how far rows are behind
    owed       to-dos
    books      money
    desk       the photo desk
    erased     keys that must be gone
    show       for a person

`CHECKS` says what must hold. A message that was given up, who stands still, and what is not
believed are told, and left to a person.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import NamedTuple

from chalicelib.checkpoint import ALL
from ops.doctor import desk, erased, lags, notarised, owed, waits
from ops.doctor.found import Found, look
from ops.doctor.lags import Lag
from ops.doctor.owed import OwedTodo
from ops.doctor.waits import Wait

MOST_ROWS = 20
DAMAGED = "the archive is damaged"


@dataclass(frozen=True, slots=True)
class Health:
    """What was found. `well` tells of each matter that is well, `told` of each left to a person.

    `unseen` says of each other why it was not looked at, or not at all of it. `unwell` names the
    others, and `wrong` says what does not hold.
    `standing` counts who stands still in each version, `parked` names who does in all. `doubted`
    counts what is not believed by its reason, `lately` that of the last hour.
    """

    orders: int
    open: list[OwedTodo]
    given_up: list[OwedTodo]
    parked: list[str]
    standing: dict[str, int]
    left: list[str]
    doubted: dict[str, int]
    lately: dict[str, int]
    lags: list[Lag]
    waits: list[Wait]
    well: dict[str, str]
    told: dict[str, str]
    unseen: dict[str, str]
    unwell: list[str]
    wrong: list[str]


class Check(NamedTuple):
    """One matter: what is looked at, in a line, and each thing that does not hold.

    Where it holds, and there is something `left` to a person all the same, it is not called well.
    Nor is what was not looked at; `unseen` says why.
    """

    matter: str
    told: Callable[[Found], str]
    wrong: Callable[[Found], Iterable[str]]
    left: Callable[[Found], Iterable[object]] = lambda _: ()
    unseen: Callable[[Found], str | None] = lambda _: None


def examine(step: Callable[[], None] = lambda: None, *, quick: bool = False) -> Health:
    """Look at all of it; `quick` leaves out the rows. `step` is called after each segment read."""
    found = look(step, quick=quick)
    wrong = {check.matter: list(check.wrong(found)) for check in CHECKS}
    holds = [each for each in CHECKS if not wrong[each.matter]]
    unseen = {each.matter: why for each in holds if (why := each.unseen(found)) is not None}
    holds = [each for each in holds if each.matter not in unseen]
    left = {each.matter for each in holds if list(each.left(found))}
    parked = {name for each in found.reached.values() for name in each.parked.get(ALL, ())}
    return Health(
        orders=len(found.books.accounts),
        open=list(found.open),
        given_up=list(found.given_up),
        parked=sorted(parked),
        standing=_standing(found),
        left=list(found.left),
        doubted=dict(found.doubted),
        lately=dict(found.lately),
        lags=list(found.lags),
        waits=list(found.waits),
        well={each.matter: each.told(found) for each in holds if each.matter not in left},
        told={each.matter: each.told(found) for each in holds if each.matter in left},
        unseen=unseen,
        unwell=[matter for matter, sentences in wrong.items() if sentences],
        wrong=[each for sentences in wrong.values() for each in sentences],
    )


def _standing(found: Found) -> dict[str, int]:
    who = {
        (version, subject)
        for each in found.reached.values()
        for version, subjects in each.parked.items()
        for subject in subjects
    }
    return dict(Counter(version for version, _ in sorted(who)))


def _archive(found: Found) -> Iterator[str]:
    if found.damaged:
        yield f"{found.damaged}; what follows was not looked at, `ops audit` reads it all"


def _cut(found: Found) -> str | None:
    """Why not all events were looked at."""
    return DAMAGED if found.damaged else None


def _not_compared(found: Found) -> str | None:
    return "--quick leaves it out" if found.quick else _cut(found)


def _rows(found: Found) -> Iterator[str]:
    yield from islice(found.rows.differences, MOST_ROWS)
    if (more := len(found.rows.differences) - MOST_ROWS) > 0:
        yield f"{more:,} more rows are not the log's: `ops verify` names them"


def _rows_told(found: Found) -> str:
    return f"{found.rows.rows:,} rows, each as {found.rows.records:,} records have it"


def _quarantine(found: Found) -> str:
    each = ", ".join(f"{code} {count:,}" for code, count in sorted(found.doubted.items()))
    lately = sum(found.lately.values())
    return f"{each}; {lately:,} of them in the last hour" if each else "all that came is believed"


def _parked(found: Found) -> str:
    each = ", ".join(f"{count:,} in {version}" for version, count in _standing(found).items())
    return f"stand still: {each} (`ops parked`)" if each else "nobody stands still"


def _owed_told(found: Found) -> str:
    leased = sum(todo.leased for todo in found.open)
    return f"{len(found.open):,} open, {leased:,} of them leased, {len(found.given_up):,} given up"


CHECKS = (
    Check("consumer", lambda f: waits.told(f.waits, f.at), lambda f: waits.wrong(f.waits, f.at)),
    Check("sweep", lambda f: notarised.told(f.tree), lambda f: notarised.wrong(f.tree)),
    Check("archive", lambda f: f"{len(f.tree.ends):,} shards, each a whole chain", _archive),
    Check("gaps", lambda _: "none was found", lambda f: f.gaps),
    Check(
        "views",
        lambda f: "; ".join(lags.told(f.lags)),
        lambda f: lags.behind(f.lags),
        unseen=_cut,
    ),
    Check("left", lambda _: "no view that is read", lambda f: lags.left(f.left)),
    Check("rows", _rows_told, _rows, unseen=_not_compared),
    Check("quarantine", _quarantine, lambda _: (), lambda f: f.doubted, _cut),
    Check("parked", _parked, lambda _: (), _standing),
    Check(
        "money",
        lambda f: f"{len(f.books.accounts):,} orders, their money counted from the log",
        lambda f: f.books.wrong(f.subjects),
        unseen=_cut,
    ),
    Check("to-dos", _owed_told, lambda f: owed.overdue(f.open), lambda f: f.given_up, _cut),
    Check("in doubt", lambda _: "no money and no key", lambda f: owed.in_doubt(f.given_up)),
    Check(
        "listed",
        lambda _: "the table says what is owed",
        lambda f: f.unlisted or (),
        unseen=lambda f: DAMAGED if f.unlisted is None else None,
    ),
    Check(
        "photo desk",
        lambda f: desk.told(desk.desk_of(f.subjects)),
        lambda f: desk.wrong(desk.desk_of(f.subjects), f.lost),
        unseen=_cut,
    ),
    Check(
        "erased",
        lambda f: f"{len(f.erased):,} people, their keys are gone",
        lambda f: erased.wrong(f.readable),
        unseen=_cut,
    ),
)
