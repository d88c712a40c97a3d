"""A whole shop, lost and made again of what was copied: the same rows, answers, ids and promises.

The vault was copied in the middle of the story: one person came after that, another was erased.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from unittest import mock

import pytest
from drawn import opened, picture
from photographing import id_of
from shopfront import Answer, Shopfront, forget, served
from uploading import uploaded
from whole_shop import ROOT, Shop

from chalicelib import access, config, notary, personal, read, store, todos
from local import cloud
from local.claim import RESTORING
from ops import audit, doctor, verify
from ops.audit.seen import remembered

CUP = {"id": "cup", "brand": "B", "name": "Cup", "description": "", "category": "cups"}
PRICE = {"price": {"amount": 300, "currency": "EUR"}}
HOME = {"lines": [{"productId": "cup", "quantity": 1}], "deliver": {"address": "1 Lane"}}
CARD = {"payment": {"token": "tok_approved"}}
PHONE = {"phone": "+4915112345678"}
KEYED = {"Idempotency_Key": "once"}
BOUGHT = "/products/cup/purchases"
# Who is at a to-do, which version is read, and the tokens of commits: no functions of the log.
UNEXPLAINED = ("checkpoint/", "ready", "lease")
PATIENCE_S = 60.0


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """Where both shops and the copies lie."""
    with mock.patch.dict(os.environ):
        yield tmp_path
    forget()


@pytest.fixture
def old(folder: Path) -> Iterator[Shopfront]:
    """The shop that will be lost, on a cloud of its own."""
    running = cloud.Cloud(folder / "old")
    with contextlib.ExitStack() as until:
        until.enter_context(mock.patch.object(read, "LEVEL_S", 0.05))
        until.enter_context(mock.patch.object(todos, "FORGOTTEN_S", -60))
        until.callback(running.stop)
        running.start()
        cloud.open_shop(folder / "old")
        forget()
        application, port = until.enter_context(served())
        yield Shopfront(port, application)


def test_a_shop_that_is_restored_is_the_same_shop_and_goes_on(folder: Path, old: Shopfront) -> None:
    told = lived(old, folder)
    paths = what_is_asked(told)
    before = {each: answer(old, *each) for each in paths}
    assert {status for status, _ in before.values()} == {200, 410}
    had, messages = rows(), sent()
    assert messages > 0

    stopped_in_the_middle(folder)
    is_served_by_nobody(folder / "new")
    ran = restoring(folder)
    out, err = ran.communicate(timeout=120)
    assert ran.returncode == 1, err
    found = json.loads(out)
    assert (found["stream"], found["erased"]) == ("tillstream-local-2", 1)
    assert found["lost"] == [told["Cid"]]

    shop = Shop(folder / "new", sorted(access.ROLES))
    try:
        cloud.enter(folder / "new", cloud.Names(stream_number=2))
        forget()
        eventually(lambda: rows() == had)
        new = Shopfront(shop.port, None, tokens=old.tokens)
        assert {each: answer(new, *each) for each in paths} == before
        is_kept(new, told)
        assert (sent(), charged(folder / "new")) == (0, 0)
        goes_on(new, told)
        assert verify.verify().differences == []
        assert doctor.examine().wrong == []
        is_audited(folder / "seen")
    finally:
        shop.stop()


def lived(shop: Shopfront, folder: Path) -> dict[str, Any]:
    """All kinds of things happen; the vault is copied before the last of them. What was told."""
    shop.person(*sorted(access.ROLES), name="all")
    for name in ("Ann", "Ben"):
        shop.person("customer", "photographer", name=name)
        say(shop, "PUT", "/customers/me", {"name": f"{name} Other", "contact": {}}, to=name)
    say(shop, "POST", "/products", CUP | PRICE)
    place = shop.call("POST", "/uploads", {"contentType": "image/jpeg"}, to="all").said
    assert uploaded(place, picture()) in (200, 201, 204)
    say(shop, "PUT", "/products/cup/photo", {"upload": place["upload"]})
    say(shop, "POST", "/photographers", PHONE, to="Ann")
    told: dict[str, Any] = {
        "paid": say(shop, "POST", "/orders", HOME | CARD | {"name": "Ann Other"}, to="Ann"),
        "of Ben": say(shop, "POST", "/orders", HOME | CARD | {"name": "Ben Other"}, to="Ben"),
        "ticket": say(shop, "POST", "/tickets", {"text": "Why?"}, to=None),
        "keyed": say(shop, "POST", BOUGHT, {}, to="Ann", **KEYED),
    }
    copied(config.settings().vault_bucket, folder / "vault")
    shop.person("customer", name="Cid")
    told["of Cid"] = say(shop, "POST", "/orders", HOME | CARD | {"name": "Cid Other"}, to="Cid")
    told |= {name: id_of(shop, name) for name in ("Ann", "Ben", "Cid")}
    told["erased"] = say(shop, "DELETE", f"/customers/{told['Ben']}")
    assert personal.is_erased(told["Ben"])
    eventually(lambda: owes_nothing(shop))
    is_audited(folder / "seen")
    copied(config.settings().archive_bucket, folder / "archive")
    shutil.copytree(folder / "old" / "keys", folder / "keys")
    return told


def owes_nothing(shop: Shopfront) -> bool:
    shop.sweep()
    shop.work()
    return not any(pk.startswith("todos@") for pk, _ in rows())


def say(
    shop: Shopfront, method: str, path: str, body: Any = None, to: str | None = "all", **more: str
) -> Any:
    """A command, recorded, and all that comes of it; in a shop that runs, once it is judged."""
    said = eventual(shop, method, path, body, to, **more)
    assert said.status == 202, said.body
    if shop.application is None:
        eventual(shop, "GET", "/products/cup", None, None, Read_After=said.said["position"])
    else:
        shop.settle()
        shop.work()
    return said.said


def eventual(
    shop: Shopfront, method: str, path: str, body: Any, to: str | None, **more: str
) -> Answer:
    """What is answered, once the shop can tell."""
    end = time.monotonic() + PATIENCE_S
    while (found := shop.call(method, path, body, to=to, **more)).status == 503:
        assert time.monotonic() < end, found.body
    return found


def what_is_asked(told: dict[str, Any]) -> list[tuple[str, str | None]]:
    """Paths, and by whom."""
    said = {name: each for name, each in told.items() if isinstance(each, dict)}
    verdicts = [f"/events/{each['id']}?at={each['position']}" for each in said.values()]
    orders = [f"/orders/{entity(said[name])}" for name in ("paid", "of Ben")]
    public = ["/products", "/products/cup", "/scores?role=creator", "/contributions"]
    guests = f"/tickets/{entity(said['ticket'])}?key={said['ticket']['key']}"
    alone = [("/customers/me", "Ann"), ("/customers/me", "Ben"), (orders[0], "Ann"), (guests, None)]
    desk = [(f"/photographers/{told['Ann']}", "Ann")]
    return [(path, "all") for path in (*public, *verdicts, *orders, "/tickets")] + alone + desk


def answer(shop: Shopfront, path: str, to: str | None) -> tuple[int, Any]:
    """What is told; but for the moment of it."""
    found = shop.call("GET", path, to=to)
    told = found.said
    told.pop("asOf", None)
    return found.status, told


def is_kept(new: Shopfront, told: dict[str, Any]) -> None:
    """Pictures, positions, the keys of commands and the erasure; and of what is lost it is said."""
    image = new.get(new.get("/products/cup").said["image"])
    assert opened(image.body).format == "JPEG"
    assert new.get("/products/cup", after=told["erased"]["position"]).status == 200
    assert new.call("POST", BOUGHT, {}, to="Ann", **KEYED).said == told["keyed"]
    assert new.call("POST", BOUGHT, {"x": 1}, to="Ann", **KEYED).status == 422
    assert personal.is_erased(told["Ben"])
    lost = entity(told["of Cid"])
    assert new.get(f"/orders/{lost}", to="Cid").said["erased"]
    me = new.get("/customers/me", to="Cid").said
    assert me == {"id": told["Cid"], "publicName": "Cid", "contact": {}}


def goes_on(new: Shopfront, told: dict[str, Any]) -> None:
    """New events in a stream of their own, of whoever lost a key too."""
    assert say(new, "POST", BOUGHT, {})["position"].startswith("tillstream-local-2/")
    ordered = say(new, "POST", "/orders", HOME | {"name": "Cid Other"}, to="Cid")
    assert new.get(f"/orders/{entity(ordered)}", to="Cid").said["name"] == "Cid Other"
    assert new.call("POST", "/orders", HOME | {"name": "Ben"}, to="Ben").status == 410
    ours = entity(told["paid"])
    made = say(new, "POST", "/fulfillments", {"orderId": ours, "fulfillmentId": "CakeProducer1"})
    found = new.get(f"/orders/{ours}", to="Ann", after=made["position"]).said
    assert (found["status"], found["name"]) == ("fulfilled", "Ann Other")


def is_audited(seen: Path) -> None:
    notary.sweep()
    assert audit.audit(remembered(seen)).wrong == []


def rows() -> dict[tuple[str, str], Any]:
    """Every row that is a function of the log."""
    found = {(item["pk"]["S"], item["sk"]["S"]): item for item in store.scan()}
    return {key: item for key, item in found.items() if not key[0].startswith(UNEXPLAINED)}


def copied(bucket: str, folder: Path) -> None:
    """The bucket as files, as `aws s3 sync` makes them."""
    s3 = config.client("s3")
    for page in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket):
        for each in page.get("Contents", ()):
            path = folder / each["Key"]
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(s3.get_object(Bucket=bucket, Key=each["Key"])["Body"].read())


def stopped_in_the_middle(folder: Path) -> None:
    """It is killed while it waits for a file that never ends."""
    waits = folder / "archive" / "zz"
    os.mkfifo(waits)
    ran = restoring(folder)
    bucket = folder / "new" / "s3" / "000000000000" / cloud.Names().archive_bucket
    eventually((bucket / "tree-head").exists)
    ran.kill()
    ran.communicate(timeout=60)
    assert (folder / "new" / RESTORING).exists()
    waits.unlink()


def is_served_by_nobody(state: Path) -> None:
    ran = subprocess.run(
        [sys.executable, "-m", "local"],
        cwd=ROOT,
        env=os.environ | {"STATE": str(state), "PORT": "0"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (ran.returncode, ran.stdout) == (1, "")
    assert "is not whole" in ran.stderr


def restoring(folder: Path) -> subprocess.Popen[str]:
    """The verb, on what was copied."""
    words = [f"--{name}={folder / name}" for name in ("archive", "vault", "keys")]
    around = {name: said for name, said in os.environ.items() if not name.startswith("AWS_")}
    return subprocess.Popen(
        [sys.executable, "-m", "ops", "restore", *words, "--json"],
        cwd=ROOT,
        env=around | {"STATE": str(folder / "new")},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def eventually(claim: Callable[[], bool]) -> None:
    end = time.monotonic() + PATIENCE_S
    while not claim():
        assert time.monotonic() < end
        time.sleep(0.05)


def entity(said: dict[str, Any]) -> str:
    return str(said["subject"].partition("/")[2])


def sent() -> int:
    """How many mails and text messages the emulator was given."""
    url = config.client("ses").meta.endpoint_url
    paths = f"{url}/_ministack/ses/messages", f"{url}/_ministack/sns/sms-messages"
    return sum(got(path).count('"MessageId"') for path in paths)


def charged(state: Path) -> int:
    """How many cards the bank of this STATE has charged."""
    items = json.loads(got(f"http://127.0.0.1:{cloud.read_ports(state)['bank']}/charges"))["items"]
    return len(items)


def got(url: str) -> str:
    with urllib.request.urlopen(url) as found:
        return str(found.read().decode())
