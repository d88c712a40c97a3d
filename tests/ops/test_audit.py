"""`ops audit` finds what was changed once it was notarised: rows of the attack table.

21 a changed byte · 22 a segment dropped, inserted, swapped · 23 a record dropped, doubled, moved ·
24 a truncated tail · 25 a rollback · 26 a split view · 27 a forged head · 28 a gap, another log's ·
31 a bomb. 29 is in test_notary, 30 in tests/unit/signing.
"""

import gzip
import json
import os
from dataclasses import replace

import pytest
from logbook import BEGUN_MS, Logbook
from test_shop_found import ops
from typer.testing import CliRunner

from chalicelib import archive, config, notary
from chalicelib.archive import encode, objects
from chalicelib.events import Position
from chalicelib.notary import kept
from chalicelib.notary.bundle import decode
from chalicelib.notary.bundle import encode as written
from chalicelib.notary.leaf import contents
from chalicelib.notary.proof import prove
from chalicelib.signing import SigningKey, keys, note, tree
from ops import audit as auditing
from ops.__main__ import app
from ops.audit import chains, records
from ops.audit.chains import Chunk
from ops.audit.seen import SeenError, remembered
from ops.verify_proof import verify

STRANGER = SigningKey(keys.new_key())


class Vandal:
    """Whoever can write to the bucket."""

    def __init__(self, names):
        self.bucket = names.archive_bucket

    def read(self, key):
        return config.client("s3").get_object(Bucket=self.bucket, Key=key)["Body"].read()

    def write(self, key, body):
        body = body.encode() if isinstance(body, str) else body
        config.client("s3").put_object(Bucket=self.bucket, Key=key, Body=body)

    def drop(self, key):
        config.client("s3").delete_object(Bucket=self.bucket, Key=key)

    def keys(self, prefix):
        return list(objects.names(prefix))

    def segment(self, book, before, change):
        """The segment put back as somebody else would have it."""
        key = name(book, before)
        self.write(key, encode(change(archive.decode(self.read(key)))))


def name(book, before):
    return f"segments/{book.shard}/{archive.MAX - before:056d}.jsonl.gz"


def fill(book, *sizes):
    for size in sizes:
        book.archive(*(book.record() for _ in range(size)))


@pytest.fixture
def vandal(shop):
    return Vandal(shop)


@pytest.fixture
def books(shop):
    """Two shards; three sweeps notarised two, one and three segments, one is not notarised yet."""
    one, two = Logbook(shop, 0), Logbook(shop, 1)
    fill(one, 3, 2)
    notary.sweep()
    fill(two, 2)
    notary.sweep()
    fill(one, 1, 4)
    two.archive(two.nonsense(), two.record())
    notary.sweep()
    fill(two, 1)
    return one, two


def wrong():
    return auditing.audit(jobs=1).wrong


def test_an_archive_that_nobody_touched_holds(books):
    found = auditing.audit(jobs=1)
    assert found.wrong == []
    assert (found.segments, found.records, found.tree, found.not_notarised) == (7, 15, 6, 1)
    assert found.not_believed == {"Malformed": 1}


def test_processes_find_what_one_alone_finds(books, vandal, monkeypatch):
    monkeypatch.setattr(chains, "CHUNK", 1)
    monkeypatch.setattr(auditing, "WORTH", 1)
    vandal.segment(books[1], 0, lambda s: replace(s, records=s.records[:1]))
    steps = []
    many = auditing.audit(step=lambda: steps.append(1), jobs=2)
    assert many == auditing.audit(jobs=1)
    assert len(many.wrong) >= 1
    assert len(steps) == many.segments


def test_a_shop_in_which_nothing_happened_yet_holds(shop):
    assert auditing.audit(jobs=1) == auditing.Report()


