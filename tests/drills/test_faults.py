"""The fault layer: what is drawn really happens to the calls, and a shop stands it."""

import itertools
import json
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import boto3
import botocore.endpoint
import pytest
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectTimeoutError,
    ReadTimeoutError,
)

from chalicelib import config, log, store, work
from chalicelib.archive import objects
from chalicelib.errors import CloudFailure, Conflict
from chalicelib.store import Guard, Key, Put
from drills.faults import layer
from drills.faults.plan import Fault, Plan, kinds

ALWAYS = 9  # more often than the client asks
SEEN = Key("seen", "row")


class Drawn:
    """A plan that is written down: these faults for the first calls, and then none."""

    def __init__(self):
        self.next = []

    def draw(self, operation, *, conditional):
        fault = self.next.pop(0) if self.next else None
        assert fault is None or fault in kinds(operation, conditional=conditional)
        return fault

    def some(self, count):
        return list(range(0, count, 2))


@pytest.fixture
def drawn(shop, monkeypatch):
    """The layer in this process, over a shop of its own; retries do not wait."""
    monkeypatch.setattr(botocore.endpoint, "time", SimpleNamespace(sleep=lambda _: None))
    monkeypatch.setattr(layer, "SLOW_S", 0.0)
    plan = Drawn()
    layer.install(plan)
    yield plan
    boto3.DEFAULT_SESSION = None
    config.forget()


def put(name):
    """What comes of a put, as a status or as the failure; and whether it is there then."""
    s3, bucket = config.client("s3"), config.settings().archive_bucket
    try:
        s3.put_object(Bucket=bucket, Key=name, Body=b"ours", IfNoneMatch="*")
    except ClientError as error:
        return error.response["ResponseMetadata"]["HTTPStatusCode"]
    except BotoCoreError as failure:
        return type(failure)
    return 200


def is_there(name):
    bucket = config.settings().archive_bucket
    return config.client("s3").list_objects_v2(Bucket=bucket, Prefix=name)["KeyCount"] == 1


ALL_ALONG = [
    (Fault.throttled, 503, False),
    (Fault.broken, 500, False),
    (Fault.conflict, 409, False),
    (Fault.spoilt, 500, True),
    (Fault.lost, ConnectTimeoutError, False),
    (Fault.unheard, ReadTimeoutError, True),
]


def test_a_put_that_fails_all_along_is_told_so_and_was_done_or_not(drawn):
    for fault, told, done in ALL_ALONG:
        drawn.next = [fault] * ALWAYS
        assert put(fault) == told
        drawn.next = []
        assert is_there(fault) == done


def test_a_put_that_fails_once_is_made_again_and_meets_its_own_as_412(drawn):
    for fault in (Fault.throttled, Fault.broken, Fault.lost, Fault.slow):
        drawn.next = [fault]
        assert (put(fault), is_there(fault)) == (200, True)
    for fault in (Fault.unheard, Fault.again, Fault.spoilt):
        drawn.next = [fault]
        assert (put(fault), is_there(fault)) == (412, True)


def test_a_put_over_what_was_read_meets_another_under_way_or_its_own(drawn):
    assert objects.replace("tree-head", b"1", None)
    for fault, left in ((Fault.conflict, b"1"), (Fault.again, b"2")):
        _, tag = objects.tagged("tree-head")
        drawn.next = [fault] * (ALWAYS if fault is Fault.conflict else 1)
        assert not objects.replace("tree-head", b"2", tag)
        drawn.next = []
        assert objects.body("tree-head") == left


def test_of_many_records_some_are_taken_and_the_rest_is_sent_again(drawn):
    drawn.next = [Fault.partly, Fault.partly, Fault.again]
    entries = [(f"product/{number}", f"event {number}") for number in range(7)]
    positions = log.append_each(entries)
    assert drawn.next == []
    assert len(set(positions)) == len(entries)
    for (_, event), position in zip(entries, positions, strict=True):
        assert event.encode() in records_from(position)[:1]


def records_from(position):
    kinesis = config.client("kinesis")
    start = {"ShardIteratorType": "AT_SEQUENCE_NUMBER"}
    start |= {"StartingSequenceNumber": str(position.sequence)}
    shard = {"StreamName": position.shard.stream, "ShardId": position.shard.id}
    answer = kinesis.get_records(
        ShardIterator=kinesis.get_shard_iterator(**shard, **start)["ShardIterator"]
    )
    return [each["Data"] for each in answer["Records"]]


def test_of_many_rows_some_are_read_and_the_rest_is_asked_for_again(drawn):
    keys = [Key("rows", str(number)) for number in range(9)]
    for key in keys:
        store.commit(Put(key, {"token": "t"}), Guard(key, None), [])
    drawn.next = [Fault.partly, Fault.partly, Fault.partly]
    assert store.read(keys).keys() == set(keys)
    assert drawn.next == []


def test_a_transaction_that_is_in_the_way_of_another_is_a_conflict(drawn):
    drawn.next = [Fault.conflict] * ALWAYS
    with pytest.raises(Conflict):
        store.commit(Put(SEEN, {"token": "t"}), Guard(SEEN, None), [])
    drawn.next = []
    assert store.get(SEEN) is None


def test_pokes_of_which_some_are_not_taken_are_told(drawn):
    config.client("sqs").get_queue_url(QueueName=config.settings().work_queue)
    drawn.next = [None, Fault.partly]
    with pytest.raises(CloudFailure, match="not every poke"):
        work.poke([("charge@x", "order/1"), ("charge@y", "order/2")])


def test_a_plan_draws_the_same_again_and_every_kind():
    def some(seed):
        plan = Plan(seed, 0.5)
        calls = itertools.cycle(["put_object", "put_records", "transact_write_items", "get_item"])
        return [plan.draw(next(calls), conditional=True) for _ in range(1000)]

    assert some("7") == some("7") != some("8")
    assert set(some("7")) == {None, *Fault}


def test_a_shop_whose_calls_fail_loses_nothing_and_doubles_nothing():
    ran = drill("--minutes", "0.07", "--rate", "0.05", "--no-cards", "--seed", "3")
    assert ran.returncode == 0, (ran.stdout, ran.stderr)
    told = json.loads(ran.stdout)
    assert told["acknowledged"] == told["found"] > 10
    assert told["missing"] == told["twice"] == told["wrong"] == []
    assert sum(told["faults"].values()) > 5


def test_a_rate_at_which_nothing_would_succeed_is_refused_with_2():
    ran = drill("--rate", "1")
    assert (ran.returncode, ran.stdout) == (2, "")
    assert "--rate" in ran.stderr
    assert "Traceback" not in ran.stderr


def drill(*options):
    return subprocess.run(
        [sys.executable, "-m", "drills", "faults", "--json", *options],
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
