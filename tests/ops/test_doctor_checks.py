"""Each check of `ops doctor` sees what it is for, and says it in a sentence; and nothing else."""

import io
import threading
import time
from dataclasses import replace

import pytest
from logbook import BEGUN_MS, Logbook
from rich.console import Console
from test_audit import Vandal

from chalicelib import archive, checkpoint, config, log, notary, personal, projector
from chalicelib.archive.gaps import HOUR_MS
from chalicelib.decisions import DECIDERS
from chalicelib.decisions.customer import Customer
from chalicelib.decisions.desk import SUBJECT
from chalicelib.decisions.desk.state import Assignment, Desk, Photographer, Waiting
from chalicelib.decisions.product import Product
from chalicelib.decisions.todo import Todo
from chalicelib.events import SYSTEM, Envelope, Shard
from chalicelib.notary.bundle import EMPTY
from chalicelib.signing import keys, note, seal
from chalicelib.subjects import subject_key
from chalicelib.todos import lease
from local.dispatcher import Dispatcher
from ops import doctor
from ops.doctor import desk, erased, lags, notarised, waits
from ops.doctor.lags import Lag
from ops.doctor.notarised import Tree
from ops.doctor.show import show
from ops.doctor.waits import Wait
from ops.naive.subjects import Subject

ZERO, ONE = Shard("s-1", "shardId-000000000000"), Shard("s-1", "shardId-000000000001")
NOW = BEGUN_MS
WAIT = Wait(str(ZERO), 3, False, NOW - 90_000, 7, another=False, taken=False)
HEAD = note.TreeHead("tillstream/t", 2, b"r" * 32)
TREE = Tree(HEAD, EMPTY, {ZERO: 5}, {}, 0, None, ())


pytestmark = pytest.mark.usefixtures("unsplit")


class TestConsumer:
    def test_one_that_stopped_is_told_with_the_shard_the_count_and_since_when(self):
        (sentence,) = waits.wrong([WAIT], NOW)
        assert sentence.startswith(
            f"THE CONSUMER STANDS STILL: {ZERO}: 3 records wait in the stream, "
            "the first since 2026-11-21T01:29:50Z (90 s), and none is archived. Is the mapping"
        )

    def test_one_that_faces_another_stream_is_told_where_to_read(self):
        (sentence,) = waits.wrong([replace(WAIT, another=True)], NOW)
        assert "its stream was made anew (docs/resharding.md)" in sentence

    def test_what_came_just_now_and_what_is_taken_is_well(self):
        young = replace(WAIT, since=NOW - 59_000)
        nothing = replace(WAIT, records=0, since=None)
        assert list(waits.wrong([young, nothing, replace(WAIT, taken=True)], NOW)) == []
        assert waits.told([young, nothing], NOW).endswith("3 records wait, the first for 59 s")
        assert "is archived" in waits.told([nothing], NOW)

    def test_one_that_is_too_slow_is_told(self):
        slow = replace(WAIT, taken=True, more=True, since=NOW - 301_000)
        (sentence,) = waits.wrong([slow], NOW)
        assert "more than 3 records wait" in sentence
        assert sentence.endswith("it is read, and too slowly")

    def test_it_is_given_some_time_and_a_child_until_its_parent_is_done(self, monkeypatch):
        ends = iter((7, 7, 8))
        monkeypatch.setattr(waits, "PAUSE_S", 0)
        monkeypatch.setattr(archive, "tail", lambda _: archive.Tail(next(ends), 0, None))
        (moved,) = waits.settled([WAIT], NOW)
        assert moved.taken
        monkeypatch.setattr(waits, "PATIENCE_S", 0)
        monkeypatch.setattr(archive, "tail", lambda _: archive.Tail(7, 0, None))
        child = replace(WAIT, shard=str(ONE))
        monkeypatch.setattr(log, "ancestors", lambda shard: [ZERO] if shard == ONE else [])
        assert [each.taken for each in waits.settled([WAIT, child], NOW)] == [False, True]


