"""How far a long step is: a bar on a terminal, a plain line at each tenth elsewhere.

It is written to standard error, so that what a verb answers stays alone on standard output.
"""

from __future__ import annotations

import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


@contextmanager
def steps(what: str, total: int) -> Iterator[Callable[[], None]]:
    """A function to call after each of `total` steps, from any thread; what is more is not told."""
    console = Console(stderr=True)
    if not console.is_terminal:
        yield _Lines(what, total, console).step
        return
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console) as progress:
        task = progress.add_task(what, total=total)
        yield lambda: progress.update(task, completed=min(total, progress.tasks[0].completed + 1))


class _Lines:
    def __init__(self, what: str, total: int, console: Console) -> None:
        self.what, self.total, self.console = what, total, console
        self.done = 0
        self.lock = threading.Lock()

    def step(self) -> None:
        with self.lock:
            if self.done == self.total:
                return
            self.done += 1
            if self.done * 10 // self.total != (self.done - 1) * 10 // self.total:
                self.console.print(f"{self.what} {self.done:,} of {self.total:,}", highlight=False)
