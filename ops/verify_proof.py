"""Whether a proof holds that an event is on a shop's log. One file, for Python 3.9 or later alone.

    python3 verify_proof.py PROOF X

PROOF is what `GET /events/{id}/proof` or `python -m ops prove` gave. X is the `x` of the shop's
root key: have it from the shop by another way than the proof. Nothing is asked of anybody.

Exit code 0: it holds. 1: it does not, and a sentence says where. 2: it, or X, cannot be read.

What holds then: the root signed the trust document; a notary that it names signed the tree head;
the record is under that tree head, at its place; and a key that it names, which might say so,
signed the event in the record. That the event counts, and that the shop shows everybody the same
tree head, no proof can say: compare the tree head with those of others (`GET /tree-head`).
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
import sys
from pathlib import Path
from typing import Any, NamedTuple, NoReturn

NOTARY = "urn:tillstream:notary"
EVENT, TRUST = "tillstream-event+jws", "tillstream-trust+jws"
TREE_HEAD = r"([!-~]+)\n([1-9][0-9]{0,14})\n([A-Za-z0-9+/]{43}=)\n\n((?:— .+\n)+)"
X = r"[A-Za-z0-9_-]{42}[AEIMQUYcgkosw048]"  # 32 bytes as base64url
MOST = 16 * 1024 * 1024
ASKED: dict[str, type] = {"v": int, "index": int, "leaf": int, "path": list, "treePath": list}
ASKED |= dict.fromkeys(("position", "record", "manifest", "digest", "treeHead", "trust"), str)


class DoesNotHoldError(Exception):
    """The proof shows something else than it says."""


class NoProofError(Exception):
    """It is no proof that can be read."""


class Found(NamedTuple):
    """What the proof shows."""

    event: dict[str, Any]
    position: str
    arrival_ms: int
    origin: str
    size: int
    root: str
    leaf: int


def verify(proof: dict[str, Any], root_x: str) -> Found:
    """What the proof shows. Raises DoesNotHoldError, NoProofError."""
    if re.fullmatch(X, root_x) is None:
        raise NoProofError("X is no key: the `x` of one is 43 of A-Z a-z 0-9 - _")
    try:
        return _verify(proof, root_x)
    except (KeyError, IndexError, TypeError, ValueError, AttributeError, RecursionError) as flaw:
        raise NoProofError(f"not in the form of a proof ({type(flaw).__name__})") from None


def _verify(proof: dict[str, Any], root_x: str) -> Found:
    if any(type(proof[name]) is not kind for name, kind in ASKED.items()) or proof["v"] != 1:
        raise NoProofError("not in the form of a proof")
    trust = _trust(proof["trust"], root_x)
    origin, size, root = _tree_head(proof["treeHead"], trust)
    manifest = _json(proof["manifest"])
    records = _climb(_leaf(proof["record"]), proof["index"], manifest["count"], proof["path"])
    lines = (proof["manifest"], _text(records), proof["digest"], "")
    leaf = _leaf("\n".join(lines))
    if _text(_climb(leaf, proof["leaf"], size, proof["treePath"])) != root:
        _fail("the record does not lead up to the tree head")
    sequence, arrival, key, data = _json(proof["record"])
    if proof["position"] != f"{manifest['stream']}/{manifest['shard']}:{sequence}":
        _fail("the record lies at another position")
    clock = max(manifest["clock"], arrival)
    event = _event(data, trust, clock)
    if (event["stream"], event["subject"]) != (manifest["stream"], key):
        _fail("the event was meant for another stream, or for another place in it")
    return Found(event, proof["position"], arrival, origin, size, root, proof["leaf"])


def _trust(blob: str, root_x: str) -> dict[str, Any]:
    """The trust document, which the root signed."""
    _, payload = _jws(blob, TRUST, {_thumbprint(root_x): root_x})
    document: dict[str, Any] = _json(payload)
    for entry in document["keys"]:
        if _thumbprint(entry["x"]) != entry["kid"]:
            _fail("the trust document names a key by another name than its own")
    return document


def _tree_head(note: str, trust: dict[str, Any]) -> tuple[str, int, str]:
    """Whose tree, how large, which root: as a notary signed it (C2SP checkpoint)."""
    found = re.fullmatch(TREE_HEAD, note)
    if found is None:
        raise NoProofError("its tree head is none")
    origin, size, root, lines = found.groups()
    text = note[: note.index("\n\n") + 1].encode()
    for line in lines.splitlines():
        name, signature = line[2:].split(" ")
        signed = base64.b64decode(signature, validate=True)
        for entry in trust["keys"]:
            is_notary = entry["source"] == NOTARY and entry["kid"] not in trust["revoked"]
            key = _unbase64(entry["x"])
            key_id = hashlib.sha256(origin.encode() + b"\n\x01" + key).digest()[:4]
            if is_notary and (name, key_id) == (origin, signed[:4]):
                if not signature_holds(key, signed[4:], text):
                    _fail("the notary did not sign this tree head")
                return origin, int(size), root
    return _fail("no notary that the root names signed the tree head")


def _event(token: Any, trust: dict[str, Any], clock: int) -> dict[str, Any]:
    """The event, which somebody signed who might say it."""
    if type(token) is not str:
        _fail("what is recorded is no event")
    keys = {entry["kid"]: entry["x"] for entry in trust["keys"]}
    kid, payload = _jws(token, EVENT, keys)
    event: dict[str, Any] = _json(payload)
    entry = next(entry for entry in trust["keys"] if entry["kid"] == kid)
    end = min(entry.get("exp", clock + 1), trust["revoked"].get(kid, clock + 1))
    if not entry["nbf"] <= clock < end:
        _fail("the key that signed the event was not valid when it arrived")
    if event["source"] != entry["source"] or not any(
        _fits(grant["type"], event["type"]) and _fits(grant["subject"], event["subject"])
        for grant in entry["grants"]
    ):
        _fail("the key that signed the event may not say this")
    return event


def _fits(pattern: str, text: str) -> bool:
    parts = map(re.escape, pattern.split("*"))
    return re.fullmatch("[!-~]*".join(parts), text) is not None


def _jws(token: str, typ: str, keys: dict[str, str]) -> tuple[str, bytes]:
    """Who signed it, of these keys by name, and its payload (RFC 7515)."""
    header, payload, signature = token.encode("ascii").split(b".")
    said = _json(_unbase64(header.decode()))
    if set(said) != {"alg", "kid", "typ"} or said["typ"] != typ:
        _fail("a signature is of another kind")
    if said["alg"] not in ("Ed25519", "EdDSA"):
        _fail("a signature is made in another way")
    if said["kid"] not in keys:
        _fail(f"{typ}: it is signed by a key that nobody vouches for")
    key = _unbase64(keys[said["kid"]])
    if not signature_holds(key, _unbase64(signature.decode()), header + b"." + payload):
        _fail(f"{typ}: the signature does not fit")
    return said["kid"], _unbase64(payload.decode())


def _climb(leaf: bytes, index: int, size: int, path: list[str]) -> bytes:
    """The root to which the path leads (RFC 6962 §2.1.1)."""
    if not 0 <= index < size:
        _fail("there is no such place in the tree")
    turns, start, end = [], 0, size
    while end - start > 1:
        middle = start + (1 << ((end - start - 1).bit_length() - 1))
        turns.append(index >= middle)
        start, end = (middle, end) if index >= middle else (start, middle)
    if len(path) != len(turns):
        _fail("the path has another length than the tree has levels")
    for is_right, text in zip(reversed(turns), path):  # noqa: B905  (Python 3.9 has no strict)
        other = base64.b64decode(text, validate=True)
        halves = other + leaf if is_right else leaf + other
        leaf = hashlib.sha256(b"\x01" + halves).digest()
    return leaf


def _leaf(text: str) -> bytes:
    return hashlib.sha256(b"\x00" + text.encode("ascii")).digest()


def _text(digest: bytes) -> str:
    return base64.b64encode(digest).decode()


def _unbase64(text: str) -> bytes:
    return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)


def _thumbprint(x: str) -> str:
    """A key's name (RFC 7638)."""
    members = f'{{"crv":"Ed25519","kty":"OKP","x":"{x}"}}'
    digest = hashlib.sha256(members.encode()).digest()
    return base64.urlsafe_b64encode(digest).decode().rstrip("=")


