"""`make demo`: full shelves, a busy crowd, and the same shop again when it is started again."""

import contextlib
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from chalicelib import web
from chalicelib.decisions.product import Create, Photograph
from drills.client import Client
from drills.demo.goods import BRANDS, PHOTOGRAPHERS, goods
from drills.loopback import endpoint

ROOT = Path(__file__).parents[2]


def test_there_are_forty_goods_that_the_shop_would_take_each_with_a_picture_of_its_own_kind():
    sold = goods()
    assert len(sold) == len({good.id for good in sold}) == 40
    for good in sold:
        Create.model_validate(good.body)
        assert f"{good.picture}.svg" in web.files()
        Photograph(image=f"http://127.0.0.1:8000/web/{good.picture}.svg")
    assert {good.merchant for good in sold} == set(BRANDS)
    assert {good.photographer for good in sold} == set(PHOTOGRAPHERS)


@contextlib.contextmanager
def demo(state, **variables):
    """A demo on this state; what is still running at the end is stopped."""
    around = {k: v for k, v in os.environ.items() if not k.startswith("AWS_")}
    around |= {"STATE": str(state), "PORT": "0", "HOST": "", **variables}
    with subprocess.Popen(
        [sys.executable, "-m", "drills", "demo"],
        cwd=ROOT,
        env=around,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        yield process
        if process.poll() is None:
            process.send_signal(signal.SIGINT)
            process.communicate(timeout=60)


def address(process):
    for line in process.stdout:
        if line.startswith("ready "):
            return line.split()[1]
    raise AssertionError(process.stderr.read())


def catalog(client):
    page = client.ask("GET", "/products?limit=100").body
    assert page["next"] is None
    return page["items"]


def sales(client):
    items = client.ask("GET", "/scores?role=creator&limit=100").body["items"]
    return sum(item["score"] for item in items)


def eventually(claim):
    end = time.monotonic() + 30
    while not claim():
        assert time.monotonic() < end, "it did not come true in time"
        time.sleep(0.1)


def test_a_demo_fills_its_shelves_keeps_selling_and_goes_on_where_it_stopped(tmp_path):
    state = tmp_path / "state"
    with demo(state) as process:
        url = address(process)
        assert process.stdout.readline().startswith(f"open {url}/ in a browser: 40 products")
        with Client(endpoint(url)) as client:
            shelf = catalog(client)
            assert {item["id"] for item in shelf} == {good.id for good in goods()}
            for item in shelf:
                picture = item["image"].removeprefix(url)
                assert client.ask("GET", picture).status == 200
            before = sales(client)
            eventually(lambda: sales(client) > before + 10)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)
        assert (process.returncode, out) == (0, "")
        assert "Traceback" not in err
    port = url.rpartition(":")[2]
    with demo(state, PORT=port) as process, Client(endpoint(address(process))) as client:
        again = catalog(client)
        assert [item["id"] for item in again] == [item["id"] for item in shelf]
        assert [item["createdAt"] for item in again] == [item["createdAt"] for item in shelf]
        held = sales(client)
        assert held > before + 10
        eventually(lambda: sales(client) > held)
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 0


def test_a_make_that_is_killed_leaves_no_demo_and_no_shop(tmp_path):
    state = tmp_path / "state"
    around = os.environ | {"STATE": str(state), "PORT": "0", "HOST": "", "MAKELEVEL": "1"}
    make = ["sh", "-c", f"'{sys.executable}' -m drills demo; true"]
    with subprocess.Popen(make, cwd=ROOT, env=around, stdout=subprocess.PIPE, text=True) as above:
        for line in above.stdout:
            if line.startswith("open "):
                break
        assert len(running(state)) >= 5
        above.kill()
    eventually(lambda: running(state) == [])


def running(state):
    """The processes that carry this STATE."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if f"STATE={state}".encode() in (process / "environ").read_bytes().split(b"\0"):
                found.append(process.name)
    return found


@pytest.mark.parametrize(
    ("variables", "code", "said"),
    [
        ({"PORT": "eighty"}, 1, "PORT is a number"),
        ({"HOST": "192.0.2.1"}, 1, "cannot listen on 192.0.2.1"),
    ],
)
def test_a_shop_that_does_not_start_says_why_and_the_demo_ends_with_its_code(
    tmp_path, variables, code, said
):
    with demo(tmp_path / "state", **variables) as process:
        out, err = process.communicate(timeout=60)
    assert (process.returncode, out) == (code, "")
    assert said in err
    assert "Traceback" not in err
