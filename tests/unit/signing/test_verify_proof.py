"""A proof is checked by one file that its holder carries away, and any change of it is noticed."""

import copy
import json
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from hypothesis import given, settings
from hypothesis import strategies as st
from signing_cases import CLOCK, EVENT, JWK, KEY, ROOT, STRANGER, STREAM, an_event

from chalicelib.archive import Segment, encode
from chalicelib.events import Position, Record, Shard
from chalicelib.notary.leaf import contents
from chalicelib.notary.proof import written
from chalicelib.signing import SigningKey, Trust, keys, note, seal, system_trust, tree
from ops import verify_proof
from ops.verify_proof import DoesNotHoldError, NoProofError, signature_holds, verify

VERIFIER = Path(verify_proof.__file__)
ORIGIN = "tillstream/test"
NOTARY = SigningKey(keys.new_key())
SHARD = Shard(STREAM, "shardId-000000000000")
DOCUMENT = system_trust(JWK, notary=NOTARY.public.jwk)
TRUST = Trust.sign(DOCUMENT, ROOT).decode()
SEALED = seal(EVENT, KEY).encode()


def records(size):
    """So many events, each of its own."""
    return [
        (seal(an_event(id=f"event-{number}"), KEY).encode(), EVENT.subject)
        for number in range(1, size + 1)
    ]


def proven(said, number, sizes=(1, 4, 5, 2, 7)):
    """The proof of one of these records, where a tree has segments of other shards beside."""
    lines = tuple(Record(n, CLOCK, key, data) for n, (data, key) in enumerate(said, 1))
    held = contents(encode(Segment(SHARD, 0, lines, None, CLOCK)))
    leaves = [tree.leaf_hash(b"%d" % size) for size in sizes]
    leaves[2] = held.leaf.hash
    head = note.sign(note.TreeHead(ORIGIN, len(leaves), tree.root(leaves)), NOTARY)
    place = 2, tree.inclusion(2, len(leaves), tree.of(leaves))
    return written(Position(SHARD, number), held, place, head, TRUST)


PROOF = proven(records(7), 4)


def event_of(proof, root=ROOT.public.x):
    return verify(proof, root).event


def test_whoever_holds_the_root_can_check_what_was_said_and_where_it_lies():
    found = verify(PROOF, ROOT.public.x)
    assert (found.event["id"], found.event["data"]) == ("event-4", EVENT.data)
    assert found.position == f"{SHARD}:4"
    assert (found.origin, found.size, found.leaf, found.arrival_ms) == (ORIGIN, 5, 2, CLOCK)
    told = verify_proof.told(found)
    assert told.isascii()
    assert EVENT.actor in told


@pytest.mark.parametrize("size", [1, 2, 3, 8])
def test_so_it_is_of_every_record_of_a_segment(size):
    """Row 30."""
    said = records(size)
    for number in range(1, size + 1):
        assert event_of(proven(said, number))["id"] == f"event-{number}"
    assert proven(said, size + 1) is None


def test_a_proof_says_nothing_of_other_events():
    text = json.dumps(PROOF)
    assert [data.decode() in text for data, _ in records(7)].count(True) == 1


CHANGES = {
    "another record": lambda p: p | {"record": p["record"].replace('",', '" ,', 1)},
    "another index": lambda p: p | {"index": p["index"] ^ 1},
    "another leaf": lambda p: p | {"leaf": p["leaf"] - 1},
    "another position": lambda p: p | {"position": p["position"] + "0"},
    "a shorter path": lambda p: p | {"path": p["path"][1:]},
    "a longer path": lambda p: p | {"path": [*p["path"], p["digest"]]},
    "another path": lambda p: p | {"path": [p["digest"], *p["path"][1:]]},
    "a shorter tree path": lambda p: p | {"treePath": p["treePath"][:-1]},
    "another tree path": lambda p: p | {"treePath": p["treePath"][::-1]},
    "another digest": lambda p: p | {"digest": p["treePath"][0]},
    "another manifest": lambda p: p | {"manifest": p["manifest"].replace('"v":1', '"v":2')},
    "a larger tree": lambda p: p | {"treeHead": p["treeHead"].replace("\n5\n", "\n6\n")},
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES.keys())
def test_a_changed_proof_does_not_hold(change):
    """Row 30."""
    changed = change(PROOF)
    assert changed != PROOF
    with pytest.raises(DoesNotHoldError):
        event_of(changed)


