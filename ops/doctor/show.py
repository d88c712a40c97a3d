"""What the doctor found, for a person: what is wrong comes last, and nothing when all is well."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.table import Table

if TYPE_CHECKING:
    from rich.console import Console

    from ops.doctor import Health

MOST = 20


def show(found: Health, console: Console) -> None:
    """A line for each thing that is counted, the oldest to-dos, and what is wrong."""
    leased = sum(todo.leased for todo in found.open)
    console.print(f"{found.orders:,} orders, their money counted from the log")
    console.print(f"{len(found.open):,} to-dos open, {leased:,} of them leased")
    if found.open:
        console.print(_todos(found))
    for lag in found.lags:
        more = "more than " if lag.more else ""
        behind = f"{more}{lag.events:,} events, {lag.seconds:,} s behind"
        console.print(f"{lag.shard}: {behind if lag.events else 'level'}")
    for each in found.given_up:
        since = f"owed for {each.open_s:,} s"
        console.print(f"[yellow]given up[/] {each.todo} of {each.subject}, {since}", soft_wrap=True)
    for subject in found.parked:
        console.print(f"[yellow]stands still[/] {subject}: `ops parked` says why")
    for sentence in found.wrong:
        console.print(f"[red]wrong[/] {sentence}", soft_wrap=True)


def _todos(found: Health) -> Table:
    table = Table("kind", "subject", "open for", "attempt", "to-do", box=None, header_style="dim")
    for todo in found.open[:MOST]:
        leased = " (leased)" if todo.leased else ""
        attempt = f"{todo.attempt}{leased}"
        table.add_row(todo.kind, todo.subject, f"{todo.open_s:,} s", attempt, todo.todo)
    return table
