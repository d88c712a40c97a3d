"""Tokens of an OIDC issuer: which are believed, and what an issuer may do to who asks it."""

from __future__ import annotations

import datetime as dt
import hashlib
import hmac
import ipaddress
import json
import ssl
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import NameOID
from joserfc import jws, jwt
from joserfc.jwk import ECKey, OctKey
from oidc import AUDIENCE, DISCOVERY, JWKS, Issuer, a_key, issuing, part
from shopfront import PROBLEM, Shopfront

from chalicelib import access, config
from chalicelib.access import Caller
from chalicelib.access import issuer as issuers
from chalicelib.errors import CloudFailure

A_PERSON = Caller("a-person", frozenset({"customer"}))
Token = Callable[[Issuer], str]


@pytest.fixture
def issuer(monkeypatch: pytest.MonkeyPatch) -> Iterator[Issuer]:
    """An issuer, and a stage that believes it and nobody else."""
    with issuing() as found:
        believe(monkeypatch, found)
        yield found
    monkeypatch.undo()
    config.settings.cache_clear()
    access._keys.cache_clear()


def believe(monkeypatch: pytest.MonkeyPatch, issuer: Issuer) -> None:
    names = ("STAGE", "STREAM", "TABLE", "ARCHIVE_BUCKET", "VAULT_BUCKET", "PRODUCER_KEY")
    for name in (*names, "WORK_QUEUE", "COURIER_QUEUE", "TRUST_ROOT"):
        monkeypatch.setenv(name, "unused")
    monkeypatch.setenv("IDENTITY", "")
    monkeypatch.setenv("OIDC_ISSUER", issuer.url)
    monkeypatch.setenv("OIDC_AUDIENCE", AUDIENCE)
    config.settings.cache_clear()
    access._keys.cache_clear()


