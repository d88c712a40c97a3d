"""A product is at the photo desk while it has no picture, in whatever order things are heard.

The desk here is what it is to a product: it takes it when it is asked, and has it until it is told
of a picture or has passed one on itself.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field

from hypothesis import given, settings
from hypothesis import strategies as st
from judging import CLOCK, DESCRIBED, event

from chalicelib.decisions.product import SEND_TO_DESK, TELL_DESK, Product, evolve
from chalicelib.decisions.subject import Ignored
from chalicelib.decisions.todo import kind_of

IMAGE = {"image": "https://pictures.example/1.png"}


@dataclass
class Story:
    """One product, the desk, and what each to-do that was ever open came to."""

    product: Product = field(default_factory=Product)
    at_desk: bool = False
    was_asked: bool = False
    is_sent: bool = False
    is_looked_at: bool = False
    opened: list[str] = field(default_factory=list)
    clock: itertools.count[int] = field(default_factory=lambda: itertools.count(CLOCK))

    def say(self, move: str, data: dict[str, object]) -> bool:
        """Whether it counts."""
        after = evolve(self.product, event(move, next(self.clock), data=data))
        if isinstance(after, Ignored):
            return False
        self.opened += [name for name in after.todos if name not in self.product.todos]
        self.product = after
        return True

    def open(self, kind: str) -> str | None:
        """The to-do of this kind that is open; there are never two."""
        names = [name for name in self.product.todos if kind_of(name) == kind]
        assert len(names) <= 1
        return names[0] if names else None

    def create(self) -> None:
        self.say("created", DESCRIBED)

    def photograph(self) -> None:
        """Somebody gives it a picture whom nobody asked."""
        self.say("photographed", IMAGE)

    def deliver(self) -> None:
        """The picture that the desk has asked for."""
        if self.at_desk:
            self.say("photographed", IMAGE | {"assignment": "fetch@1"})
            self.is_looked_at = True

    def pass_on(self) -> None:
        """The desk knows that it has been passed on."""
        if self.is_looked_at:
            self.at_desk = self.is_looked_at = False

    def ask(self) -> None:
        """The worker asks the desk, and dies before it can say so."""
        if self.open(SEND_TO_DESK) and self.product.image is None and not self.was_asked:
            self.was_asked = self.at_desk = True

    def send(self) -> None:
        """The worker asks the desk, where the product has no picture, and says so."""
        self.ask()
        if todo := self.open(SEND_TO_DESK):
            assert self.say("sent-to-desk", {"todo": todo})
            self.is_sent = True
            assert not self.say("sent-to-desk", {"todo": todo}), "what is settled stays so"

    def tell(self) -> None:
        """The worker tells the desk, and says so."""
        if todo := self.open(TELL_DESK):
            self.at_desk = False
            assert self.say("sent-to-desk", {"todo": todo})

    def give_up(self) -> None:
        """It stays owed, and whoever finds out what it came to may say it."""
        for todo in list(self.product.todos):
            self.say("given-up", {"todo": todo, "attempts": 6})
            assert todo in self.product.todos

    def look(self) -> None:
        """Word of a picture is owed only after the desk was asked, of a picture, and once."""
        kinds = [kind_of(name) for name in self.opened]
        assert kinds.count(SEND_TO_DESK) <= (self.product.listed is not None)
        assert kinds.count(TELL_DESK) <= (self.is_sent and self.product.image is not None)
        assert self.product.at_desk <= (self.is_sent and self.product.image is None)
        if self.product.image is not None and self.at_desk and not self.is_looked_at:
            assert self.product.todos, "the desk waits for what is there, and nobody will tell it"

    def end(self) -> None:
        """All that is owed is done."""
        for step in (self.pass_on, self.send, self.tell):
            step()
        assert self.product.todos == {}


MOVES = ("create", "photograph", "deliver", "pass_on", "ask", "send", "tell", "give_up")


@given(st.lists(st.sampled_from(MOVES), max_size=14))
@settings(max_examples=300)
def test_in_the_end_the_desk_has_what_has_no_picture_and_nothing_else(moves):
    story = Story()
    for move in moves:
        getattr(story, move)()
        story.look()
    story.end()
    created, bare = story.product.listed is not None, story.product.image is None
    assert story.at_desk == (created and bare)


def test_of_the_picture_that_it_asked_for_the_desk_is_told_by_nobody_else():
    story = Story()
    for step in (story.create, story.send, story.deliver, story.photograph, story.pass_on):
        step()
    assert [kind_of(name) for name in story.opened] == [SEND_TO_DESK]


def test_of_another_picture_the_desk_is_told_once():
    story = Story()
    for step in (story.create, story.send, story.photograph, story.photograph):
        step()
    assert [kind_of(name) for name in story.opened] == [SEND_TO_DESK, TELL_DESK]


def test_a_picture_that_comes_while_the_desk_is_asked_is_told_after_that():
    story = Story()
    for step in (story.create, story.ask, story.photograph, story.send):
        step()
    assert story.at_desk
    story.tell()
    assert not story.at_desk
