"""What is not believed is quarantined with its reason; its neighbours in the batch count."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from worlds import IMAGE, KEY, START, STRANGER, STREAM, World, said, simulated, stamp

from chalicelib import projector
from chalicelib.events import Record
from chalicelib.signing import seal

SHARD = "shardId-000000000000"
SUBJECT = "product/1"
GOOD = said("photographed", SUBJECT, START, 2)


def put(world: World, data: bytes, arrival: int = START, key: str = SUBJECT) -> Record:
    """A record, whatever it holds."""
    return world.put(SHARD, arrival, key, data)


def sealed(**changes: Any) -> bytes:
    """The good event, but for this."""
    return seal(replace(GOOD, **changes), KEY).encode()


def forged(data: bytes) -> bytes:
    """A letter of the signature is another, which is base64 still."""
    return data[:-20] + (b"B" if data[-20:-19] == b"A" else b"A") + data[-19:]


DOUBTFUL: dict[str, tuple[str, Callable[[World], Any]]] = {
    "a forged signature": ("BadSignature", lambda w: put(w, forged(sealed()))),
    "another's payload": (
        "BadSignature",
        lambda w: put(
            w, b".".join([*sealed(actor="eve").split(b".")[:2], sealed().split(b".")[2]])
        ),
    ),
    "a stranger's key": ("UnknownKey", lambda w: put(w, seal(GOOD, STRANGER).encode())),
    "61 s before the clock": ("Stale", lambda w: put(w, sealed(time=stamp(START - 61_000)))),
    "60.001 s before the clock": ("Stale", lambda w: put(w, sealed(time=stamp(START - 60_001)))),
    "16 s after the clock": ("Stale", lambda w: put(w, sealed(time=stamp(START + 16_000)))),
    "15.001 s after the clock": ("Stale", lambda w: put(w, sealed(time=stamp(START + 15_001)))),
    "another stream": ("WrongStream", lambda w: put(w, sealed(stream="tillstream-test-2"))),
    "another partition key": ("WrongStream", lambda w: put(w, sealed(), key="product/2")),
    "another source": ("NotAuthorised", lambda w: put(w, sealed(source="urn:tillstream:eve"))),
    "text": ("Malformed", lambda w: put(w, b"an order, please")),
    "nothing": ("Malformed", lambda w: put(w, b"")),
    "no ASCII": ("Malformed", lambda w: put(w, "ein Brötchen".encode())),
    "no text": ("Malformed", lambda w: put(w, b"\xff\xfe\x00")),
    "an event not sealed": ("Malformed", lambda w: put(w, b'{"specversion":"1.0"}')),
    "a record of 1 MB": ("Malformed", lambda w: put(w, b"." * 1_000_000)),
    "data of another event": ("InvalidData", lambda w: put(w, sealed(data={}))),
    "a member too many": ("InvalidData", lambda w: put(w, sealed(data={**IMAGE, "x": 1}))),
}


@pytest.fixture
def world() -> Iterator[World]:
    """A shop on whose shard an honest event comes before and after."""
    made = World()
    made.say(SHARD, said("created", SUBJECT, START, 1), START)
    with simulated(made):
        yield made


def verdicts(world: World) -> list[dict[str, Any]]:
    return [row["body"] for key, row in world.rows().items() if key[0].startswith("verdict/")]


@pytest.mark.parametrize("cut", [0, 1, 2])
@pytest.mark.parametrize("doubt", DOUBTFUL)
def test_what_is_not_believed_is_quarantined_and_its_neighbours_count(world, doubt, cut):
    reason, add = DOUBTFUL[doubt]
    record = add(world)
    world.say(SHARD, replace(GOOD, id="e3"), START)
    for start, end in ((0, cut), (cut, 3)):
        if start < end:
            projector.project(world.batch(SHARD, start, end))
    rows = world.rows()
    position = f"{STREAM}/{SHARD}:{record.sequence}"
    verdict = rows[f"verdict/{position}", "verdict"]
    assert verdict["body"]["verdict"] == "quarantined"
    assert verdict["body"]["reason"] == reason
    assert (verdict["listing"], verdict["listed"]) == ("quarantine", f"{START:015d} {position}")
    assert len(verdicts(world)) == 1
    assert rows["catalog@1/products/1", SUBJECT]["body"]["image"] == IMAGE["image"]
    assert rows["subject@2/product/1", SUBJECT]["body"]["version"] == 2
    assert rows == world.fold().rows


@pytest.mark.parametrize("offset", [-60_000, 15_000])
def test_an_event_just_inside_the_window_counts(world, offset):
    put(world, sealed(time=stamp(START + offset)))
    projector.project(world.batch(SHARD))
    assert verdicts(world) == []


def test_freshness_is_measured_from_the_shards_clock_not_from_an_arrival_that_steps_back(world):
    put(world, sealed(id="e5", time=stamp(START + 2_000)), arrival=START + 62_001)
    put(world, sealed(id="e6", time=stamp(START + 2_000)), arrival=START + 1_000)
    put(world, sealed(id="e7", time=stamp(START + 2_001)), arrival=START + 1_000)
    projector.project(world.batch(SHARD))
    assert [verdict["reason"] for verdict in verdicts(world)] == ["Stale", "Stale"]
    assert world.rows() == world.fold().rows


def test_of_what_is_not_believed_nothing_is_told(world):
    """A forger would else write what others read: no id, no subject, and no row of its id."""
    put(world, seal(replace(GOOD, id="forged"), STRANGER).encode())
    projector.project(world.batch(SHARD))
    (verdict,) = verdicts(world)
    assert set(verdict) == {"position", "verdict", "reason"}
    assert not any("forged" in str(item) for item in world.items.values())


def test_a_forged_record_does_not_take_the_id_of_an_honest_one(world):
    put(world, forged(sealed()))
    put(world, sealed())
    projector.project(world.batch(SHARD))
    assert [verdict["reason"] for verdict in verdicts(world)] == ["BadSignature"]
    assert world.rows()["subject@2/product/1", SUBJECT]["body"]["version"] == 2


def test_one_id_with_two_contents_is_equivocation_and_the_first_stays(world):
    put(world, sealed())
    put(world, sealed(data={"image": "https://pictures.example/2.png"}))
    projector.project(world.batch(SHARD))
    (verdict,) = verdicts(world)
    assert (verdict["reason"], verdict["id"]) == ("Equivocation", "e2")
    row = world.rows()["catalog@1/products/1", SUBJECT]
    assert row["body"]["image"] == IMAGE["image"]


def test_a_key_that_does_not_stand_in_the_trust_document_is_looked_up_once_more(world, monkeypatch):
    asked = []
    honest = projector.keys.trust
    monkeypatch.setattr(
        projector.keys, "trust", lambda *, reload=False: asked.append(reload) or honest()
    )
    put(world, seal(GOOD, STRANGER).encode())
    projector.project(world.batch(SHARD))
    assert asked == [False, False, True]


@given(st.lists(st.binary(max_size=60) | st.just(sealed()), min_size=1, max_size=8))
def test_any_bytes_at_all_block_nothing(records):
    world = World()
    for data in records:
        put(world, data)
    world.say(SHARD, replace(GOOD, id="last"), START)
    with simulated(world):
        projector.project(world.batch(SHARD))
        assert world.rows() == world.fold().rows
        (checkpoint,) = world.checkpoints().values()
        assert int(checkpoint["position"]) == world.logs[SHARD][-1].sequence


@given(st.integers(0, len(sealed()) - 1), st.integers(0, 7))
def test_any_bit_of_a_sealed_event_matters(at, bit):
    data = sealed()
    flipped = data[:at] + bytes([data[at] ^ (1 << bit)]) + data[at + 1 :]
    world = World()
    put(world, flipped)
    with simulated(world):
        projector.project(world.batch(SHARD))
        assert [verdict["verdict"] for verdict in verdicts(world)] == ["quarantined"]