class TestSegments:
    def test_any_byte_that_is_changed_is_found(self, books, vandal, monkeypatch):
        """Row 21: every seventh byte of a segment, its gzip header and its end among them."""
        body = vandal.read(name(books[0], 0))
        leaf = contents(body).leaf.hash
        chunk = Chunk(books[0].shard, ((0, leaf),))
        assert records.read(chunk).wrong == []
        for at in {*range(0, len(body), 7), *range(10), *range(len(body) - 8, len(body))}:
            changed = body[:at] + bytes([body[at] ^ 1]) + body[at + 1 :]
            monkeypatch.setattr(archive, "stored", lambda *_, changed=changed: changed)
            assert records.read(chunk).wrong, at

    def test_the_same_records_packed_anew_are_other_bytes(self, books, vandal):
        """Row 21."""
        key = name(books[0], 0)
        vandal.write(key, gzip.compress(gzip.decompress(vandal.read(key))))
        (sentence,) = wrong()
        assert sentence.endswith("the segment after 0 was changed after it was notarised")

    def test_a_segment_that_was_dropped_is_found(self, books, vandal):
        """Row 22."""
        vandal.drop(name(books[0], 3))
        assert f"{books[0].shard}: the segment after 3 was notarised, and is gone" in wrong()

    def test_a_segment_that_was_inserted_is_found(self, books, vandal):
        """Row 22: among those that are notarised, and under a name that is no segment's."""
        forged = archive.get(books[0].shard, 3)
        vandal.write(
            name(books[0], 4), encode(replace(forged, before=4, records=forged.records[1:]))
        )
        vandal.write("segments/rubbish", b"x")
        found = wrong()
        assert f"{books[0].shard}: the segment after 4 was inserted among notarised ones" in found
        assert "segments/rubbish is no segment: it was inserted" in found

    def test_two_segments_that_were_swapped_are_found(self, books, vandal):
        """Row 22."""
        one, other = name(books[0], 0), name(books[0], 3)
        bodies = vandal.read(one), vandal.read(other)
        vandal.write(one, bodies[1])
        vandal.write(other, bodies[0])
        assert sum("is another one: that of" in each for each in wrong()) == 2

    def test_a_segment_of_another_shard_is_found(self, books, vandal):
        """Rows 22 and 28."""
        vandal.write(name(books[0], 0), vandal.read(name(books[1], 0)))
        assert any(f"that of {books[1].shard} after 0" in each for each in wrong())

    def test_a_record_that_was_dropped_doubled_moved_or_changed_is_found(
        self, books, vandal, monkeypatch
    ):
        """Row 23."""
        body = vandal.read(name(books[0], 0))
        chunk = Chunk(books[0].shard, ((0, contents(body).leaf.hash),))
        segment = archive.decode(body)
        one, two, three = segment.records
        for others in (
            (one, two),
            (two, three),
            (one, one, two, three),
            (three, two, one),
            (replace(one, arrival=one.arrival + 1), two, three),
            (replace(one, key="product/other"), two, three),
            (one, replace(two, data=three.data), three),
        ):
            changed = encode(replace(segment, records=others))
            monkeypatch.setattr(archive, "stored", lambda *_, changed=changed: changed)
            assert "the segment after 0 was changed" in records.read(chunk).wrong[0]

    def test_a_truncated_tail_is_found_by_its_tree(self, books, vandal):
        """Row 24."""
        last = max(key for key in vandal.keys(f"segments/{books[0].shard}/"))
        assert last == name(books[0], 0)
        vandal.drop(name(books[0], 6))
        assert f"{books[0].shard}: the segment after 6 was notarised, and is gone" in wrong()

    def test_what_is_not_notarised_yet_must_follow_and_must_not_stand_twice(self, books, vandal):
        """Rows 23 and 28: the archiver skipped some, or lost its state."""
        fill(books[1], 2, 1)
        vandal.drop(name(books[1], 5))
        assert any("a gap, or another chain" in each for each in wrong())
        vandal.segment(books[1], 4, lambda s: replace(s, records=s.records * 2))
        assert any("holds a record twice or out of order" in each for each in wrong())

    def test_what_a_new_segment_says_of_the_one_before_it_must_be_so(self, books, vandal):
        """Row 28."""
        honest = vandal.read(name(books[1], 4))
        for flaw in ({"clock": 5}, {"previous": 0}):
            vandal.segment(books[1], 4, lambda s, flaw=flaw: replace(s, **flaw))
            assert any("another chain" in each for each in wrong())
            vandal.write(name(books[1], 4), honest)
        assert wrong() == []

    def test_a_shard_whose_beginning_is_gone_is_found(self, books, vandal, shop):
        """Row 28: though no tree head covers it."""
        new = Logbook(shop, 2)
        fill(new, 1, 1)
        vandal.drop(name(new, 0))
        assert f"{new.shard}: what comes before 1 is gone" in wrong()

    def test_a_bomb_is_refused_before_it_is_large(self, books, vandal):
        """Row 31."""
        vandal.write(name(books[0], 0), gzip.compress(bytes(65 * 1024 * 1024), compresslevel=1))
        assert any("longer than a segment is" in each for each in wrong())


