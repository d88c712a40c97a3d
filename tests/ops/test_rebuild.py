"""`ops rebuild`: beside what is read, compared, promoted; and back."""

import json
import os
from dataclasses import replace

import pytest
from logbook import Logbook
from test_shop_found import ops

from chalicelib import checkpoint, config, projector, read, register, replay, store
from chalicelib.events import Batch
from chalicelib.http import Request
from chalicelib.replay.alone import alone
from chalicelib.views import VIEWS, scores
from ops import rebuild as rebuilding
from ops import verify as verifying
from ops import views as viewing

FAST = 1e6


pytestmark = pytest.mark.usefixtures("unsplit")


@pytest.fixture
def book(shop):
    """A level shop in which a cup was listed and bought thrice."""
    book = Logbook(shop)
    described = {"brand": "b", "name": "n", "description": "d", "category": "cups"}
    book.fold(book.record("created", **described), *(book.record("purchased") for _ in range(3)))
    assert checkpoint.is_ready()
    return book


def entry():
    return register.read().entry("scores")


def built():
    return rebuilding.rebuild(scores.VIEW, FAST, rebuilding.Progress())


def board():
    asked = Request("GET", "/scores", query={"role": "creator"})
    told = read.settled(lambda: scores.scores(asked))
    return [item["score"] for item in told["items"]]


def rows_of(version):
    return [item for item in store.scan() if item["pk"]["S"].startswith(f"{version}/")]


def test_a_view_is_built_compared_and_read_and_what_was_read_is_folded_on(book):
    found = built()
    assert (found.read, found.kept, found.candidate) == ("scores@2.1", "scores@2", None)
    assert (found.records, found.differences) == (4, [])
    book.fold(book.record("purchased"))
    assert board() == [4]
    for version in ("scores@2", "scores@2.1"):
        assert {int(item["rank"]["N"]) for item in rows_of(version)} == {4}
    assert verifying.verify().differences == []


def test_rolled_back_what_was_read_before_is_read_and_no_sweep_undoes_that(book):
    built()
    book.fold(book.record("purchased"))
    assert rebuilding.roll_back(scores.VIEW).read == "scores@2"
    replay.sweep()
    assert (entry().read, entry().kept, entry().next) == ("scores@2", "scores@2.1", None)
    assert board() == [4]
    assert built().read == "scores@2.2"


def test_a_candidate_that_differs_from_the_log_is_not_read(book, monkeypatch):
    def spoilt(*asked, **named):
        row = next(item for item in rows_of("scores@2.1") if item["sk"]["S"] == "cleo")
        changed = row | {"rank": {"N": "7"}}
        config.client("dynamodb").put_item(TableName=config.settings().table, Item=changed)
        return verify(*asked, **named)

    verify = verifying.verify
    monkeypatch.setattr(rebuilding.verify, "verify", spoilt)
    found = built()
    assert "scores@2.1/creator cleo" in found.differences[0]
    assert (found.read, found.candidate) == ("scores@2", "scores@2.1")
    replay.sweep()
    assert entry().read == "scores@2", "the sweep leaves it to whoever asked for it"
    monkeypatch.setattr(rebuilding.verify, "verify", verify)
    assert built().read == "scores@2.2", "asked again, it is begun anew"


def test_dropped_it_is_folded_no_more_and_its_rows_are_gone(book):
    built()
    found = rebuilding.drop(scores.VIEW)
    assert (found.read, found.kept) == ("scores@2.1", None)
    assert rows_of("scores@2") == rows_of("candidate") == []
    book.fold(book.record("purchased"))
    assert board() == [4]
    assert rows_of("scores@2") == []
    assert verifying.verify().differences == []


def test_what_was_stopped_goes_on_where_it_stood(book, monkeypatch):
    def stopped(*_, **__):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(rebuilding.verify, "verify", stopped)
        with pytest.raises(KeyboardInterrupt):
            built()
    assert entry().next == "scores@2.1"
    assert built().read == "scores@2.1"


