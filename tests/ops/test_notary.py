"""The notary enters every segment once, and no two heads that it signs disagree."""

import itertools
import threading

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from logbook import Logbook

from chalicelib import archive, config, notary
from chalicelib.archive import objects
from chalicelib.errors import Behind, CloudFailure
from chalicelib.events import Shard
from chalicelib.notary import kept
from chalicelib.notary.bundle import EMPTY, decode, encode
from chalicelib.notary.leaf import Leaf, contents
from chalicelib.notary.proof import Bundles
from chalicelib.signing import SigningKey, Trust, keys, note, tree
from chalicelib.signing.trust import opened
from local import provision
from ops.audit import audit

SHARDS = [Shard("tillstream-test-1", f"shardId-{number:012d}") for number in range(3)]


@pytest.fixture
def books(shop):
    """Two shards of a fresh shop."""
    return Logbook(shop, 0), Logbook(shop, 1)


def segments(book, *sizes):
    for size in sizes:
        book.archive(*(book.record() for _ in range(size)))


def head():
    return note.opened(kept.head().note, notary.origin(), keys.trust().notaries())


def leaves():
    """Every leaf of the tree, oldest first."""
    found, newest = [], kept.newest()
    while newest is not None:
        found = [*newest.leaves, *found]
        newest = kept.holding(newest.before - 1) if newest.before else None
    return found


def names(prefix):
    return list(objects.names(prefix))


def test_the_segments_of_all_shards_are_one_tree_in_the_order_in_which_they_were_entered(books):
    segments(books[1], 2, 1)
    notary.sweep()
    segments(books[0], 3)
    segments(books[1], 1)
    notary.sweep()
    found = leaves()
    at = [(leaf.shard, leaf.before, leaf.last) for leaf in found]
    one, two = books[0].shard, books[1].shard
    assert at == [(two, 0, 2), (two, 2, 3), (one, 0, 3), (two, 3, 4)]
    assert [leaf.hash for leaf in found] == [
        contents(archive.stored(leaf.shard, leaf.before)).leaf.hash for leaf in found
    ]
    assert head() == note.TreeHead(notary.origin(), 4, tree.root([leaf.hash for leaf in found]))
    assert names("tree-heads/") == ["tree-heads/2", "tree-heads/4"]
    assert objects.body("tree-heads/4").decode() == kept.head().note
    assert len(names("tree/")) == 2


def test_nothing_new_writes_nothing(books):
    notary.sweep()
    assert kept.head() is None
    segments(books[0], 1)
    notary.sweep()
    first = kept.head()
    puts = []
    events = config.client("s3").meta.events
    events.register("before-call.s3.PutObject", lambda **_: puts.append(1), unique_id="counted")
    notary.sweep()
    events.unregister("before-call.s3.PutObject", unique_id="counted")
    assert (kept.head(), puts) == (first, [])


def test_a_sweep_enters_so_many_and_the_next_goes_on(books, monkeypatch):
    monkeypatch.setattr(notary, "MOST_LEAVES", 4)
    segments(books[0], *[1] * 7)
    segments(books[1], 1)
    sizes = []
    for _ in range(4):
        notary.sweep()
        sizes.append(head().size)
    assert sizes == [4, 7, 8, 8]


def test_a_sweep_that_has_no_time_enters_nothing(books, monkeypatch):
    monkeypatch.setattr(notary, "SWEEP_S", -1.0)
    segments(books[0], 1)
    notary.sweep()
    assert kept.newest() is None


def test_a_segment_that_cannot_be_read_stops_its_shard_alone_and_loudly(books, shop, capsys):
    segments(books[0], 1, 1, 1)
    segments(books[1], 1)
    key = f"segments/{books[0].shard}/{archive.MAX - 1:056d}.jsonl.gz"
    config.client("s3").put_object(Bucket=shop.archive_bucket, Key=key, Body=b"rubbish")
    notary.sweep()
    assert [(leaf.shard, leaf.before) for leaf in leaves()] == [
        (books[0].shard, 0),
        (books[1].shard, 0),
    ]
    assert '"what": "not-notarised"' in capsys.readouterr().err


@pytest.mark.parametrize("stray", ["0tmp", f"{archive.MAX - 1:056d}.jsonl.gz.part"])
def test_what_lies_among_the_segments_of_a_shard_stops_that_alone_and_is_told(
    books, shop, capsys, stray
):
    segments(books[0], 1, 1)
    segments(books[1], 1, 1)
    key = f"segments/{books[0].shard}/{stray}"
    config.client("s3").put_object(Bucket=shop.archive_bucket, Key=key, Body=b"")
    notary.sweep()
    assert [(leaf.shard, leaf.before) for leaf in leaves()] == [
        (books[1].shard, 0),
        (books[1].shard, 1),
    ]
    assert head().size == 2
    (said,) = [line for line in capsys.readouterr().err.splitlines() if "not-notarised" in line]
    assert f"{key} lies among the segments and is none: take it away" in said
    config.client("s3").delete_object(Bucket=shop.archive_bucket, Key=key)
    notary.sweep()
    assert head().size == 4


