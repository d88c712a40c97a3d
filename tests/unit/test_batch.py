"""A batch against a log that refuses as it likes: nothing lost, nothing twice, orders kept."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chalicelib import config, log, read, store, vault
from chalicelib.config import Settings
from chalicelib.decisions import product as products
from chalicelib.decisions.subject import Ignored
from chalicelib.errors import CloudFailure, Invalid
from chalicelib.events import Envelope, Event, Position, Shard, product
from chalicelib.events import read as event_of
from chalicelib.http import Request
from chalicelib.signing import SigningKey, jws, keys, strict
from chalicelib.signing.keys import new_key
from chalicelib.signing.profile import TYP
from chalicelib.writer import batch
from chalicelib.writer.said import CLOUDEVENT, Said, said

KEY = SigningKey(new_key())
CUP = {"brand": "B", "name": "Cup", "description": "", "category": "cups"}
MOVES = {"created": CUP, "updated": CUP, "viewed": {}, "purchased": {}}
HERE = Settings("t", "tillstream-t-1", "t", "a", "v", "p", "r", "local")
ROLES = frozenset({"merchant", "customer"})


class Log:
    """What Kinesis took, in order, by subject; `plan` says what it does with each entry in turn."""

    def __init__(self, plan: Sequence[str] = ()) -> None:
        self.plan = iter(plan)
        self.held: list[Envelope] = []

    def call(self, operation: str, **request: Any) -> dict[str, Any]:
        assert operation == "put_records"
        records = request["Records"]
        subjects = [record["PartitionKey"] for record in records]
        assert 0 < len(records) == len(set(subjects)) <= 500
        plans = [next(self.plan, "take") for _ in records]
        said = [
            self._put(record) if plan != "refuse" else {"ErrorCode": "InternalFailure"}
            for record, plan in zip(records, plans, strict=True)
        ]
        if "lose" in plans:
            raise CloudFailure("the answer was lost")
        return {"Records": said}

    def _put(self, record: dict[str, Any]) -> dict[str, Any]:
        payload = strict.decode(jws.parse(record["Data"], TYP).payload)
        del payload["specversion"], payload["datacontenttype"]
        self.held.append(Envelope(**payload))
        assert self.held[-1].subject == record["PartitionKey"]
        return {"ShardId": "shardId-000000000000", "SequenceNumber": str(len(self.held))}

    def of(self, subject: str) -> list[str]:
        """The ids of a subject's events, each the first time that it came."""
        return list(dict.fromkeys(e.id for e in self.held if e.subject == subject))


@pytest.fixture(autouse=True, scope="module")
def world() -> Iterator[pytest.MonkeyPatch]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(vault, "secret", lambda name: hashlib.sha256(name.encode()).digest())
        patch.setattr(config, "settings", lambda: HERE)
        patch.setattr(keys, "producer", lambda: KEY)
        patch.setattr(read, "whole", lambda request, look: look())
        patch.setattr(store, "read", lambda wanted: {})
        patch.setattr(log, "PAUSES_S", (0.0, 0.0))
        yield patch


def told(number: int, move: str, entity: str) -> Said:
    document = {
        "specversion": "1.0",
        "id": str(number),
        "source": "/t",
        "type": f"tillstream.product.{move}.v1",
        "subject": f"product/{entity}",
        "data": MOVES[move],
    }
    return said(Request("POST", "/events/batch", actor="mia", roles=ROLES), CLOUDEVENT, document)


def answers(events: Sequence[Any], onto: Log) -> list[dict[str, Any]]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(log, "_call", onto.call)
        return batch.answers(Request("POST", "/events/batch"), events)


EVENTS = st.lists(st.tuples(st.sampled_from(list(MOVES)), st.sampled_from("abc")), max_size=12)
PLANS = st.lists(st.sampled_from(["take", "refuse", "lose"]), max_size=20)


def events_of(moves: Sequence[tuple[str, str]]) -> list[Said]:
    return [told(number, *move) for number, move in enumerate(moves)]


@settings(max_examples=200)
@given(EVENTS, PLANS)
def test_what_is_202_is_on_the_log_in_the_batchs_order_and_what_is_refused_is_not(
    moves: list[tuple[str, str]], plan: list[str]
) -> None:
    events, kinesis = events_of(moves), Log(plan)
    given = answers(events, kinesis)
    assert len(given) == len(events)
    for subject in {event.subject for event in events}:
        mine = [(e, a) for e, a in zip(events, given, strict=True) if e.subject == subject]
        recorded = [e.once.id for e, a in mine if a["status"] == 202 and e.once]
        assert kinesis.of(subject)[: len(recorded)] == recorded
        after = [a["status"] for _, a in mine]
        if 503 in after:
            assert 202 not in after[after.index(503) :], "it did not wait for the one before it"
            maybe = [e.once.id for e, a in mine if a["status"] == 503 and e.once][:1]
            assert kinesis.of(subject) in (recorded, recorded + maybe)
        else:
            assert kinesis.of(subject) == recorded


@settings(max_examples=200)
@given(EVENTS, PLANS)
def test_sent_again_until_nothing_is_503_it_leads_to_what_it_leads_to_one_by_one(
    moves: list[tuple[str, str]], plan: list[str]
) -> None:
    events, troubled, quiet = events_of(moves), Log(plan), Log()
    while any(answer["status"] == 503 for answer in answers(events, troubled)):
        pass
    answers(events, quiet)
    for subject in {event.subject for event in events}:
        assert state(troubled, subject) == state(quiet, subject)


def state(kinesis: Log, subject: str) -> Any:
    """What the fold makes of a subject: an id counts once."""
    now, seen = None, set()
    for number, envelope in enumerate(kinesis.held):
        if envelope.subject == subject and envelope.id not in seen:
            seen.add(envelope.id)
            after = products.evolve(now, counted(envelope, number))
            now = now if isinstance(after, Ignored) else after
    return now and now.model_copy(update={"created": None, "todos": len(now.todos)})


def counted(envelope: Envelope, number: int) -> Event:
    shard = Shard(HERE.stream, "shardId-000000000000")
    return event_of(envelope, Position(shard, number), number)


def test_a_problem_with_an_event_is_its_answer() -> None:
    kinesis = Log()
    given = answers([Invalid("no", field="x"), told(1, "viewed", "a")], kinesis)
    assert [answer["status"] for answer in given] == [422, 202]
    assert given[0]["errors"] == [{"field": "x", "detail": "no"}]
    assert len(kinesis.held) == 1


def test_nothing_to_say_asks_kinesis_nothing() -> None:
    assert answers([Invalid("no")], Log())[0]["status"] == 422
    assert answers([], Log()) == []


def test_an_event_has_one_identity_alone_and_in_a_batch_and_another_for_another_person() -> None:
    document = {
        "specversion": "1.0",
        "id": "1",
        "source": "/t",
        "type": product.Viewed.type,
        "subject": "product/a",
    }
    requests = [
        Request("POST", path, actor=actor, roles=ROLES)
        for path, actor in (("/events", "mia"), ("/events/batch", "mia"), ("/events", "cleo"))
    ]
    alone, within, others = (said(request, CLOUDEVENT, document).once for request in requests)
    assert alone == within
    assert alone
    assert others
    assert alone.id != others.id
    assert alone.commandhash == others.commandhash