class TestTree:
    def test_a_bundle_that_was_changed_dropped_or_inserted_is_found(self, books, vandal):
        """Rows 21 and 22."""
        middle = kept.name(2)
        honest = vandal.read(middle)
        bundle = decode(honest)
        (leaf,) = bundle.leaves
        for forged in (
            honest[:-1],
            b"",
            written(replace(bundle, leaves=(leaf._replace(last=99),))),
            written(replace(bundle, frontier=(b"x" * 32,))),
            written(replace(bundle, ends={})),
        ):
            vandal.write(middle, forged)
            assert any(f"{middle} was changed" in each for each in wrong())
        vandal.write(middle, written(replace(bundle, leaves=(leaf._replace(hash=b"x" * 32),))))
        assert any("was changed: it does not follow" in each for each in wrong())
        vandal.drop(middle)
        assert any("the bundle after 2 leaves is gone" in each for each in wrong())
        vandal.write(middle, honest)
        assert wrong() == []
        vandal.write("tree/rubbish", b"x")
        assert any("tree/rubbish was inserted" in each for each in wrong())

    def test_a_head_that_was_put_back_is_found(self, books, vandal):
        """Row 25: to one that was signed once, while a larger one lies there."""
        vandal.write("tree-head", vandal.read("tree-heads/2"))
        (sentence,) = wrong()
        assert sentence.startswith("tree-head was put back to 2 leaves, 6 were signed for; or a")

    def test_a_tree_that_was_put_back_under_its_head_is_found(self, books, vandal):
        """Rows 24 and 25."""
        vandal.drop(kept.name(3))
        found = wrong()
        assert "tree-head is over 6 leaves, the tree has 3: rolled back" in found
        assert "tree-heads/6 is over 6 leaves, the tree has 3: rolled back" in found

    def test_a_head_that_is_gone_is_found(self, books, vandal):
        vandal.drop("tree-head")
        (sentence,) = wrong()
        assert sentence.startswith("tree-head is gone; or a sweep ended before it put it")

    def test_leaves_that_no_signed_head_covers_notarise_nothing(self, books, vandal):
        """Row 25: the newest heads are gone, then all of them."""
        vandal.drop("tree-heads/6")
        vandal.write("tree-head", vandal.read("tree-heads/3"))
        found = auditing.audit(jobs=1)
        assert (found.tree, found.unsigned, found.not_notarised, found.wrong) == (6, 3, 4, [])
        for key in (*vandal.keys("tree-heads/"), "tree-head"):
            vandal.drop(key)
        found = auditing.audit(jobs=1)
        assert (found.tree, found.unsigned, found.not_notarised, found.wrong) == (6, 6, 7, [])
        told = auditing.told(found)
        assert "under no signed tree head: 6 of the leaves; a sweep was cut short, or" in told
        notary.sweep()
        found = auditing.audit(jobs=1)
        assert (found.tree, found.unsigned, found.not_notarised, found.wrong) == (7, 0, 0, [])
        assert "under no signed tree head" not in auditing.told(found)

    def test_a_forged_head_is_found(self, books, vandal):
        """Row 27: a stranger's, another log's, another size under its name, and no note."""
        head = note.TreeHead(notary.origin(), 6, b"x" * 32)
        elsewhere = note.sign(head._replace(origin="tillstream/other"), keys.notary())
        for forged, why in [
            (note.sign(head, STRANGER), "no notary of this shop signed"),
            (note.sign(head, keys.producer()), "no notary of this shop signed"),
            (elsewhere, "a tree head of tillstream/other"),
            ("nonsense", "not a signed tree head"),
            (b"\xff\xfe", "not a signed tree head"),
            (vandal.read("tree-head")[:-3], "not"),
        ]:
            vandal.write("tree-head", forged)
            (sentence,) = wrong()
            assert sentence.startswith("tree-head is not to be believed: ")
            assert why in sentence
        vandal.write("tree-head", vandal.read("tree-heads/6"))
        vandal.write("tree-heads/3", vandal.read("tree-heads/2"))
        assert wrong() == ["tree-heads/3 is the tree head of 2 leaves"]

    def test_two_heads_of_one_size_are_a_split_view(self, books, vandal):
        """Row 26: without any memory, where both are still there."""
        other = note.sign(note.TreeHead(notary.origin(), 3, b"x" * 32), keys.notary())
        vandal.write("tree-heads/3", other)
        (sentence,) = wrong()
        assert sentence.endswith("a split view")


