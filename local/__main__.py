"""`python -m local`: the whole shop on this machine, until Ctrl-C or SIGTERM.

- Every part is a process of its own and may be killed alone. One that dies is started again with
  one loud line, the fifth time within a minute all stops and we end with 1.
- MiniStack takes the table with it when it dies: all is provisioned again, and the dispatcher,
  begun anew, has the table filled from the archive at once.
- `ready http://HOST:PORT` is said once, at the first 200 of GET /health.
- Stopped from outside we end with 0: the server first, then the dispatcher with its batch in hand
  finished, then the cloud. Killed, our parts end all the same (`leash`).
"""

from __future__ import annotations

import http.client
import os
import sys
import threading
import time
from collections import defaultdict, deque
from pathlib import Path
from typing import TYPE_CHECKING

from chalicelib import telemetry
from local import claim, cloud
from local.cloud import Cloud
from local.errors import LocalError
from local.part import Part
from local.stop import when_told

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable

TICK_S = 0.1
MOST_DEATHS, WITHIN_S = 5, 60.0
MOST_NUMBER = 65535


class Shop:
    """The parts of one shop, watched by this process."""

    def __init__(self, state: Path, listener: socket.socket, lock: int, shards: int) -> None:
        self.state, self.listener, self.lock, self.shards = state, listener, lock, shards
        self.cloud = Cloud(state, inherits=(lock,))
        self.ours: dict[str, Part] = {}
        self.is_ready = False
        self._deaths: dict[str, deque[float]] = defaultdict(lambda: deque(maxlen=MOST_DEATHS))

    def start(self) -> None:
        self.cloud.start()
        cloud.open_shop(self.state, self.shards)
        descriptor = self.listener.fileno()
        server = ["--listener", str(descriptor)]
        self.ours["dispatcher"] = self._part("dispatcher", [], ())
        self.ours["server"] = self._part("server", server, (descriptor,))
        for part in self.ours.values():
            part.begin()
        for part in self.ours.values():
            part.announced()

    def look(self) -> None:
        """What died is there again. Raises LocalError if that happens too often."""
        for name, part in (self.cloud.parts | self.ours).items():
            if not part.is_alive():
                self._mourn(name, part)
                self._revive(name)
        if not self.is_ready and _is_healthy(self.listener):
            self.is_ready = True
            print(f"ready {_url(self.listener)}", flush=True)

    def stop(self) -> None:
        for name in ("server", "dispatcher"):
            if name in self.ours:
                self.ours[name].stop()
        self.cloud.stop()

    def _part(self, name: str, arguments: list[str], inherits: tuple[int, ...]) -> Part:
        return Part(name, f"local.{name}", arguments, dict(os.environ), (self.lock, *inherits))

    def _mourn(self, name: str, part: Part) -> None:
        code = part.process.returncode if part.process else None
        telemetry.say("part-died", part=name, code=code)
        deaths = self._deaths[name]
        deaths.append(time.monotonic())
        if len(deaths) == MOST_DEATHS and deaths[-1] - deaths[0] < WITHIN_S:
            raise LocalError(f"{name} died {MOST_DEATHS} times within a minute: giving up")

    def _revive(self, name: str) -> None:
        try:
            if name in self.ours:
                self.ours[name].start()
            else:
                self.cloud.restart(name)
            if name == "ministack":
                cloud.open_shop(self.state, self.shards)
                self.ours["dispatcher"].stop()
                self.ours["dispatcher"].start()
        except Exception as failure:  # noqa: BLE001  (the next look counts it as a death)
            telemetry.say("part-not-back", part=name, reason=str(failure))


def main() -> int:
    """Run until told to stop; 0 if that was all."""
    state = Path(os.environ.get("STATE") or "~/.local/state/tillstream").expanduser().absolute()
    host, port = os.environ.get("HOST") or "127.0.0.1", os.environ.get("PORT") or "8000"
    shards = os.environ.get("SHARDS") or str(cloud.SHARDS)
    is_over = _told_to_stop()
    try:
        lock = claim.state(state)
        listener = claim.address(host, _number("PORT", port))
        os.environ |= {"STATE": str(state), "HOST": host, "PORT": str(_port(listener))}
        _run(Shop(state, listener, lock, _number("SHARDS", shards)), is_over)
    except LocalError as error:
        print(f"tillstream: {error}", file=sys.stderr)
        return 1
    return 0


def _run(shop: Shop, is_over: Callable[[], bool]) -> None:
    try:
        shop.start()
        while not is_over():
            shop.look()
            time.sleep(TICK_S)
    finally:
        shop.stop()


def _told_to_stop() -> Callable[[], bool]:
    """Whether a signal said so, or the `make` that started us is gone."""
    told, parent = threading.Event(), os.getppid()
    when_told(told.set)
    below_make = "MAKELEVEL" in os.environ
    return lambda: told.is_set() or (below_make and os.getppid() != parent)


def _is_healthy(listener: socket.socket) -> bool:
    connection = http.client.HTTPConnection(_reachable(listener), _port(listener), timeout=1)
    try:
        connection.request("GET", "/health")
        return connection.getresponse().status == http.HTTPStatus.OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def _reachable(listener: socket.socket) -> str:
    host: str = listener.getsockname()[0]
    return {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104


def _url(listener: socket.socket) -> str:
    host = listener.getsockname()[0]
    return f"http://{f'[{host}]' if ':' in host else host}:{_port(listener)}"


def _port(listener: socket.socket) -> int:
    port: int = listener.getsockname()[1]
    return port


def _number(name: str, text: str) -> int:
    if not (text.isdecimal() and len(text) <= 5 and int(text) <= MOST_NUMBER):
        raise LocalError(f"{name} is a number up to {MOST_NUMBER}, not {text[:20]!r}")
    return int(text)


if __name__ == "__main__":
    sys.exit(main())
