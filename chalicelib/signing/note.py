"""The tree head as it is signed and passed around: a C2SP checkpoint in a signed note.

    tillstream/prod                             whose tree: a name that no other shop's tree has
    40                                          how many leaves
    to+7RUDTy/w5+XE00bRmGMfCFAx/NPCVtTDWCa+EeHI=        the root over them
                                                an empty line, then lines of signatures:
    — tillstream/prod lrGpiQbyOnBD…             the name, and base64 of key id and signature

- There is one spelling of a tree head: sizes without leading zeros, base64 with its padding, no
  lines beside these three.
- A signature of a key that is not known here is passed over, so that a witness may add one; at
  least one that is known must fit, and none that is known may fail.

Raises Malformed, UnknownKey, BadSignature, WrongStream (another log's).
"""

from __future__ import annotations

import hashlib
import re
from base64 import b64decode, b64encode
from binascii import Error as NotBase64
from collections.abc import Iterable
from typing import NamedTuple

from chalicelib.errors import Malformed, UnknownKey, WrongStream
from chalicelib.signing.jws import PublicKey, SigningKey, Token, unbase64

LIMIT = 4096
ED25519 = b"\x01"


class TreeHead(NamedTuple):
    """What is said of a tree: whose it is, how many leaves it has, and the root over them."""

    origin: str
    size: int
    root: bytes


def sign(head: TreeHead, key: SigningKey) -> str:
    """The tree head as a note; the same head and key give the same note."""
    text = _text(head)
    signature = _key_id(head.origin, key.public) + key.sign(text.encode())
    return f"{text}\n— {head.origin} {b64encode(signature).decode()}\n"


def opened(note: str, origin: str, keys: Iterable[PublicKey]) -> TreeHead:
    """The tree head that one of the keys signed.

    Raises Malformed, UnknownKey, BadSignature, WrongStream.
    """
    head, text, signatures = _parsed(note)
    if head.origin != origin:
        raise WrongStream(f"a tree head of {head.origin}, not of {origin}")
    known = {_key_id(origin, key): key for key in keys}
    fitting = 0
    for name, signature in signatures:
        key = known.get(signature[:4])
        if name == origin and key is not None:
            key.verify(Token(key.kid, b"", text.encode(), signature[4:]))
            fitting += 1
    if not fitting:
        raise UnknownKey("no notary of this shop signed this tree head")
    return head


def _text(head: TreeHead) -> str:
    return f"{head.origin}\n{head.size}\n{b64encode(head.root).decode()}\n"


def _key_id(origin: str, key: PublicKey) -> bytes:
    """Four bytes that tell the keys of one name apart; the signature decides, not they."""
    named = origin.encode() + b"\n" + ED25519 + unbase64(key.x.encode())
    return hashlib.sha256(named).digest()[:4]


def _parsed(note: str) -> tuple[TreeHead, str, list[tuple[str, bytes]]]:
    found = _NOTE.fullmatch(note) if len(note) <= LIMIT else None
    if found is None:
        raise Malformed("not a signed tree head")
    origin, size, root, lines = found.groups()
    head = TreeHead(origin, int(size), _unbase64(root))
    signatures = [line.split(" ")[1:] for line in lines.splitlines()]
    return head, _text(head), [(name, _unbase64(signature)) for name, signature in signatures]


def _unbase64(text: str) -> bytes:
    try:
        data = b64decode(text, validate=True)
    except NotBase64:
        raise Malformed("a tree head's base64 is not such") from None
    if b64encode(data).decode() != text:
        raise Malformed("not the one spelling in base64")
    return data


_NOTE = re.compile(
    r"([!-*,-~]{1,128})\n(0|[1-9][0-9]{0,14})\n([A-Za-z0-9+/]{43}=)\n\n"
    r"((?:— [!-*,-~]{1,128} [A-Za-z0-9+/=]{8,}\n)+)"
)
