"""What an OIDC issuer publishes: the keys that its tokens are signed with.

- The issuer is an address, `OIDC_ISSUER`, letter for letter: its discovery document must say so of
  itself, and names where the keys are. All is fetched over https (http only from this machine),
  without following a redirect, in a few seconds and up to 128 KiB.
- Kept are RSA keys from 2048 bits and P-256 keys that are meant for signatures; there is no
  symmetric key among them, so a public key can never be taken for a shared secret.
- They are read once an hour, and when a token names a key that is not among them: so a rotated key
  is found. Between two readings lie at least 10 s, whatever tokens say.
- An issuer that does not answer leaves the keys as they were for a day. Where they do not decide
  (an unknown key, or no reading for a day), CloudFailure says that nobody can tell now.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from threading import Lock
from typing import Any
from urllib.parse import SplitResult, urlsplit

from joserfc.errors import JoseError
from joserfc.jwk import ECKey, RSAKey

from chalicelib import telemetry
from chalicelib.errors import CloudFailure, Malformed
from chalicelib.signing import strict

Key = RSAKey | ECKey

DISCOVERY = "/.well-known/openid-configuration"
HERE = ("127.0.0.1", "::1", "localhost")
FRESH_S, KEPT_S, PAUSE_S = 3600, 24 * 3600, 10
TIMEOUT_S, MOST_BYTES = 2.0, 128 * 1024
LEAST_MODULUS = 342  # base64url letters of 2048 bits


@dataclass(slots=True)
class Keys:
    """The keys of one issuer, as last read. Safe to be asked from many threads."""

    issuer: str
    _known: dict[str | None, Key] = field(default_factory=dict, init=False)
    _read: float = field(default=0.0, init=False)
    _asked: float = field(default=0.0, init=False)
    _failure: str = field(default="", init=False)
    _lock: Lock = field(default_factory=Lock, init=False)

    def get(self, kid: str | None) -> Key | None:
        """The key of this id; without an id, the only key there is.

        Raises CloudFailure while the issuer would have to be asked and does not answer.
        """
        with self._lock:
            now = time.time()
            is_wanted = self._find(kid) is None or _is_over(self._read, FRESH_S, now)
            if is_wanted and _is_over(self._asked, PAUSE_S, now):
                self._ask(now)
            found = self._find(kid)
            if self._failure and (found is None or _is_over(self._read, KEPT_S, now)):
                raise CloudFailure(self._failure)
            return found

    def _find(self, kid: str | None) -> Key | None:
        if kid is None and len(self._known) == 1:
            (only,) = self._known.values()
            return only
        return self._known.get(kid)

    def _ask(self, now: float) -> None:
        self._asked = now
        try:
            self._known, self._read, self._failure = published(self.issuer), now, ""
        except CloudFailure as failure:
            self._failure = str(failure)
            telemetry.say("issuer-failed", reason=self._failure)


def _is_over(since: float, span: float, now: float) -> bool:
    """Whether so many seconds lie between; also when the clock was set back."""
    return not 0 <= now - since < span


def published(issuer: str) -> dict[str | None, Key]:
    """The usable keys that the issuer names now, by id. Raises CloudFailure."""
    told = _fetch(issuer.rstrip("/") + DISCOVERY)
    if told.get("issuer") != issuer:
        raise CloudFailure("the issuer's discovery document is another issuer's")
    uri = told.get("jwks_uri")
    if not isinstance(uri, str) or (issuer.startswith("https:") and not uri.startswith("https:")):
        raise CloudFailure("the issuer's discovery document names no keys that can be fetched")
    entries = _fetch(uri).get("keys")
    found = [_key(entry) for entry in entries] if isinstance(entries, list) else []
    keys = {key.kid: key for key in found if key is not None}
    if not keys:
        raise CloudFailure("the issuer publishes no RS256 or ES256 key")
    return keys


def _key(entry: Any) -> Key | None:
    """The key that the JWK is, if a token may be signed with it."""
    if not isinstance(entry, dict) or entry.get("use", "sig") != "sig":
        return None
    kind = (entry.get("kty"), entry.get("crv"), entry.get("alg"))
    try:
        if kind in (("RSA", None, None), ("RSA", None, "RS256")):
            return RSAKey.import_key(entry) if len(entry["n"]) >= LEAST_MODULUS else None
        if kind in (("EC", "P-256", None), ("EC", "P-256", "ES256")):
            return ECKey.import_key(entry)
    except (JoseError, ValueError, TypeError, KeyError):
        return None
    return None


def _fetch(address: str) -> dict[str, Any]:
    """The JSON object at the address. Raises CloudFailure."""
    from http.client import HTTPException  # noqa: PLC0415  (with ssl, 20 ms of every cold start)

    try:
        found = strict.decode(_read(_split(address)), floats=True, limit=MOST_BYTES)
    except (OSError, HTTPException, ValueError, Malformed) as error:
        reason = str(error) or type(error).__name__
        raise CloudFailure(f"the issuer cannot be read: {reason}") from None
    if not isinstance(found, dict):
        raise CloudFailure("the issuer cannot be read: no JSON object")
    return found


def _split(address: str) -> SplitResult:
    """The address, if it is one to trust: nobody between here and there can change the answer."""
    parts = urlsplit(address)
    is_safe = parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in HERE)
    if not is_safe or not parts.hostname or parts.username is not None or parts.fragment:
        raise ValueError("its address is not https://…")
    return parts


def _read(parts: SplitResult) -> bytes:
    """What a GET gives, if that is 200; up to the limit and one byte."""
    from http.client import HTTPConnection, HTTPSConnection  # noqa: PLC0415  (as above)

    make = HTTPSConnection if parts.scheme == "https" else HTTPConnection
    connection = make(parts.hostname or "", parts.port, timeout=TIMEOUT_S)
    end, body = time.monotonic() + TIMEOUT_S, b""
    try:
        target = parts._replace(scheme="", netloc="").geturl() or "/"
        connection.request("GET", target, headers={"Accept": "application/json"})
        answer = connection.getresponse()
        if answer.status != 200:
            raise ValueError(f"it answers {answer.status}")
        while len(body) <= MOST_BYTES and (part := answer.read1(MOST_BYTES)):
            body += part
            if time.monotonic() > end:
                raise TimeoutError("it answers too slowly")
        return body
    finally:
        connection.close()
