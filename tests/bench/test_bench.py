"""The bench as a process, at a hundredth of its size: every figure is there and is a number."""

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from bench import fill
from bench.__main__ import AT_ONCE, NAMES
from bench.figures import Target
from bench.world import BEGUN_MS, FIRST_SEQUENCE, SHARD, Mix, events
from chalicelib import archive
from chalicelib.events import Batch, Shard

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
        timeout=600,
        check=False,
    )


def test_every_figure_is_measured_and_stands_beside_its_target(tmp_path):
    out = tmp_path / "results" / "latest.json"
    ran = bench("--size", "0.004", "--seed", "11", "--out", str(out))
    assert ran.returncode == 0, ran.stderr
    found = json.loads(out.read_text())
    figures = found["figures"]
    assert set(figures) == AT_ONCE >= OF_THE_DESIGN
    assert all(value > 0 for value in figures.values())
    assert figures["replay_idle_mb"] < figures["replay_peak_mb"]
    assert figures["replay_peak_mb_10x"] < 3 * figures["replay_idle_mb"]
    shards = [figures[f"dynamodb_requests_per_event_{count}_shards"] for count in (1, 4, 16)]
    assert shards == sorted(shards), "the same events in more batches"
    assert (found["seed"], found["size"]) == (11, 0.004)
    assert set(found["machine"]) == {"cores", "python", "platform"}
    assert "boto3" in found["versions"]
    assert "consumer_events_per_s" in ran.stdout
    assert ">= 4,000" in ran.stdout


def test_a_part_is_measured_alone(tmp_path):
    out = tmp_path / "part.json"
    ran = bench("--only", "seal_per_s", "--size", "0.01", "--out", str(out))
    assert ran.returncode == 0, ran.stderr
    figures = json.loads(out.read_text())["figures"]
    assert {"seal_per_s", "unseal_per_s"} < set(figures)
    assert all("seal" in name or "bare" in name or "joserfc" in name for name in figures)


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


def test_what_takes_very_long_is_measured_by_its_name(tmp_path):
    """One shop is killed, and one archive replayed and audited, both small."""
    out = tmp_path / "long.json"
    ran = bench("--only", "levelling", "million", "--size", "0.0001", "--out", str(out))
    assert ran.returncode == 0, ran.stderr
    figures = json.loads(out.read_text())["figures"]
    assert set(figures) == NAMES - AT_ONCE
    assert all(0 < figures[f"level_after_kill_s_{log}"] < 300 for log in ("1k", "10k", "100k"))
    assert figures["replay_events_per_s_1m"] > 0 < figures["audit_events_per_s_1m"]
    assert 20 < figures["replay_peak_mb_1m"] < 1000


def test_an_archive_that_is_made_by_many_is_the_one_that_append_would_have_made(shop, monkeypatch):
    monkeypatch.setattr(fill, "WORTH", 0)
    monkeypatch.setattr(fill, "RUN", 700)
    shard, mix = Shard(shop.stream, SHARD), Mix(3000)
    fill.fill(shard, mix)
    segments = list(archive.read_after(shard, 0))
    sizes = [len(segment.records) for segment in segments]
    assert sum(sizes) == mix.events
    assert min(fill.BUSY) <= min(sizes[:-1]) < max(sizes) <= max(fill.BUSY)
    records = [record for segment in segments for record in segment.records]
    assert [record.key for record in records] == [e.subject for e in events(mix, shop.stream)]
    assert (records[-1].sequence, records[-1].arrival) == (FIRST_SEQUENCE + 2999, BEGUN_MS + 2999)
    other = Shard(shop.stream, "shardId-000000000001")
    for segment in segments:
        archive.append(Batch(other, segment.records), lambda _: ())
    assert [replace(segment, shard=other) for segment in segments] == list(
        archive.read_after(other, 0)
    )
