"""What `ops rebuild` meets, or leaves behind: the sweep, another of its kind, a view that left."""

import time
from dataclasses import replace

import pytest
from logbook import Logbook, folds_by, unable
from test_rebuild import board, built, entry, rows_of

from chalicelib import checkpoint, config, projector, register, replay, store
from chalicelib.decisions import DECIDERS
from chalicelib.errors import CatchingUp, CommitLost
from chalicelib.projector import chunk as chunks
from chalicelib.replay import Shards
from chalicelib.views import VIEWS, catalog, scores
from ops import naive, verify
from ops import rebuild as rebuilding
from ops.rebuild import remains

pytestmark = pytest.mark.usefixtures("unsplit")


@pytest.fixture
def book(shop, monkeypatch):
    """A level shop in which two cups were bought; three who stand still are too many."""
    monkeypatch.setattr(chunks, "MOST_PARKED", 2)
    monkeypatch.setattr(naive, "MOST_PARKED", 2)
    book = Logbook(shop)
    described = {"brand": "b", "name": "n", "description": "d", "category": "cups"}
    book.fold(book.record("created", **described), *(book.record("purchased") for _ in range(2)))
    assert checkpoint.is_ready()
    return book


@pytest.fixture
def left(book):
    """The same, and the scores have left by a mistake that is mended now: they answer 503."""
    with folds_by(unable("scores")):
        book.fold(*(book.record("purchased", f"z{number}") for number in range(3)))
    with pytest.raises(CatchingUp):
        board()
    return book


@pytest.fixture
def release(monkeypatch):
    """The code of a release in which the scores have the next number."""
    changed = replace(scores.VIEW, version=3, older=(scores.VIEW,))
    views = [changed if view.name == "scores" else view for view in VIEWS]
    code = replace(projector.LIVE, views=views)
    monkeypatch.setattr(projector.project, "__defaults__", (code,))
    monkeypatch.setattr(scores, "VIEW", changed)
    monkeypatch.setattr(rebuilding, "LIVE", code)
    monkeypatch.setattr(verify, "LIVE", code)
    return code


def meanwhile(monkeypatch, happens):
    """What happens once, while `ops rebuild` compares."""

    def compared(*asked, **named):
        monkeypatch.setattr(rebuilding.verify, "verify", whole)
        happens()
        return whole(*asked, **named)

    whole = verify.verify
    monkeypatch.setattr(rebuilding.verify, "verify", compared)


def stopped(*_, **__):
    raise KeyboardInterrupt


def counted(version):
    """How many sales the version has, of products that nobody created, too."""
    return sum(int(i["rank"]["N"]) for i in rows_of(version) if i["pk"]["S"].endswith("/creator"))


def spoil(version):
    item = next(item for item in rows_of(version) if item["sk"]["S"] == "cleo")
    client, table = config.client("dynamodb"), config.settings().table
    client.put_item(TableName=table, Item=item | {"rank": {"N": "7"}})


def lapse(what="rebuild scores"):
    """The lease is as if its holder had slept for a minute."""
    row = store.get(store.Key("lease", what))
    past = store.Put(row.key, row.body | {"until": 0.0})
    store.commit(past, store.Guard(row.key, row.body["token"]), [])


class TestTheSweep:
    """What it makes of a candidate that an operator began."""

    def test_what_came_no_further_is_built_by_the_sweep_of_mended_code(self, left, monkeypatch):
        monkeypatch.setattr(rebuilding, "STUCK_S", 0)
        with monkeypatch.context() as patch:
            patch.setattr(rebuilding, "LIVE", unable("scores"))
            with pytest.raises(rebuilding.NotDoneError, match="comes no further"):
                built()
        monkeypatch.setattr(replay, "digest", lambda: "mended")
        replay.sweep()
        assert (entry().read, entry().next) == ("scores@2.2", None)
        assert (board(), counted(entry().read)) == ([2], 5)

    def test_what_was_stopped_is_gone_on_with_where_the_view_is_needed(self, left, monkeypatch):
        with monkeypatch.context() as patch:
            patch.setattr(rebuilding.verify, "verify", stopped)
            with pytest.raises(KeyboardInterrupt):
                built()
        replay.sweep()
        assert (entry().read, entry().next) == ("scores@2.1", None)
        assert (board(), counted(entry().read)) == ([2], 5)

    def test_what_an_operator_is_at_is_left_to_them(self, left, monkeypatch):
        seen = []
        meanwhile(monkeypatch, lambda: (replay.sweep(), seen.append(entry())))
        assert built().read == "scores@2.1"
        assert [(each.read, each.next) for each in seen] == [("scores@2", "scores@2.1")]

    def test_what_was_stopped_is_left_where_the_view_is_whole(self, book, monkeypatch):
        with monkeypatch.context() as patch:
            patch.setattr(rebuilding.verify, "verify", stopped)
            with pytest.raises(KeyboardInterrupt):
                built()
        for digest in ("the same", "of the next release"):
            monkeypatch.setattr(replay, "digest", lambda digest=digest: digest)
            replay.sweep()
            assert (entry().read, entry().next) == ("scores@2", "scores@2.1")

    def test_who_read_the_shards_before_a_promotion_begins_nothing(self, book):
        shards = replay.Shards.now()
        built()
        replay.tend(scores.VIEW, shards, 0.0)
        assert (entry().read, entry().next) == ("scores@2.1", None)

    def test_what_differed_is_never_read_and_other_code_begins_it_anew(
        self, book, release, monkeypatch
    ):
        meanwhile(monkeypatch, lambda: spoil("scores@3.1"))
        assert built().differences
        replay.sweep(release)
        assert (entry().read, entry().next) == ("scores@2", "scores@3.1")
        monkeypatch.setattr(replay, "digest", lambda: "mended")
        replay.sweep(release)
        assert (entry().read, entry().kept) == ("scores@3.2", "scores@2")
        assert board() == [2]


