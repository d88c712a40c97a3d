"""What the doctor found, for a person: a line for each matter, and what is wrong comes last."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.markup import escape
from rich.table import Table

if TYPE_CHECKING:
    from rich.console import Console

    from ops.doctor import Health

MOST = 20


def show(found: Health, console: Console) -> None:
    """What was looked at, the oldest to-dos, who needs a person, and what is wrong."""
    words = ("[green]well[/]", "[yellow]told[/]", "[bold yellow]unseen[/]")
    for word, matters in zip(words, (found.well, found.told, found.unseen), strict=True):
        for matter, told in matters.items():
            line = f"{word} {matter:<10}  {escape(told)}"
            console.print(line, soft_wrap=True, highlight=False)
    if found.open:
        console.print(_todos(found))
    for each in found.given_up:
        since = f"owed for {each.open_s:,} s"
        console.print(f"[yellow]given up[/] {each.todo} of {each.subject}, {since}", soft_wrap=True)
    for subject in found.parked:
        console.print(f"[yellow]stands still[/] {subject}: `ops parked` says why")
    for sentence in found.wrong:
        console.print(f"[bold red]wrong[/] {escape(sentence)}", soft_wrap=True, highlight=False)


def _todos(found: Health) -> Table:
    table = Table("kind", "subject", "open for", "attempt", "to-do", box=None, header_style="dim")
    for todo in found.open[:MOST]:
        leased = " (leased)" if todo.leased else ""
        attempt = f"{todo.attempt}{leased}"
        table.add_row(todo.kind, todo.subject, f"{todo.open_s:,} s", attempt, todo.todo)
    return table
