"""What an admin is told of the views."""

from __future__ import annotations

from chalicelib import archive, checkpoint, health, register
from chalicelib.checkpoint import Checkpoint
from chalicelib.events import Shard
from chalicelib.views import VIEWS, scores

SHARD = Shard("tillstream-test-1", "shardId-000000000000")


def test_a_subject_that_is_parked_for_all_views_is_counted_in_each(monkeypatch):
    parked = {"*": {"product/1": "there"}, str(scores.VIEW): {"product/2": "there"}}
    reached = Checkpoint(SHARD, views=tuple(map(str, VIEWS)), parked=parked)
    monkeypatch.setattr(archive, "shards", lambda: [SHARD])
    monkeypatch.setattr(checkpoint, "all_of", lambda _: {SHARD: reached})
    monkeypatch.setattr(checkpoint, "is_level", lambda *_: True)
    monkeypatch.setattr(register, "read", lambda: None)
    found = {item["view"]: item["parked"] for item in health.views()["items"]}
    assert found == {view.name: 1 for view in VIEWS} | {"scores": 2}
