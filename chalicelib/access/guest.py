"""Guests: whoever sends no token is known by the one ticket that they opened, and by nothing else.

Each such ticket has a person of its own, whose key encrypts it, so it can be erased alone. The
ticket's own key, which its author was given, makes its bearer that person: for this ticket, while
they show no token. Both follow from the ticket's id and the shop's secrets; neither is on the log.
"""

from __future__ import annotations

import base64
import hmac

from chalicelib import vault

KEY = r"^[A-Za-z0-9_-]{22}$"
BYTES = 16


def person(ticket: str) -> str:
    """The opaque id of whoever opened this ticket without a token."""
    return str(vault.name_for("guest", ticket))


def key(ticket: str) -> str:
    """What opens the ticket to whoever has no token."""
    sealed = vault.fingerprint("guests", ticket.encode())[:BYTES]
    return base64.urlsafe_b64encode(sealed).decode().rstrip("=")


def holds(ticket: str, given: str) -> bool:
    """Whether this is the ticket's key."""
    return hmac.compare_digest(given.encode(), key(ticket).encode())
