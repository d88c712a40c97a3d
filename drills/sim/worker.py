"""What is owed, done as the shop's worker does it: again and again until its outcome counts.

Each step is said under an id of the to-do's own. Whoever is at it may die before a step, may come
late, and may come twice; the sweep then comes by each minute, to all that the desk has room for.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from chalicelib.decisions import desk
from chalicelib.decisions.desk import FULL, Offer, offered
from chalicelib.decisions.todo import Todo, owed_by
from chalicelib.errors import Waits
from chalicelib.events import Outcome, product
from chalicelib.events import desk as said
from drills.sim.world import World

MINUTE_MS, WAIT_S = 60_000, 600
DIES, TWICE = 0.03, 0.03


@dataclass
class Worker:
    """It knows what is open; `steps` counts what was begun and not brought to an end."""

    world: World
    open: dict[str, str] = field(default_factory=dict)
    deaths: int = 0
    twice: int = 0

    def start(self) -> None:
        """From here on what is opened is done."""
        self.world.opened = self._opened
        self._sweep()

    def _opened(self, name: str, subject: str, todo: Todo) -> None:
        self.open[name] = subject
        if todo.kind != desk.TIME_OUT:
            self._poke(name)

    def _poke(self, name: str) -> None:
        chance = self.world.chance
        self.world.later(chance.uniform(50, 1500), lambda: self._work(name))
        if chance.random() < TWICE:
            self.twice += 1
            self.world.later(chance.uniform(50, 30_000), lambda: self._work(name))

    def _sweep(self) -> None:
        """Each minute: what is open still is looked at again, the products while there is room."""
        room = self.world.desk.room
        for name in list(self.open):
            if name.startswith("send-to-desk"):
                room -= 1
                if room < 0:
                    continue
            self._poke(name)
        self.world.later(MINUTE_MS, self._sweep)

    def _work(self, name: str) -> None:
        subject = self.open.get(name)
        todo = owed_by(self.world.state(subject)).get(name) if subject else None
        if subject is None or todo is None:
            self.open.pop(name, None)
            return
        try:
            outcome = DO[todo.kind](self, name, subject, todo)
            self._may_die()
        except (Waits, DeathError):
            return
        self.world.say(outcome, subject, key=f"outcome {name}")

    def _may_die(self) -> None:
        if self.world.chance.random() < DIES:
            self.deaths += 1
            raise DeathError

    def send_to_desk(self, name: str, subject: str, todo: Todo) -> Outcome:  # noqa: ARG002
        """The desk is asked, under another id only after it was full. Raises Waits."""
        entity, asked = subject.partition("/")[2], 0
        while self.world.verdicts.get((desk.SUBJECT, f"ask {asked} {name}")) == FULL:
            asked += 1
        if self.world.product(entity).image is None:
            if not self.world.desk.room:
                raise Waits("the desk is full")
            waiting, key = said.ProductWaiting(product=entity), f"ask {asked} {name}"
            self.world.say(waiting, desk.SUBJECT, key=key)
            if self.world.verdicts[desk.SUBJECT, key] == FULL:
                raise Waits("the desk is full")
        return product.SentToDesk(todo=name)

    def tell_desk(self, name: str, subject: str, todo: Todo) -> Outcome:  # noqa: ARG002
        """The desk hears of a picture that came by another way."""
        entity = subject.partition("/")[2]
        by = self.world.product(entity).photographer
        assert by is not None
        pictured = said.ProductPictured(product=entity, photographer=by)
        self.world.say(pictured, desk.SUBJECT, key=f"told {name}")
        return product.SentToDesk(todo=name)

    def offer(self, name: str, subject: str, todo: Todo) -> Outcome:  # noqa: ARG002
        """Whom the desk's own rule names. Raises Waits."""
        return offered(self.world.desk, Offer(todo=name, now=self.world.now, wait_s=WAIT_S))

    def time_out(self, name: str, subject: str, todo: Todo) -> Outcome:  # noqa: ARG002
        """No picture came in time. Raises Waits until it is."""
        assignment = self.world.desk.photographers[todo.person].assignment
        if assignment is None or self.world.now < assignment.until:
            raise Waits("there is time yet")
        return said.AssignmentExpired(todo=name)

    def fetch(self, name: str, subject: str, todo: Todo) -> Outcome:  # noqa: ARG002
        """The product has the picture, and then the desk knows; one in twenty is none."""
        assignment = self.world.desk.photographers[todo.person].assignment
        assert assignment is not None
        if assignment.media.endswith("/none"):
            return said.PictureRefused(todo=name, fault="no-picture")
        image = f"https://pictures.example/{assignment.product}"
        fact = product.Photographed(image=image, assignment=name)
        self.world.say(fact, f"product/{assignment.product}", todo.person, key=f"photo {name}")
        return said.PicturePassedOn(todo=name, image=image)

    def message(self, name: str, subject: str, todo: Todo) -> Outcome:  # noqa: ARG002
        """Somebody is told."""
        return said.Notified(todo=name, told=True)


class DeathError(Exception):
    """Who was at it is gone."""


DO: dict[str, Callable[[Worker, str, str, Todo], Outcome]] = {
    "send-to-desk": Worker.send_to_desk,
    "tell-desk": Worker.tell_desk,
    desk.OFFER: Worker.offer,
    desk.TIME_OUT: Worker.time_out,
    desk.FETCH: Worker.fetch,
    desk.MESSAGE: Worker.message,
}
