"""What is personal: two other implementations read it, and nothing reads it once it is erased."""

from __future__ import annotations

import base64
import json
import re
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from joserfc import jwe
from joserfc.jwk import OctKey
from jwcrypto.jwe import JWE
from jwcrypto.jwk import JWK

from chalicelib import config, personal, vault
from chalicelib.errors import CloudFailure, Erased, Tampered, TooLarge
from chalicelib.events import envelope

MIA, PHIL = "mia", "phil"
HERE, THERE = "order/1", "order/2"
WHO = {"name": "Mía ☕", "contact": {"phone": "+4915112345678"}, "lines": [{}, {"note": "hot"}]}
TEXT = st.text(max_size=20)
VALUE = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53) + 1, 2**53 - 1) | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=8,
)


@pytest.fixture(autouse=True)
def a_shop(shop: Any) -> Any:
    personal.forget()
    yield shop
    personal.forget()


def kept(person: str) -> dict[str, Any]:
    found = vault.read(f"people/{person}")
    assert found is not None
    members: dict[str, Any] = json.loads(found)
    return members


def header_of(pii: str) -> dict[str, Any]:
    first = pii.partition(".")[0]
    members: dict[str, Any] = json.loads(base64.urlsafe_b64decode(first + "=" * (-len(first) % 4)))
    return members


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(members=st.dictionaries(TEXT, VALUE, max_size=4))
def test_what_was_encrypted_is_read_back(members: dict[str, Any]) -> None:
    pii = personal.encrypt(MIA, HERE, members)
    assert re.fullmatch(envelope.JWE, pii)
    assert personal.decrypt(MIA, HERE, pii) == members


def test_joserfc_and_jwcrypto_read_ours() -> None:
    pii, key = personal.encrypt(MIA, HERE, WHO), kept(MIA)
    theirs = jwe.decrypt_compact(
        pii, OctKey.import_key(key), registry=jwe.JWERegistry(strict_check_header=False)
    )
    assert json.loads(theirs.plaintext or b"") == WHO
    other = JWE()
    other.deserialize(pii, JWK(**key))
    assert json.loads(other.payload) == WHO


@pytest.mark.parametrize("maker", ["joserfc", "jwcrypto"])
def test_theirs_is_read_here(maker: str) -> None:
    header = header_of(personal.encrypt(MIA, HERE, {}))
    spelt, key = json.dumps(header, separators=(",", ":")), kept(MIA)
    if maker == "jwcrypto":
        token = JWE(json.dumps(WHO).encode(), spelt)
        token.add_recipient(JWK(**key))
        pii = token.serialize(compact=True)
    else:
        registry = jwe.JWERegistry(strict_check_header=False)
        pii = jwe.encrypt_compact(
            header, json.dumps(WHO), OctKey.import_key(key), registry=registry
        )
    assert personal.decrypt(MIA, HERE, pii) == WHO


def test_its_header_names_the_key_and_the_subject_and_not_the_person() -> None:
    header = header_of(personal.encrypt(MIA, HERE, WHO))
    kid = kept(MIA)["kid"]
    assert header == {"alg": "dir", "enc": "A256GCM", "kid": kid, "sub": HERE}
    assert len(base64.urlsafe_b64decode(kid + "==")) == 16
    assert len(base64.urlsafe_b64decode(kept(MIA)["k"] + "=")) == 32


def test_the_same_members_never_look_the_same() -> None:
    seen = [personal.encrypt(MIA, HERE, WHO) for _ in range(50)]
    assert len({pii.split(".")[2] for pii in seen}) == 50


def test_under_another_subject_or_for_another_person_it_is_refused() -> None:
    pii = personal.encrypt(MIA, HERE, WHO)
    personal.encrypt(PHIL, HERE, WHO)
    for person, subject in ((MIA, THERE), (PHIL, HERE), ("nobody", HERE)):
        with pytest.raises(Tampered):
            personal.decrypt(person, subject, pii)


def test_with_any_letter_changed_it_is_refused() -> None:
    pii = personal.encrypt(MIA, HERE, WHO)
    for at, was in enumerate(pii):
        for letter in "Aa0-_.é=":
            if letter != was:
                with pytest.raises(Tampered):
                    personal.decrypt(MIA, HERE, pii[:at] + letter + pii[at + 1 :])


@pytest.mark.parametrize("pii", ["", ".", "....", "a.b.c", "x" * 100, "é....", "\ud800...."])
def test_what_is_no_ciphertext_is_refused(pii: str) -> None:
    personal.encrypt(MIA, HERE, WHO)
    with pytest.raises(Tampered):
        personal.decrypt(MIA, HERE, pii)


def test_the_part_that_would_carry_a_wrapped_key_is_empty() -> None:
    header, _, *rest = personal.encrypt(MIA, HERE, WHO).split(".")
    with pytest.raises(Tampered):
        personal.decrypt(MIA, HERE, ".".join([header, "AAAA", *rest]))


def test_once_erased_nothing_is_read_or_written_and_no_key_returns() -> None:
    pii = personal.encrypt(MIA, HERE, WHO)
    personal.destroy(MIA)
    assert personal.decrypt(MIA, HERE, pii) is None
    for _ in range(2):
        with pytest.raises(Erased):
            personal.encrypt(MIA, HERE, WHO)
        personal.forget()
    assert kept(MIA) == {"erased": True}
    personal.destroy(MIA)
    assert kept(MIA) == {"erased": True}


def test_who_was_erased_before_there_was_a_key_never_gets_one() -> None:
    personal.destroy(MIA)
    with pytest.raises(Erased):
        personal.encrypt(MIA, HERE, WHO)