def rewrite(vandal, book, before):
    """An insider, with the notary's key: one segment is changed, and the whole tree made anew."""
    vandal.segment(book, before, lambda s: replace(s, records=(*s.records[:-1], lied(s))))
    for key in (*vandal.keys("tree/"), *vandal.keys("tree-heads/"), "tree-head"):
        vandal.drop(key)
    notary.sweep()


def lied(segment):
    return replace(segment.records[-1], key="product/other")


class TestSeen:
    @pytest.fixture
    def file(self, books, tmp_path):
        """What an auditor keeps who looked when all was well."""
        path = tmp_path / "seen"
        assert auditing.audit(remembered(path), jobs=1).wrong == []
        return path

    def audit(self, path):
        return auditing.audit(remembered(path), jobs=1).wrong

    def test_the_newest_head_is_kept_as_the_tree_grows(self, books, vandal, file):
        assert file.read_bytes() == vandal.read("tree-head")
        fill(books[0], 1)
        notary.sweep()
        assert self.audit(file) == []
        assert file.read_bytes() == vandal.read("tree-head")
        assert list(file.parent.iterdir()) == [file]

    def test_an_archive_that_was_put_back_whole_is_found_by_who_remembers(
        self, books, vandal, file
    ):
        """Rows 24 and 25: with its tree and its heads; who has no memory sees nothing."""
        vandal.drop(kept.name(3))
        vandal.drop("tree-heads/6")
        vandal.write("tree-head", vandal.read("tree-heads/3"))
        for book, before in ((books[0], 5), (books[0], 6), (books[1], 2), (books[1], 4)):
            vandal.drop(name(book, before))
        before = file.read_bytes()
        assert wrong() == []
        assert self.audit(file) == [f"{file} has seen 6 leaves, now 3: rolled back"]
        assert file.read_bytes() == before

    def test_an_archive_that_was_rewritten_and_signed_anew_is_found_by_who_remembers(
        self, books, vandal, file
    ):
        """Row 26: and though it has grown since."""
        before = file.read_bytes()
        rewrite(vandal, books[1], 2)
        fill(books[0], 1)
        notary.sweep()
        assert wrong() == []
        (sentence,) = self.audit(file)
        assert sentence.endswith("a split view")
        assert file.read_bytes() == before

    def test_where_all_heads_are_gone_it_is_said(self, books, vandal, file):
        for keys_ in (("tree-head", *vandal.keys("tree-heads/")), vandal.keys("tree/")):
            for key in keys_:
                vandal.drop(key)
            (sentence,) = self.audit(file)
            assert sentence.endswith("no head can be believed now")

    def test_an_audit_that_finds_something_else_keeps_nothing_new(self, books, vandal, file):
        before = file.read_bytes()
        fill(books[0], 1)
        notary.sweep()
        vandal.drop(name(books[0], 0))
        assert self.audit(file)
        assert file.read_bytes() == before


