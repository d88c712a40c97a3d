"""A whole shop as `make run` starts it, on a STATE and a port of its own."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

import contract

ROOT = Path(__file__).parent.parent.parent


class Shop:
    """`python -m local` of a tree, on a STATE of its own."""

    def __init__(self, state: Path, roles: list[str], tree: Path = ROOT) -> None:
        self.state, self.tree = state, tree
        self.statuses: Counter[int] = Counter()
        environment = os.environ | {"STATE": str(state), "PORT": "0", "HOST": "127.0.0.1"}
        with (state.parent / "stderr").open("wb") as stderr:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "local"],
                cwd=tree,
                env=environment,
                stdout=subprocess.PIPE,
                stderr=stderr,
            )
        assert self.process.stdout is not None
        ready = self.process.stdout.readline().decode()
        assert ready.startswith("ready http://127.0.0.1:"), ready
        self.port = int(ready.rpartition(":")[2])
        self.connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        self.token = self._session(roles)

    def _session(self, roles: list[str]) -> str:
        """Somebody's token, as soon as the table is whole: of an older STATE it is filled first."""
        for _ in range(300):
            status, said = self.send("POST", "/sessions", {"name": "Cage Keeper", "roles": roles})
            if status != 503:
                return str(json.loads(said)["token"])
            time.sleep(0.1)
        self.stop()
        raise AssertionError("the table does not become whole")

    def send(self, method: str, path: str, body: Any = None, **headers: Any) -> tuple[int, bytes]:
        """One request, with a token of all roles; a header that is None is not sent."""
        given = {"Authorization": f"Bearer {getattr(self, 'token', '')}"}
        given |= {name.replace("_", "-"): value for name, value in headers.items()}
        given = {name: value for name, value in given.items() if value is not None}
        if body is not None:
            given.setdefault("Content-Type", "application/json")
        raw = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
        try:
            self.connection.request(method, path, raw, given)
            answer = self.connection.getresponse()
            self.statuses[answer.status] += 1
            said = answer.read()
        except http.client.HTTPException:
            self.connection.close()
            raise
        if self.tree == ROOT:  # another tree has another contract
            contract.held((method, path, raw, given), (answer.status, dict(answer.headers), said))
        return answer.status, said

    def send_bytes(self, request: bytes) -> None:
        """What no client library would send."""
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port)) as s:
            s.settimeout(5)
            s.sendall(request)
            s.shutdown(socket.SHUT_WR)
            while s.recv(65536):
                pass

    def stop(self) -> bytes:
        """What it said while it ran."""
        self.connection.close()
        self.process.send_signal(signal.SIGTERM)
        rest, _ = self.process.communicate(timeout=30)
        return bytes(rest) + (self.state.parent / "stderr").read_bytes()
