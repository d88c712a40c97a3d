"""The script over REST: many hands at once, and the moves on one product one after the other.

So every run of a script puts the same moves on each product in the same order, and the log has
them in that order too, whatever the threads do. A move that is not answered in time ends the play:
what cannot be known cannot be counted.
"""

from __future__ import annotations

import heapq
import itertools
import threading
from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from drills.client import Answer, Client, UnreachableError, session

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from drills.crowd.script import Move, Person, Script
    from drills.loopback import Endpoint


@dataclass(frozen=True, slots=True)
class Known:
    """A person as the shop knows them: the headers under which they speak, and their id."""

    headers: Mapping[str, str]
    id: str


class Sight(Protocol):
    """Who looks whether a move can be read yet; never in a mover's way."""

    def offer(self, move: Move, answer: Answer) -> None: ...


@dataclass(slots=True)
class Queue:
    """The moves still to make: the next is the earliest whose product nobody has in hand."""

    _ready: list[tuple[int, str]]
    _waiting: dict[str, deque[Move]]
    _turn: threading.Condition = field(default_factory=threading.Condition)
    _left: int = 0
    _stopped: bool = False

    @classmethod
    def of(cls, moves: Iterable[Move]) -> Queue:
        waiting: dict[str, deque[Move]] = {}
        for move in moves:
            waiting.setdefault(move.product, deque()).append(move)
        ready = [(moves[0].number, product) for product, moves in waiting.items()]
        heapq.heapify(ready)
        return cls(ready, waiting, _left=sum(map(len, waiting.values())))

    def take(self) -> Move | None:
        """The next move; None when there is none left, or somebody gave up."""
        with self._turn:
            while not self._ready and self._left and not self._stopped:
                self._turn.wait()
            if not self._left or self._stopped or not self._ready:
                return None
            _, product = heapq.heappop(self._ready)
            return self._waiting[product][0]

    def done(self, move: Move) -> None:
        """The move is answered, and the product's next may be made."""
        with self._turn:
            rest = self._waiting[move.product]
            rest.popleft()
            self._left -= 1
            if rest:
                heapq.heappush(self._ready, (rest[0].number, move.product))
            self._turn.notify_all()

    def stop(self) -> None:
        with self._turn:
            self._stopped = True
            self._turn.notify_all()


def arrive(
    endpoint: Endpoint, people: Iterable[Person], hands: int, step: Callable[[], None]
) -> dict[Person, Known]:
    """Everybody with a session. Raises UnreachableError."""
    coming, known = iter(list(people)), {}
    lock = threading.Lock()

    def open_sessions(client: Client) -> None:
        while True:
            with lock:
                person = next(coming, None)
            if person is None:
                return
            known[person] = Known(*session(client, person.name, person.role))
            step()

    _at_once(endpoint, hands, open_sessions)
    return known


def play(  # noqa: PLR0913  (what a play is made of)
    endpoint: Endpoint,
    script: Script,
    known: Mapping[Person, Known],
    sight: Sight,
    *,
    hands: int,
    step: Callable[[], None],
) -> dict[Move, Answer]:
    """Every move with its answer. Raises UnreachableError."""
    queue, answers = Queue.of(script.moves), {}
    positions: dict[str, str] = {}

    def make_moves(client: Client) -> None:
        while (move := queue.take()) is not None:
            try:
                answer = answers[move] = _make(client, move, known[move.person], positions)
            except UnreachableError:
                queue.stop()
                raise
            sight.offer(move, answer)
            queue.done(move)
            step()

    _at_once(endpoint, hands, make_moves)
    return answers


def _make(client: Client, move: Move, person: Known, positions: dict[str, str]) -> Answer:
    """One move. A merchant mends only what they know to be listed, so they ask to be read after."""
    method, path = move.request
    headers = {**person.headers, "Idempotency-Key": move.key}
    if move.kind == "update" and move.product in positions:
        headers["Read-After"] = positions[move.product]
    answer = client.ask(method, path, move.body, headers=headers)
    if answer.position is not None:
        positions[move.product] = answer.position
    return answer


def _at_once(endpoint: Endpoint, hands: int, work: Callable[[Client], None]) -> None:
    """The work by many hands, each with a connection of its own; the first failure is raised."""
    failures: deque[BaseException] = deque()

    def hand() -> None:
        try:
            with Client(endpoint) as client:
                work(client)
        except BaseException as failure:  # noqa: BLE001  (raised below, in the caller's thread)
            failures.append(failure)

    threads = [threading.Thread(target=hand, daemon=True) for _ in range(hands)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for failure in itertools.islice(failures, 1):
        raise failure
