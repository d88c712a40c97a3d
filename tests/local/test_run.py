"""`make run`: one shop from real processes, stopped cleanly, and never left in pieces."""

import contextlib
import http.client
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from local.part import PROJECT

PARTS = {"local.emulator", "local.kinesis", "local.bank", "local.dispatcher", "local.server"}


class Running:
    """A runner as a child process, with what it said."""

    def __init__(self, state, port=0):
        self.state = state
        self.log = (state.parent / f"{state.name}-{time.monotonic_ns()}.log").open("w")
        surroundings = {k: v for k, v in os.environ.items() if not k.startswith("AWS_")}
        self.process = subprocess.Popen(
            [sys.executable, "-m", "local"],
            cwd=PROJECT,
            env=surroundings | {"STATE": str(state), "PORT": str(port), "HOST": ""},
            stdout=subprocess.PIPE,
            stderr=self.log,
            text=True,
        )

    def ready(self):
        """Wait for the line; the port that it names."""
        line = self.process.stdout.readline()
        found = re.fullmatch(r"ready http://127\.0\.0\.1:(\d+)\n", line)
        assert found, (line, self.said())
        self.port = int(found[1])
        return self

    def get(self, path, method="GET", **more):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        with contextlib.closing(connection):
            connection.request(method, path, **more)
            answer = connection.getresponse()
            return answer.status, answer.read()

    def said(self):
        self.log.flush()
        return Path(self.log.name).read_text()

    def stop(self, how=signal.SIGTERM):
        self.process.send_signal(how)
        return self.process.wait(20)

    def end(self):
        if self.process.poll() is None:
            self.stop()
        self.process.stdout.close()
        self.log.close()

    def part(self, module):
        """The process that runs this module."""
        (found,) = [pid for pid, words in processes_of(self.state) if module in words]
        return found


def processes_of(state):
    """All processes that carry this STATE: number and command."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if f"STATE={state}".encode() in (folder / "environ").read_bytes().split(b"\0"):
                words = (folder / "cmdline").read_bytes().decode().split("\0")
                found.append((int(folder.name), words))
    return found


def eventually(claim, patience_s=30.0):
    end = time.monotonic() + patience_s
    while not claim():
        assert time.monotonic() < end, "it did not come true in time"
        time.sleep(0.05)


@pytest.fixture
def run(tmp_path):
    """Start runners; whatever a test leaves running is stopped."""
    with contextlib.ExitStack() as all_of_them:
        yield lambda name="state", port=0: started(tmp_path / name, port, all_of_them)


@pytest.fixture(scope="module")
def standing(tmp_path_factory):
    """A shop that outlives the tests that do it no harm."""
    with contextlib.ExitStack() as all_of_them:
        yield started(tmp_path_factory.mktemp("run") / "state", 0, all_of_them).ready()


def started(state, port, until):
    running = Running(state, port)
    until.callback(running.end)
    return running


def test_a_shop_that_is_told_to_stop_ends_with_0_and_leaves_nothing(run):
    shop = run().ready()
    assert shop.get("/health")[0] == 200
    assert {words[3] for _, words in processes_of(shop.state) if "local.leash" in words} == PARTS
    began = time.monotonic()
    assert shop.stop() == 0
    assert time.monotonic() - began < 8
    assert processes_of(shop.state) == []
    assert "Traceback" not in shop.said()


def test_a_runner_killed_leaves_no_orphan_and_the_shop_comes_back_at_once(run):
    killed = run().ready()
    assert killed.get("/health")[0] == 200
    killed.process.kill()
    again = run(port=killed.port).ready()
    assert again.port == killed.port
    ours = {pid for pid, _ in processes_of(again.state)}
    assert len(ours) == 6, "something of the killed shop is left"
    assert again.stop() == 0
    assert processes_of(again.state) == []


def test_a_second_shop_on_the_same_state_is_refused_with_a_sentence(run, standing):
    second = Running(standing.state)
    assert second.process.wait(20) == 1
    said = second.said()
    second.end()
    assert f"process {standing.process.pid}" in said
    assert "STATE=" in said
    assert "Traceback" not in said
    assert standing.get("/health")[0] == 200


def test_a_port_that_is_taken_is_refused_with_a_sentence(run):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        shop = run(port=taken.getsockname()[1])
        assert shop.process.wait(20) == 1
    assert "PORT=" in shop.said()
    assert "Traceback" not in shop.said()


def test_a_port_that_is_no_number_is_refused_with_a_sentence(run):
    shop = run(port="eighty")
    assert shop.process.wait(20) == 1
    assert shop.said() == "tillstream: PORT is a number up to 65535, not 'eighty'\n"


def test_a_state_that_is_no_folder_is_refused_with_a_sentence(run, tmp_path):
    (tmp_path / "state").write_text("a file")
    shop = run()
    assert shop.process.wait(20) == 1
    assert "choose a folder with STATE=" in shop.said()


def test_two_shops_run_side_by_side_and_ctrl_c_ends_one(run, standing):
    other = run("other").ready()
    assert other.port != standing.port
    assert other.get("/health")[0] == standing.get("/health")[0] == 200
    ports = [json.loads((shop.state / "ports.json").read_text()) for shop in (standing, other)]
    assert len({each[name] for each in ports for name in ("ministack", "kinesis", "bank")}) == 6
    assert other.stop(signal.SIGINT) == 0
    assert processes_of(other.state) == []
    assert "Traceback" not in other.said()
    assert standing.get("/health")[0] == 200


def test_every_part_that_is_killed_comes_back_with_one_loud_line(standing):
    for module in sorted(PARTS, key="local.emulator".__eq__):  # it takes the dispatcher with it
        before = standing.part(module)
        os.kill(before, signal.SIGKILL)
        name = {"emulator": "ministack"}.get(module[6:], module[6:])
        eventually(lambda m=module, b=before: is_back(standing, m, b))
        assert standing.said().count(f'"part-died", "part": "{name}"') == 1
    assert standing.get("/products")[0] == 200


def is_back(shop, module, before):
    with contextlib.suppress(ValueError, OSError):
        return shop.part(module) != before and shop.get("/health") == (200, b'{"status":"ok"}')
    return False


def test_a_part_that_dies_again_and_again_stops_all_with_1(run):
    shop = run().ready()
    killed = set()
    while shop.process.poll() is None and len(killed) < 6:
        with contextlib.suppress(ValueError, ProcessLookupError):
            server = shop.part("local.server")
            if server not in killed:
                killed.add(server)
                os.kill(server, signal.SIGKILL)
        time.sleep(0.02)
    assert shop.process.wait(20) == 1
    assert len(killed) == 5
    assert "server died 5 times within a minute" in shop.said()
    assert processes_of(shop.state) == []


def test_all_listen_on_loopback_and_nothing_of_a_request_lies_under_state(standing):
    shop, mark = standing, "zwiebelkuchen"
    shop.get(f"/products/{mark}?{mark}=1", headers={"X-Mark": mark})
    shop.get(f"/{mark}", "POST", body=mark)
    shop.get("/sessions", "POST", body=json.dumps({"name": 7, mark: mark}))
    lines = subprocess.run(["ss", "-ltnpH"], capture_output=True, text=True, check=True).stdout
    ours = [f"pid={pid}," for pid, _ in processes_of(shop.state)]
    addresses = [ln.split()[3] for ln in lines.splitlines() if any(pid in ln for pid in ours)]
    assert len(addresses) == 4
    assert all(address.startswith("127.0.0.1:") for address in addresses)
    assert mark not in shop.said()
    for path in shop.state.rglob("*"):
        assert path.is_dir() or mark.encode() not in path.read_bytes()