class TestVerb:
    def run(self, *words):
        return CliRunner().invoke(app, ["audit", *words])

    def test_as_a_process_it_says_what_it_read_and_ends_with_0_or_1(self, books, vandal):
        ran = ops("audit", env=os.environ)
        assert (ran.returncode, ran.stdout.splitlines()[-1]) == (
            0,
            "7 segments, 15 records: 0 wrong",
        ), ran.stderr
        assert "segments audited 7 of 7" in ran.stderr
        vandal.drop(name(books[0], 3))
        ran = self.run("--json")
        assert ran.exit_code == 1
        said = json.loads(ran.stdout)
        assert said["not_believed"] == {"Malformed": 1}
        assert any("is gone" in each for each in said["wrong"])

    def test_a_file_that_keeps_no_head_of_this_shop_is_a_sentence_and_2(self, books, tmp_path):
        path = tmp_path / "seen"
        head = note.TreeHead(notary.origin(), 6, tree.root([b"x" * 32]))
        for kept_there in (
            "nonsense",
            note.sign(head, STRANGER),
            note.sign(head._replace(origin="tillstream/other"), keys.notary()),
            kept.head().note[:-9],
        ):
            path.write_text(kept_there)
            ran = self.run("--seen", str(path))
            assert (ran.exit_code, ran.stdout) == (2, "")
            assert "keeps no tree head of this shop" in ran.stderr.replace("\n", " ")
            assert path.read_text() == kept_there
        path.write_bytes(b"\xff\xfe")
        assert self.run("--seen", str(path)).exit_code == 2
        assert self.run("--seen", str(tmp_path)).exit_code == 2

    def test_a_file_that_cannot_be_kept_is_told_before_anything_is_read(
        self, books, tmp_path, monkeypatch
    ):
        reached = []
        monkeypatch.setattr(auditing, "audit", lambda *_: reached.append("read"))
        (tmp_path / "file").touch()
        for path in (tmp_path / "nowhere/seen", tmp_path / "file/seen", tmp_path / ("x" * 253)):
            ran = self.run("--seen", str(path))
            assert (ran.exit_code, ran.stdout, reached) == (2, "", [])
            assert ran.stderr.startswith(f"ops: no tree head can be kept in {path}: ")
        assert remembered(tmp_path / "seen").head is None
        assert [each.name for each in tmp_path.iterdir()] == ["file"], "it was only tried"

    def test_one_that_cannot_be_kept_any_more_is_told_with_what_was_found(self, books, tmp_path):
        seen = remembered(tmp_path / "folder")
        seen.path.with_name("folder.new").mkdir()
        with pytest.raises(SeenError, match="all that was read is as it was notarised, but no"):
            auditing.audit(seen, jobs=1)


class TestGaps:
    """Row 28: what expired before anybody archived it."""

    SINCE, FOUND = 1_795_000_000_000, 1_795_700_000_000
    SPAN = "what arrived from 2026-11-18T11:06:40Z on may have expired unread"

    def test_a_gap_is_told_once_for_good_and_the_tree_covers_it(self, shop, vandal):
        book, gap = Logbook(shop, 0), archive.Gap(self.SINCE, self.FOUND)
        fill(book, 2)
        archive.gaps.put(book.shard, 2, gap)
        (sentence,) = wrong()
        assert sentence == (
            f"{book.shard}: a gap: {self.SPAN}, after the record 2; found at 2026-11-26T13:33:20Z"
        )
        archive._tails.clear()
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(archive.gaps, "now", lambda: BEGUN_MS + 10 * archive.gaps.HOUR_MS * 24)
            fill(book, 1)
        notary.sweep()
        assert archive.get(book.shard, 2).gap == gap
        proof = prove(Position(book.shard, 3))
        assert verify(proof, config.settings().trust_root).position == proof["position"]
        assert wrong() == [sentence]
        vandal.drop(f"gaps/{book.shard}/{archive.MAX - 2:056d}")
        assert wrong() == [sentence], "the segment says it too"
        vandal.segment(book, 2, lambda s: replace(s, gap=None))
        assert any("was changed after it was notarised" in each for each in wrong())

    def test_a_shard_of_which_nothing_was_ever_archived_has_its_gap(self, shop):
        shard = Logbook(shop, 1).shard
        archive.gaps.put(shard, 0, archive.Gap(self.SINCE, self.FOUND))
        assert f"{self.SPAN}, before its first record" in wrong()[0]

    def test_what_is_no_gap_is_a_sentence(self, shop, vandal):
        for name, body in (("0", b"{}"), ("x", b"")):
            vandal.write(f"gaps/{shop.stream}/shardId-000000000000/{name}", body)
            (sentence,) = wrong()
            assert sentence.startswith("gaps/ holds what is none")
            vandal.drop(f"gaps/{shop.stream}/shardId-000000000000/{name}")