class TestSweep:
    def test_segments_that_nobody_notarises_are_told(self):
        late = replace(TREE, head=None, waiting={(ZERO, 4): 601, (ONE, 0): 599})
        (sentence,) = notarised.wrong(late)
        assert sentence.startswith(
            f"THE SWEEP STANDS STILL: {ZERO}: the segment after 4 lies there for 601 s"
        )

    def test_a_stream_that_nobody_looks_at_is_told(self):
        (sentence,) = notarised.wrong(replace(TREE, head=None, looked_s=4 * 3600))
        assert sentence.startswith("THE SWEEP STANDS STILL: for 14400 s nobody has looked")
        assert not list(notarised.wrong(replace(TREE, head=None, looked_s=3600)))

    def test_a_head_that_is_not_the_trees_and_an_archive_that_is_shorter_are_told(self, shop):
        book, vandal = Logbook(shop), Vandal(shop)
        for _ in range(3):
            book.archive(book.record())
        notary.sweep()
        tree = notarised.read([book.shard], archive.gaps.now())
        assert list(notarised.wrong(tree)) == []
        assert notarised.told(tree) == "tree head over 3 segments, none is newer"
        larger = tree.head._replace(size=4)
        other = tree.head._replace(root=b"x" * 32)
        for head, why in ((larger, "rolled back"), (other, "a split view")):
            (sentence,) = notarised.wrong(replace(tree, head=head))
            assert sentence.endswith(why)
        vandal.write("tree-head", "nonsense")
        assert "is not to be believed" in self.wrong(book)[0]
        vandal.write("tree-head", vandal.read("tree-heads/3"))
        vandal.drop(f"segments/{book.shard}/{archive.MAX - 2:056d}.jsonl.gz")
        assert self.wrong(book) == [
            f"{book.shard}: what was notarised up to 3 is gone: `ops audit` says what"
        ]
        vandal.write("tree/999999999999999.json", "{}")
        assert "the tree is damaged" in self.wrong(book)[0]

    def wrong(self, book):
        return list(notarised.wrong(notarised.read([book.shard], archive.gaps.now())))

    def test_a_tree_that_grows_and_whose_head_nobody_signs_is_told(self, shop, monkeypatch):
        book = Logbook(shop)
        for _ in range(3):
            book.archive(book.record())
            notary.sweep()
            monkeypatch.setattr(notary, "_publish", lambda _: None)
        read = notarised.read([book.shard], archive.gaps.now() + 700_000)
        assert (read.head.size, read.newest.size, read.waiting) == (1, 3, {})
        (sentence,) = notarised.wrong(read)
        assert "the tree has been larger than what its head is signed over" in sentence
        assert self.wrong(book) == []

    def test_a_segment_that_just_came_is_not_late(self, shop):
        book = Logbook(shop)
        book.archive(book.record())
        ((at, seconds),) = notarised.read([book.shard], archive.gaps.now()).waiting.items()
        assert (at, seconds < 60) == ((book.shard, 0), True)


class TestViews:
    LAG = Lag("scores", "scores@1", "read", str(ZERO), 12, False, 301)

    def test_what_is_read_and_stands_still_is_wrong_and_a_candidate_is_not(self):
        others = replace(self.LAG, view="x"), replace(self.LAG, role="candidate", seconds=9999)
        assert list(lags.behind([self.LAG, *others])) == [f"{ZERO}: the rows are 301 s behind"]
        assert list(lags.behind([replace(self.LAG, seconds=300)])) == []

    def test_lags_are_told_once_for_all_that_share_them(self):
        level = replace(self.LAG, shard=str(ONE), events=0, seconds=0)
        new = replace(self.LAG, version="x@2", role="candidate", events=5000, more=True)
        assert list(lags.told([self.LAG, replace(self.LAG, version="y@1"), level, new])) == [
            f"1 views that are read: {ZERO}: 12 events, 301 s behind, level on 1 more",
            f"1 views that are read: {ZERO}: 12 events, 301 s behind",
            f"candidates x@2: {ZERO}: more than 5,000 events, 301 s behind",
        ]

    def test_one_that_left_is_told(self):
        (sentence,) = lags.left(["scores@1"])
        assert sentence.startswith("scores@1 left the live set, and answers 503")


