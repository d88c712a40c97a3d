"""A row that DynamoDB would refuse parks its subject in its view, and blocks nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from itertools import count
from typing import Any

import pytest
from botocore.exceptions import ParamValidationError
from simulator import refusal
from test_parked import (
    SHARD,
    bad_for,
    evolving,
    folded,
    last,
    own,
    parked,
    photographs,
    view,
    with_views,
)
from worlds import START, World, said, simulated

from chalicelib import projector, store
from chalicelib.decisions import DECIDERS
from chalicelib.events import Event
from chalicelib.store import Add, Delete, Key, Put, PutFirst, Write

Reduce = Callable[[Event, Any, Any], Iterable[Write]]


@pytest.fixture
def world() -> Iterator[World]:
    """A shop whose views a test chooses, with transactions as large as DynamoDB's."""
    made = World()
    with simulated(made) as patch:
        patch.setattr(store, "MOST_ROWS", 100)
        yield made


def writes(*made: Write) -> Reduce:
    """A reducer that always writes these rows."""
    return lambda *_: made


def row(pk: str = "rows", sk: str = "product/1", **more: Any) -> Put:
    """An own row of product/1."""
    return Put(Key(pk, sk), more.pop("body", {"last": "never"}), **more)


DEEP: list[Any] = []
DEEP.append(DEEP)
MISFITS: dict[str, Reduce] = {
    "a partition key too long": writes(row(pk="x" * 2049)),
    "a sort key too long": writes(row(sk="product/1 " + "x" * 1024)),
    "an empty sort key of a tally": writes(Add(Key("tally", ""), 1)),
    "an empty list": writes(row(listing=("all", ""))),
    "a list's name too long": writes(row(listing=("x" * 2049, "1"))),
    "a ranking too long": writes(Add(Key("tally", "t"), 1, "x" * 2049)),
    "a tally of 16 digits": writes(Add(Key("tally", "t"), 10**15)),
    "a tally of -16 digits": writes(Add(Key("tally", "t"), -(10**15))),
    "a tally of a long name": writes(Add(Key("tally", "t" * 1000), 1)),
    "a tally of a name that is long as JSON": writes(Add(Key("tally", "\x00" * 170), 1)),
    "a tally of a half": writes(Add(Key("tally", "t"), 0.5)),  # type: ignore[arg-type]
    "a tally of truth": writes(Add(Key("tally", "t"), True)),
    "a tally of text": writes(Add(Key("tally", "t"), "1")),  # type: ignore[arg-type]
    "351 KB": writes(row(body={"x": "x" * 351_000})),
    "351 KB of three-byte characters": writes(row(body={"x": "€" * 117_000})),
    "81 rows": writes(*(row(sk=f"product/1 {number}") for number in range(81))),
    "rows without end": lambda *_: (row(sk=f"product/1 {n}") for n in count()),
    "another subject's row": writes(row(sk="product/2")),
    "a longer subject's row": writes(row(sk="product/12")),
    "a row of a subject that ends so": writes(row(sk="by-product/1")),
    "nobody's row": writes(row(sk="all")),
    "another subject's row deleted": writes(Delete(Key("rows", "product/2"))),
    "a body that is not JSON": writes(row(body={"x": {1, 2}})),
    "a body with a NaN": writes(row(body={"x": float("nan")})),
    "a body without end": writes(row(body={"x": DEEP})),
    "a body that is half a character": writes(row(body={"x": "\ud800"})),
    "a key that is half a character": writes(row(sk="product/1 \ud800")),
    "a key that is a number": writes(Add(Key("tally", 7), 1)),  # type: ignore[arg-type]
    "a list that is none": writes(row(listing=())),  # type: ignore[arg-type]
    "a row put first": writes(PutFirst(Key("rows", "product/1"), {})),
    "not a row": writes("row"),  # type: ignore[arg-type]
    "no rows": lambda *_: None,  # type: ignore[return-value,arg-type]
}


