"""A running shop whose log is split, merged and begun anew while people use it."""

from __future__ import annotations

import json
import shutil
import sys
import threading
import time
from collections import Counter
from pathlib import Path
from typing import Self

import pytest

from chalicelib import archive, config
from chalicelib.events import Position
from local import cloud
from ops import verify

sys.path.insert(0, str(Path(__file__).parent.parent / "api"))
from whole_shop import Shop

PRODUCT = {"brand": "b", "name": "n", "description": "d", "category": "c"}
PRODUCTS = 10


class Buyers(threading.Thread):
    """Somebody looks at one product after the other, and keeps what was answered."""

    def __init__(self, shop: Shop) -> None:
        super().__init__()
        self.shop, self.recorded, self.over = shop, [], threading.Event()

    def run(self) -> None:
        while not self.over.is_set():
            self.recorded.append(view(self.shop, len(self.recorded) % PRODUCTS))
            self.over.wait(0.02)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.over.set()
        self.join()


def said(shop: Shop, method: str, path: str, body: object = None, **headers: str) -> dict:
    """What a command or query is answered, asked anew while the shop is behind."""
    end = time.monotonic() + 60
    while (answer := shop.send(method, path, body, **headers))[0] == 503:
        assert time.monotonic() < end, answer
        time.sleep(0.05)
    assert answer[0] in (200, 202), answer
    return json.loads(answer[1])


def create(shop: Shop, number: int) -> dict:
    return said(shop, "POST", "/products", {"id": f"p{number}", **PRODUCT})


def view(shop: Shop, number: int) -> dict:
    return said(shop, "POST", f"/products/p{number}/views")


def changed(**request: object) -> None:
    """The stream's count of shards, once it takes the change."""
    kinesis, stream = config.client("kinesis"), config.settings().stream
    kinesis.update_shard_count(StreamName=stream, ScalingType="UNIFORM_SCALING", **request)
    while status(kinesis, stream) != "ACTIVE":
        time.sleep(0.05)


def status(kinesis, stream: str) -> str:
    summary = kinesis.describe_stream_summary(StreamName=stream)["StreamDescriptionSummary"]
    return summary["StreamStatus"]


def are_counted(shop: Shop, events: list[dict]) -> None:
    """The first and the last of each shard."""
    by_shard = {}
    for event in events:
        by_shard.setdefault(event["position"].partition(":")[0], []).append(event)
    for event in [each[end] for each in by_shard.values() for end in (0, -1)]:
        found = said(shop, "GET", f"/events/{event['id']}?at={event['position']}")
        assert (found["verdict"], found["position"]) == ("counted", event["position"])


def are_archived(events: list[dict]) -> None:
    """Each once."""
    kept = Counter(
        str(Position(shard, record.sequence))
        for shard in archive.shards()
        for segment in archive.read_after(shard, 0)
        for record in segment.records
    )
    assert {kept[event["position"]] for event in events} == {1}


def are_shown(shop: Shop, position: str) -> None:
    """Each product, to one who has seen the position."""
    for number in range(PRODUCTS):
        product = said(shop, "GET", f"/products/p{number}", Read_After=position)
        assert product["id"] == f"p{number}"


def shards_of(events: list[dict]) -> set[str]:
    return {event["position"].partition(":")[0] for event in events}


@pytest.fixture
def state(tmp_path, monkeypatch):
    """Where the shop lies; `ops` may look at it from here once it runs."""

    def enter() -> None:
        for name, value in cloud.environment(tmp_path / "state").items():
            monkeypatch.setenv(name, value)
        config.forget()

    yield tmp_path / "state", enter
    config.forget()


def test_a_shop_whose_log_splits_merges_and_begins_anew_goes_on_and_answers_for_all_it_recorded(
    state,
):
    folder, enter = state
    shop = Shop(folder, ["merchant", "customer"])
    try:
        enter()
        made = [
            said(shop, "POST", "/products", {"id": f"p{n}", **PRODUCT}) for n in range(PRODUCTS)
        ]
        with Buyers(shop) as buyers:
            for target in (4, 3, 2):
                changed(TargetShardCount=target)
                seen = len(buyers.recorded)
                while len(buyers.recorded) < seen + 2 * PRODUCTS:
                    assert buyers.is_alive()
                    time.sleep(0.01)
        older = made + buyers.recorded
        assert len(shards_of(older)) > 5, "on closed shards and open ones"
        are_counted(shop, older)
        are_shown(shop, older[-1]["position"])
        are_archived(older)
        assert verify.verify().differences == []
    finally:
        shop.stop()
    shutil.rmtree(folder / "kinesis")  # and the table is gone with the process
    shop = Shop(folder, ["merchant", "customer"])
    try:
        enter()
        assert config.settings().stream == "tillstream-local-2"
        are_counted(shop, older)
        newer = [view(shop, number) for number in range(PRODUCTS)]
        assert {shard.partition("/")[0] for shard in shards_of(newer)} == {"tillstream-local-2"}
        are_counted(shop, newer)
        are_archived(older + newer)
        for position in (older[-1]["position"], newer[-1]["position"]):
            are_shown(shop, position)
        assert verify.verify().differences == []
    finally:
        shop.stop()
