"""What goes wrong at which call to AWS, drawn from a seed: the same seed draws the same again.

A fault is what a caller may meet, and what was done meanwhile:

    throttled   refused, there are too many requests: nothing was done
    broken      500: nothing was done
    lost        a time-out: it never arrived
    conflict    another transaction, or another put under that name, is under way: nothing was done
    partly      some of many were done, and the answer says which not
    unheard     done, and the answer never came
    spoilt      done, and the answer was 500
    again       done, not heard, and asked again by the client: what comes back is the second answer
    slow        done, after a while

`again` is what makes a put of one's own answer 412, and a record lie on the log twice.
"""

from __future__ import annotations

import random
import threading
from collections import Counter
from dataclasses import dataclass, field
from enum import StrEnum


class Fault(StrEnum):
    """What goes wrong at a call."""

    throttled = "throttled"
    broken = "broken"
    lost = "lost"
    conflict = "conflict"
    partly = "partly"
    unheard = "unheard"
    spoilt = "spoilt"
    again = "again"
    slow = "slow"


ANYWHERE = [
    *[Fault.throttled, Fault.broken, Fault.lost, Fault.unheard, Fault.spoilt],
    *[Fault.again, Fault.slow],
]
TRANSACTIONS = {"transact_write_items", "transact_get_items"}
OF_MANY = {"put_records", "batch_get_item", "send_message_batch"}
LASTING = 0.2  # the part of faults that the next calls of that operation meet too
MOST_LASTING = 4


@dataclass(slots=True)
class Plan:
    """What a process draws, call after call; `rate` is the part of its calls that fail."""

    seed: str
    rate: float
    drawn: Counter[Fault] = field(default_factory=Counter)
    dice: random.Random = field(init=False)
    _lasting: dict[str, list[Fault]] = field(default_factory=dict, init=False)
    _lock: threading.Lock = field(default_factory=threading.Lock, init=False)

    def __post_init__(self) -> None:
        self.dice = random.Random(self.seed)

    def draw(self, operation: str, *, conditional: bool = False) -> Fault | None:
        """The fault of the next call of this operation (`put_object`), or none.

        A put that is conditional may find another put under way.
        """
        with self._lock:
            fault = self._next(operation, conditional=conditional)
            if fault is not None:
                self.drawn[fault] += 1
            return fault

    def _next(self, operation: str, *, conditional: bool) -> Fault | None:
        if lasting := self._lasting.get(operation):
            return lasting.pop()
        if self.dice.random() >= self.rate:
            return None
        fault = self.dice.choice(kinds(operation, conditional=conditional))
        if self.dice.random() < LASTING:
            self._lasting[operation] = [fault] * self.dice.randint(1, MOST_LASTING)
        return fault

    def stop(self) -> None:
        """All goes well from here on."""
        self.rate, self._lasting = 0.0, {}

    def some(self, count: int) -> list[int]:
        """Which of so many are not done: one at least."""
        with self._lock:
            return sorted(self.dice.sample(range(count), self.dice.randint(1, count)))


def kinds(operation: str, *, conditional: bool = False) -> list[Fault]:
    """What can go wrong at a call of this operation, each as often as it stands here."""
    contended = conditional or operation in TRANSACTIONS
    return ANYWHERE + [Fault.conflict] * 4 * contended + [Fault.partly] * 7 * (operation in OF_MANY)
