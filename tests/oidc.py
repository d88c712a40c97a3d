"""A small OIDC issuer over HTTP on 127.0.0.1. What it answers and what it signs can be bent."""

from __future__ import annotations

import base64
import json
import ssl
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from joserfc import jwt
from joserfc.jwk import ECKey, RSAKey
from joserfc.jws import JWSRegistry

DISCOVERY, JWKS = "/.well-known/openid-configuration", "/keys"
AUDIENCE = "tillstream-api"
LONG_HEADERS = JWSRegistry(algorithms=["RS256", "ES256"], strict_check_header=False)
LONG_HEADERS.max_header_length = 8192

Key = RSAKey | ECKey


@cache
def a_key(name: str, kind: str = "RS256") -> Key:
    """A key of this name; the same each time, for making one takes long."""
    more = {"kid": name, "use": "sig"}
    if kind == "RS256":
        return RSAKey.generate_key(2048, more)
    return ECKey.generate_key("P-256", more)


def part(value: Any) -> str:
    text = value if isinstance(value, bytes) else json.dumps(value).encode()
    return base64.urlsafe_b64encode(text).decode().rstrip("=")


class Issuer:
    """`published` are its keys; `bent` are answers that stand in place of its own, by path."""

    def __init__(self, tls: ssl.SSLContext | None = None) -> None:
        self.published: list[Any] = [a_key("first")]
        self.bent: dict[str, Any] = {}
        self.asked: Counter[str] = Counter()
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self.server.daemon_threads = True
        if tls is not None:
            self.server.socket = tls.wrap_socket(self.server.socket, server_side=True)
        scheme = "http" if tls is None else "https"
        self.url = f"{scheme}://127.0.0.1:{self.server.server_address[1]}"

    def claims(self, **changes: Any) -> dict[str, Any]:
        """What a token says, with changes; None leaves a claim out."""
        now = int(time.time())
        whole = {"iss": self.url, "aud": AUDIENCE, "sub": "a-person", "roles": ["customer"]}
        whole |= {"iat": now, "exp": now + 300, **changes}
        return {name: value for name, value in whole.items() if value is not None}

    def token(self, header: Any = None, key: Key | None = None, **changes: Any) -> str:
        key = key or a_key("first")
        alg = "RS256" if isinstance(key, RSAKey) else "ES256"
        whole = {"alg": alg, "kid": key.kid, **(header or {})}
        whole = {name: value for name, value in whole.items() if value is not None}
        return jwt.encode(whole, self.claims(**changes), key, registry=LONG_HEADERS)

    def document(self) -> dict[str, Any]:
        """What stands at the discovery address."""
        return {"issuer": self.url, "jwks_uri": self.url + JWKS, "response_types_supported": []}

    def jwks(self) -> dict[str, Any]:
        return {"keys": [k if isinstance(k, dict) else k.as_dict(False) for k in self.published]}

    def _handler(issuer: Any) -> type[BaseHTTPRequestHandler]:  # noqa: N805
        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                issuer.asked[self.path] += 1
                own = {DISCOVERY: issuer.document, JWKS: issuer.jwks}
                answer = issuer.bent.get(self.path)
                if callable(answer):
                    answer(self)
                    return
                status, headers = 200, {}
                if isinstance(answer, tuple):
                    status, headers, answer = answer
                if answer is None:
                    answer = own[self.path]() if self.path in own else {}
                body = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
                self.send_response(status)
                for name, value in {"Content-Length": str(len(body)), **headers}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: Any) -> None:
                """Nothing: its requests are counted."""

            def handle(self) -> None:
                try:
                    super().handle()
                except (ConnectionError, ssl.SSLError):
                    return  # who asked has seen enough

        return Handler


@contextmanager
def issuing(tls: ssl.SSLContext | None = None) -> Iterator[Issuer]:
    """An issuer that answers."""
    issuer = Issuer(tls)
    thread = threading.Thread(target=issuer.server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    yield issuer
    issuer.server.shutdown()
    thread.join()
    issuer.server.server_close()
