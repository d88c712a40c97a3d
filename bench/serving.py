"""A shop as anybody runs it, and how fast it accepts, and shows, what people do.

The shop is `python -m local` on a free port and a STATE of its own, both gone afterwards. One
person alone gives the latency of an answer, many hands at once the rate. Visible is from the
sending of a move to the first 200 of a `Read-After` read of its position, with nothing else going
on.
"""

from __future__ import annotations

import contextlib
import itertools
import os
import socket
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from drills.client import Answer, Client, session
from drills.crowd.report import times
from drills.loopback import Endpoint

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[1]
PRODUCTS = 100
HANDS = 8
PATIENCE_S = 60.0


@dataclass(frozen=True, slots=True)
class Served:
    """Latencies are in milliseconds: p50, p99, max."""

    accepted: dict[str, float]
    accepted_keyed: dict[str, float]
    accepted_per_s: float
    visible: dict[str, float]


def measure(moves: int = 1000) -> Served:
    """One shop, all of it: `moves` alone, as many keyed, four times as many at once."""
    with running() as (endpoint, _), Client(endpoint) as client:
        buyer = _furnish(client)
        shops = itertools.cycle(range(PRODUCTS))
        for _ in range(moves // 10 + 1):  # what a first request has to open and read
            _buy(client, buyer, next(shops))
        visible = [_seen(client, buyer, next(shops)) for _ in range(moves // 3 + 1)]
        alone = [_buy(client, buyer, next(shops)).seconds for _ in range(moves)]
        keyed = [_buy(client, buyer, next(shops), key=f"k{n}").seconds for n in range(moves)]
        rate = _rate(endpoint, buyer, moves * 4)
    return Served(times(alone), times(keyed), rate, times(visible))


@contextlib.contextmanager
def running() -> Iterator[tuple[Endpoint, Path]]:
    """A shop of our own and its STATE, until it is no longer needed."""
    with tempfile.TemporaryDirectory() as state:
        port = _free_port()
        environment = os.environ | {"HOST": "127.0.0.1", "PORT": str(port), "STATE": state}
        command = [sys.executable, "-m", "local"]
        with subprocess.Popen(
            command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True
        ) as shop:
            try:
                _wait_until_ready(shop)
                yield Endpoint("127.0.0.1", port), Path(state)
            finally:
                shop.terminate()
                shop.wait(PATIENCE_S)


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port: int = taken.getsockname()[1]
    return port


def _wait_until_ready(shop: subprocess.Popen[str]) -> None:
    assert shop.stdout is not None
    giving_up = threading.Timer(PATIENCE_S, shop.terminate)
    giving_up.start()
    for line in shop.stdout:
        if line.startswith("ready "):
            giving_up.cancel()
            return
    raise RuntimeError("the shop ended before it was ready")


def _furnish(client: Client) -> dict[str, str]:
    """A hundred products on the shelf, and somebody who will buy them."""
    merchant, _ = session(client, "Bench Merchant", "merchant")
    for number in range(PRODUCTS):
        product = {
            "id": _product(number),
            "brand": "Halde",
            "name": f"Thing {number}",
            "description": "Made by hand, and seldom the same twice.",
            "category": "things",
        }
        last = client.ask("POST", "/products", product, headers=merchant)
    client.ask("GET", "/products", headers={"Read-After": str(last.position)})
    return session(client, "Bench Customer", "customer")[0]


def _product(number: int) -> str:
    return f"thing-{number:03d}"


def _buy(client: Client, buyer: dict[str, str], number: int, key: str | None = None) -> Answer:
    headers = buyer if key is None else buyer | {"Idempotency-Key": key}
    answer = client.ask("POST", f"/products/{_product(number)}/purchases", headers=headers)
    if answer.position is None:
        raise RuntimeError(f"a purchase was answered {answer.status}: {answer.body}")
    return answer


def _seen(client: Client, buyer: dict[str, str], number: int) -> float:
    """Seconds from the sending until it could be read."""
    begun = time.perf_counter()
    position = str(_buy(client, buyer, number).position)
    path = f"/products/{_product(number)}"
    while True:
        answer = client.ask("GET", path, headers={"Read-After": position}, patient=False)
        if answer.status == 200:
            return time.perf_counter() - begun


def _rate(endpoint: Endpoint, buyer: dict[str, str], moves: int) -> float:
    """Accepted moves a second, by many hands."""
    numbers = iter(range(moves))
    lock = threading.Lock()
    failures: list[Any] = []

    def hand() -> None:
        try:
            with Client(endpoint) as client:
                while True:
                    with lock:
                        number = next(numbers, None)
                    if number is None:
                        return
                    _buy(client, buyer, number % PRODUCTS)
        except Exception as failure:  # noqa: BLE001  (raised below, in the caller's thread)
            failures.append(failure)

    threads = [threading.Thread(target=hand) for _ in range(HANDS)]
    begun = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failures:
        raise failures[0]
    return moves / (time.perf_counter() - begun)