def test_a_key_that_is_made_while_its_person_is_erased_does_not_come_to_be(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The process that found no key is overtaken before it makes one."""
    create = vault.create

    def overtaken(key: str, body: bytes) -> bytes:
        personal.destroy(MIA)
        return create(key, body)

    monkeypatch.setattr(vault, "create", overtaken)
    with pytest.raises(Erased):
        personal.encrypt(MIA, HERE, WHO)
    assert kept(MIA) == {"erased": True}


def test_of_many_that_make_a_key_at_once_all_use_one() -> None:
    gate = threading.Barrier(8)

    def one(_: int) -> str:
        gate.wait()
        return personal.encrypt(MIA, HERE, WHO)

    with ThreadPoolExecutor(8) as pool:
        made = list(pool.map(one, range(8)))
    assert len({pii.partition(".")[0] for pii in made}) == 1
    assert [personal.decrypt(MIA, HERE, pii) for pii in made] == [WHO] * 8


def test_another_process_forgets_a_destroyed_key_in_seconds(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    clock = [1_000.0]
    monkeypatch.setattr(time, "monotonic", lambda: clock[0])
    pii = personal.encrypt(MIA, HERE, WHO)
    assert personal.decrypt(MIA, HERE, pii) == WHO
    vault.overwrite(f"people/{MIA}", personal.TOMBSTONE)  # as another process does
    assert personal.decrypt(MIA, HERE, pii) == WHO
    clock[0] += personal.KEPT_S
    assert personal.decrypt(MIA, HERE, pii) is None


def test_that_there_is_no_key_is_not_kept() -> None:
    pii = personal.encrypt(MIA, HERE, WHO)
    key = vault.read(f"people/{MIA}")
    assert key is not None
    with pytest.raises(Tampered):
        personal.decrypt(PHIL, HERE, pii)
    vault.create(f"people/{PHIL}", key)  # as another process does
    assert personal.decrypt(PHIL, HERE, pii) == WHO


def test_a_key_is_read_once_and_the_keys_kept_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(time, "monotonic", lambda: 1_000.0)
    asked: list[str] = []
    read = vault.read
    monkeypatch.setattr(vault, "read", lambda key: asked.append(key) or read(key))
    pii = personal.encrypt(MIA, HERE, WHO)
    for _ in range(5):
        personal.decrypt(MIA, HERE, pii)
    assert len(asked) == 2  # that there is none yet, and then the key
    assert personal._key.cache_info().maxsize == personal.MOST_KEPT


@pytest.mark.parametrize("person", ["auth0|7", "..", "../secrets/names", "a/b", "a%2Fb", "x" * 64])
def test_any_id_of_a_person_is_one_key_under_people(person: str) -> None:
    personal.encrypt(person, HERE, WHO)
    s3 = config.client("s3")
    bucket = config.settings().vault_bucket
    names = [found["Key"] for found in s3.list_objects_v2(Bucket=bucket)["Contents"]]
    assert len(names) == 1
    assert re.fullmatch(r"people/[^/.]+", names[0])


def test_more_than_an_event_takes_is_refused() -> None:
    with pytest.raises(TooLarge):
        personal.encrypt(MIA, HERE, {"note": "x" * personal.MOST})
    pii = personal.encrypt(MIA, HERE, {"note": "x" * (personal.MOST - 11)})
    assert re.fullmatch(envelope.JWE, pii)


def test_while_the_vault_cannot_be_asked_nothing_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    pii = personal.encrypt(MIA, HERE, WHO)
    personal.forget()
    monkeypatch.setenv("VAULT_BUCKET", "no-such-bucket")
    config.settings.cache_clear()
    with pytest.raises(CloudFailure):
        personal.decrypt(MIA, HERE, pii)
    with pytest.raises(CloudFailure):
        personal.encrypt(MIA, HERE, WHO)


class TestLost:
    """A vault that was restored from a copy in which the key is missing."""

    @pytest.fixture
    def before(self) -> str:
        pii = personal.encrypt(MIA, HERE, WHO)
        config.client("s3").delete_object(
            Bucket=config.settings().vault_bucket, Key=personal.place(MIA)
        )
        personal.renew(MIA)
        return pii

    def test_what_lay_under_the_key_reads_as_erased_and_the_person_goes_on(
        self, before: str
    ) -> None:
        assert personal.decrypt(MIA, HERE, before) is None
        assert not personal.is_erased(MIA)
        assert personal.decrypt(MIA, HERE, personal.encrypt(MIA, HERE, WHO)) == WHO
        assert personal.decrypt(MIA, HERE, before) is None

    def test_what_is_under_the_new_key_and_altered_is_refused_as_ever(self, before: str) -> None:
        pii = personal.encrypt(MIA, HERE, WHO)
        for letter in (0, len(pii) // 2, len(pii) - 1):
            other = "A" if pii[letter] != "A" else "B"
            with pytest.raises(Tampered):
                personal.decrypt(MIA, HERE, pii[:letter] + other + pii[letter + 1 :])
        with pytest.raises(Tampered):
            personal.decrypt(MIA, THERE, pii)

    def test_two_other_implementations_read_what_is_under_it(self, before: str) -> None:
        assert before
        test_joserfc_and_jwcrypto_read_ours()

    def test_who_has_a_key_or_was_erased_keeps_to_that(self) -> None:
        pii = personal.encrypt(MIA, HERE, WHO)
        personal.destroy(PHIL)
        for person in (MIA, PHIL):
            personal.renew(person)
        assert personal.decrypt(MIA, HERE, pii) == WHO
        assert personal.is_erased(PHIL)
