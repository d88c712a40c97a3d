"""Who may do what: tokens of people, and the table of routes by role. Deny by default.

Locally (IDENTITY=local) a session's token is a JWT that the shop signs itself (HS256 under a shop
secret, 12 h). Anywhere else tokens are those of the issuer `OIDC_ISSUER` for `OIDC_AUDIENCE`,
signed RS256 or ES256 with a key that it publishes; of what a token's header says of keys, the id
alone is read. A token states an opaque id and roles; it is never stored. Rights are the table at
the end: a route that it does not name is open to nobody but through `app.py` as public.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, Literal, get_args

from joserfc import jwt
from joserfc.errors import InvalidKeyIdError, JoseError
from joserfc.jwk import OctKey
from joserfc.jws import JWSRegistry

from chalicelib import config, vault
from chalicelib.access.issuer import Key, Keys
from chalicelib.errors import Forbidden, Unauthenticated
from chalicelib.events import customer, desk, product

Role = Literal[
    "merchant", "photographer", "customer", "barista", "maker", "courier", "support", "admin"
]
ROLES: frozenset[str] = frozenset(get_args(Role))
LIFE_S, LEEWAY_S = 12 * 3600, 30
ACTOR = re.compile(r"[!-~]{1,64}")  # what an event can say of who acted
PARAMETER = re.compile(r"\{\w+\}")
ISSUER = "tillstream"
NOBODY = ""
OURS = JWSRegistry(algorithms=["HS256"])
THEIRS = JWSRegistry(algorithms=["RS256", "ES256"], strict_check_header=False)


@dataclass(frozen=True, slots=True)
class Caller:
    """An authenticated person: an opaque id and roles."""

    actor: str
    roles: frozenset[str]


@cache
def _key() -> OctKey:
    return OctKey.import_key(vault.secret("sessions"))


@cache
def _keys(issuer: str) -> Keys:
    return Keys(issuer)


def issue(caller: Caller) -> str:
    """A token for the caller, valid for 12 h in this stage."""
    now = int(time.time())
    claims = {
        "iss": ISSUER,
        "aud": config.settings().stage,
        "sub": caller.actor,
        "roles": sorted(caller.roles),
        "iat": now,
        "exp": now + LIFE_S,
    }
    return jwt.encode({"alg": "HS256"}, claims, _key())


def caller(authorization: str) -> Caller | None:
    """Whom the header's bearer token names; None where the token is not for this shop, or over.

    Nothing that a client sends makes it raise. Raises CloudFailure while the key cannot be read.
    """
    scheme, _, token = authorization.partition(" ")
    if scheme.lower() != "bearer":
        return None
    read = _of_session if config.settings().identity == "local" else _of_issuer
    try:
        return read(token.strip())
    except (JoseError, ValueError, TypeError):  # joserfc has a TypeError for a header's "crit": 5
        return None


def heard(headers: Mapping[str, str]) -> Caller:
    """Whom a route hears that asks for no token: nobody without one, which has no role.

    Raises Unauthenticated for a token that does not hold, and CloudFailure.
    """
    said = headers.get("authorization")
    if said is None:
        return Caller(NOBODY, frozenset())
    found = caller(said)
    if found is None:
        raise Unauthenticated("send a valid token, or none", field="Authorization")
    return found


def _of_session(token: str) -> Caller | None:
    claims = jwt.decode(token, _key(), registry=OURS).claims
    _check(claims, 0, iss=ISSUER, aud=config.settings().stage)
    return _named(claims["sub"], claims.get("roles"))


def _of_issuer(token: str) -> Caller | None:
    """An access token; one that says of itself that it is for something else names nobody.

    Cognito says so in `token_use`. Its access token names a client in place of an audience, and a
    person's groups in place of roles.
    """
    settings = config.settings()
    if not (settings.oidc_issuer and settings.oidc_audience):
        return None
    claims = jwt.decode(token, _published_key, registry=THEIRS).claims
    use = claims.get("token_use")
    if use == "access":
        claims.setdefault("aud", claims.get("client_id"))
    elif use is not None:
        return None
    _check(claims, LEEWAY_S, iss=settings.oidc_issuer, aud=settings.oidc_audience)
    return _named(claims["sub"], claims.get("cognito:groups", claims.get("roles", [])))


def _published_key(signed: Any) -> Key:
    found = _keys(config.settings().oidc_issuer).get(signed.headers().get("kid"))
    if found is None:
        raise InvalidKeyIdError
    return found


def _check(claims: dict[str, Any], leeway_s: int, **expected: str) -> None:
    """That it is time, and that these claims are as expected. Raises JoseError."""
    options: dict[str, Any] = {name: {"essential": True} for name in ("sub", "exp")}
    options |= {name: {"essential": True, "value": value} for name, value in expected.items()}
    jwt.JWTClaimsRegistry(leeway=leeway_s, **options).validate(claims)


def _named(sub: object, roles: object) -> Caller | None:
    if not (isinstance(sub, str) and ACTOR.fullmatch(sub) and isinstance(roles, list)):
        return None
    return Caller(sub, frozenset(role for role in ROLES if role in roles))


def routes(roles: Iterable[str]) -> dict[str, list[str]]:
    """What these roles may call: methods by route, for the authorizer.

    A `*` in a policy matches slashes too, so `PUT /products/*` lets through more than is meant:
    the handler asks `require` once more.
    """
    held = frozenset(roles)
    found: dict[str, list[str]] = {}
    for (method, route), allowed in MAY.items():
        if held & allowed:
            found.setdefault(PARAMETER.sub("*", route), []).append(method)
    return found


def require(method: str, route: str, roles: frozenset[str]) -> None:
    """Raises Forbidden when none of the roles may call the route."""
    _require(MAY[method, route], roles)


def require_to_say(kind: str, roles: frozenset[str]) -> None:
    """Raises Forbidden when none of the roles may say an event of this type."""
    _require(MAY_SAY.get(kind, frozenset()), roles)


def _require(allowed: frozenset[str], roles: frozenset[str]) -> None:
    if not roles & allowed:
        needed = ", ".join(sorted(allowed))
        raise Forbidden(f"this needs one of the roles {needed}", field="Authorization")


def _any_of(*roles: Role) -> frozenset[str]:
    return frozenset(roles)


MAKERS = _any_of("barista", "maker")  # those who make what was ordered
MAY: dict[tuple[str, str], frozenset[str]] = {
    ("POST", "/products"): _any_of("merchant"),
    ("PUT", "/products/{id}"): _any_of("merchant"),
    ("PUT", "/products/{id}/photo"): _any_of("photographer"),
    ("POST", "/uploads"): _any_of("photographer"),
    ("POST", "/products/{id}/views"): _any_of("customer"),
    ("POST", "/products/{id}/purchases"): _any_of("customer"),
    ("POST", "/orders"): _any_of("customer"),
    ("POST", "/orders/{id}/payments"): _any_of("customer"),
    ("POST", "/orders/{id}/ready"): MAKERS,
    ("POST", "/orders/{id}/collected"): MAKERS,
    ("POST", "/orders/{id}/cancelled"): _any_of("customer") | MAKERS,
    ("POST", "/orders/{id}/refunds"): _any_of("support", "admin"),
    ("POST", "/fulfillments"): MAKERS,
    ("POST", "/deliveries"): _any_of("courier"),
    ("POST", "/photographers"): _any_of("photographer"),
    ("GET", "/photographers/{id}"): _any_of("photographer", "admin"),
    ("DELETE", "/photographers/{id}"): _any_of("photographer", "admin"),
    ("GET", "/assignments"): _any_of("photographer", "admin"),
    ("GET", "/sales"): _any_of("merchant", "admin"),
    ("GET", "/customers/me"): ROLES,
    ("PUT", "/customers/me"): ROLES,
    ("DELETE", "/customers/{id}"): ROLES,
    ("GET", "/orders"): _any_of("customer", "barista", "maker", "courier", "admin"),
    ("GET", "/orders/{id}"): _any_of("customer", "barista", "maker", "courier", "support", "admin"),
    ("POST", "/events"): ROLES,
    ("POST", "/events/batch"): ROLES,
    ("GET", "/events"): ROLES,
    ("GET", "/events/{id}"): ROLES,
    ("GET", "/events/{id}/proof"): ROLES,
    ("GET", "/views"): _any_of("admin"),
}

# What may be said to the event writer: the role of the matching route.
MAY_SAY: dict[str, frozenset[str]] = {
    product.Created.type: MAY["POST", "/products"],
    product.Updated.type: MAY["PUT", "/products/{id}"],
    product.Photographed.type: MAY["PUT", "/products/{id}/photo"],
    product.Viewed.type: MAY["POST", "/products/{id}/views"],
    product.Purchased.type: MAY["POST", "/products/{id}/purchases"],
    desk.PhotographerRegistered.type: MAY["POST", "/photographers"],
    customer.Updated.type: MAY["PUT", "/customers/me"],
    customer.RoleClaimed.type: _any_of("admin"),
}
