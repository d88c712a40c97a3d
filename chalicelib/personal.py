"""What is personal: encrypted under a key of that person's own, and unreadable once it is gone.

- One person has one key: 256 random bits with a random id, at `people/<person>` of the vault. It
  is created there once; erasing overwrites it by a tombstone, and what lies there is never created
  again: so no key returns.
- Whose key was lost (a vault that was restored from an older copy) gets another one that says so:
  what was encrypted under the first reads as erased does, and the person goes on.
- A ciphertext is a compact JWE (RFC 7516; `dir`, `A256GCM`). Its protected header is exactly `alg`,
  `enc`, `kid` (the key's id) and `sub`, the subject of the event that it stands in; it has one
  spelling. So one that was altered, or moved to another subject or person, is refused.
- A process keeps a key for 5 s at most, and 1,024 of them; the one that destroys forgets at once.

Raises Tampered, Erased, TooLarge, CloudFailure.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Collection
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from itertools import repeat
from typing import Any, NamedTuple
from urllib.parse import quote

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from chalicelib import vault
from chalicelib.errors import Erased, Malformed, Tampered, TooLarge
from chalicelib.signing import strict
from chalicelib.signing.jws import base64, unbase64

KEPT_S, MOST_KEPT, TOGETHER = 5, 1024, 16
IV, TAG, KEY = 12, 16, 32
MOST = 24_000  # bytes: fits a `Pii`, and fifty orders fit an answer
TOMBSTONE = strict.encode({"erased": True})


class Key(NamedTuple):
    """A person's key and its id; `follows` one that was lost."""

    kid: str
    secret: bytes
    follows: bool


class NoKey(Tampered):
    """This person has no key, and never had."""


def encrypt(person: str, subject: str, members: dict[str, Any]) -> str:
    """The members under this person's key, which is made if there is none; for this subject alone.

    Raises Erased, and TooLarge for more than an event can take.
    """
    text = strict.encode(members)
    if len(text) > MOST:
        raise TooLarge(f"what is personal here is over {MOST} bytes", field="body")
    key = _key_to_write(person)
    if key is None:
        raise Erased("this person was erased")
    header, iv = _header(key.kid, subject), secrets.token_bytes(IV)
    sealed = AESGCM(key.secret).encrypt(iv, text, header)
    parts = header, b"", base64(iv), base64(sealed[:-TAG]), base64(sealed[-TAG:])
    return b".".join(parts).decode()


def decrypt(person: str, subject: str, pii: str) -> dict[str, Any] | None:
    """The members that were encrypted for this person and subject; None once they are erased.

    Raises Tampered.
    """
    key = _key(person, _now())
    if key is None:
        return None
    try:
        if key.follows and _kid(pii) != key.kid:
            return None
        return _opened(key, subject, pii.encode())
    except (InvalidTag, Malformed, ValueError):
        raise Tampered("it is altered, or another subject's or person's") from None


def gather(people: Collection[str]) -> None:
    """Read the keys of these people all at once: what tells of many would wait for each in turn.

    Raises Tampered where one of them never had a key.
    """
    if people:
        with ThreadPoolExecutor(min(len(people), TOGETHER)) as pool:
            list(pool.map(_key, people, repeat(_now())))


def destroy(person: str) -> None:
    """Nothing of this person's can be read or written any more, once the others forget."""
    vault.overwrite(place(person), TOMBSTONE)
    forget()


def renew(person: str) -> None:
    """Another key for one that was lost; whoever has a key, or was erased, keeps to that."""
    vault.create(place(person), _made(lost=True))
    forget()


def is_erased(person: str) -> bool:
    """Whether the person's key is destroyed, as the vault has it at this moment."""
    return vault.read(place(person)) == TOMBSTONE


def has_key(person: str) -> bool:
    """Whether a key was ever made for the person that the vault still knows of."""
    return vault.read(place(person)) is not None


def place(person: str) -> str:
    """Where the person's key lies; an issuer's id may be of any visible letters."""
    return "people/" + quote(person, safe="").replace(".", "%2E")


def forget() -> None:
    """Read every key anew."""
    _key.cache_clear()


def _opened(key: Key, subject: str, pii: bytes) -> dict[str, Any]:
    header, wrapped, iv, text, tag = pii.split(b".")
    if wrapped or header != _header(key.kid, subject):
        raise Malformed("another header")
    sealed = unbase64(text) + unbase64(tag)
    found: dict[str, Any] = strict.decode(AESGCM(key.secret).decrypt(unbase64(iv), sealed, header))
    return found


def _kid(pii: str) -> Any:
    """Which key it says that it is under."""
    header = strict.decode(unbase64(pii.partition(".")[0].encode()))
    return header.get("kid") if isinstance(header, dict) else None


def _header(kid: str, subject: str) -> bytes:
    return base64(strict.encode({"alg": "dir", "enc": "A256GCM", "kid": kid, "sub": subject}))


def _now() -> int:
    """How many times the keys that are kept were forgotten."""
    return int(time.monotonic() // KEPT_S)


@lru_cache(maxsize=MOST_KEPT)
def _key(person: str, now: int) -> Key | None:  # noqa: ARG001  (a part of what is kept)
    """The person's key; None once they are erased. Raises NoKey, which is not kept."""
    found = vault.read(place(person))
    if found is None:
        raise NoKey("no key was ever made for this person")
    return _read(found)


def _key_to_write(person: str) -> Key | None:
    try:
        return _key(person, _now())
    except NoKey:
        return _read(vault.create(place(person), _made()))


def _made(*, lost: bool = False) -> bytes:
    made = {"kid": base64(secrets.token_bytes(16)), "k": base64(secrets.token_bytes(KEY))}
    members = {"kty": "oct"} | {name: value.decode() for name, value in made.items()}
    return strict.encode(members | ({"follows": "lost"} if lost else {}))


def _read(found: bytes) -> Key | None:
    if found == TOMBSTONE:
        return None
    jwk = strict.decode(found)
    return Key(jwk["kid"], unbase64(jwk["k"].encode()), "follows" in jwk)
