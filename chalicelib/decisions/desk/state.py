"""The photo desk as its events have it: who is there, what waits, and who is asked for what.

It is one row, so it is bounded: so many photographers, so many products, and nobody comes or is
asked while too many messages are unsaid. What does not fit waits where it is owed. At most so many
messages, and two for each photographer, are unsaid: a row of all that fits is no misfit.
"""

from __future__ import annotations

from typing import Any, Self

from pydantic import Field

from chalicelib.decisions.todo import Owing, Todo
from chalicelib.events import Event, Model

OFFER, TIME_OUT, FETCH, MESSAGE = "offer", "time-out", "fetch", "message"
MOST_PHOTOGRAPHERS, MOST_PRODUCTS, MOST_MESSAGES = 60, 200, 100


class Waiting(Model):
    """A product without a picture, since this clock (ms); `let_go` is who let it go by last."""

    since: int
    let_go: str = ""


class Assignment(Model):
    """One product, asked of one photographer `until` a clock (ms).

    `waited` is since when the product waits. `timer` and `fetch` are the to-dos that the time-out
    and the picture at `media` hang on; there is no picture yet where `fetch` is empty.
    """

    product: str
    waited: int
    since: int
    until: int
    timer: str
    fetch: str = ""
    media: str = ""


class Photographer(Model):
    """Somebody who may be asked `left` times more, `until` a clock (ms); `free` since another.

    Who `stopped` is asked and told nothing, until they come again. What they gave back by that is
    `returned`, and counts as given. `told` is when they were last told that they are here.
    """

    phone_key: str
    left: int
    until: int
    free: int
    completed: int = 0
    stopped: bool = False
    returned: int = 0
    told: int = 0
    assignment: Assignment | None = None

    def is_there(self, clock: int) -> bool:
        """Whether they may be asked, now or after what they are at."""
        return self.left > 0 and clock <= self.until

    def having(self, **members: Any) -> Self:
        """The same, with these members."""
        return self.model_copy(update=members)


class Desk(Owing):
    """Photographers by id, and products by id; a product that is assigned does not wait."""

    photographers: dict[str, Photographer] = Field(default_factory=dict)
    waiting: dict[str, Waiting] = Field(default_factory=dict)

    def at(self, clock: int) -> Self:
        """The same, without those whose time is over and who are at nothing."""
        there = {
            person: each
            for person, each in self.photographers.items()
            if clock <= each.until or each.assignment
        }
        return self.model_copy(update={"photographers": there})

    def holder(self, product: str) -> str | None:
        """Who is asked for a picture of this product."""
        for person, each in self.photographers.items():
            if each.assignment and each.assignment.product == product:
                return person
        return None

    def knows(self, product: str) -> bool:
        """Whether the product waits, or is assigned."""
        return product in self.waiting or self.holder(product) is not None

    @property
    def room(self) -> int:
        """How many products more fit."""
        assigned = sum(each.assignment is not None for each in self.photographers.values())
        return max(0, MOST_PRODUCTS - len(self.waiting) - assigned)

    @property
    def may_tell(self) -> bool:
        """Whether something may happen that somebody must be told of."""
        return len(self.owed(MESSAGE)) < MOST_MESSAGES

    def who_has(self, phone_key: str, clock: int) -> str | None:
        """The photographer with this number: who is there, or else was last."""
        known = [who for who, each in self.photographers.items() if each.phone_key == phone_key]
        return max(known, default=None, key=lambda who: self._presence(who, clock))

    def _presence(self, person: str, clock: int) -> tuple[bool, int]:
        each = self.photographers[person]
        return each.assignment is not None or each.is_there(clock), each.until

    def owed(self, kind: str, person: str | None = None) -> list[str]:
        """The to-dos of this kind; those about one person."""
        return [
            name
            for name, todo in self.todos.items()
            if todo.kind == kind and person in (None, todo.person)
        ]

    def placing(self, person: str, photographer: Photographer) -> Self:
        """The same, with this photographer as they are now."""
        return self.model_copy(
            update={"photographers": self.photographers | {person: photographer}}
        )

    def awaiting(self, product: str, since: int, let_go: str = "") -> Self:
        """The same, with this product waiting."""
        waiting = self.waiting | {product: Waiting(since=since, let_go=let_go)}
        return self.model_copy(update={"waiting": waiting})

    def without(self, product: str) -> Self:
        """The same, where this product waits no longer."""
        left = {name: each for name, each in self.waiting.items() if name != product}
        return self.model_copy(update={"waiting": left})

    def freed(self, person: str, clock: int, **members: Any) -> Self:
        """The same, where this photographer is at nothing, and what hung on it is settled."""
        known = self.photographers[person]
        assert known.assignment is not None
        free = known.having(assignment=None, free=clock, **members)
        return self.placing(person, free).settled(known.assignment.timer, known.assignment.fetch)

    def telling(self, event: Event, person: str, about: str) -> Self:
        """The same, owing a message; one about the same that is unsaid yet will do."""
        if self.photographers[person].stopped:
            return self
        if any(self.todos[name].about == about for name in self.owed(MESSAGE, person)):
            return self
        todo = Todo(kind=MESSAGE, since=event.clock, about=about, person=person)
        return self.owing_also(event, [todo])