def asked(product):
    assignment = Assignment(product=product, waited=1, since=1, until=2, timer="t")
    return Photographer(phone_key="k", left=1, until=9, free=1, assignment=assignment)


class TestDesk:
    def test_a_product_that_is_asked_of_two_or_waits_besides_is_wrong(self):
        busy = Desk(photographers={"a": asked("mug"), "b": asked("mug")})
        assert list(desk.wrong(busy, [])) == ["product/mug is asked of 2 photographers at once"]
        torn = Desk(photographers={"a": asked("mug")}, waiting={"mug": Waiting(since=1)})
        (sentence,) = desk.wrong(torn, [])
        assert sentence == "product/mug is asked of a photographer, and waits for one as well"

    def test_a_product_that_the_desk_forgot_is_lost_and_one_on_its_way_is_not(self):
        waiting, known = Product(at_desk=True), Desk(waiting={"cup": Waiting(since=1)})
        assert desk.is_lost("product/mug", waiting, known)
        assert not desk.is_lost("product/cup", waiting, known)
        for changed in (
            {"image": "https://pictures.example/1.png"},
            {"todos": {"tell-desk@p": Todo(kind="tell-desk", since=1)}},
            {"at_desk": False},
        ):
            assert not desk.is_lost("product/mug", waiting.model_copy(update=changed), known)
        (sentence,) = desk.wrong(known, ["product/mug"])
        assert sentence == "product/mug waits for a picture, and the photo desk does not know of it"

    def test_what_looks_lost_is_looked_at_again_in_the_table(self, shop, monkeypatch):
        subjects = {"product/mug": Subject(Product(at_desk=True)), SUBJECT: Subject(Desk())}
        assert desk.lost(subjects) == [], "the table knows no such product"
        monkeypatch.setattr(desk, "_now", lambda name: subjects[name].state)
        assert desk.lost(subjects) == ["product/mug"]


class TestErased:
    def test_a_key_that_came_back_with_a_copy_of_the_vault_is_told(self, shop):
        personal.encrypt("mia", "order/1", {"name": "Mia"})
        personal.encrypt("cleo", "order/2", {"name": "Cleo"})
        personal.destroy("mia")
        gone = Subject(Customer(erased=True))
        owed = Customer(erased=True, todos={"d": Todo(kind="destroy-key", since=1)})
        subjects = {"customer/mia": gone, "customer/cleo": gone, "customer/bo": Subject(owed)}
        assert erased.people(subjects) == ["mia", "cleo"]
        assert erased.readable(["mia", "cleo"]) == ["cleo"]
        (sentence,) = erased.wrong(["cleo"])
        assert sentence.startswith("customer/cleo was erased, and their key is in the vault")


