"""Merchants who list products, and photographers who come, go, and answer, or do not.

Some photographers are there throughout, come again before their time is over, and answer what they
are asked. The others come and go as they like, answer late or never, and send what is no picture.
"""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass, field

from chalicelib.decisions import desk
from chalicelib.decisions.desk import Assignment
from chalicelib.events import desk as said
from chalicelib.events import product
from drills.sim.world import World

PII = f"e30..{'i' * 16}.e30.{'t' * 22}"
STEADY, PASSING = 5, 12
MINUTE_MS = 60_000
STAY_S, ASSIGNMENTS = 7200, 10


@dataclass
class People:
    """Who is in it, and who of them has which assignment in mind already."""

    world: World
    listed: list[str] = field(default_factory=list)
    waiting: list[str] = field(default_factory=list)
    steady: list[str] = field(default_factory=list)
    asked: dict[str, str] = field(default_factory=dict)

    def open_doors(self) -> None:
        """Those who stay come first; then everybody else now and then."""
        self.steady = [f"steady-{number}" for number in range(STEADY)]
        for who in self.steady:
            self.come(who)
        for number in range(PASSING):
            self._passing(f"passing-{number}")
        self._look_round()

    def come(self, who: str) -> None:
        """They register, or again."""
        digest = hashlib.sha256(who.encode()).digest()
        key = base64.urlsafe_b64encode(digest).decode().rstrip("=")
        fact = said.PhotographerRegistered(
            pii=PII, phone_key=key, assignments=ASSIGNMENTS, stay_s=STAY_S
        )
        self.world.say(fact, desk.SUBJECT, who)

    def list_one(self) -> None:
        """A merchant lists a product without a picture."""
        entity = f"p{len(self.listed)}"
        self.listed.append(entity)
        self.waiting.append(entity)
        fact = product.Created(brand="b", name="n", description="", category="c")
        self.world.say(fact, f"product/{entity}", "mia")

    def bare(self) -> list[str]:
        """The products that were listed and have no picture: a picture is never taken back."""
        self.waiting = [each for each in self.waiting if self.world.product(each).image is None]
        return self.waiting

    def picture_one(self, entity: str) -> None:
        """Somebody gives it a picture without being asked."""
        fact = product.Photographed(image=f"https://pictures.example/own/{entity}")
        self.world.say(fact, f"product/{entity}", "otto")

    def _passing(self, who: str) -> None:
        """Here for a while; then they leave, are erased, or just stay away."""
        chance = self.world.chance
        self.come(who)
        fate, gone = chance.random(), chance.uniform(5, 180) * MINUTE_MS
        if fate < 0.6:
            left = said.PhotographerLeft(photographer=who, erased=fate < 0.2)
            self.world.later(gone, lambda: self._say(left))
        self.world.later(gone + chance.uniform(1, 120) * MINUTE_MS, lambda: self._passing(who))

    def _say(self, left: said.PhotographerLeft) -> None:
        self.world.say(left, desk.SUBJECT, left.photographer)

    def _look_round(self) -> None:
        """Each few seconds: who stays comes again in good time, and who is asked anew notices."""
        here = self.world.desk.photographers
        for who in self.steady:
            each = here.get(who)
            if each is None or each.left < 5 or each.until - self.world.now < STAY_S * 500:
                self.come(who)
        for who, each in self.world.desk.photographers.items():
            found = each.assignment
            if found and not found.fetch and self.asked.get(who) != found.timer:
                self.asked[who] = found.timer
                self._answer(who, found)
        self.world.later(5000, self._look_round)

    def _answer(self, who: str, found: Assignment) -> None:
        chance = self.world.chance
        in_ms = chance.uniform(0.5, 6) * MINUTE_MS
        if who.startswith("passing"):
            if chance.random() < 0.3:
                return
            in_ms = chance.uniform(0.5, 14) * MINUTE_MS
        self.world.later(in_ms, lambda: self._send(who, found, again=True))

    def _send(self, who: str, found: Assignment, *, again: bool) -> None:
        """One in twenty sends what is none, then the picture; one in ten sends it twice."""
        chance = self.world.chance
        is_none = again and chance.random() < 0.05
        media = f"https://media.example/{found.product}{'/none' if is_none else ''}"
        for _ in range(2 if chance.random() < 0.1 else 1):
            self.world.say(said.PictureReceived(media=media), desk.SUBJECT, who)
        if is_none:
            self.world.later(MINUTE_MS, lambda: self._send(who, found, again=False))
