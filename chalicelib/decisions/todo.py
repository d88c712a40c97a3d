"""To-dos: what a subject owes to the world, as its own events have it.

A counted event opens a to-do, `<kind>@<position of that event>`, and an outcome of the same subject
settles it. Both are the subject's state, so a replay that has folded the outcome owes nothing.
What was given up stays owed: nobody knows what it came to, and whoever finds out says it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Self

from pydantic import Field

from chalicelib.decisions.subject import Ignored, State
from chalicelib.events import Event, Model, Outcome
from chalicelib.events.envelope import TriedInVain

# Of these a batch pokes a few, and the sweep the rest: they wait for room anyhow, and so thousands
# at once keep nothing from the worker that somebody waits for.
UNHURRIED = {"send-to-desk"}


class Todo(Model):
    """One thing owed. `about` says what a message is about; the rest is of refunds.

    `since` is the clock, in ms, at the event that opened it; `given_up`, that it is left to a
    person; `person`, whom it is about, where that is not said by the subject.
    """

    kind: str
    since: int
    about: str = ""
    person: str = ""
    given_up: bool = False
    amount: int = 0
    quantities: list[int] = Field(default_factory=list)


class Owing(State):
    """A subject that owes something: its open to-dos by id."""

    todos: dict[str, Todo] = Field(default_factory=dict)

    def owing(self, event: Event, *kinds: tuple[str, str]) -> Self:
        """The same, with to-dos of these (kind, about) opened by the event."""
        return self.owing_also(
            event, (Todo(kind=kind, since=event.clock, about=about) for kind, about in kinds)
        )

    def owing_also(self, event: Event, todos: Iterable[Todo]) -> Self:
        """The same, with these to-dos opened by the event."""
        opened = {f"{todo.kind}@{event.position}": todo for todo in todos}
        return self.model_copy(update={"todos": self.todos | opened})

    def settled(self, *ids: str) -> Self:
        """The same, with these to-dos done."""
        left = {name: todo for name, todo in self.todos.items() if name not in ids}
        return self.model_copy(update={"todos": left})

    def heard(self, outcome: Outcome) -> Self:
        """The same, with the outcome's to-do done; or still owed, where it was tried in vain."""
        if not isinstance(outcome, TriedInVain):
            return self.settled(outcome.todo)
        left = self.todos[outcome.todo].model_copy(update={"given_up": True})
        return self.model_copy(update={"todos": self.todos | {outcome.todo: left}})

    def unless_open(self, outcome: Outcome) -> Ignored | None:
        """Why an outcome does not count: its to-do is not owed, or was given up before this."""
        todo = self.todos.get(outcome.todo)
        if todo is None:
            return Ignored("settled", "this to-do is not open, or not any more")
        if todo.given_up and isinstance(outcome, TriedInVain):
            return Ignored("given-up", "this to-do was given up before")
        return None


def kind_of(todo: str) -> str:
    """The kind of the to-do with this id."""
    return todo.partition("@")[0]


def owed_by(state: State | None) -> Mapping[str, Todo]:
    """What a subject in this state owes, by id; there are subjects that never owe anything."""
    return state.todos if isinstance(state, Owing) else {}