class TestWhole:
    @pytest.fixture
    def book(self, shop, monkeypatch):
        monkeypatch.setattr(lease, "now", lambda: BEGUN_MS + 60_000)
        book = Logbook(shop)
        book.fold(book.record("created", **DESCRIBED), book.record(), book.nonsense())
        projector.sweep()
        return book

    def test_a_shop_that_is_well_says_what_was_looked_at(self, book, monkeypatch):
        found = doctor.examine()
        assert (found.wrong, found.unwell) == ([], [])
        matters = [check.matter for check in doctor.CHECKS]
        assert list(found.well) == [each for each in matters if each != "quarantine"]
        assert found.well["rows"].endswith("each as 3 records have it")
        assert found.told["quarantine"] == "Malformed 1; 0 of them in the last hour"
        assert doctor.examine(quick=True).unseen == {"rows": "--quick leaves it out"}
        monkeypatch.setattr("ops.doctor.found.now", lambda: BEGUN_MS + HOUR_MS // 2)
        assert doctor.examine(quick=True).lately == {"Malformed": 1}

    def test_a_row_that_is_not_the_logs_is_wrong_and_many_are_counted(self, book, monkeypatch):
        row = subject_key(DECIDERS["product"], "product/cup")
        config.client("dynamodb").delete_item(
            TableName=config.settings().table, Key={"pk": {"S": row.pk}, "sk": {"S": row.sk}}
        )
        (sentence,) = doctor.examine().wrong
        assert "product/cup" in sentence
        assert doctor.examine(quick=True).wrong == []
        monkeypatch.setattr(doctor, "MOST_ROWS", 0)
        assert doctor.examine().wrong == ["1 more rows are not the log's: `ops verify` names them"]

    def test_an_archive_that_cannot_be_read_on_is_told_with_all_else(self, book, shop):
        book.fold(book.record())
        Vandal(shop).drop(f"segments/{book.shard}/{archive.MAX:056d}.jsonl.gz")
        found = doctor.examine()
        assert (found.unwell, found.unseen.keys() & found.well.keys()) == (["archive"], set())
        assert {"rows", "views", "money", "quarantine"} <= found.unseen.keys()
        assert "what follows was not looked at" in found.wrong[0]

    def test_who_stands_still_is_counted_by_version(self, book):
        book.fold(book.record("transmogrified", product="bowl"))
        found = doctor.examine()
        assert found.standing == {checkpoint.ALL: 1}
        assert (found.wrong, "parked" in found.well) == ([], False)
        assert found.told["parked"] == "stand still: 1 in * (`ops parked`)"

    def test_what_is_left_to_a_person_is_told_and_not_called_well(self, book):
        printed = Console(width=200, file=io.StringIO())
        show(doctor.examine(quick=True), printed)
        lines = printed.file.getvalue().splitlines()
        assert "told quarantine  Malformed 1; 0 of them in the last hour" in lines
        assert "well parked      nobody stands still" in lines
        assert "unseen rows        --quick leaves it out" in lines
        assert not [line for line in lines if line.startswith(("well quarantine", "well rows"))]


DESCRIBED = {"brand": "b", "name": "n", "description": "", "category": "cakes"}


def said(shop, number):
    """An event on the log, as a route appends it."""
    moment = time.strftime("%Y-%m-%dT%H:%M:%S.000Z", time.gmtime())
    event = Envelope(
        id=f"e{number}",
        source=SYSTEM,
        type="tillstream.product.viewed.v1",
        subject="product/mug",
        time=moment,
        stream=shop.stream,
        actor="mia",
        data={},
    )
    return log.append(event.subject, seal(event, keys.producer()))


class Consumer:
    """The dispatcher, for as long as it is let."""

    def __init__(self, stream):
        self.dispatcher = Dispatcher(
            stream, lambda event, _: projector.project(log.decode(event)), lambda *_: None
        )
        self.thread = threading.Thread(target=self.dispatcher.run)

    def __enter__(self):
        self.thread.start()

    def __exit__(self, *_):
        self.dispatcher.stop.set()
        self.thread.join()


def archived(position):
    end = time.monotonic() + 60
    while archive.tail(position.shard).last < position.sequence:
        assert time.monotonic() < end
        time.sleep(0.05)


def test_over_the_wire_a_dispatcher_that_is_stopped_is_told_loudly_and_no_more_once_it_runs(
    shop, monkeypatch
):
    with Consumer(shop.stream):
        archived(said(shop, 1))
    monkeypatch.setattr(waits, "PATIENCE_S", 0)
    positions = [said(shop, number) for number in (2, 3)]
    assert doctor.examine(quick=True).wrong == [], "it may just be on its way"
    later = archive.gaps.now() + 90_000
    monkeypatch.setattr("ops.doctor.found.now", lambda: later)
    found = doctor.examine(quick=True)
    assert found.unwell == ["consumer"]
    (sentence,) = found.wrong
    shard = positions[0].shard
    assert sentence.startswith(f"THE CONSUMER STANDS STILL: {shard}: 2 records wait in the stream")
    with Consumer(shop.stream):
        archived(positions[-1])
    assert doctor.examine(quick=True).wrong == []
