"""The dispatcher: every record of a shard, in order, in batches that Lambda would take."""

import base64
import itertools
import json
import os
import random
import threading
import time
from unittest import mock

import pytest
from hypothesis import given
from hypothesis import strategies as st
from kinesis_cases import first_shard, put, split, stream

from chalicelib import config, log
from chalicelib.errors import CloudFailure
from chalicelib.events import Shard
from local import batches, dispatcher


@pytest.fixture
def environment(url, kinesis, monkeypatch):
    monkeypatch.setattr(dispatcher, "LIST_S", 0.02)
    monkeypatch.setattr(dispatcher, "BACK_OFF_S", (0.005, 0.02))
    ours = {
        "AWS_ENDPOINT_URL_KINESIS": url,
        "AWS_ACCESS_KEY_ID": "local",
        "AWS_SECRET_ACCESS_KEY": "local",
        "AWS_DEFAULT_REGION": "eu-central-1",
    }
    with mock.patch.dict(os.environ, ours):
        config.forget()
        config.client("kinesis")
        yield
    config.forget()


@pytest.fixture
def drive(environment):
    """Start a dispatcher in a thread; all of them are stopped at the end."""
    running = []

    def start(project, tail_of=lambda _: None, sweep=lambda *_: None):
        made = dispatcher.Dispatcher(stream, project, sweep, tail_of)
        thread = threading.Thread(target=made.run)
        thread.start()
        running.append((made, thread))
        return made

    yield start
    for made, thread in running:
        made.stop.set()
        thread.join(5)
        assert not thread.is_alive()


class Handler:
    """A `project` that notes what it was given, and fails when it is told to."""

    def __init__(self, fails=lambda _: False):
        self.fails = fails
        self.attempts = []
        self.done = []

    def __call__(self, event, context):
        batch = [(each["eventID"], data(each)) for each in event["Records"]]
        self.attempts.append(batch)
        if self.fails(batch):
            raise CloudFailure("throttled")
        self.done += batch

    def texts(self):
        return [text for _, text in self.done]


def data(record):
    return base64.b64decode(record["kinesis"]["data"]).decode(errors="replace")


def eventually(claim, patience_s=8.0):
    end = time.monotonic() + patience_s
    while not claim():
        assert time.monotonic() < end, "it did not come true in time"
        time.sleep(0.005)


def put_many(kinesis, texts, key="k"):
    for at in range(0, len(texts), 500):
        records = [{"Data": text, "PartitionKey": key} for text in texts[at : at + 500]]
        kinesis.put_records(StreamName=stream, Records=records)


def test_records_of_a_shard_come_in_order_and_none_twice(drive, kinesis):
    handler, texts = Handler(), [str(n) for n in range(2500)]
    put_many(kinesis, texts)
    drive(handler)
    eventually(lambda: len(handler.done) >= 2500)
    assert handler.texts() == texts
    assert max(map(len, handler.attempts)) == 1000


def test_a_batch_that_fails_is_given_again_unchanged_and_nothing_overtakes_it(
    drive, kinesis, capfd
):
    left = itertools.count()
    handler = Handler(fails=lambda _: next(left) < 5)
    put_many(kinesis, ["a", "b"])
    drive(handler)
    eventually(lambda: len(handler.attempts) >= 2)
    put_many(kinesis, ["c"])
    eventually(lambda: len(handler.done) == 3)
    assert handler.attempts[:6] == [handler.attempts[0]] * 6
    assert handler.texts() == ["a", "b", "c"]
    lines = [json.loads(line) for line in capfd.readouterr().err.splitlines()]
    assert [line["what"] for line in lines] == ["batch-failed"] * 5
    assert lines[0]["reason"] == "throttled"


def test_order_holds_while_batches_fail_at_random(drive, kinesis):
    chance = random.Random(7)
    handler = Handler(fails=lambda _: chance.random() < 0.5)
    drive(handler)
    texts = [str(n) for n in range(300)]
    for text in texts:
        put(kinesis, text)
    eventually(lambda: len(handler.done) >= 300)
    assert handler.texts() == texts


def test_the_back_off_doubles_up_to_its_limit(drive, kinesis, monkeypatch):
    waits = []
    put(kinesis, "a")
    handler = Handler(fails=lambda _: True)
    monkeypatch.setattr(dispatcher, "BACK_OFF_S", (0.1, 5.0))
    made = dispatcher.Dispatcher(stream, handler, lambda *_: None, lambda _: None)

    def wait(seconds):
        waits.append(seconds)
        if len(waits) == 8:
            made.stop.set()

    records = kinesis.get_records(ShardIterator=_start(kinesis))["Records"]
    monkeypatch.setattr(made.stop, "wait", wait)
    assert made._deliver(Shard(stream, first_shard), records) is False
    assert waits == [0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 5.0, 5.0]


