"""The bench as a process, at a hundredth of its size: every figure is there and is a number."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from bench import replay
from bench.__main__ import NAMES
from bench.figures import Target
from bench.world import BEGUN_MS, FIRST_SEQUENCE, SHARD, Mix, events
from chalicelib import archive
from chalicelib.events import Shard

ROOT = Path(__file__).parents[2]

OF_THE_DESIGN = {
    "consumer_events_per_s",
    "consumer_events_per_s_uniform",
    "consumer_events_per_s_100k_products",
    "consumer_cpu_us_per_event",
    "dynamodb_requests_per_event",
    "write_units_per_event",
    "write_units_per_event_listed",
    "consumer_vs_reference",
    "seal_per_s",
    "unseal_per_s",
    "import_ratio",
    "put_ratio_1m",
    "replay_events_per_s",
    "replay_peak_mb",
    "replay_peak_mb_10x",
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


def test_a_replay_is_measured_alone_in_a_process_that_is_smaller_than_what_it_reads(tmp_path):
    out = tmp_path / "replay.json"
    ran = bench("--only", "replay_peak_mb", "--size", "0.02", "--out", str(out))
    assert ran.returncode == 0, ran.stderr
    found = json.loads(out.read_text())["figures"]
    assert set(found) == {name for name in NAMES if name.startswith("replay_")}
    assert found["replay_idle_mb"] < found["replay_peak_mb"]
    assert found["replay_peak_mb_10x"] < 3 * found["replay_idle_mb"]


def test_the_archive_that_is_replayed_holds_every_event_in_segments_of_many_sizes(shop):
    shard, given = Shard(shop.stream, SHARD), events(Mix(3000), shop.stream)
    replay.fill(shard, given, seed=7)
    segments = list(archive.read_after(shard, 0))
    sizes = [len(segment.records) for segment in segments]
    assert sum(sizes) == len(given)
    assert replay.SMALLEST <= min(sizes[:-1]) < max(sizes) <= replay.LARGEST
    records = [record for segment in segments for record in segment.records]
    assert [record.key for record in records] == [event.subject for event in given]
    assert (records[-1].sequence, records[-1].arrival) == (FIRST_SEQUENCE + 2999, BEGUN_MS + 2999)