def test_a_release_with_a_changed_view_is_built_by_the_sweep_and_read(book, monkeypatch):
    changed = replace(scores.VIEW, version=3, older=(scores.VIEW,))
    views = [changed if view.name == "scores" else view for view in VIEWS]
    code = replace(projector.LIVE, views=views)
    monkeypatch.setattr(scores, "VIEW", changed)
    assert board() == [3], "until then what was read is read"
    replay.sweep(code)
    assert (entry().read, entry().kept) == ("scores@3.1", "scores@2")
    assert board() == [3]


def test_who_stood_still_in_a_view_is_whole_in_what_its_mended_code_built(book):
    def stumbles(event, *state):
        if event.subject == "product/bowl":
            raise ZeroDivisionError
        return scores.reduce(event, *state)

    broken = replace(scores.VIEW, reduce=stumbles)
    views = [broken if view.name == "scores" else view for view in VIEWS]
    sold = [book.record("purchased", product="bowl"), book.record("purchased")]
    projector.project(Batch(book.shard, sold), replace(projector.LIVE, views=views))
    assert checkpoint.read(book.shard).parked.keys() == {"scores@2"}
    book.fold(book.record("purchased", product="bowl"))
    assert built().differences == []
    assert sum(board()) == 4
    assert {int(item["rank"]["N"]) for item in rows_of("scores@2.1")} == {2, 4, 6}
    rebuilding.drop(scores.VIEW)
    assert checkpoint.read(book.shard).parked == {}


def test_what_is_built_is_told_by_ops_views(book, monkeypatch):
    def looked(*_, **__):
        (found,) = [view for view in viewing.state().views if view.view == "scores"]
        told.append((found.read, found.candidate, list(found.built.values())))
        return verify()

    told, verify = [], verifying.verify
    monkeypatch.setattr(rebuilding.verify, "verify", looked)
    built()
    assert told == [("scores@2", "scores@2.1", ["joined"])]


class TestBadInput:
    """One sentence, an exit code, and nothing changed."""

    @pytest.fixture
    def before(self, book):
        return entry()

    def said(self, *arguments):
        ran = ops("rebuild", *arguments, env=dict(os.environ))
        return ran.returncode, ran.stderr.strip().splitlines()[-1]

    def test_a_view_that_there_is_not(self, before):
        code, sentence = self.said("scroes")
        assert (code, entry()) == (2, before)
        assert "there is no view 'scroes'; there are catalog, " in sentence

    def test_nothing_to_return_to(self, before):
        code, sentence = self.said("scores", "--rollback")
        assert (code, entry()) == (2, before)
        assert sentence == "ops: there is no other version of scores to return to"

    def test_nothing_to_drop(self, before):
        with pytest.raises(rebuilding.NotDoneError, match="nothing is kept of scores"):
            rebuilding.drop(scores.VIEW)
        assert entry() == before

    def test_two_at_once(self, before):
        with (
            alone("rebuild scores"),
            pytest.raises(rebuilding.BusyError, match="another `ops rebuild"),
        ):
            built()
        assert entry() == before

    def test_a_table_that_is_being_filled(self, shop):
        with pytest.raises(rebuilding.NotDoneError, match="the table is being filled"):
            built()


def test_as_a_process_it_says_what_is_read(book):
    ran = ops("rebuild", "scores", "--rate", "100000", "--json", env=dict(os.environ))
    assert ran.returncode == 0, ran.stderr
    assert json.loads(ran.stdout)["read"] == "scores@2.1"
    assert ran.stderr.splitlines()[-1] == "hundredths of the log folded 100 of 100"
    ran = ops("rebuild", "scores", "--rollback", env=dict(os.environ))
    assert ran.stdout == "scores@2 is read; scores@2.1 is kept, and folded.\n"