def test_a_segment_that_is_gone_stops_its_shard(books, shop, capsys):
    segments(books[0], 1, 1, 1)
    key = f"segments/{books[0].shard}/{archive.MAX - 1:056d}.jsonl.gz"
    config.client("s3").delete_object(Bucket=shop.archive_bucket, Key=key)
    notary.sweep()
    assert [leaf.before for leaf in leaves()] == [0]
    assert "another segment" in capsys.readouterr().err


def test_a_bundle_that_is_damaged_stops_the_notary_loudly(books, shop, capsys):
    segments(books[0], 1)
    notary.sweep()
    before = kept.head()
    for body in (b"{}", encode(EMPTY.grown([Leaf(books[0].shard, 0, 9, b"x" * 32)]))[:-2]):
        config.client("s3").put_object(Bucket=shop.archive_bucket, Key=kept.name(0), Body=body)
        segments(books[0], 1)
        notary.sweep()
        assert '"what": "tree-damaged"' in capsys.readouterr().err
        assert kept.head() == before
    with pytest.raises(Behind):
        kept.holding(0)


class TestRaces:
    """Row 29."""

    def test_of_two_sweeps_that_read_the_same_tree_one_enters_and_both_publish_its_head(
        self, books, monkeypatch
    ):
        segments(books[0], 2, 3)
        honest, rivals = kept.put, itertools.count()

        def after_another(bundle):
            if next(rivals) == 0:
                segments(books[1], 1)
                notary.sweep()
            return honest(bundle)

        monkeypatch.setattr(kept, "put", after_another)
        notary.sweep()
        assert [leaf.shard for leaf in leaves()] == [books[0].shard] * 2 + [books[1].shard]
        assert (head().size, len(names("tree/"))) == (3, 1)

    def test_many_sweeps_at_once_enter_everything_once(self, books):
        for number in range(3):
            segments(books[number % 2], 1, 2)
            sweeps = [threading.Thread(target=notary.sweep) for _ in range(4)]
            for sweep in sweeps:
                sweep.start()
            for sweep in sweeps:
                sweep.join(timeout=60)
        notary.sweep()
        found = leaves()
        assert len({(leaf.shard, leaf.before) for leaf in found}) == len(found) == 6
        assert head().root == tree.root([leaf.hash for leaf in found])
        notes = [
            note.opened(objects.body(each).decode(), notary.origin(), keys.trust().notaries())
            for each in names("tree-heads/")
        ]
        for each in notes:
            assert each.root == tree.root([leaf.hash for leaf in found[: each.size]])

    def test_a_sweep_that_is_late_takes_no_newer_head_back(self, books, monkeypatch):
        segments(books[0], 1)
        honest, first = kept.publish, itertools.count()

        def late(*given):
            if next(first) == 0:
                segments(books[0], 1)
                notary.sweep()
            return honest(*given)

        monkeypatch.setattr(kept, "publish", late)
        notary.sweep()
        assert head().size == 2

    @pytest.mark.parametrize("step", ["put", "publish"])
    @pytest.mark.parametrize("is_done", [False, True])
    def test_a_sweep_that_dies_is_made_good_by_the_next(self, books, monkeypatch, step, is_done):
        segments(books[0], 1, 2)
        honest = getattr(kept, step)

        def dying(*given):
            if is_done:
                honest(*given)
            raise CloudFailure("killed")

        with monkeypatch.context() as killed:
            killed.setattr(kept, step, dying)
            with pytest.raises(CloudFailure):
                notary.sweep()
        segments(books[1], 1)
        notary.sweep()
        found = leaves()
        assert head() == note.TreeHead(notary.origin(), 3, tree.root([each.hash for each in found]))

    @pytest.mark.parametrize("is_kept", [False, True])
    def test_a_head_is_kept_for_good_before_it_is_shown_though_a_sweep_dies_at_that(
        self, books, monkeypatch, is_kept
    ):
        segments(books[0], 1)
        notary.sweep()
        segments(books[0], 1, 1)
        put = objects.put

        def dying(name, body):
            if is_kept or not name.startswith("tree-heads/"):
                put(name, body)
            if name.startswith("tree-heads/"):
                raise CloudFailure("killed")
            return True

        with monkeypatch.context() as killed:
            killed.setattr(objects, "put", dying)
            with pytest.raises(CloudFailure):
                notary.sweep()
        assert head().size == 1
        assert names("tree-heads/") == ["tree-heads/1", "tree-heads/3"][: 1 + is_kept]
        told = ["tree-head was put back to 1 leaves, 3 were signed for; or a sweep ended before it"]
        assert [each[: len(told[0])] for each in audit().wrong] == told * is_kept
        notary.sweep()
        assert (head().size, names("tree-heads/")) == (3, ["tree-heads/1", "tree-heads/3"])
        assert audit().wrong == []

    def test_a_head_that_stays_contended_is_the_clouds_failure(self, books, monkeypatch):
        segments(books[0], 1)
        monkeypatch.setattr(kept, "publish", lambda *_: False)
        with pytest.raises(CloudFailure, match="contended"):
            notary.sweep()


