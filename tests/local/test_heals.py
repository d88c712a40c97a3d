"""The table of a running shop is emptied, and nobody says anything more: it heals by itself."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

from chalicelib import config
from local import cloud, provision

sys.path.insert(0, str(Path(__file__).parent.parent / "api"))
from whole_shop import Shop

PRODUCTS = 12
PRODUCT = {"brand": "b", "name": "n", "description": "d", "category": "c"}


def test_an_emptied_table_is_whole_again_within_a_minute_with_no_traffic_on_any_shard(
    tmp_path, monkeypatch
):
    shop = Shop(tmp_path / "state", ["merchant", "customer"])
    try:
        positions = [record(shop, number) for number in range(PRODUCTS)]
        assert len({position.partition(":")[0] for position in positions}) == 2, "on both shards"
        for number, position in enumerate(positions):
            assert shop.send("GET", f"/products/p{number}", Read_After=position)[0] == 200
        for name, value in cloud.environment(tmp_path / "state").items():
            monkeypatch.setenv(name, value)
        config.forget()
        emptied = time.monotonic()
        provision.empty_table(config.settings().table)
        assert answers_until_healed(shop, emptied + 75) <= {200, 503}
        for number in range(PRODUCTS):
            assert shop.send("GET", f"/products/p{number}")[0] == 200
    finally:
        shop.stop()
        config.forget()


def record(shop, number):
    """The position of a product that is listed, asked for anew while the new shop is not level."""
    for _ in range(20):
        status, body = shop.send("POST", "/products", {"id": f"p{number}", **PRODUCT})
        if status != 503:
            break
    assert status == 202, body
    return json.loads(body)["position"]


def answers_until_healed(shop, deadline):
    """Which statuses a read had until the shop said that it is level: never a false 404."""
    seen = set()
    while json.loads(shop.send("GET", "/health")[1])["status"] != "ok":
        assert time.monotonic() < deadline, "not healed"
        seen.add(shop.send("GET", "/products/p0")[0])
        time.sleep(0.2)
    return seen
