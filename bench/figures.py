"""Every figure: its name, its target in the design, and how it is measured.

A measurement gives several figures at once; asked for one of them, all that come with it are
measured. `size` scales how much is done: 1 is what the targets are meant for.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from bench import (
    audit,
    consumer,
    fill,
    imports,
    kinesis_put,
    levelling,
    reference,
    replay,
    serving,
    signing,
    world,
)

Measured = Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Target:
    """At least, or at most, so much; `None` where a figure is only reported."""

    at_least: float | None = None
    at_most: float | None = None

    def __str__(self) -> str:
        if self.at_least is not None:
            return f">= {self.at_least:,g}"
        return "" if self.at_most is None else f"<= {self.at_most:,g}"

    def holds(self, value: float) -> bool | None:
        """Whether the value reaches it; None where there is nothing to reach."""
        if self.at_least is not None:
            return value >= self.at_least
        return None if self.at_most is None else value <= self.at_most


@dataclass(frozen=True, slots=True)
class Measurement:
    """How some figures are measured, together; what takes very long, only by its name."""

    what: str
    targets: Mapping[str, Target]
    measure: Callable[[float, int], Measured]
    only_by_name: bool = False


SHARDS = (1, 4, 16)
LOGS = {"1k": 1_000, "10k": 10_000, "100k": 100_000}


def _scaled(number: int, size: float) -> int:
    return max(10, round(number * size))


def _signing(size: float, seed: int) -> Measured:  # noqa: ARG001
    signing.SECONDS *= min(1.0, size)
    return signing.figures()


def _imports(size: float, seed: int) -> Measured:  # noqa: ARG001
    ratio, milliseconds = imports.measure(max(1, round(imports.ROUNDS * size)))
    return {"import_ratio": ratio, "import_app_ms": milliseconds}


def _put(size: float, seed: int) -> Measured:  # noqa: ARG001
    kinesis_put.samples = _scaled(kinesis_put.samples, min(1.0, size))
    kinesis_put.warm_up = _scaled(kinesis_put.warm_up, min(1.0, size))
    costs = kinesis_put.put_costs(_scaled(1_000, size), _scaled(1_000_000, size))
    return {"put_ratio_1m": costs[1] / costs[0], "put_p50_ms": costs[0] * 1000}


def _consumer(size: float, seed: int) -> Measured:
    mixes = {
        "": world.Mix(seed=seed),
        "_listed": world.Mix(seed=seed, earlier=consumer.BATCH),
        "_uniform": world.Mix(s=0.0, seed=seed),
        "_100k_products": world.Mix(products=100_000, seed=seed),
    }
    found: dict[str, float] = {}
    with world.cloud() as running:
        for suffix, mix in mixes.items():
            smaller = dataclasses.replace(mix, events=_scaled(mix.events, size))
            rounds = max(1, round(consumer.ROUNDS * size))
            found |= _named(consumer.measure(running, smaller, rounds), suffix)
        slow = world.Mix(_scaled(600, size), seed=seed)
        rate, requests = reference.events_per_s(running, slow)
    return found | {
        "reference_events_per_s": rate,
        "reference_requests_per_event": requests,
        "consumer_vs_reference": found["consumer_events_per_s"] / rate,
    }


def _named(cost: consumer.Cost, suffix: str) -> dict[str, float]:
    return {
        f"consumer_events_per_s{suffix}": cost.events_per_s,
        f"consumer_cpu_us_per_event{suffix}": cost.cpu_us,
        f"consumer_cpu_verifications_per_event{suffix}": cost.cpu_verifications,
        f"dynamodb_requests_per_event{suffix}": cost.dynamodb_requests,
        f"write_units_per_event{suffix}": cost.write_units,
    }


def _shards(size: float, seed: int) -> Measured:
    mix = world.Mix(_scaled(16_000, size), seed=seed)
    found: dict[str, float] = {}
    with world.cloud() as running:
        for shards in SHARDS:
            rounds = max(1, round(consumer.ROUNDS * size))
            cost = consumer.measure(running, mix, rounds, shards)
            told = _named(cost, f"_{shards}_shards")
            found |= told | {f"requests_per_event_{shards}_shards": cost.requests}
    return found


def _replay(size: float, seed: int) -> Measured:
    mix = world.Mix(_scaled(10_000, size), seed=seed)
    with world.cloud() as running:
        short = replay.measure(running, mix)
        long = replay.measure(running, dataclasses.replace(mix, events=mix.events * 10))
        small = replay.measure(running, mix, fill.QUIET)
    return {
        "replay_events_per_s": long.events_per_s,
        "replay_events_per_s_short": short.events_per_s,
        "replay_cpu_verifications_per_event": long.cpu_verifications,
        "replay_peak_mb": short.peak_mb,
        "replay_peak_mb_10x": long.peak_mb,
        "replay_peak_ratio_10x": long.peak_mb / short.peak_mb,
        "replay_idle_mb": long.idle_mb,
        "replay_events_per_s_quiet": small.events_per_s,
        "replay_peak_mb_quiet": small.peak_mb,
    }


def _million(size: float, seed: int) -> Measured:
    mix = world.Mix(_scaled(1_000_000, size), seed=seed)
    with world.cloud() as running:
        found = replay.measure(running, mix)
        read = audit.audited(mix)
    return {
        "replay_events_per_s_1m": found.events_per_s,
        "replay_peak_mb_1m": found.peak_mb,
        "audit_events_per_s_1m": read.events_per_s,
    }


def _levelling(size: float, seed: int) -> Measured:
    lengths = {f"level_after_kill_s_{name}": _scaled(log, size) for name, log in LOGS.items()}
    seconds = levelling.measure(world.Mix(seed=seed), sorted({*lengths.values()}))
    return {name: seconds[length] for name, length in lengths.items()}


def _audit(size: float, seed: int) -> Measured:
    busy = world.Mix(_scaled(40_000, size), seed=seed)
    quiet = world.Mix(_scaled(10_000, size), seed=seed)
    with world.cloud() as running:
        large = audit.measure(running, busy, fill.BUSY)
        small = audit.measure(running, quiet, fill.QUIET)
    return {
        "audit_events_per_s": large.events_per_s,
        "audit_events_per_s_quiet": small.events_per_s,
        "audit_segments_per_s_quiet": small.segments_per_s,
    }


def _serving(size: float, seed: int) -> Measured:  # noqa: ARG001
    served = serving.measure(_scaled(1000, size))
    return {
        "accepted_p50_ms": served.accepted["p50"],
        "accepted_p99_ms": served.accepted["p99"],
        "accepted_keyed_p50_ms": served.accepted_keyed["p50"],
        "accepted_per_s": served.accepted_per_s,
        "visible_p50_ms": served.visible["p50"],
        "visible_p99_ms": served.visible["p99"],
    }


_REPORTED = Target()
_CONSUMER = {
    "consumer_events_per_s": Target(at_least=4_000),
    "consumer_cpu_us_per_event": _REPORTED,
    "consumer_cpu_verifications_per_event": _REPORTED,
    "dynamodb_requests_per_event": Target(at_most=0.03),
    "write_units_per_event": Target(at_most=0.6),
}

MEASUREMENTS = (
    Measurement(
        "signing",
        {
            "seal_per_s": Target(at_least=25_000),
            "sign_bare_per_s": _REPORTED,
            "sign_joserfc_per_s": _REPORTED,
            "unseal_per_s": Target(at_least=12_000),
            "verify_bare_per_s": _REPORTED,
            "verify_joserfc_per_s": _REPORTED,
        },
        _signing,
    ),
    Measurement(
        "imports", {"import_ratio": Target(at_most=1.3), "import_app_ms": _REPORTED}, _imports
    ),
    Measurement("log", {"put_ratio_1m": Target(at_most=2.0), "put_p50_ms": _REPORTED}, _put),
    Measurement(
        "consumer",
        {
            **_CONSUMER,
            **{
                f"{name}{suffix}": _REPORTED
                for suffix in ("_listed", "_uniform", "_100k_products")
                for name in _CONSUMER
            },
            "write_units_per_event_listed": Target(at_most=0.6),
            "reference_events_per_s": _REPORTED,
            "reference_requests_per_event": _REPORTED,
            "consumer_vs_reference": Target(at_least=15),
        },
        _consumer,
    ),
    Measurement(
        "shards",
        {
            f"{name}_{shards}_shards": _REPORTED
            for shards in SHARDS
            for name in (*_CONSUMER, "requests_per_event")
        },
        _shards,
    ),
    Measurement(
        "replay",
        {
            "replay_events_per_s": Target(at_least=5_000),
            "replay_events_per_s_short": _REPORTED,
            "replay_cpu_verifications_per_event": _REPORTED,
            "replay_peak_mb": _REPORTED,
            "replay_peak_mb_10x": _REPORTED,
            "replay_peak_ratio_10x": Target(at_most=1.25),
            "replay_idle_mb": _REPORTED,
            "replay_events_per_s_quiet": _REPORTED,
            "replay_peak_mb_quiet": _REPORTED,
        },
        _replay,
    ),
    Measurement(
        "audit",
        {
            "audit_events_per_s": _REPORTED,
            "audit_events_per_s_quiet": _REPORTED,
            "audit_segments_per_s_quiet": _REPORTED,
        },
        _audit,
    ),
    Measurement(
        "million",
        {
            "replay_events_per_s_1m": Target(at_least=5_000),
            "replay_peak_mb_1m": _REPORTED,
            "audit_events_per_s_1m": _REPORTED,
        },
        _million,
        only_by_name=True,
    ),
    Measurement(
        "levelling",
        {f"level_after_kill_s_{name}": _REPORTED for name in LOGS},
        _levelling,
        only_by_name=True,
    ),
    Measurement(
        "serving",
        {
            "accepted_p50_ms": Target(at_most=5),
            "accepted_p99_ms": _REPORTED,
            "accepted_keyed_p50_ms": _REPORTED,
            "accepted_per_s": Target(at_least=500),
            "visible_p50_ms": Target(at_most=150),
            "visible_p99_ms": Target(at_most=600),
        },
        _serving,
    ),
)