def _json(text: str | bytes) -> Any:
    """What it says, if no member stands twice."""
    return json.loads(text, object_pairs_hook=_object)


def _object(members: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(members)
    if len(found) != len(members):
        raise ValueError("a member stands twice")
    return found


def _fail(why: str) -> NoReturn:
    raise DoesNotHoldError(why)


# Ed25519 (RFC 8032 §5.1): a point is (X, Y, Z, T) with x = X/Z, y = Y/Z, x·y = T/Z. Verification
# holds no secret, so it need not take the same time for everything.
Point = tuple[int, int, int, int]
PRIME = 2**255 - 19
ORDER = 2**252 + 27742317777372353535851937790883648493
CURVE = -121665 * pow(121666, PRIME - 2, PRIME) % PRIME
ROOT_OF_MINUS_1 = pow(2, (PRIME - 1) // 4, PRIME)
NEUTRAL: Point = (0, 1, 1, 0)


def signature_holds(key: bytes, signature: bytes, message: bytes) -> bool:
    """Whether the holder of this key signed these bytes."""
    point = _point(key) if len(key) == 32 else None
    scalar = int.from_bytes(signature[32:], "little")
    if point is None or len(signature) != 64 or scalar >= ORDER:
        return False
    if _encoded(_times(8, point)) == _encoded(NEUTRAL):  # one signature would fit every message
        return False
    said = hashlib.sha512(signature[:32] + key + message).digest()
    challenge = int.from_bytes(said, "little") % ORDER
    minus = (PRIME - point[0], point[1], point[2], PRIME - point[3])
    return _encoded(_plus(_times(scalar, BASE), _times(challenge, minus))) == signature[:32]


def _plus(p: Point, q: Point) -> Point:
    a = (p[1] - p[0]) * (q[1] - q[0]) % PRIME
    b = (p[1] + p[0]) * (q[1] + q[0]) % PRIME
    c = 2 * p[3] * q[3] * CURVE % PRIME
    d = 2 * p[2] * q[2] % PRIME
    e, f, g, h = b - a, d - c, d + c, b + a
    return (e * f % PRIME, g * h % PRIME, f * g % PRIME, e * h % PRIME)


def _times(number: int, point: Point) -> Point:
    found = NEUTRAL
    while number:
        if number & 1:
            found = _plus(found, point)
        point, number = _plus(point, point), number >> 1
    return found


def _point(encoded: bytes) -> Point | None:
    """The point whose y and sign of x these bytes are; None where there is none."""
    number = int.from_bytes(encoded, "little")
    y, sign = number & (2**255 - 1), number >> 255
    if y >= PRIME:
        return None
    square = (y * y - 1) * pow(CURVE * y * y + 1, PRIME - 2, PRIME) % PRIME
    x = pow(square, (PRIME + 3) // 8, PRIME)
    if (x * x - square) % PRIME:
        x = x * ROOT_OF_MINUS_1 % PRIME
    if (x * x - square) % PRIME or (x == 0 and sign):
        return None
    x = PRIME - x if x & 1 != sign else x
    return (x, y, 1, x * y % PRIME)


def _encoded(point: Point) -> bytes:
    inverse = pow(point[2], PRIME - 2, PRIME)
    x, y = point[0] * inverse % PRIME, point[1] * inverse % PRIME
    return (y | (x & 1) << 255).to_bytes(32, "little")


def _base() -> Point:
    found = _point((4 * pow(5, PRIME - 2, PRIME) % PRIME).to_bytes(32, "little"))
    assert found is not None
    return found


BASE = _base()


def told(found: Found) -> str:
    """What the proof shows, in lines of printable ASCII."""
    event = found.event
    lines = {
        "event": f"{event['type']} {event['id']}",
        "of": event["subject"],
        "said by": f"{event['source']} for {event['actor']}, at {event['time']}",
        "data": event["data"],
        "recorded": f"at {found.position}, arrived {found.arrival_ms} ms after 1970",
        "under": f"leaf {found.leaf} of {found.size} in {found.origin}",
        "root": found.root,
    }
    return "\n".join(f"{name:<9} {json.dumps(said)}" for name, said in lines.items())


def main(arguments: list[str]) -> int:
    """Read, verify, tell; the exit code."""
    if len(arguments) != 2:
        print(__doc__, file=sys.stderr)
        return 2
    try:
        with Path(arguments[0]).open("rb") as file:
            found = verify(_json(file.read(MOST)), arguments[1])
    except DoesNotHoldError as why:
        print(f"does not hold: {why}", file=sys.stderr)
        return 1
    except (OSError, ValueError, RecursionError, NoProofError) as why:
        print(f"cannot be read: {why}", file=sys.stderr)
        return 2
    print(f"{told(found)}\nholds")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
