"""Two other implementations of JWS: each verifies ours, and ours verifies theirs."""

import json

import pytest
from joserfc.jwk import OKPKey
from joserfc.jws import JWSRegistry, deserialize_compact, serialize_compact
from jwcrypto import jwk
from jwcrypto.jws import JWS
from signing_cases import EVENT, JWK, KEY, header_of, members, opened

from chalicelib.signing import seal

NAMES = ["Ed25519", "EdDSA"]
PAYLOAD = json.dumps(members()).encode()


def by_joserfc(alg):
    return serialize_compact(
        header_of(alg=alg),
        PAYLOAD,
        OKPKey.import_key({**JWK}),
        registry=JWSRegistry(algorithms=NAMES),
    )


def by_jwcrypto(alg):
    token = JWS(PAYLOAD)
    token.allowed_algs = NAMES
    token.add_signature(jwk.JWK(**JWK), alg, json.dumps(header_of(alg=alg)))
    return token.serialize(compact=True)


@pytest.mark.filterwarnings("ignore:EdDSA is deprecated")  # joserfc says so; RFC 9864 does
@pytest.mark.parametrize("alg", NAMES)
@pytest.mark.parametrize("maker", [by_joserfc, by_jwcrypto])
def test_a_token_that_another_implementation_made_is_believed(maker, alg):
    assert opened(maker(alg)) == EVENT


def test_joserfc_verifies_ours():
    token = deserialize_compact(
        seal(EVENT, KEY), OKPKey.import_key(KEY.public.jwk), registry=JWSRegistry(algorithms=NAMES)
    )
    assert token.headers() == header_of()
    assert json.loads(token.payload) == members()


def test_jwcrypto_verifies_ours():
    token = JWS()
    token.allowed_algs = NAMES
    token.deserialize(seal(EVENT, KEY), jwk.JWK(**KEY.public.jwk))
    assert json.loads(token.payload) == members()


def test_others_name_the_key_as_we_do():
    assert OKPKey.import_key(KEY.public.jwk).thumbprint() == KEY.kid
    assert jwk.JWK(**KEY.public.jwk).thumbprint() == KEY.kid