def test_a_new_notary_signs_the_same_head_anew(books, shop, cloud, monkeypatch):
    segments(books[0], 1)
    notary.sweep()
    before, new = kept.head(), SigningKey(keys.new_key())
    root = provision.key(cloud.state, "root")
    document = opened(keys.document().encode(), {root.kid: root.public})
    entry = {**document["keys"][1], "kid": new.kid, "x": new.public.x}
    document |= {"version": 2, "keys": [*document["keys"], entry]}
    body = Trust.sign(document, root)
    config.client("s3").put_object(Bucket=shop.archive_bucket, Key="trust/2.json", Body=body)
    keys.forget()
    monkeypatch.setattr(keys, "notary", lambda: new)
    notary.sweep()
    assert kept.head() != before
    assert note.opened(kept.head().note, notary.origin(), [new.public]).size == 1
    assert objects.body("tree-heads/1").decode() == before.note


class TestHeadsThatAreNotOurs:
    def publish(self, shop, text):
        config.client("s3").put_object(
            Bucket=shop.archive_bucket, Key="tree-head", Body=text.encode()
        )

    @pytest.mark.parametrize("forged", ["", "nonsense", "tillstream/prod\n9\n"])
    def test_what_nobody_signed_is_replaced_loudly(self, books, shop, capsys, forged):
        segments(books[0], 1)
        self.publish(shop, forged)
        notary.sweep()
        assert head().size == 1
        assert "tree-head-replaced" in capsys.readouterr().err

    def test_a_head_of_another_tree_of_ours_is_never_replaced(self, books, shop, capsys):
        segments(books[0], 1)
        other = note.sign(note.TreeHead(notary.origin(), 1, b"x" * 32), keys.notary())
        self.publish(shop, other)
        notary.sweep()
        assert kept.head().note == other
        assert '"what": "tree-split"' in capsys.readouterr().err

    def test_a_head_that_is_ahead_of_the_tree_stays(self, books, shop):
        segments(books[0], 1)
        ahead = note.sign(note.TreeHead(notary.origin(), 9, b"x" * 32), keys.notary())
        self.publish(shop, ahead)
        notary.sweep()
        assert kept.head().note == ahead


@st.composite
def grown(draw):
    """A tree as sweeps of any sizes made it."""
    number, made, found = itertools.count(1), [], EMPTY
    for size in draw(st.lists(st.integers(1, 9), min_size=1, max_size=9)):
        added = [
            Leaf(draw(st.sampled_from(SHARDS)), n - 1, n, tree.leaf_hash(b"%d" % n))
            for n in itertools.islice(number, size)
        ]
        found = found.grown(added)
        made.append(found)
    return made


@settings(max_examples=30)
@given(grown())
def test_any_hash_can_be_had_from_bundles_as_from_all_leaves(made):
    """And so paths, roots and consistency: from a few bundles what needs all leaves else."""
    whole = tree.of([leaf.hash for each in made for leaf in each.leaves])
    some = Bundles()
    some._read = list(made)
    size = made[-1].size
    for each in made:
        assert decode(encode(each)) == each
        assert each.root == whole(0, each.size)
        assert tree.consistency(each.size, size, some.node) == tree.consistency(
            each.size, size, whole
        )
    for index in range(size):
        assert tree.inclusion(index, size, some.node) == tree.inclusion(index, size, whole)


@settings(max_examples=40)
@given(grown(), st.data())
def test_a_bundle_that_was_cut_or_changed_is_refused_or_another(made, data):
    """Row 21."""
    body = encode(made[-1])
    at = data.draw(st.integers(0, len(body) - 1))
    for changed in (body[:at], body[:at] + bytes([body[at] ^ 1]) + body[at + 1 :]):
        try:
            found = decode(changed)
        except ValueError:
            continue
        assert found != made[-1]


def test_a_bundle_says_where_every_shard_ends():
    first = EMPTY.grown([Leaf(SHARDS[0], 0, 5, b"a" * 32), Leaf(SHARDS[1], 0, 3, b"b" * 32)])
    second = first.grown([Leaf(SHARDS[0], 5, 7, b"c" * 32)])
    assert (first.ends, second.ends) == (
        {SHARDS[0]: 5, SHARDS[1]: 3},
        {SHARDS[0]: 7, SHARDS[1]: 3},
    )
