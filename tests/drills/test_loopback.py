"""A drill finds the shop on this machine, and refuses every other address without asking it."""

import subprocess
import sys
from pathlib import Path

import pytest

from drills.loopback import ElsewhereError, endpoint


@pytest.mark.parametrize(
    "url",
    [
        "http://example.com",
        "http://10.0.0.1:8000",
        "http://169.254.169.254/",
        "http://0.0.0.0:8000",
        "http://127.0.0.1.example.com:8000",
        "http://localhost.example.com",
        "http://user@127.0.0.1:8000",
        "http://127.0.0.1:8000@example.com",
        "https://127.0.0.1:8000",
        "http://127.0.0.1:8000/stage",
        "http://127.0.0.1:99999",
        "ftp://127.0.0.1",
        "127.0.0.1:8000",
        "http://[::ffff:10.0.0.1]:8000",
        "http://2130706433:8000",
        "",
    ],
)
def test_an_address_that_is_not_plain_loopback_is_refused(url):
    with pytest.raises(ElsewhereError):
        endpoint(url)


@pytest.mark.parametrize(
    ("url", "found"),
    [
        ("http://127.0.0.1:8123", "http://127.0.0.1:8123"),
        ("http://127.9.9.9:1", "http://127.9.9.9:1"),
        ("http://localhost:8123/", "http://localhost:8123"),
        ("http://[::1]:8123", "http://[::1]:8123"),
    ],
)
def test_the_loopback_is_let_through(url, found):
    assert str(endpoint(url)) == found


def test_host_and_port_say_where_the_shop_is(monkeypatch):
    monkeypatch.setenv("PORT", "8765")
    monkeypatch.delenv("HOST", raising=False)
    assert str(endpoint()) == "http://127.0.0.1:8765"
    monkeypatch.setenv("HOST", "0.0.0.0")
    assert str(endpoint()) == "http://127.0.0.1:8765"
    monkeypatch.setenv("HOST", "shop.example.com")
    with pytest.raises(ElsewhereError):
        endpoint()


def test_a_drill_against_another_machine_ends_with_2_and_a_sentence():
    ran = subprocess.run(
        [sys.executable, "-m", "drills", "crowd", "--url", "http://192.0.2.1"],
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert (ran.returncode, ran.stdout) == (2, "")
    assert "192.0.2.1 is not this machine" in ran.stderr
    assert "Traceback" not in ran.stderr