@pytest.fixture
def later(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    """Moves the clock so many seconds from the start of the test."""
    start = time.time()
    return lambda seconds: monkeypatch.setattr(time, "time", lambda: start + seconds)


def named(token: str) -> Caller | None:
    return access.caller(f"Bearer {token}")


GOOD: dict[str, Token] = {
    "RS256": lambda issuer: issuer.token(),
    "several audiences": lambda issuer: issuer.token(aud=["other", AUDIENCE]),
    "Cognito's access token": lambda issuer: issuer.token(
        aud=None,
        client_id=AUDIENCE,
        token_use="access",
        roles=None,
        **{"cognito:groups": ["customer"]},
    ),
    "groups before roles": lambda issuer: issuer.token(
        roles=["admin"], **{"cognito:groups": ["customer"]}
    ),
    "roles of others": lambda issuer: issuer.token(
        roles=["customer", "root", "Admin", "", None, 5, ["admin"], {"admin": 1}]
    ),
    "no id of a key, where there is one key": lambda issuer: issuer.token({"kid": None}),
    "a header member that we do not know": lambda issuer: issuer.token({"nonce": "x"}),
    "a key of its own in the header, not read": lambda issuer: issuer.token(
        {
            "jku": "http://127.0.0.1:1/",
            "x5u": "http://127.0.0.1:1/",
            "jwk": {"kty": "oct", "k": "eA"},
        }
    ),
    "over for less than the leeway": lambda issuer: issuer.token(exp=int(time.time()) - 20),
    "issued by a clock ahead": lambda issuer: issuer.token(
        iat=int(time.time()) + 20, nbf=int(time.time()) + 20
    ),
}


@pytest.mark.parametrize("token", GOOD.values(), ids=GOOD)
def test_a_token_names_its_person_and_the_roles_that_we_know(issuer: Issuer, token: Token) -> None:
    assert named(token(issuer)) == A_PERSON
    assert set(issuer.asked) == {DISCOVERY, JWKS}


def test_a_token_under_a_p256_key_is_taken_too(issuer: Issuer) -> None:
    issuer.published.append(a_key("curve", "ES256"))
    assert named(issuer.token(key=a_key("curve", "ES256"))) == A_PERSON
    assert named(issuer.token()) == A_PERSON


def test_a_token_without_a_role_names_a_person_without_rights(issuer: Issuer) -> None:
    assert named(issuer.token(roles=None)) == Caller("a-person", frozenset())


def unsigned(alg: Any) -> Token:
    """Right in all but its signature, of which there is none."""
    header = {"alg": alg, "kid": "first"}
    return lambda issuer: f"{part(header)}.{part(issuer.claims())}."


def with_secret(secret: Callable[[], bytes]) -> Token:
    """HS256 under bytes that everybody can read."""

    def make(issuer: Issuer) -> str:
        text = f"{part({'alg': 'HS256', 'kid': 'first'})}.{part(issuer.claims())}"
        return f"{text}.{part(hmac.digest(secret(), text.encode(), hashlib.sha256))}"

    return make


def in_alg(alg: str, kid: str = "first") -> Token:
    key = a_key("first")

    def make(issuer: Issuer) -> str:
        return jwt.encode({"alg": alg, "kid": kid}, issuer.claims(), key, algorithms=[alg])

    return make


def with_claims(**changes: Any) -> Token:
    return lambda issuer: issuer.token(**changes)


def at(**seconds: float) -> Token:
    """Times so far from now."""
    return lambda issuer: issuer.token(**{k: int(time.time() + s) for k, s in seconds.items()})


def by_stranger(**header: Any) -> Token:
    """Signed with a key that only the header vouches for."""
    stranger = a_key("stranger")
    return lambda issuer: issuer.token({"kid": "first", **header}, stranger)


def pem() -> bytes:
    return a_key("first").as_pem(private=False)


BAD: dict[str, Token] = {
    "alg none": unsigned("none"),
    "alg None": unsigned("None"),
    "alg NONE": unsigned("NONE"),
    "no alg": unsigned(None),
    "RS256 without a signature": unsigned("RS256"),
    "HS256 under the public key's PEM": with_secret(pem),
    "HS256 under the public key's PEM without its end": with_secret(lambda: pem().strip()),
    "HS256 under the public key's JWK": with_secret(
        lambda: json.dumps(a_key("first").as_dict(private=False)).encode()
    ),
    "HS256 under the modulus": with_secret(
        lambda: str(a_key("first").as_dict(private=False)["n"]).encode()
    ),
    "RS384": in_alg("RS384"),
    "RS512": in_alg("RS512"),
    "PS256": in_alg("PS256"),
    "ES256 by name, RSA by key": lambda issuer: (
        f"{part({'alg': 'ES256', 'kid': 'first'})}.{issuer.token().split('.', 1)[1]}"
    ),
    "another issuer": with_claims(iss="https://issuer.example"),
    "the issuer and a slash": lambda issuer: issuer.token(iss=issuer.url + "/"),
    "the issuer among others": lambda issuer: issuer.token(iss=[issuer.url]),
    "no issuer": with_claims(iss=None),
    "another audience": with_claims(aud="tillstream"),
    "an audience that begins like ours": with_claims(aud=AUDIENCE + "-2"),
    "other audiences": with_claims(aud=["a", "b"]),
    "no audience": with_claims(aud=None),
    "an empty audience": with_claims(aud=[]),
    "an audience that is none": with_claims(aud={"tillstream-api": 1}),
    "a client, but no word that it is an access token": with_claims(aud=None, client_id=AUDIENCE),
    "another client": with_claims(aud=None, client_id="other", token_use="access"),
    "our client, another audience": with_claims(
        aud="other", client_id=AUDIENCE, token_use="access"
    ),
    "an id token": with_claims(token_use="id"),
    "a token for something else": with_claims(token_use=["access"]),
    "over": at(exp=-31),
    "over for years": with_claims(exp=1),
    "without an end": with_claims(exp=None),
    "an end that is text": with_claims(exp="9999999999"),
    "an end that is true": with_claims(exp=True),
    "an end that is no number": with_claims(exp=float("nan")),
    "never over": with_claims(exp=float("inf")),
    "not yet valid": at(nbf=60),
    "issued in the future": at(iat=60),
    "no person": with_claims(sub=None),
    "an empty person": with_claims(sub=""),
    "a person that is a number": with_claims(sub=5),
    "a person with a space": with_claims(sub="a person"),
    "a person of 65 letters": with_claims(sub="a" * 65),
    "a person outside ASCII": with_claims(sub="Mía"),
    "roles that are text": with_claims(roles="admin"),
    "roles that are an object": with_claims(roles={"admin": True}),
    "groups that are text": with_claims(**{"cognito:groups": "admin"}),
    "an unknown key": lambda issuer: issuer.token(key=a_key("stranger")),
    "a stranger's signature under our key's id": by_stranger(),
    "a stranger's signature without an id": by_stranger(kid=None),
    "a stranger's key in the header": by_stranger(
        jwk=a_key("stranger").as_dict(private=False), kid=None
    ),
    "a stranger's address of keys": by_stranger(jku="http://127.0.0.1:1/keys", kid="stranger"),
    "a stranger's certificate": by_stranger(
        x5c=["TUlJ"], x5u="http://127.0.0.1:1/", kid="stranger"
    ),
    "an id that is a path": by_stranger(kid="../../../../dev/null"),
    "an id that is an address": by_stranger(kid="http://127.0.0.1:1/keys"),
    "an id that is a query": by_stranger(kid="' OR 1=1 --"),
    "an id that is empty": by_stranger(kid=""),
    "an id that is a list": lambda issuer: (
        f"{part({'alg': 'RS256', 'kid': ['first']})}.{issuer.token().split('.', 1)[1]}"
    ),
    "something critical": lambda issuer: (
        f"{part({'alg': 'RS256', 'kid': 'first', 'crit': ['x'], 'x': 1})}.e30.e30"
    ),
    "something critical that is none": lambda issuer: (
        f"{part({'alg': 'RS256', 'kid': 'first', 'crit': 5})}.e30.e30"
    ),
    "claims that are a list": lambda issuer: jws.serialize_compact(
        {"alg": "RS256", "kid": "first"}, b"[]", a_key("first")
    ),
}


@pytest.mark.parametrize("token", BAD.values(), ids=BAD)
def test_a_token_that_is_not_right_names_nobody(issuer: Issuer, token: Token) -> None:
    assert named(issuer.token()) == A_PERSON
    assert named(token(issuer)) is None


@pytest.mark.parametrize("alg", ["none", "HS256", "RS384", "PS256", "EdDSA"])
def test_a_token_in_an_algorithm_that_is_not_taken_asks_the_issuer_nothing(
    issuer: Issuer, alg: str
) -> None:
    assert named(unsigned(alg)(issuer)) is None
    assert not issuer.asked


def test_the_issuer_is_asked_once_for_many_tokens(issuer: Issuer) -> None:
    for number in range(50):
        assert named(issuer.token(sub=f"person-{number}")) is not None
    assert issuer.asked == {DISCOVERY: 1, JWKS: 1}


def test_a_new_key_is_found_and_one_that_is_withdrawn_is_believed_no_longer(
    issuer: Issuer, later: Callable[[float], None]
) -> None:
    old, new = issuer.token(), issuer.token(key=a_key("second"))
    assert named(old) == A_PERSON
    issuer.published = [a_key("second")]
    later(issuers.PAUSE_S + 1)
    assert named(new) == A_PERSON
    assert named(old) is None


def test_a_key_that_is_withdrawn_while_no_other_comes_is_believed_for_an_hour(
    issuer: Issuer, later: Callable[[float], None]
) -> None:
    assert named(issuer.token()) == A_PERSON
    issuer.published = [a_key("second")]
    later(issuers.FRESH_S - 5)
    assert named(issuer.token()) == A_PERSON
    later(issuers.FRESH_S + 5)
    assert named(issuer.token()) is None


def test_a_flood_of_unknown_keys_reaches_the_issuer_once_in_a_while(
    issuer: Issuer, later: Callable[[float], None]
) -> None:
    good = issuer.token()
    assert named(good) == A_PERSON
    for number in range(100):
        assert named(by_stranger(kid=f"key-{number}")(issuer)) is None
    assert issuer.asked == {DISCOVERY: 1, JWKS: 1}
    later(issuers.PAUSE_S + 1)
    for number in range(100):
        assert named(by_stranger(kid=f"key-{number}")(issuer)) is None
    assert issuer.asked == {DISCOVERY: 2, JWKS: 2}
    assert named(good) == A_PERSON


def test_an_issuer_that_was_never_heard_leaves_everybody_untold_until_it_answers(
    issuer: Issuer, later: Callable[[float], None]
) -> None:
    issuer.bent[JWKS] = (500, {}, b"")
    for _ in range(20):
        with pytest.raises(CloudFailure, match="it answers 500"):
            named(issuer.token())
    assert issuer.asked == {DISCOVERY: 1, JWKS: 1}
    del issuer.bent[JWKS]
    later(issuers.PAUSE_S + 1)
    assert named(issuer.token()) == A_PERSON


def test_an_issuer_that_falls_silent_leaves_the_keys_as_they_were_for_a_day(
    issuer: Issuer, later: Callable[[float], None]
) -> None:
    assert named(issuer.token()) == A_PERSON
    issuer.bent[DISCOVERY] = (503, {}, b"")
    later(issuers.PAUSE_S + 1)
    with pytest.raises(CloudFailure):
        named(issuer.token(key=a_key("second")))
    assert named(issuer.token()) == A_PERSON
    later(issuers.KEPT_S - 5)
    assert named(issuer.token()) == A_PERSON
    later(issuers.KEPT_S + 5)
    with pytest.raises(CloudFailure):
        named(issuer.token())


def test_a_clock_that_was_set_back_does_not_keep_us_from_asking(
    issuer: Issuer, later: Callable[[float], None]
) -> None:
    assert named(issuer.token()) == A_PERSON
    issuer.published.append(a_key("second"))
    later(-3600)
    assert named(issuer.token(key=a_key("second"))) == A_PERSON


def drip(handler: Any) -> None:
    """A body that never ends, a little at a time."""
    handler.send_response(200)
    handler.end_headers()
    while True:
        handler.wfile.write(b" ")
        time.sleep(0.05)


def hang(handler: Any) -> None:
    time.sleep(1)


def elsewhere(handler: Any) -> None:
    handler.send_response(302)
    handler.send_header("Location", "/moved")
    handler.end_headers()


LIES: dict[str, tuple[str, Any]] = {
    "a huge list of keys": (JWKS, b" " * (issuers.MOST_BYTES + 1) + b"{}"),
    "an endless list of keys": (JWKS, drip),
    "no answer at all": (JWKS, hang),
    "keys that moved": (JWKS, elsewhere),
    "a document that moved": (DISCOVERY, elsewhere),
    "no list of keys": (JWKS, (404, {}, b"{}")),
    "keys that are no JSON": (JWKS, b"<html>"),
    "keys that are a list": (JWKS, []),
    "keys nested beyond all reason": (JWKS, b"[" * 100_000),
    "keys that stand twice": (JWKS, b'{"keys": [], "keys": []}'),
    "keys that are an object": (JWKS, {"keys": {"first": 1}}),
    "no keys": (JWKS, {"keys": []}),
    "only keys that nothing is signed with": (
        JWKS,
        {"keys": [1, None, {}, {"kty": "oct", "k": "eA", "kid": "first"}, {"kty": "RSA", "n": 5}]},
    ),
    "a broken answer": (JWKS, lambda handler: handler.wfile.write(b"nonsense\r\n\r\n")),
    "a document that is a list": (DISCOVERY, []),
    "a document without an issuer": (DISCOVERY, {"jwks_uri": "http://127.0.0.1:1/"}),
}


@pytest.mark.parametrize(("path", "answer"), LIES.values(), ids=LIES)
def test_an_issuer_that_answers_no_keys_is_one_that_cannot_be_asked(
    issuer: Issuer, monkeypatch: pytest.MonkeyPatch, path: str, answer: Any
) -> None:
    monkeypatch.setattr(issuers, "TIMEOUT_S", 0.3)
    issuer.bent[path] = answer
    issuer.bent["/moved"] = issuer.jwks()
    begun = time.monotonic()
    with pytest.raises(CloudFailure):
        named(issuer.token())
    assert time.monotonic() - begun < 2
    assert not issuer.asked["/moved"]


def test_no_more_is_read_than_a_list_of_keys_may_have(
    issuer: Issuer, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent = []

    def pour(handler: Any) -> None:
        handler.send_response(200)
        handler.end_headers()
        while True:
            sent.append(handler.wfile.write(b" " * 65536))

    monkeypatch.setattr(issuers, "TIMEOUT_S", 1.0)
    issuer.bent[JWKS] = pour
    with pytest.raises(CloudFailure, match="longer than"):
        named(issuer.token())
    assert sum(sent) < 16_000_000  # what lies in the socket's buffers


@pytest.mark.parametrize("other", ["https://issuer.example", "", None, 5, "{}/", " {}"], ids=ascii)
def test_a_discovery_document_of_another_issuer_is_not_believed(issuer: Issuer, other: Any) -> None:
    said = other.format(issuer.url) if isinstance(other, str) else other
    issuer.bent[DISCOVERY] = issuer.document() | {"issuer": said}
    with pytest.raises(CloudFailure, match="is another issuer's"):
        named(issuer.token())


UNSAFE = [
    "",
    "/keys",
    "file:///etc/passwd",
    "ftp://127.0.0.1/keys",
    "http://issuer.example/keys",
    "http://127.0.0.1.issuer.example/keys",
    "http://user:password@127.0.0.1/keys",
    "http://@127.0.0.1/keys",
    "http://127.0.0.1:1/keys#part",
    "https://",
]
UNREADABLE = [None, 5, "http://127.0.0.1:port/", "http://[::1/", "http://127.0.0.1/a b\r\nX: y"]


@pytest.mark.parametrize("uri", UNSAFE + UNREADABLE, ids=ascii)
def test_keys_are_fetched_from_a_safe_address_alone(issuer: Issuer, uri: Any) -> None:
    issuer.bent[DISCOVERY] = issuer.document() | {"jwks_uri": uri}
    with pytest.raises(CloudFailure, match="not https" if uri in UNSAFE else "be "):
        named(issuer.token())
    assert not issuer.asked[JWKS]


def test_keys_that_are_not_for_us_lie_beside_ours_and_open_nothing(issuer: Issuer) -> None:
    shared = OctKey.import_key(b"s" * 32, {"kid": "shared", "alg": "HS256"})
    sealing = a_key("sealing").as_dict(private=False) | {"use": "enc"}
    curve = ECKey.generate_key("P-384", {"kid": "curve"})
    modulus = rsa.generate_private_key(65537, 1024).public_key().public_numbers().n
    weak = {"kty": "RSA", "kid": "weak", "e": "AQAB", "n": part(modulus.to_bytes(128, "big"))}
    issuer.published += [shared.as_dict(private=True), sealing, curve, weak, {"kty": "EC"}]
    assert named(issuer.token()) == A_PERSON
    assert named(issuer.token(key=a_key("sealing"))) is None
    secret = jwt.encode({"alg": "HS256", "kid": "shared"}, issuer.claims(), shared)
    assert named(secret) is None
    assert issuers.published(issuer.url).keys() == {"first"}


@pytest.mark.parametrize(
    "address",
    ["http://issuer.example", "issuer.example", "the-issuer", "", "https://", "https://a@b/"],
)
def test_an_issuer_at_an_unsafe_address_is_not_asked(address: str) -> None:
    with pytest.raises(CloudFailure, match="not https"):
        issuers.published(address)


@pytest.mark.parametrize("missing", ["OIDC_ISSUER", "OIDC_AUDIENCE"])
def test_a_stage_that_names_no_issuer_or_audience_believes_nobody(
    issuer: Issuer, monkeypatch: pytest.MonkeyPatch, missing: str
) -> None:
    monkeypatch.delenv(missing)
    config.settings.cache_clear()
    assert named(issuer.token()) is None
    assert not issuer.asked


@pytest.fixture
def certified(tmp_path: Path) -> tuple[ssl.SSLContext, Path]:
    """A server's context for 127.0.0.1, and the certificate that vouches for it."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "issuer")])
    now = dt.datetime.now(dt.UTC)
    address = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(address, critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    both = tmp_path / "server.pem"
    pkcs8, plain = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    public = certificate.public_bytes(serialization.Encoding.PEM)
    both.write_bytes(key.private_bytes(serialization.Encoding.PEM, pkcs8, plain) + public)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(both)
    (tmp_path / "ca.pem").write_bytes(public)
    return context, tmp_path / "ca.pem"


def test_over_https_the_issuer_is_believed_where_its_certificate_is(
    certified: tuple[ssl.SSLContext, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    context, authority = certified
    with issuing(context) as issuer:
        with pytest.raises(CloudFailure, match="certificate"):
            issuers.published(issuer.url)
        monkeypatch.setenv("SSL_CERT_FILE", str(authority))
        assert issuers.published(issuer.url).keys() == {"first"}
        plain = issuer.document() | {"jwks_uri": "http" + issuer.url[5:] + JWKS}
        issuer.bent[DISCOVERY] = plain
        with pytest.raises(CloudFailure, match="no keys that can be fetched"):
            issuers.published(issuer.url)


def test_over_http_a_client_is_told_401_403_and_503(
    front: Shopfront, issuer: Issuer, monkeypatch: pytest.MonkeyPatch
) -> None:
    def view(token: str) -> Any:
        return front.call("POST", "/products/x/views", {}, Authorization=f"Bearer {token}")

    issuer.bent[JWKS] = (500, {}, b"")
    untold = view(issuer.token())
    assert (untold.status, untold.slug, untold.headers["Retry-After"]) == (503, "unavailable", "1")
    assert untold.headers["Content-Type"] == PROBLEM
    del issuer.bent[JWKS]
    access._keys.cache_clear()
    refused = view(issuer.token(exp=1))
    assert (refused.status, refused.headers["WWW-Authenticate"]) == (401, "Bearer")
    assert view(issuer.token(roles=["merchant"])).status == 403
    opened = front.call("POST", "/sessions", {"name": "Eve", "roles": ["admin"]})
    assert opened.status == 404