@pytest.mark.parametrize("member", sorted(verify_proof.ASKED))
def test_a_proof_that_lacks_a_member_or_has_another_kind_of_it_is_none(member):
    proof = dict(PROOF)
    for bad in (None, {}, 1.5, [], "", True):
        if type(bad) is not verify_proof.ASKED[member]:
            with pytest.raises(NoProofError):
                event_of(proof | {member: bad})
    del proof[member]
    with pytest.raises(NoProofError):
        event_of(proof)


def test_parts_of_two_proofs_do_not_make_a_third():
    """Row 30."""
    one, other = PROOF, proven(records(7), 5)
    far = proven(records(3), 2, sizes=(9, 9, 9))
    for name in one:
        for foreign in (other, far):
            mixed = one | {name: foreign[name]}
            if mixed != one:
                with pytest.raises(DoesNotHoldError):
                    event_of(mixed)


def test_another_root_vouches_for_nothing():
    with pytest.raises(DoesNotHoldError, match="nobody vouches for"):
        event_of(PROOF, STRANGER.public.x)
    with pytest.raises(DoesNotHoldError):
        event_of(PROOF, "A" * 43)


def test_what_is_no_key_is_not_held_against_the_proof():
    x = ROOT.public.x
    for nonsense in ("", "AAAA", "é" * 43, x[:-1], x + "=", x + "\n", f"{x[:-1]}_", "\udcff" * 43):
        with pytest.raises(NoProofError, match="X is no key"):
            event_of(PROOF, nonsense)


def under(change):
    """The proof under another trust document, as the root would sign it."""
    document = copy.deepcopy(DOCUMENT)
    change(document)
    return PROOF | {"trust": Trust.sign(document, ROOT).decode()}


def end_window(document):
    document["keys"][0]["exp"] = 1


def begin_late(document):
    document["keys"][0]["nbf"] = 2**52


def revoke(document):
    document["revoked"] = {document["keys"][0]["kid"]: 1}


def revoke_notary(document):
    document["revoked"] = {document["keys"][1]["kid"]: 2**52}


def grant_less(document):
    document["keys"][0]["grants"] = [{"type": "*", "subject": "order/*"}]


def speak_for_another(document):
    document["keys"][0]["source"] = "urn:tillstream:partner"


def forget_producer(document):
    del document["keys"][0]


def forget_notary(document):
    del document["keys"][1]


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (end_window, "not valid when it arrived"),
        (begin_late, "not valid when it arrived"),
        (revoke, "not valid when it arrived"),
        (revoke_notary, "no notary"),
        (grant_less, "may not say this"),
        (speak_for_another, "may not say this"),
        (forget_producer, "nobody vouches for"),
        (forget_notary, "no notary"),
    ],
)
def test_who_signed_must_have_been_allowed_to(change, why):
    assert event_of(under(lambda _: None))
    with pytest.raises(DoesNotHoldError, match=why):
        event_of(under(change))


def test_a_tree_head_of_somebody_else_shows_nothing():
    """Row 27."""
    head = note.opened(PROOF["treeHead"], ORIGIN, [NOTARY.public])
    for other in (STRANGER, KEY, ROOT):
        with pytest.raises(DoesNotHoldError, match="no notary"):
            event_of(PROOF | {"treeHead": note.sign(head, other)})
    strange = note.sign(head, STRANGER).split("\n\n")[1]
    assert event_of(PROOF | {"treeHead": PROOF["treeHead"] + strange}), "a witness may add a line"
    text = PROOF["treeHead"]
    for odd in ("", "\n", text[:-1], text.replace("— ", "- "), text.replace("\n5\n", "\n05\n")):
        with pytest.raises(NoProofError):
            event_of(PROOF | {"treeHead": odd})


def test_what_lies_under_another_key_was_not_meant_to_be_there():
    with pytest.raises(DoesNotHoldError, match="another place"):
        event_of(proven([(SEALED, "product/other")], 1))


def test_what_was_meant_for_another_stream_was_not_meant_to_be_there():
    sealed = seal(replace(EVENT, stream="tillstream-other-1"), KEY).encode()
    with pytest.raises(DoesNotHoldError, match="another stream"):
        event_of(proven([(sealed, EVENT.subject)], 1))


