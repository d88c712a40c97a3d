"""The bench as a process, at a hundredth of its size: every figure is there and is a number."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from bench.__main__ import NAMES
from bench.figures import Target
from bench.world import Mix, events

ROOT = Path(__file__).parents[2]

OF_THE_DESIGN = {
    "consumer_events_per_s",
    "consumer_events_per_s_uniform",
    "consumer_events_per_s_100k_products",
    "consumer_cpu_us_per_event",
    "dynamodb_requests_per_event",
    "write_units_per_event",
    "consumer_vs_reference",
    "seal_per_s",
    "unseal_per_s",
    "import_ratio",
    "put_ratio_1m",
    "accepted_p50_ms",
    "accepted_per_s",
    "visible_p50_ms",
    "visible_p99_ms",
}


def bench(*options):
    return subprocess.run(
        [sys.executable, "-m", "bench", *options],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


def test_every_figure_is_measured_and_stands_beside_its_target(tmp_path):
    out = tmp_path / "results" / "latest.json"
    ran = bench("--size", "0.01", "--seed", "11", "--out", str(out))
    assert ran.returncode == 0, ran.stderr
    found = json.loads(out.read_text())
    assert set(found["figures"]) == NAMES >= OF_THE_DESIGN
    assert all(value > 0 for value in found["figures"].values())
    assert (found["seed"], found["size"]) == (11, 0.01)
    assert set(found["machine"]) == {"cores", "python", "platform"}
    assert "boto3" in found["versions"]
    assert "consumer_events_per_s" in ran.stdout
    assert ">= 4,000" in ran.stdout


def test_a_part_is_measured_alone(tmp_path):
    out = tmp_path / "part.json"
    ran = bench("--only", "import_ratio", "--size", "0.1", "--out", str(out))
    assert ran.returncode == 0, ran.stderr
    assert set(json.loads(out.read_text())["figures"]) == {"import_ratio", "import_app_ms"}


def test_a_figure_that_there_is_not_is_refused():
    ran = bench("--only", "elegance")
    assert ran.returncode == 2
    assert "elegance" in ran.stderr


@pytest.mark.parametrize(
    ("target", "value", "holds"),
    [
        (Target(at_least=10), 10, True),
        (Target(at_least=10), 9.9, False),
        (Target(at_most=10), 10, True),
        (Target(at_most=10), 10.1, False),
        (Target(), 1, None),
    ],
)
def test_a_target_is_reached_or_not_or_there_is_none(target, value, holds):
    assert target.holds(value) is holds


def test_the_same_seed_gives_the_same_events_and_zipf_is_uneven():
    even, uneven = (events(Mix(s=s), "stream") for s in (0.0, 1.0))
    assert events(Mix(s=1.0), "stream") == uneven
    assert events(Mix(s=1.0, seed=8), "stream") != uneven
    most = [
        max(map([e.subject for e in found].count, {e.subject for e in found}))
        for found in (even, uneven)
    ]
    assert most[0] < 100
    assert most[1] > 400
