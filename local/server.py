"""`python -m local.server`: the routes of app.py over HTTP, until SIGTERM.

One thread a connection, kept alive; each answer is one write on a socket without Nagle's delay.
A request gets an answer, whatever it is; one that is in hand when we are told to stop gets it
within two seconds. Nothing of a request is ever written to a log.
"""

from __future__ import annotations

import argparse
import contextlib
import importlib
import os
import socket
import socketserver
import threading
import time
from typing import Any, Protocol

from local import throttle, wire
from local.answers import Answer, problem
from local.claim import listen
from local.quiet import speak_in_lines
from local.stop import when_told

IDLE_S = 75.0
PATIENCE_S = 30.0
STOP_S = 2.0


class Answering(Protocol):
    """What has an answer to every request."""

    def answer(self, request: wire.Request) -> Answer: ...


class Server(socketserver.ThreadingMixIn, socketserver.TCPServer):
    """Whoever answers, behind an already bound listener."""

    daemon_threads = True
    block_on_close = False

    def __init__(self, listener: socket.socket, gateway: Answering) -> None:
        super().__init__(listener.getsockname(), Connection, bind_and_activate=False)
        self.socket.close()
        self.socket = listener
        self.gateway = gateway
        self.in_hand = 0
        self._lock = threading.Lock()

    def count(self, change: int) -> None:
        with self._lock:
            self.in_hand += change

    def settle(self, patience_s: float = STOP_S) -> None:
        """Wait for the requests in hand, but not for ever."""
        end = time.monotonic() + patience_s
        while self.in_hand and time.monotonic() < end:
            time.sleep(0.005)

    def handle_error(self, *_: object) -> None:
        """A connection that broke is the client's affair."""


class Connection(socketserver.StreamRequestHandler):
    """One client, request after request."""

    server: Server
    disable_nagle_algorithm = True
    timeout = PATIENCE_S

    def handle(self) -> None:
        with contextlib.suppress(ConnectionError):
            while self._is_there() and self._answer_one():
                pass

    def _is_there(self) -> bool:
        """Whether another request begins while we care to wait."""
        self.connection.settimeout(IDLE_S)
        try:
            return bool(self.rfile.peek(1))  # type: ignore[attr-defined]
        except TimeoutError:
            return False
        finally:
            self.connection.settimeout(PATIENCE_S)

    def _answer_one(self) -> bool:
        """Whether the connection is kept."""
        try:
            request = wire.read(self.rfile, self.wfile)  # type: ignore[arg-type]
        except wire.UnreadableError as flaw:
            return self._say_last(flaw.answer)
        except TimeoutError:
            return self._say_last(problem(408, "too-slow", "the request did not arrive in time"))
        if request is None:
            return False
        self.server.count(1)
        try:
            answer = self.server.gateway.answer(request)
            is_head = request.method == "HEAD"
            self.wfile.write(wire.write(answer, head=is_head, keeps=request.keeps))
        finally:
            self.server.count(-1)
        return request.keeps

    def _say_last(self, answer: Any) -> bool:
        """Answer, and close so that the client can read it: what it still sends is swallowed."""
        self.wfile.write(wire.write(answer, head=False, keeps=False))
        self.connection.shutdown(socket.SHUT_WR)
        self.connection.settimeout(1.0)
        end = time.monotonic() + STOP_S
        with contextlib.suppress(OSError):
            while self.connection.recv(65536) and time.monotonic() < end:
                pass
        return False


def serve(listener: socket.socket, application: Any) -> None:
    """Until told to stop; requests in hand are answered."""
    from local.gateway import Gateway  # noqa: PLC0415  (chalice, which the bank does without)

    server = Server(listener, Gateway(application, throttle.declared()))
    when_told(server.shutdown)
    port = listener.getsockname()[1]
    print(f"server {port}", flush=True)
    server.serve_forever(poll_interval=0.05)
    server.settle()


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m local.server", description=__doc__)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8000, help="0 takes a free one")
    parser.add_argument("--listener", type=int, help="a descriptor that listens already")
    named = os.environ.get("TILLSTREAM_APP", "app")
    parser.add_argument("--app", default=named, help="the module that has `app`")
    given = parser.parse_args()
    speak_in_lines()
    application = importlib.import_module(given.app).app
    listener = (
        listen(given.host, given.port)
        if given.listener is None
        else socket.socket(fileno=given.listener)
    )
    serve(listener, application)


if __name__ == "__main__":
    main()