def test_what_is_no_event_or_was_signed_by_nobody_is_not_proven():
    for data in (b"\xff\x00", b"no.such.token", b"", seal(EVENT, STRANGER).encode()):
        with pytest.raises((DoesNotHoldError, NoProofError)):
            event_of(proven([(data, EVENT.subject)], 1))


def test_a_member_that_stands_twice_is_read_in_no_way():
    with pytest.raises(ValueError, match="twice"):
        verify_proof._json('{"a": 1, "a": 2}')


class TestSignatures:
    """The verifier's own Ed25519, beside OpenSSL's."""

    @settings(max_examples=25)
    @given(st.binary(min_size=32, max_size=32), st.binary(max_size=200), st.data())
    def test_it_agrees_with_the_oracle(self, secret, message, data):
        key = Ed25519PrivateKey.from_private_bytes(secret)
        public, signature = key.public_key().public_bytes_raw(), key.sign(message)
        assert signature_holds(public, signature, message)
        at = data.draw(st.integers(0, 64 * 8 - 1))
        flipped = (int.from_bytes(signature, "big") ^ 1 << at).to_bytes(64, "big")
        assert not signature_holds(public, flipped, message)
        assert not signature_holds(public, signature, message + b"x")

    @settings(max_examples=40)
    @given(st.binary(min_size=32, max_size=32))
    def test_it_takes_no_key_that_the_oracle_does_not(self, public):
        signature = public + bytes(32)
        try:
            Ed25519PublicKey.from_public_bytes(public).verify(signature, b"")
        except (InvalidSignature, ValueError):
            assert not signature_holds(public, signature, b"")

    def test_a_key_of_small_order_fits_nothing(self):
        for y in (0, 1, verify_proof.PRIME - 1):
            public = y.to_bytes(32, "little")
            identity = (1).to_bytes(32, "little")
            assert not signature_holds(public, identity + bytes(32), b"anything")

    def test_a_scalar_beyond_the_order_and_another_length_are_refused(self):
        key = Ed25519PrivateKey.from_private_bytes(bytes(32))
        public, signature = key.public_key().public_bytes_raw(), key.sign(b"m")
        beyond = int.from_bytes(signature[32:], "little") + verify_proof.ORDER
        assert not signature_holds(public, signature[:32] + beyond.to_bytes(32, "little"), b"m")
        assert not signature_holds(public, signature + b"x", b"m")
        assert not signature_holds(public[:-1], signature, b"m")

    def test_it_is_rfc_8032s(self):
        """§7.1, test 2."""
        public = "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c"
        signature = (
            "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da"
            "085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00"
        )
        assert signature_holds(bytes.fromhex(public), bytes.fromhex(signature), b"\x72")


class TestCarriedAway:
    """The verifier alone, isolated, in a folder of its own, in an environment of nothing."""

    def check(self, folder, proof, key):
        shutil.copy(VERIFIER, folder / "check.py")
        text = proof if isinstance(proof, str) else json.dumps(proof)
        (folder / "proof.json").write_text(text)
        return subprocess.run(
            [sys.executable, "-I", "-S", "check.py", "proof.json", *key],
            cwd=folder,
            env={},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    def test_it_says_what_holds(self, tmp_path):
        ran = self.check(tmp_path, PROOF, [ROOT.public.x])
        assert (ran.returncode, ran.stderr) == (0, "")
        assert ran.stdout.endswith("\nholds\n")
        assert "event-4" in ran.stdout

    def test_what_does_not_hold_is_1_and_what_is_no_proof_is_2(self, tmp_path):
        changed = PROOF | {"leaf": 0}
        ran = self.check(tmp_path, changed, [ROOT.public.x])
        assert (ran.returncode, ran.stdout) == (1, "")
        assert ran.stderr.startswith("does not hold: ")
        ran = self.check(tmp_path, json.dumps(PROOF)[:-40], [ROOT.public.x])
        assert (ran.returncode, ran.stdout) == (2, "")
        assert ran.stderr.startswith("cannot be read: ")
        assert "Traceback" not in ran.stderr
        ran = self.check(tmp_path, PROOF, ["AAAA"])
        assert (ran.returncode, ran.stdout) == (2, "")
        assert ran.stderr.startswith("cannot be read: X is no key")

    def test_who_does_not_say_the_root_is_told_how_and_2(self, tmp_path):
        ran = self.check(tmp_path, PROOF, [])
        assert (ran.returncode, ran.stdout) == (2, "")
        assert "python3 verify_proof.py PROOF X" in ran.stderr