@pytest.mark.parametrize("misfit", MISFITS)
def test_a_misfit_parks_its_subject_in_its_view_and_nothing_else_stands_still(world, misfit):
    world.code = with_views(view("bad", bad_for("product/1", MISFITS[misfit])), view("good", own))
    photographs(world, "product/2", "product/1", "product/2", "product/1", "product/12")
    folded(world, 3)
    assert parked(world) == {"bad@1": ["product/1"]}
    assert last(world, "good", "product/1") == "e4"
    assert last(world, "bad", "product/2") == "e3"
    assert last(world, "bad", "product/12") == "e5"


FITS: dict[str, Reduce] = {
    "keys as long as can be": writes(row(pk="x" * 2040, sk="product/1 " + "x" * 1014)),
    "15 digits": writes(Add(Key("tally", "t"), 10**15 - 1), Add(Key("tally", "u"), 1 - 10**15)),
    "a tally of a name of 900 characters": writes(Add(Key("tally", "t" * 900), 1)),
    "349 KB": writes(row(body={"x": "x" * 349_000})),
    "78 rows": writes(*(row(sk=f"product/1 {number}") for number in range(78))),
    "a body with a word of ours": writes(row(body={"token": {"of": 7}, "pk": 1, "rank": []})),
    "a body with any text": writes(row(body={"x": "\x00\u2028\U0001f600"})),
    "own rows by any order": writes(row(sk="2026 product/1"), row(sk="product/1#3")),
    "a row deleted that was never there": writes(Delete(Key("rows", "product/1"))),
    "nothing": writes(),
}


@pytest.mark.parametrize("fit", FITS)
def test_what_dynamodb_takes_is_not_parked(world, fit):
    world.code = with_views(view("ample", bad_for("product/1", FITS[fit])), view("good", own))
    photographs(world, "product/2", "product/1", "product/2")
    folded(world)
    assert parked(world) == {}


def test_views_that_write_too_much_of_one_event_together_park_the_later_ones_only(world):
    many = [row(sk=f"product/1 {number}") for number in range(45)]
    reduce = bad_for("product/1", writes(*many))
    world.code = with_views(*(view(name, reduce) for name in "abcd"), view("good", own))
    photographs(world, "product/1", "product/2")
    folded(world)
    assert parked(world) == {name: ["product/1"] for name in ("b@1", "c@1", "d@1")}
    assert last(world, "good", "product/1") == "e1"


def test_views_that_write_too_many_bytes_of_one_event_park_the_later_ones_only(world):
    large = [row(sk=f"product/1 {number}", body={"x": "x" * 340_000}) for number in range(5)]
    reduce = bad_for("product/1", writes(*large))
    world.code = with_views(*(view(name, reduce) for name in "abcd"), view("good", own))
    photographs(world, "product/1", "product/2")
    folded(world)
    assert parked(world) == {name: ["product/1"] for name in ("b@1", "c@1", "d@1")}
    assert last(world, "good", "product/1") == "e1"


class Wordless(Exception):
    """An error that cannot even be told."""

    def __str__(self) -> str:
        raise RuntimeError


@pytest.mark.parametrize("failure", [Wordless(), ValueError("\ud800"), ValueError("x" * 10**6)])
def test_an_error_that_cannot_be_told_parks_all_the_same(world, failure):
    def reduce(*_: Any) -> Iterable[Write]:
        raise failure

    world.code = with_views(view("bad", bad_for("product/1", reduce)), view("good", own))
    photographs(world, "product/1", "product/2")
    folded(world)
    assert parked(world) == {"bad@1": ["product/1"]}


@pytest.mark.parametrize("length", [*range(345_000, 352_001, 250)])
def test_a_state_about_as_large_as_a_row_may_be_blocks_nothing(world, length):
    """Its own row, and the row that keeps it when it is parked, are both near the limit."""

    def evolve(state: Any, event: Event) -> Any:
        made = DECIDERS["product"].evolve(state, event)
        if event.subject != "product/1":
            return made
        if event.envelope.id == "e3":
            raise ZeroDivisionError("x" * 600)
        return made.model_copy(update={"image": "i" * length})

    world.code = evolving(evolve)
    for number in range(1, 5):
        now = START + number
        world.say(SHARD, said("photographed", "product/1", now, number), now)
    photographs(world, "product/2")
    folded(world)
    assert parked(world) == {"*": ["product/1"]}