class TestDropped:
    def test_a_candidate_that_is_begun_while_the_table_is_scanned_keeps_its_rows(
        self, book, monkeypatch
    ):
        def call(operation, **request):
            if operation == "scan" and not begun:
                begun.append(version)
                replay.sweep(code)
                assert register.read().entry("catalog").read == version
            return whole(operation, **request)

        built()
        changed = replace(catalog.VIEW, version=9, older=(catalog.VIEW,))
        version = "catalog@9.1"
        views = [changed if view.name == "catalog" else view for view in VIEWS]
        code, begun, whole = replace(projector.LIVE, views=views), [], store._call
        monkeypatch.setattr(store, "_call", call)
        rebuilding.drop(scores.VIEW)
        assert len(rows_of(version)) == len(rows_of(str(catalog.VIEW))) > 0
        assert rows_of("scores@2") == []


class TestPromoted:
    """Only what was compared is read, and only where it is whole still."""

    def test_what_left_while_it_was_compared_is_not_read(self, book, release, monkeypatch):
        def left():
            with folds_by(mistaken):
                book.fold(*(book.record("purchased", f"z{number}") for number in range(3)))
            with pytest.raises(CommitLost):
                replay.promote(register.read(), "scores")

        def stumbles(event, *state):
            raise ZeroDivisionError("by this event")

        broken = replace(scores.VIEW, reduce=stumbles)
        views = [broken if view.name == "scores" else view for view in VIEWS]
        mistaken = replace(release, views=views)
        meanwhile(monkeypatch, left)
        with pytest.raises(rebuilding.NotDoneError, match=r"scores@3\.1 has left .* by this event"):
            built()
        assert (entry().read, entry().next) == ("scores@2", "scores@3.1")
        assert board() == [2], "what was read is healthy, and read"
        assert built().read == "scores@3.2"
        assert counted("scores@3.2") == 5

    def test_the_release_before_does_not_return_to_what_has_just_left(self, book, release):
        replay.sweep(release)
        assert (entry().read, entry().kept) == ("scores@3.1", "scores@2")
        seen = Shards.now()
        gone = store.Put(
            checkpoint.left_key("scores@2"), {"subject": "", "detail": "", "token": "1"}
        )
        store.commit(gone, store.Guard(gone.key, None), [])
        older = projector.Code(DECIDERS, VIEWS)
        with pytest.raises(CommitLost):
            replay.tend(older.view("scores@2"), seen, time.monotonic() + 1, older)
        assert entry().read == "scores@3.1"

    def test_who_slept_while_another_was_at_it_promotes_nothing(self, book, monkeypatch):
        found = []
        meanwhile(monkeypatch, lambda: (lapse(), found.append(built())))
        with pytest.raises(rebuilding.BusyError, match="another `ops rebuild scores` is at it"):
            built()
        assert [each.read for each in found] == ["scores@2.1"]
        assert (entry().read, entry().kept, entry().next) == ("scores@2.1", "scores@2", None)
        assert board() == [2]

    def test_what_the_sweep_has_promoted_meanwhile_is_not_promoted_again(self, book, monkeypatch):
        meanwhile(monkeypatch, lambda: replay.promote(register.read(), "scores"))
        with pytest.raises(rebuilding.NotDoneError, match=r"scores@2\.1 is not the candidate"):
            built()
        assert (entry().read, entry().kept, entry().next) == ("scores@2.1", "scores@2", None)

    def test_what_was_looked_at_is_what_is_returned_to(self, book, monkeypatch):
        def change(named, view, after, *more):
            monkeypatch.setattr(register, "change", whole)
            whole(named, view, named.entry(view)._replace(kept=None))
            return whole(named, view, after, *more)

        built()
        whole = register.change
        monkeypatch.setattr(register, "change", change)
        with pytest.raises(rebuilding.NotDoneError, match="no other version of scores"):
            rebuilding.roll_back(scores.VIEW)
        assert entry().read == "scores@2.1"

    def test_the_lease_is_kept_while_the_table_is_scanned(self, book, monkeypatch):
        scans, pages = [], []
        scan = store._call
        monkeypatch.setattr(store, "_call", lambda *a, **k: scans.append(a) or scan(*a, **k))
        verify.verify(page=lambda: pages.append(len(scans)))
        remains.erase(lambda: pages.append(len(scans)))
        assert len(pages) == sum(asked == ("scan",) for asked in scans) == 2

    def test_the_lease_is_kept_while_what_differs_is_looked_at_again(self, book, monkeypatch):
        steps = []
        verify.verify(lambda: steps.append("first"))
        once = len(steps)
        spoil("scores@2")
        assert verify.verify(lambda: steps.append("second")).differences
        assert steps.count("second") == 2 * once
