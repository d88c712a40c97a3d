"""`ops prove` writes a proof of what is archived and notarised, and of nothing else."""

import errno
import json
import os

import pytest
from logbook import Logbook
from test_shop_found import ops
from typer.testing import CliRunner

from chalicelib import config, notary
from chalicelib.events import Position
from chalicelib.notary import kept
from chalicelib.notary.proof import prove
from chalicelib.signing import SigningKey, keys, note, tree
from ops.__main__ import app
from ops.prove import NotProvenError, write
from ops.verify_proof import DoesNotHoldError, verify


@pytest.fixture
def book(shop):
    """A shop with three sweeps' worth of segments, in which the fourth record is nonsense."""
    found = Logbook(shop)
    for size in (3, 1, 7):
        found.archive(*(found.record(product=f"cup-{size}-{n}") for n in range(size)))
        found.archive(found.nonsense(), found.record())
        notary.sweep()
    return found


def at(book, number):
    return Position(book.shard, number)


def event_of(proof):
    return verify(proof, config.settings().trust_root).event


def test_every_event_of_the_log_can_be_proven_and_what_is_none_cannot(book):
    nonsense = []
    for number in range(1, book.last + 1):
        proof = prove(at(book, number))
        assert proof["position"] == str(at(book, number))
        try:
            assert event_of(proof)["id"] == f"event-0-{number}"
        except DoesNotHoldError:
            nonsense.append(number)
    assert nonsense == [4, 7, 16]


def test_what_no_tree_head_covers_cannot_be_proven_until_the_next_sweep(book, shop):
    book.archive(book.record())
    position = at(book, book.last)
    assert prove(position) is None
    notary.sweep()
    assert event_of(prove(position))
    assert prove(at(book, book.last + 1)) is None
    assert prove(at(Logbook(shop, 5), 1)) is None


def run(event, *words):
    return CliRunner().invoke(app, ["prove", event, *words])


def test_the_verb_writes_a_proof_that_holds_and_overwrites_none(book, tmp_path):
    out = tmp_path / "proof.json"
    words = ["event-0-9", "--at", str(at(book, 9)), "--out", str(out)]
    ran = ops("prove", *words, env=os.environ)
    assert ran.returncode == 0, ran.stderr
    text = out.read_text()
    assert event_of(json.loads(text))["id"] == "event-0-9"
    again = run(*words)
    assert (again.exit_code, again.stdout) == (2, "")
    assert again.stderr.endswith("cannot be written: File exists\n")
    assert out.read_text() == text


def test_what_cannot_be_proven_is_a_sentence_and_2_and_nothing_is_written(
    book, tmp_path, monkeypatch
):
    book.archive(book.record())
    monkeypatch.chdir(tmp_path)
    for event, where, why in [
        ("event-0-9", None, "no row is kept of this event: give --at"),
        ("event-0-9", "nonsense", "--at: a position is written"),
        ("event-0-9", "other-1/shardId-000000000000:9", "--at: this shop has no such stream"),
        ("event-0-9", str(at(book, 99)), "nothing is archived at"),
        ("event-0-9", str(at(book, 8)), "has another id"),
        ("../etc", str(at(book, 9)), "an event's id is"),
        ("event-0-18", str(at(book, 18)), "not notarised yet"),
    ]:
        ran = run(event, *([] if where is None else ["--at", where]))
        assert (ran.exit_code, ran.stdout, why in ran.stderr) == (2, "", True), ran.output
    assert list(tmp_path.iterdir()) == []


def test_under_a_tree_head_of_somebody_elses_nothing_is_proven(book, shop, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    head = note.opened(kept.head().note, notary.origin(), keys.trust().notaries())
    for foreign, why in [
        (note.sign(head, SigningKey(keys.new_key())), "no notary of this shop signed"),
        (note.sign(head._replace(origin="tillstream/other"), keys.notary()), "tillstream/other"),
    ]:
        config.client("s3").put_object(
            Bucket=shop.archive_bucket, Key=kept.HEAD, Body=foreign.encode()
        )
        ran = run("event-0-9", "--at", str(at(book, 9)))
        assert (ran.exit_code, ran.stdout) == (2, "")
        assert ran.stderr.startswith("ops: no tree head that can be believed: ")
        assert why in ran.stderr
    assert list(tmp_path.iterdir()) == []


def test_a_proof_that_cannot_be_written_to_its_end_is_not_written_at_all(tmp_path, monkeypatch):
    def full(*_, **__):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("ops.prove.json.dumps", full)
    with pytest.raises(NotProvenError, match="cannot be written: No space left"):
        write({}, tmp_path / "proof.json")
    assert list(tmp_path.iterdir()) == []


def test_an_archive_that_does_not_prove_it_is_1(book, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    honest = tree.inclusion
    monkeypatch.setattr(tree, "inclusion", lambda *given: honest(*given)[::-1])
    ran = run("event-0-10", "--at", str(at(book, 10)))
    assert ran.exit_code == 1
    assert "ops: the archive does not prove it" in ran.stderr
    assert list(tmp_path.iterdir()) == []
