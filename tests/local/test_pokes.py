"""The queue `work` locally: each message until it is done, a few at a time, and none kept back."""

import json
import os
import threading
import time
from unittest import mock

import pytest

import local.cloud
from chalicelib import config, work
from chalicelib.errors import CloudFailure
from local import provision
from local.pokes import AT_ONCE, Pokes

QUEUE = "tillstream-pokes-work"


@pytest.fixture
def queue(cloud):
    """An empty queue, and the settings that name it."""
    names = local.cloud.Names(stage="pokes")
    with mock.patch.dict(os.environ):
        local.cloud.enter(cloud.state, names)
        provision.make_queue(QUEUE, provision.WORK_VISIBILITY_S)
        url = config.client("sqs").get_queue_url(QueueName=QUEUE)["QueueUrl"]
        config.client("sqs").purge_queue(QueueUrl=url)
        yield url
    config.settings.cache_clear()


@pytest.fixture
def drive(queue):
    """Drive a handler in a thread; it is stopped at the end, and ends."""
    running = []

    def start(handler):
        made = Pokes(QUEUE, handler, None, threading.Event())
        thread = threading.Thread(target=made.run)
        thread.start()
        running.append((made, thread))
        return made

    yield start
    for made, thread in running:
        made.stop.set()
        thread.join(5)
        assert not thread.is_alive()


def eventually(claim, patience_s=15.0):
    end = time.monotonic() + patience_s
    while not claim():
        assert time.monotonic() < end, "it did not come true in time"
        time.sleep(0.01)


def left(queue):
    names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
    said = config.client("sqs").get_queue_attributes(QueueUrl=queue, AttributeNames=names)
    return sum(map(int, said["Attributes"].values()))


def test_each_poke_is_worked_on_and_gone(drive, queue):
    seen = []
    drive(lambda event, _: seen.append(work.decode(event)))
    work.poke((f"charge@{n}", "order/1") for n in range(25))
    eventually(lambda: len(seen) == 25)
    assert {poke.todo for poke in seen} == {f"charge@{n}" for n in range(25)}
    eventually(lambda: left(queue) == 0)


def test_a_poke_that_fails_comes_again_and_others_go_on(drive, queue, capfd):
    seen = []

    def fail_once(event, _):
        seen.append(work.decode(event).todo)
        if seen.count("charge@1") == 1 and seen[-1] == "charge@1":
            raise CloudFailure("throttled")

    drive(fail_once)
    work.poke([("charge@1", "order/1"), ("charge@2", "order/2")])
    eventually(lambda: seen.count("charge@1") == 2)
    eventually(lambda: left(queue) == 0)
    assert seen.count("charge@2") == 1
    (line,) = [json.loads(line) for line in capfd.readouterr().err.splitlines()]
    assert (line["what"], line["reason"]) == ("work-failed", "throttled")


def test_a_poke_is_not_seen_before_its_delay(drive, queue):
    seen = []
    drive(lambda event, _: seen.append((time.monotonic(), work.decode(event).todo)))
    begun = time.monotonic()
    work.poke([("charge@late", "order/1")], delay_s=2)
    work.poke([("charge@now", "order/1")])
    eventually(lambda: len(seen) == 2)
    assert [todo for _, todo in seen] == ["charge@now", "charge@late"]
    assert seen[1][0] - begun >= 1.9


def test_no_more_is_begun_than_can_be_and_no_more_is_received(drive, queue):
    gate, busy = threading.Event(), []
    drive(lambda *_: (busy.append(1), gate.wait(10)))
    work.poke((f"charge@{n}", "order/1") for n in range(AT_ONCE + 3))
    eventually(lambda: len(busy) == AT_ONCE)
    time.sleep(0.3)
    names = ["ApproximateNumberOfMessages"]
    said = config.client("sqs").get_queue_attributes(QueueUrl=queue, AttributeNames=names)
    assert (len(busy), said["Attributes"][names[0]]) == (AT_ONCE, "3")
    gate.set()
    eventually(lambda: left(queue) == 0)


def test_told_to_stop_it_finishes_what_is_in_hand_and_begins_nothing_more(queue):
    gate, begun, done = threading.Event(), [], []

    def slow(event, _):
        begun.append(event)
        gate.wait(10)
        done.append(event)

    made = Pokes(QUEUE, slow, None, threading.Event())
    thread = threading.Thread(target=made.run)
    thread.start()
    work.poke((f"charge@{n}", "order/1") for n in range(AT_ONCE + 2))
    eventually(lambda: len(begun) == AT_ONCE)
    made.stop.set()
    gate.set()
    thread.join(5)
    assert not thread.is_alive()
    assert len(begun) == len(done) == AT_ONCE
    found = config.client("sqs").receive_message(QueueUrl=queue, MaxNumberOfMessages=10)
    assert len(found["Messages"]) == 2, "what it has not begun is seen by the next"


def test_a_queue_that_is_missing_is_told_and_read_once_it_is_there(drive, queue, capfd):
    sqs, seen = config.client("sqs"), []
    sqs.delete_queue(QueueUrl=queue)
    drive(lambda event, _: seen.append(work.decode(event)))
    eventually(lambda: "queue-unread" in capfd.readouterr().err)
    provision.make_queue(QUEUE, provision.WORK_VISIBILITY_S)
    work.poke([("charge@1", "order/1")])
    eventually(lambda: len(seen) == 1)
