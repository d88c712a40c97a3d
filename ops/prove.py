"""The proof that an event is on the log, as a file that its holder checks without the shop.

It is checked before it is written, by the very program that its holder has: `verify_proof.py`.
Raises NotProvenError.
"""

from __future__ import annotations

import json
import os
from pathlib import Path

from chalicelib import archive, config, store
from chalicelib.errors import BadRequest
from chalicelib.events import Position
from chalicelib.notary.proof import Proof
from chalicelib.notary.proof import prove as proven
from chalicelib.read import position as known_position
from chalicelib.store import Query
from chalicelib.verdicts import EVENT, payload
from ops import verify_proof


class NotProvenError(Exception):
    """There is no such event, or no proof of it, and why."""


class DoubtfulError(Exception):
    """There is a proof, and it does not hold."""


def prove(event: str, at: str | None) -> Proof:
    """The proof of the event, which lies at the position. Raises DoubtfulError besides."""
    position = _where(event, at)
    found = archive.record_at(position)
    if found is None:
        raise NotProvenError(f"nothing is archived at {position}")
    if payload(found[0].data).get("id") != event:
        raise NotProvenError(f"the event at {position} has another id")
    proof = proven(position)
    if proof is None:
        raise NotProvenError("it is recorded and not notarised yet: try again in a minute")
    try:
        verify_proof.verify({**proof}, config.settings().trust_root)
    except (verify_proof.DoesNotHoldError, verify_proof.NoProofError) as why:
        raise DoubtfulError(f"the archive does not prove it: {why}") from None
    return proof


def write(proof: Proof, path: Path) -> None:
    """The proof in a new file, for whoever carries it away."""
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except OSError as flaw:
        raise NotProvenError(f"{path} cannot be written: {flaw.strerror}") from None
    try:
        with os.fdopen(handle, "w", encoding="ascii") as file:
            file.write(json.dumps(proof, indent=1) + "\n")
    except OSError as flaw:
        path.unlink()
        raise NotProvenError(f"{path} cannot be written: {flaw.strerror}") from None


def _where(event: str, at: str | None) -> Position:
    if not EVENT.fullmatch(event):
        raise NotProvenError("an event's id is 1 to 64 of A-Z a-z 0-9 . _ ~ -")
    if at is None:
        rows, _ = store.page(Query(f"event/{event}"), limit=1)
        if not rows:
            raise NotProvenError("no row is kept of this event: give --at, as its 202 had it")
        at = str(rows[0].body["position"])
    try:
        return known_position(at, "at")
    except BadRequest as flaw:
        raise NotProvenError(f"--at: {flaw.detail}") from None
