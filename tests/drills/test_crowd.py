"""The crowd as a process: against a shop that stumbles or cheats, and against the real one."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from pretender import Pretender

from bench import serving

ROOT = Path(__file__).parents[2]
SMALL = ["--merchants", "3", "--photographers", "2", "--customers", "5", "--seed", "3"]


def crowd(url, *options, events=60):
    given = [*SMALL, "--events", str(events), "--url", url, *options]
    ran = subprocess.run(
        [sys.executable, "-m", "drills", "crowd", *given],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert "Traceback" not in ran.stderr
    return ran


def test_a_shop_that_counts_right_is_passed_with_its_winners_by_name():
    with Pretender() as shop:
        ran = crowd(shop.url, "--json")
    told = json.loads(ran.stdout)
    assert ran.returncode == 0
    assert told["differences"] == []
    assert told["moves"] == told["answers"]["202"] == sum(told["kinds"].values()) == 60
    assert told["accepted"]["p50"] <= told["accepted"]["p99"] <= told["accepted"]["max"]
    assert told["looked_at"] > 0
    assert set(told["visible"]) == {"p50", "p99", "max"}
    assert set(told["winners"]) == {"creator", "photographer"}
    assert told["winners"]["creator"]["name"].endswith(told["crowd"])


def test_a_person_reads_rates_times_and_winners_and_plain_lines_of_progress():
    with Pretender() as shop:
        ran = crowd(shop.url)
    for word in ("60 moves", "a second", "accepted", "visible", "p99", "merchant", "photographer"):
        assert word in ran.stdout
    assert "playing 30 of 60" in ran.stderr


def test_a_move_that_was_refused_in_passing_or_answered_into_the_void_counts_once():
    stumbles = dict.fromkeys((3, 9, 14), "before") | dict.fromkeys((5, 21, 34), "after")
    with Pretender(stumbles) as shop:
        ran = crowd(shop.url, "--json")
        heard = [headers["Idempotency-Key"] for _, _, headers in shop.heard]
    told = json.loads(ran.stdout)
    assert (ran.returncode, told["differences"]) == (0, [])
    assert told["answers"] == {"202": 60, "503": 3, "broken": 3}
    assert len(heard) == 66
    assert len(set(heard)) == 60


def test_a_shop_that_adds_a_sale_is_found_out_and_the_drill_ends_with_1():
    with Pretender(forges=1) as shop:
        ran = crowd(shop.url)
    assert ran.returncode == 1
    assert ran.stdout.count("the shop says") == 2  # the first of each role


def test_nobody_there_is_a_sentence_and_2():
    with Pretender() as shop:
        url = shop.url
    ran = crowd(url)
    assert (ran.returncode, ran.stdout) == (2, "")
    assert f"nobody answers at {url}" in ran.stderr


@pytest.fixture(scope="module")
def real_shop():
    with serving.running() as (endpoint, _):
        yield str(endpoint)


def test_the_real_shop_counts_as_the_crowd_does_and_once_more_the_same(real_shop):
    first = json.loads(crowd(real_shop, "--json", events=300).stdout)
    again = crowd(real_shop, "--json", events=300)
    second = json.loads(again.stdout)
    assert again.returncode == 0
    assert first["differences"] == second["differences"] == []
    assert first["never_seen"] == 0 < first["looked_at"]
    assert first["winners"] == second["winners"]
    assert first["winners"]["creator"]["score"] > 0