def _start(kinesis):
    return kinesis.get_shard_iterator(
        StreamName=stream, ShardId=first_shard, ShardIteratorType="TRIM_HORIZON"
    )["ShardIterator"]


def test_a_shard_starts_after_the_tail_of_its_archive(drive, kinesis):
    numbers = [put(kinesis, text) for text in "abc"]
    handler = Handler()
    drive(handler, tail_of=lambda _: int(numbers[1]))
    eventually(lambda: handler.done)
    time.sleep(0.1)
    assert handler.texts() == ["c"]


def test_a_tail_that_cannot_be_read_is_asked_for_again(drive, kinesis, capfd):
    answers = iter([CloudFailure("no archive"), CloudFailure("no archive"), None])

    def tail_of(_):
        answer = next(answers)
        if isinstance(answer, Exception):
            raise answer
        return answer

    put(kinesis, "a")
    handler = Handler()
    drive(handler, tail_of=tail_of)
    eventually(lambda: handler.texts() == ["a"])
    assert capfd.readouterr().err.count("shard-unread") == 2


def test_children_wait_for_all_that_their_parent_holds(drive, kinesis):
    put_many(kinesis, [f"parent-{n}" for n in range(50)])
    split(kinesis)
    for n in range(20):
        put(kinesis, f"child-{n}", key=str(n))
    gate = threading.Event()
    handler = Handler(fails=lambda _: not gate.is_set())
    drive(handler)
    eventually(lambda: len(handler.attempts) >= 5)
    assert {text for batch in handler.attempts for _, text in batch} == {
        f"parent-{n}" for n in range(50)
    }
    gate.set()
    eventually(lambda: len(handler.done) == 70)
    assert [text.startswith("parent") for text in handler.texts()] == [True] * 50 + [False] * 20


def test_a_shard_born_while_we_run_is_found(drive, kinesis):
    handler = Handler()
    drive(handler)
    put(kinesis, "before")
    eventually(lambda: handler.texts() == ["before"])
    split(kinesis)
    for n in range(8):
        put(kinesis, f"after-{n}", key=str(n))
    eventually(lambda: len(handler.done) == 9)
    assert len({event_id.partition(":")[0] for event_id, _ in handler.done}) == 3


def test_children_are_read_as_soon_as_their_parent_is_read_to_its_end(drive, kinesis, monkeypatch):
    monkeypatch.setattr(dispatcher, "LIST_S", 3600)
    handler = Handler()
    drive(handler)
    put(kinesis, "before")
    eventually(lambda: handler.texts() == ["before"])
    split(kinesis)
    put(kinesis, "after")
    eventually(lambda: handler.texts() == ["before", "after"])


def test_a_shard_that_begins_after_the_tail_of_its_archive_is_given_from_its_beginning(
    drive, kinesis
):
    """As Lambda gives it, which knows no archive: the consumer is there to refuse it."""
    tail = int(put(kinesis, "of the stream before"))
    kinesis.delete_stream(StreamName=stream)
    kinesis.create_stream(StreamName=stream, ShardCount=1)
    put(kinesis, "a")
    handler = Handler()
    drive(handler, tail_of=lambda _: tail)
    eventually(lambda: handler.texts() == ["a"])


def test_other_shards_go_on_while_one_fails(drive, kinesis):
    split(kinesis)
    for n in range(8):
        put(kinesis, str(n), key=str(n))
    handler = Handler(fails=lambda batch: batch[0][0].startswith("shardId-000000000001"))
    drive(handler)
    eventually(lambda: handler.done and len(handler.attempts) > 5)
    assert {event_id.partition(":")[0] for event_id, _ in handler.done} == {"shardId-000000000002"}


def test_a_sweep_that_took_most_of_its_minute_is_followed_by_the_next_at_once(drive, monkeypatch):
    monkeypatch.setattr(dispatcher, "LONG_S", 0.0)
    called = []
    drive(Handler(), sweep=lambda *_: called.append("sweep") or time.sleep(0.01))
    eventually(lambda: len(called) > 1)


def test_sweep_runs_at_once_and_again_although_it_fails(drive, monkeypatch):
    monkeypatch.setattr(dispatcher, "SWEEP_S", 0.02)
    called = []

    def sweep(event, context):
        called.append(context.function_name)
        raise CloudFailure("throttled")

    drive(Handler(), sweep=sweep)
    eventually(lambda: len(called) >= 3)
    assert set(called) == {"sweep"}


