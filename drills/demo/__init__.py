"""A shop to show: `make run`, forty products on its shelves, and a crowd that keeps buying.

The shop is a child process with the same HOST, PORT and STATE. What it has already is left as it
is, so the same STATE goes on where it stopped. `ready` is said once the shelves are full; Ctrl-C,
or the end of the `make` above, stops the crowd, then the shop.

goods     what is sold: a list
shelves   it is listed and photographed
crowd     who buys it
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

from drills.client import Client, UnreachableError
from drills.demo.crowd import Crowd
from drills.demo.goods import goods
from drills.demo.shelves import fill
from drills.loopback import EVERY_ADDRESS, Endpoint, endpoint

__all__ = ["demo"]

ROOT = Path(__file__).parents[2]
STOP_S = 30.0
TICK_S = 0.2
Tell = Callable[[str], None]


def demo(tell: Tell) -> int:
    """Until Ctrl-C, or until the shop ends by itself; the shop's exit code.

    Raises ElsewhereError, UnreachableError; the shop is stopped then too.
    """
    over = threading.Event()
    shop = _start()

    def stop(*_: object) -> None:
        over.set()
        shop.terminate()

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, stop)
    try:
        address = _ready(shop)
        if address is not None:
            _show(address, over, shop, tell)
    except UnreachableError:
        if not over.is_set():  # else it is we who made it unreachable
            raise
    finally:
        over.set()
        shop.terminate()
        code = shop.wait(STOP_S)
        assert shop.stdout is not None
        shop.stdout.close()
    return code


def _start() -> subprocess.Popen[str]:
    """The shop as `make run` starts it; below a make it ends with its parent, and we are that."""
    return subprocess.Popen(
        [sys.executable, "-m", "local"],
        cwd=ROOT,
        env={"MAKELEVEL": "1"} | os.environ,
        stdout=subprocess.PIPE,
        text=True,
    )


def _ready(shop: subprocess.Popen[str]) -> str | None:
    """The address that the shop is ready at; None where it ends before it is."""
    assert shop.stdout is not None
    for line in shop.stdout:
        if line.startswith("ready "):
            return line.split()[1]
    return None


def _show(address: str, over: threading.Event, shop: subprocess.Popen[str], tell: Tell) -> None:
    """Full shelves, and the crowd in front of them for as long as the shop is there."""
    where, sold, is_left = _near(address), goods(), _left_alone()
    tell(f"filling the shelves at {where}")
    with Client(where) as client:
        fill(client, sold)
    with Crowd(where, sold, over=over):
        tell(f"ready {address}")
        tell(f"open {where}/ in a browser: {len(sold)} products, a busy crowd; Ctrl-C ends it")
        while shop.poll() is None and not is_left():
            time.sleep(TICK_S)


def _left_alone() -> Callable[[], bool]:
    """Whether the `make` that started us is gone."""
    parent, below_make = os.getppid(), "MAKELEVEL" in os.environ
    return lambda: below_make and os.getppid() != parent


def _near(address: str) -> Endpoint:
    """The shop as this machine reaches it, should it listen on every address."""
    parts = urlsplit(address)
    host, port = parts.hostname or "", parts.port or 80
    return endpoint(str(Endpoint(EVERY_ADDRESS.get(host, host), port)))
