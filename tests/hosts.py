"""Hosts on this machine that media is fetched from: each answers as the test says, and counts."""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from typing import Any

Script = Callable[[str], list[bytes]]


class Host:
    """A listener on 127.0.0.1; `says(target)` are the pieces of the answer, sent in turn."""

    def __init__(self, says: Script, secured: ssl.SSLContext | None = None) -> None:
        self.says, self.secured = says, secured
        self.asked: list[str] = []
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self.listener.getsockname()[1]
        self.over = threading.Event()

    def serve(self) -> None:
        while not self.over.is_set():
            with contextlib.suppress(OSError):
                client, _ = self.listener.accept()
                threading.Thread(target=self._answer, args=(client,), daemon=True).start()

    def _answer(self, client: socket.socket) -> None:
        with contextlib.suppress(OSError, ssl.SSLError), client:
            wire: Any = (
                self.secured.wrap_socket(client, server_side=True) if self.secured else client
            )
            with wire:
                head = b""
                while b"\r\n\r\n" not in head:
                    got = wire.recv(65536)
                    if not got:
                        return
                    head += got
                self.asked.append(head.decode())
                for piece in self.says(head.split()[1].decode()):
                    if self.over.is_set():
                        return
                    wire.sendall(piece)

    def close(self) -> None:
        self.over.set()
        with contextlib.suppress(OSError):
            self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()


@contextlib.contextmanager
def host(says: Script, secured: ssl.SSLContext | None = None) -> Iterator[Host]:
    opened = Host(says, secured)
    serving = threading.Thread(target=opened.serve, daemon=True)
    serving.start()
    try:
        yield opened
    finally:
        opened.close()
        serving.join(10)


def answer(body: bytes = b"", status: str = "200 OK", **headers: str) -> bytes:
    told = {"Content-Length": str(len(body)), "Content-Type": "image/jpeg"}
    told |= {name.replace("_", "-"): value for name, value in headers.items()}
    lines = [f"HTTP/1.1 {status}", *(f"{n}: {v}" for n, v in told.items() if v), "", ""]
    return "\r\n".join(lines).encode() + body


def redirect(to: str, status: str = "302 Found") -> bytes:
    return answer(status=status, Location=to)
