"""`ops rebuild` of a view that left: whole once its code is mended, or it says how many lack."""

import json
from dataclasses import replace

import pytest
from logbook import Logbook
from typer.testing import CliRunner

from chalicelib import archive, checkpoint, config, health, projector, register, replay, store
from chalicelib.projector import chunk as chunks
from chalicelib.views import VIEWS, scores
from chalicelib.views.todos import VIEW as TODOS
from ops import naive, parked, verify, views
from ops import rebuild as rebuilding
from ops.__main__ import app
from ops.doctor import owed


@pytest.fixture(autouse=True)
def _few(monkeypatch):
    monkeypatch.setattr(chunks, "MOST_PARKED", 2)
    monkeypatch.setattr(naive, "MOST_PARKED", 2)


@pytest.fixture
def book(shop, monkeypatch):
    """A shop whose first shard was closed, and one came of it."""
    first, book = Logbook(shop), Logbook(shop, 1)
    parents = {book.shard: [first.shard]}
    monkeypatch.setattr("chalicelib.log.ancestors", lambda shard: parents.get(shard, []))
    first.fold(first.record("purchased"))
    book.fold(book.record("purchased"))
    assert checkpoint.is_ready()
    return book


@pytest.fixture
def broken(monkeypatch):
    """Until it is undone, no sale of a z counts for the scores, whoever folds."""

    def stumbles(event, *state):
        if event.subject.startswith("product/z"):
            raise ZeroDivisionError("by this event")
        return scores.reduce(event, *state)

    mistaken = replace(scores.VIEW, reduce=stumbles)
    code = replace(projector.LIVE, views=[mistaken if v.name == "scores" else v for v in VIEWS])
    with monkeypatch.context() as patch:
        patch.setattr(projector.project, "__defaults__", (code,))
        patch.setattr(rebuilding, "LIVE", code)
        patch.setattr(verify, "LIVE", code)
        patch.setattr(rebuilding, "STUCK_S", 0)
        yield patch


def built():
    return rebuilding.rebuild(scores.VIEW, 1e6, rebuilding.Progress())


def rows_of(version):
    return {
        item["sk"]["S"]: int(item["rank"]["N"])
        for item in store.scan()
        if item["pk"]["S"].startswith(f"{version}/creator")
    }


def sold(book, *products):
    book.fold(*(book.record("purchased", product) for product in products))


def test_what_stopped_under_the_mistake_is_built_anew_once_that_is_mended(
    book, broken, monkeypatch
):
    sold(book, *(f"z{number}" for number in range(5)))
    assert [gone.view for gone in parked.left()] == ["scores@2"]
    with pytest.raises(rebuilding.NotDoneError, match=r"scores@2\.1 comes no further"):
        built()
    with pytest.raises(rebuilding.NotDoneError, match=r"scores@2\.1 comes no further"):
        built()
    broken.undo()
    monkeypatch.setattr(replay, "digest", lambda: "mended")
    found = built()
    assert (found.read, found.differences, found.standing) == ("scores@2.2", [], 0)
    assert rows_of("scores@2.2") == {"UNKNOWN": 7}
    assert verify.verify().differences == []
    assert parked.state().left == []


def test_who_stands_still_in_what_is_read_now_is_counted_and_the_exit_code_is_1(book, broken):
    sold(book, "z1", "z1", "cup", "z2")
    ran = CliRunner().invoke(app, ["rebuild", "scores", "--rate", "100000"])
    assert (ran.exit_code, "scores@2.1 is read" in ran.stdout) == (1, True)
    assert "Subjects that stand still in it: 2; `ops parked` says why." in ran.stdout
    assert rows_of("scores@2.1") == {"UNKNOWN": 3}
    ran = CliRunner().invoke(app, ["rebuild", "scores", "--rate", "100000", "--json"])
    assert (ran.exit_code, json.loads(ran.stdout)["standing"]) == (1, 2)
    broken.undo()
    for subject in ("product/z1", "product/z2"):
        assert CliRunner().invoke(app, ["redrive", subject]).exit_code == 0
    assert built().standing == 0
    assert rows_of("scores@2.3") == {"UNKNOWN": 6}


def test_after_a_shard_was_closed_a_candidate_is_compared_too(book, monkeypatch):
    def spoilt(*asked, **named):
        (row,) = (i for i in store.scan() if i["pk"]["S"] == "scores@2.1/creator")
        changed = row | {"rank": {"N": "9"}}
        config.client("dynamodb").put_item(TableName=config.settings().table, Item=changed)
        return verified(*asked, **named)

    verified = verify.verify
    with monkeypatch.context() as patch:
        patch.setattr(verify, "verify", spoilt)
        assert "scores@2.1/creator UNKNOWN: is {'rank': 9}" in built().differences[0]
    assert register.read().entry("scores").read == "scores@2"


def test_after_a_shard_was_closed_what_was_built_is_live_and_the_sweep_pokes_by_it(book):
    found = [rebuilding.rebuild(view, 1e6, rebuilding.Progress()) for view in (scores.VIEW, TODOS)]
    assert [each.read for each in found] == ["scores@2.1", "todos@2.1"]
    assert all(view.live for view in views.state().views)
    assert all(view["live"] for view in health.views()["items"])
    level = checkpoint.level()
    assert (level.has("todos@2.1"), level.has("todos@2")) == (True, False)


def test_only_where_events_still_arrive_the_doctor_misses_what_is_owed(book):
    rebuilding.rebuild(TODOS, 1e6, rebuilding.Progress())
    reached = checkpoint.all_of(archive.shards())
    assert len(reached) == 2
    assert list(owed.unlisted(reached)) == []
    (sentence,) = owed.unlisted({at: replace(each, views=()) for at, each in reached.items()})
    assert sentence.startswith(f"{book.shard}: the table does not list what is owed")