def refuses(world: World, subject: str, view_name: str, error: Exception) -> list[str]:
    """DynamoDB refuses this view's rows of the subject, though they looked as they must."""
    refused: list[str] = []

    def around(when: str, service: str, operation: str, request: Any) -> None:
        if when == "before" and operation == "transact_write_items":
            for entry in request["TransactItems"]:
                (action,) = entry.values()
                key = action["Item"] if "Item" in action else action["Key"]
                if key["pk"]["S"].startswith(f"{view_name}@") and subject in key["sk"]["S"]:
                    refused.append(key["sk"]["S"])
                    raise error

    world.cloud.around = around
    return refused


INVALID = refusal("TransactWriteItems", "ValidationException")
REASON = refusal(
    "TransactWriteItems",
    "TransactionCanceledException",
    CancellationReasons=[{"Code": "None"}, {"Code": "ValidationError"}],
)
PARAMETER = ParamValidationError(report="a row that boto3 will not even send")


@pytest.mark.parametrize("error", [INVALID, REASON, PARAMETER])
@pytest.mark.parametrize("cut", [1, 2, 3])
def test_a_row_that_only_dynamodb_refuses_is_found_and_parked_in_its_view(world, error, cut):
    world.code = with_views(view("good", own), view("bad", own))
    photographs(world, "product/2", "product/1", "product/2", "product/1", "product/3")
    refused = refuses(world, "product/1", "bad", error)
    for start, end in ((0, cut), (cut, 5)):
        projector.project(world.batch(SHARD, start, end), world.code)
    assert refused
    assert parked(world) == {"bad@1": ["product/1"]}
    assert last(world, "good", "product/1") == "e4"
    assert last(world, "bad", "product/2") == "e3"
    assert last(world, "bad", "product/3") == "e5"
    assert ("parked@bad@1/product/1", "product/1") in world.rows()


def test_a_subject_whose_own_row_dynamodb_refuses_is_parked_for_all(world):
    world.code = with_views(view("good", own))
    photographs(world, "product/2", "product/1", "product/2")
    refuses(world, "product/1", "subject", INVALID)
    projector.project(world.batch(SHARD), world.code)
    assert parked(world) == {"*": ["product/1"]}
    assert last(world, "good", "product/2") == "e3"


def test_each_batch_with_a_misfit_that_was_parked_before_is_one_transaction_again(world):
    world.code = with_views(view("good", own), view("bad", own))
    photographs(world, *["product/2", "product/1"] * 10)
    refuses(world, "product/1", "bad", INVALID)
    projector.project(world.batch(SHARD, 0, 4), world.code)
    calls: list[str] = []
    others = world.cloud.around
    world.cloud.around = lambda when, service, operation, request: (
        calls.append(operation) if when == "before" else None,
        others(when, service, operation, request),
    )[1]
    projector.project(world.batch(SHARD, 4, 20), world.code)
    assert calls.count("transact_write_items") == 1


@pytest.mark.parametrize("swept", [False, True])
def test_two_consumers_that_meet_the_same_refused_row_count_each_event_once(world, swept):
    """The one who comes second finds that the group is done, and perhaps the next one begun."""
    world.code = with_views(view("good", own), view("bad", own))
    photographs(world, *["product/2", "product/1", "product/3"] * 2)
    refuses(world, "product/1", "bad", INVALID)
    refusing, first = world.cloud.around, count()

    def around(when: str, service: str, operation: str, request: Any) -> None:
        writing = (when, operation) == ("before", "transact_write_items")
        if writing and next(first) == 1:  # after the checkpoint's creation
            projector.project(world.batch(SHARD, 0, 3), world.code)
            if swept:
                projector.project(world.batch(SHARD, 3, 6), world.code)
        refusing(when, service, operation, request)

    world.cloud.around = around
    projector.project(world.batch(SHARD, 0, 3), world.code)
    projector.project(world.batch(SHARD, 3, 6), world.code)
    tallies = {key: row["rank"] for key, row in world.rows().items() if "rank" in row}
    assert tallies == {("good@1/tally", "ada"): 6, ("bad@1/tally", "ada"): 4}
    assert parked(world) == {"bad@1": ["product/1"]}
    assert not [row for row in world.rows().values() if row.get("body", {}).get("reason")]