def test_when_stopped_the_batch_in_hand_is_finished_and_no_other_begun(environment, kinesis):
    begun, finish, seen = threading.Event(), threading.Event(), []

    def project(event, context):
        begun.set()
        finish.wait(5)
        seen.append(len(event["Records"]))

    put_many(kinesis, [str(n) for n in range(1500)])
    made = dispatcher.Dispatcher(stream, project, lambda *_: None, lambda _: None)
    thread = threading.Thread(target=made.run)
    thread.start()
    assert begun.wait(5)
    made.stop.set()
    time.sleep(0.05)
    assert thread.is_alive()
    finish.set()
    thread.join(5)
    assert seen == [1000]


def test_a_shard_whose_driver_breaks_is_begun_again(drive, kinesis, capfd):
    tails = iter([RuntimeError("unforeseen"), None])

    def tail_of(_):
        answer = next(tails)
        if answer:
            raise answer
        return answer

    put(kinesis, "a")
    handler = Handler()
    drive(handler, tail_of=tail_of)
    eventually(lambda: handler.texts() == ["a"])
    assert "shard-broken" in capfd.readouterr().err


def test_the_event_is_what_lambda_gives(drive, kinesis):
    number = put(kinesis, "héllo", key="product/1")
    seen = []
    drive(lambda event, _: seen.append(event))
    eventually(lambda: seen)
    record = seen[0]["Records"][0]
    assert record["eventID"] == f"{first_shard}:{number}"
    assert record["eventSourceARN"].endswith(f":stream/{stream}")
    assert record["kinesis"]["partitionKey"] == "product/1"
    assert record["kinesis"]["sequenceNumber"] == number
    assert isinstance(record["kinesis"]["approximateArrivalTimestamp"], float)
    decoded = log.decode(seen[0])
    assert decoded.shard == Shard(stream, first_shard)
    assert decoded.records[0].sequence == int(number)


@given(st.lists(st.integers(0, 1024 * 1024), max_size=40))
def test_batches_are_the_records_in_order_and_each_within_6_mb(sizes):
    records = [{"Data": bytes(size), "PartitionKey": "k"} for size in sizes]
    found = list(batches.cut(records))
    assert [record for batch in found for record in batch] == records
    for batch in found:
        assert len(batch) == 1 or sum(map(batches.travelling, batch)) <= 6 * 1024 * 1024


def test_a_batch_of_the_largest_size_is_within_6_mb_as_json(drive, kinesis):
    texts = ["x" * 900_000] * 6
    for text in texts:
        put(kinesis, text)
    seen = []
    drive(lambda event, _: seen.append(event))
    eventually(lambda: sum(len(event["Records"]) for event in seen) == 6)
    assert max(len(json.dumps(event)) for event in seen) <= 6 * 1024 * 1024
    assert len(seen) < 6


def lineage(*edges):
    return [
        {"ShardId": name, "ParentShardId": parent, "AdjacentParentShardId": adjacent}
        for name, parent, adjacent in edges
    ]


def test_a_grandchild_waits_although_its_parent_is_drained():
    shards = lineage(("a", None, None), ("b", "a", None), ("c", "b", None))
    assert batches.startable(shards, set()) == ["a"]
    assert batches.startable(shards, {"b"}) == ["a"]
    assert batches.startable(shards, {"a", "b"}) == ["a", "b", "c"]


def test_however_often_shards_were_split_and_merged_it_is_soon_known_who_may_start():
    shards = lineage(("0", None, None))
    for n in range(1, 301, 3):
        shards += lineage(*[(f"{n + i}", f"{n - 1}", None) for i in (0, 1)])
        shards += lineage((f"{n + 2}", f"{n}", f"{n + 1}"))
    names = [each["ShardId"] for each in shards]
    assert batches.startable(shards, set(names)) == names
    assert batches.startable(shards, set(names[1:])) == ["0"]


def test_a_merged_shard_waits_for_both_parents():
    shards = lineage(("a", None, None), ("b", None, None), ("c", "a", "b"))
    assert batches.startable(shards, {"a"}) == ["a", "b"]
    assert batches.startable(shards, {"a", "b"}) == ["a", "b", "c"]


def test_a_parent_that_the_stream_no_longer_lists_is_not_waited_for():
    assert batches.startable(lineage(("c", "a", None)), set()) == ["c"]
