"""A person at the shop's door: one kept-alive connection, and patience.

An answer 503 is asked again after its `Retry-After`, a broken connection at once on a new one;
both only as long as patience lasts. A command that is asked again carries an `Idempotency-Key`,
so that it counts once however often it was heard.

Raises UnreachableError.
"""

from __future__ import annotations

import http.client
import json
import socket
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping
    from types import TracebackType
    from typing import Self

    from drills.loopback import Endpoint

TIMEOUT_S = 30.0
PATIENCE_S = 60.0
PAUSE_S = 0.1


class UnreachableError(Exception):
    """Nobody answers at the endpoint, or nobody did for as long as patience lasts."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What the shop said, how long after it was first asked, and what it had said before."""

    status: int
    headers: Mapping[str, str]
    body: Any
    seconds: float
    before: tuple[int, ...] = ()

    @property
    def position(self) -> str | None:
        """Where the command was recorded, if it was."""
        return str(self.body["position"]) if self.status == 202 else None


@dataclass(slots=True)
class Client:
    """One connection. Not for two threads at once."""

    endpoint: Endpoint
    patience_s: float = PATIENCE_S
    _connection: http.client.HTTPConnection | None = field(default=None, init=False)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def ask(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        headers: Mapping[str, str] | None = None,
        patient: bool = True,
    ) -> Answer:
        """The answer; without patience the first one, whatever it is."""
        begun = time.monotonic()
        before: list[int] = []
        while True:
            answer = self._try(method, path, body, headers or {})
            spent = time.monotonic() - begun
            if answer is not None and (answer.status != 503 or not patient):
                return Answer(*answer.told, seconds=spent, before=tuple(before))
            if spent > self.patience_s:
                raise UnreachableError(f"{self.endpoint} did not serve {method} {path} in time")
            before.append(503 if answer else 0)
            time.sleep(PAUSE_S if answer is None else answer.retry_after)

    def _try(self, method: str, path: str, body: Any, headers: Mapping[str, str]) -> _Heard | None:
        """One answer; None where the connection broke."""
        data = None if body is None else json.dumps(body).encode()
        sent = {"Content-Type": "application/json"} if data is not None else {}
        try:
            connection = self._connected()
            connection.request(method, path, data, {**sent, **headers})
            heard = connection.getresponse()
            return _Heard(heard.status, dict(heard.headers.items()), heard.read())
        except (OSError, http.client.HTTPException):
            self.close()
            return None

    def _connected(self) -> http.client.HTTPConnection:
        if self._connection is None:
            made = http.client.HTTPConnection(*self.endpoint, timeout=TIMEOUT_S)
            made.connect()
            made.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._connection = made
        return self._connection


@dataclass(frozen=True, slots=True)
class _Heard:
    status: int
    headers: Mapping[str, str]
    data: bytes

    @property
    def told(self) -> tuple[int, Mapping[str, str], Any]:
        kind = self.headers.get("Content-Type", "")
        return self.status, self.headers, json.loads(self.data) if "json" in kind else None

    @property
    def retry_after(self) -> float:
        said = self.headers.get("Retry-After", "")
        return float(said) if said.isdigit() else PAUSE_S


def check_is_shop(client: Client) -> None:
    """Raises UnreachableError unless a shop answers at the endpoint."""
    try:
        with Client(client.endpoint, patience_s=0.0) as asked:
            answer = asked.ask("GET", "/health", patient=False)
    except UnreachableError:
        raise UnreachableError(f"nobody answers at {client.endpoint}: is it `make run`?") from None
    if answer.status != 200 or not isinstance(answer.body, dict) or "status" not in answer.body:
        raise UnreachableError(f"what answers at {client.endpoint} is not a shop")


def session(client: Client, name: str, *roles: str) -> tuple[dict[str, str], str]:
    """The headers under which a person speaks, and who they are to the shop."""
    answer = client.ask("POST", "/sessions", {"name": name, "roles": list(roles)})
    if answer.status != 200:
        raise UnreachableError(f"{client.endpoint} opens no sessions: {answer.status}")
    return {"Authorization": f"Bearer {answer.body['token']}"}, str(answer.body["userId"])
