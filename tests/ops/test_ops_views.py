"""`ops views`: versions, live, parked, and the lag of each shard in segments and events."""

import json
import os

import pytest
from logbook import Logbook
from test_shop_found import ops

from chalicelib import projector
from chalicelib.views import VIEWS
from ops import views

pytestmark = pytest.mark.usefixtures("unsplit")


def shard_of(found):
    (shard,) = found.shards
    return shard


def test_a_level_shop_shows_every_view_live_and_no_lag(shop):
    book = Logbook(shop)
    book.fold(book.record(), book.record())
    found = views.state()
    assert {(v.view, v.version, v.live, v.parked) for v in found.views} == {
        (view.name, view.version, True, 0) for view in VIEWS
    }
    shard = shard_of(found)
    assert (shard.level, shard.segments, shard.events, shard.more) == (True, 0, 0, False)


def test_what_is_archived_and_not_folded_is_counted_in_segments_and_events(shop):
    book = Logbook(shop)
    book.fold(book.record())
    book.archive(book.record(), book.record())
    book.archive(book.record())
    shard = shard_of(views.state())
    assert (shard.level, shard.segments, shard.events) == (False, 2, 3)
    projector.sweep()
    assert shard_of(views.state()).level


def test_a_shard_that_was_never_folded_is_behind_by_all_of_it(shop):
    book = Logbook(shop)
    book.archive(book.record(), book.record())
    shard = shard_of(views.state())
    assert (shard.position, shard.level, shard.segments, shard.events) == (None, False, 1, 2)


def test_a_long_lag_is_counted_so_far_and_says_so(shop, monkeypatch):
    monkeypatch.setattr(views, "MOST", 2)
    book = Logbook(shop)
    for _ in range(4):
        book.archive(book.record())
    shard = shard_of(views.state())
    assert (shard.segments, shard.events, shard.more) == (2, 2, True)


def test_subjects_that_stand_still_are_counted(shop):
    book = Logbook(shop)
    book.fold(book.record("transmogrified"), book.record(product="bowl"))
    assert shard_of(views.state()).parked == 1


def test_as_a_process_it_answers_in_json_and_in_words(shop):
    book = Logbook(shop)
    book.archive(book.record())
    ran = ops("views", "--json", env=dict(os.environ))
    told = json.loads(ran.stdout)
    assert ran.returncode == 0
    assert [view["view"] for view in told["views"]] == [view.name for view in VIEWS]
    assert told["shards"][0]["events"] == 1
    assert "1 segments, 1 events" in ops("views", env=dict(os.environ)).stdout
