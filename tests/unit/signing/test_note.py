"""A tree head is believed only as the one note that a notary of this shop signed."""

import base64

import pytest
from signing_cases import JWK, KEY, ROOT, STRANGER, a_document, trusting

from chalicelib.errors import BadSignature, Malformed, UnknownKey, WrongStream
from chalicelib.signing import jws, note, system_trust, trust
from chalicelib.signing.jws import PublicKey
from chalicelib.signing.note import TreeHead

ORIGIN = "tillstream/test"
HEAD = TreeHead(ORIGIN, 40, bytes(range(32)))
NOTE = note.sign(HEAD, KEY)
BODY, LINE = NOTE.split("\n\n")


def opened(text, origin=ORIGIN, keys=(KEY.public,)):
    return note.opened(text, origin, keys)


def test_a_note_is_three_lines_an_empty_one_and_a_signature():
    assert opened(NOTE) == HEAD
    assert BODY.splitlines() == [ORIGIN, "40", base64.b64encode(HEAD.root).decode()]
    dash, name, signature = LINE.removesuffix("\n").split(" ")
    assert (dash, name) == ("—", ORIGIN)
    assert len(base64.b64decode(signature)) == 4 + 64
    assert note.sign(HEAD, KEY) == NOTE


def test_a_key_is_named_and_signs_as_in_the_documentation_of_signed_notes():
    """The vector of Go's golang.org/x/mod/sumdb/note, which C2SP's signed-note took up."""
    key_id, key = "c74f20a3", "ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
    public = PublicKey(base64.b64decode(key)[1:])
    assert note._key_id("PeterNeumann", public).hex() == key_id
    text = (
        "If you think cryptography is the answer to your problem,\n"
        "then you don't know what your problem is.\n"
    )
    signature = base64.b64decode(
        "x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM="
    )
    assert signature[:4].hex() == key_id
    public.verify(jws.Token(public.kid, b"", text.encode(), signature[4:]))


@pytest.mark.parametrize("size", [0, 1, 10**15 - 1])
def test_any_size_can_be_said(size):
    assert opened(note.sign(HEAD._replace(size=size), KEY)).size == size


def test_a_forged_head_is_refused():
    """Row 27: another size, another root, a bit of the signature."""
    for changed in (NOTE.replace("\n40\n", "\n41\n"), NOTE.replace("AAEC", "AAED")):
        with pytest.raises(BadSignature):
            opened(changed)
    signature = bytearray(base64.b64decode(LINE.split(" ")[2]))
    signature[20] ^= 1
    line = f"— {ORIGIN} {base64.b64encode(signature).decode()}\n"
    with pytest.raises(BadSignature):
        opened(f"{BODY}\n\n{line}")


def test_another_logs_head_is_refused():
    """Row 27."""
    with pytest.raises(WrongStream):
        opened(note.sign(HEAD._replace(origin="tillstream/prod"), KEY))
    with pytest.raises(WrongStream):
        opened(NOTE, origin="tillstream/prod")


def test_a_strangers_head_is_refused():
    """Row 27: by his own key, and under the notary's key id."""
    theirs = note.sign(HEAD, STRANGER)
    with pytest.raises(UnknownKey):
        opened(theirs)
    with pytest.raises(UnknownKey):
        opened(NOTE, keys=())
    signature = base64.b64decode(LINE.split(" ")[2])[:4] + STRANGER.sign(f"{BODY}\n".encode())
    with pytest.raises(BadSignature):
        opened(f"{BODY}\n\n— {ORIGIN} {base64.b64encode(signature).decode()}\n")


@pytest.mark.parametrize(
    "odd",
    [
        "",
        "40",
        NOTE[:-1],
        NOTE + "\n",
        NOTE.replace("\n\n", "\n"),
        NOTE.replace("\n40\n", "\n040\n"),
        NOTE.replace("\n40\n", "\n-40\n"),
        NOTE.replace("\n40\n", "\n４０\n"),
        NOTE.replace("\n40\n", "\n40 \n"),
        NOTE.replace("\n", "\r\n"),
        NOTE.replace("—", "-"),
        NOTE.replace("\n\n", "\nan extension\n\n"),
        f"{BODY}\n\n",
        f"{BODY}\n\n— {ORIGIN} AAAA\n",
        NOTE.replace("Hh8=", "Hh9="),
        NOTE.replace("Hh8=", "Hh8"),
        LINE + NOTE,
        NOTE + "x" * 4096,
        *(NOTE[:end] for end in range(0, len(NOTE), 7)),
    ],
)
def test_an_odd_note_is_refused(odd):
    """Row 27: there is one spelling."""
    with pytest.raises((Malformed, UnknownKey)):
        opened(odd)


def test_a_witness_may_add_a_line_and_two_notaries_may_sign():
    witness = note.sign(HEAD, STRANGER).split("\n\n")[1]
    assert opened(NOTE + witness) == HEAD
    assert opened(f"{BODY}\n\n{witness}{LINE}", keys=[KEY.public, STRANGER.public]) == HEAD


def test_one_known_signature_that_fails_spoils_the_others():
    broken = note.sign(HEAD._replace(size=39), STRANGER).split("\n\n")[1]
    with pytest.raises(BadSignature):
        opened(NOTE + broken, keys=[KEY.public, STRANGER.public])


class TestNotaries:
    def test_the_trust_document_names_them_and_they_may_say_no_event(self):
        document = system_trust(JWK, notary=STRANGER.public.jwk)
        assert document["version"] == 1
        assert [entry["source"] for entry in document["keys"]][1] == trust.NOTARY
        believed = trusting(document)
        assert [key.kid for key in believed.notaries()] == [STRANGER.kid]
        assert document["keys"][1]["grants"] == []
        assert system_trust(JWK, notary=STRANGER.public.jwk, after=document) == document

    def test_a_document_without_one_gets_the_next_version(self):
        before = system_trust(JWK)
        after = system_trust(JWK, notary=STRANGER.public.jwk, after=before)
        assert after["version"] == 2
        assert after["keys"][0] == before["keys"][0]
        assert trusting(before).notaries() == []

    def test_one_that_is_revoked_is_none(self):
        document = system_trust(JWK, notary=STRANGER.public.jwk) | {"revoked": {STRANGER.kid: 7}}
        assert trusting(document).notaries() == []

    def test_one_whose_window_is_over_still_is_one(self):
        document = a_document(source=trust.NOTARY, nbf=0, exp=1)
        (key,) = trusting(document).notaries()
        assert key.kid == document["keys"][1]["kid"]
        assert ROOT.kid != key.kid
