"""Why the log can be believed: every event is sealed by its producer and unsealed before use.

    strict   JSON that can be read in one way only
    jws      the compact JWS with nothing left to choose, and the keys
    trust    the root-signed document: whose key may say what, and when
    profile  the event: its attributes, `seal` and `unseal`, and what makes a repeat
    tree     RFC 6962: one hash for many leaves, and proofs of what lies under it
    note     the tree head, signed: a C2SP checkpoint
    keys     where keys and the document are kept; the only part that reads and writes

All but `keys` is pure: the same record, clock and trust document give the same verdict, whether
the event arrived just now or years ago. Whatever is wrong leaves as a SecurityError.
"""

from chalicelib.signing.jws import PublicKey, SigningKey, thumbprint
from chalicelib.signing.profile import content, identity, seal, unseal
from chalicelib.signing.trust import Jwks, Trust, system_trust

__all__ = [
    "Jwks",
    "PublicKey",
    "SigningKey",
    "Trust",
    "content",
    "identity",
    "seal",
    "system_trust",
    "thumbprint",
    "unseal",
]
