"""A morning over REST: everybody at once, each with a connection of their own.

Raises UnreachableError: a shop that is away for longer than patience lasts ends the morning.
"""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass

from drills.cafe.script import Morning, Visit
from drills.cafe.staff import Worker
from drills.cafe.visit import Customer, Went
from drills.client import Client, UnreachableError, session
from drills.loopback import Endpoint

STAFF = (("Kim", "barista"), ("Lou", "barista"), ("Max", "maker"), ("Rae", "courier"))
MOST_INSIDE = 64


@dataclass(frozen=True, slots=True)
class Played:
    """How every visit went, and what the staff was answered."""

    visits: list[Went]
    staff: Counter[int]
    seconds: float


def open_doors(client: Client, morning: Morning) -> None:
    """The menu is listed, and can be read."""
    merchant, _ = session(client, f"Mia {morning.tag}", "merchant")
    for good in morning.goods:
        keyed = merchant | {"Idempotency-Key": good["id"]}
        answer = client.ask("POST", "/products", good, headers=keyed)
        if answer.position is None:
            raise UnreachableError(f"{good['id']} is not listed: {answer.status} {answer.body}")
        client.ask("GET", f"/products/{good['id']}", headers={"Read-After": answer.position})


def play(endpoint: Endpoint, morning: Morning, step: Callable[[], None]) -> Played:
    """The whole morning. `step` is called as each visit ends."""
    orders: set[str] = set()
    over, begun = threading.Event(), time.monotonic()

    def come(visit: Visit) -> Went:
        time.sleep(max(0.0, begun + visit.at - time.monotonic()))
        with Client(endpoint) as client:
            went = Customer(client, visit, orders.add).go()
        step()
        return went

    with ExitStack() as stack, ThreadPoolExecutor(len(STAFF)) as rooms:
        workers = [
            Worker(stack.enter_context(Client(endpoint)), morning.tag, *who, orders, over)
            for who in STAFF
        ]
        at_work = [rooms.submit(worker.work) for worker in workers]
        try:
            with ThreadPoolExecutor(MOST_INSIDE) as inside:
                visits = list(inside.map(come, morning.visits))
        finally:
            over.set()
        for each in at_work:
            each.result()
    staff = sum((worker.answers for worker in workers), Counter[int]())
    return Played(visits, staff, time.monotonic() - begun)
