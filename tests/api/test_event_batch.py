"""`POST /events/batch`: each event has the answer that it would have alone, with few calls."""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
from shopfront import PROBLEM, Answer, Shopfront, names

from chalicelib import log, store
from chalicelib.errors import CloudFailure
from chalicelib.writer import batch

KIND = "application/cloudevents-batch+json"
CUP = {"brand": "B", "name": "Cup", "description": "", "category": "cups"}
SHARD = "shardId-000000000002:"


def event(move: str, entity: str, **changes: Any) -> dict[str, Any]:
    """A CloudEvent about a product."""
    image = {"image": "https://a.example/p"}
    whole = {
        "specversion": "1.0",
        "id": f"b{next(names)}",
        "source": "/till",
        "type": f"tillstream.product.{move}.v1",
        "subject": f"product/{entity}",
        "data": {"created": CUP, "updated": CUP, "photographed": image}.get(move, {}),
    }
    return whole | changes


def bare(kind: str, entity: str, **members: Any) -> dict[str, Any]:
    """One of hello-retail's events, as its clients post it."""
    return {"schema": f"com.nordstrom/product/{kind}/1-0-0", "id": entity, **members}


def exported(said: dict[str, Any], who: str, number: int) -> dict[str, Any]:
    """The same as a log that was exported has it."""
    when = "2017-03-28T23:29:23.160Z"
    around = {"timeOrigin": when, "timeIngest": when, "timeProcess": when, "data": said}
    origin = f"hello-retail/web/{who}@canary.example/Jo Canary"
    schema = "com.nordstrom/retail-stream-egress/1-0-0"
    return {"schema": schema, "origin": origin, "eventId": f"{SHARD}{number}", **around}


def send(front: Shopfront, events: Any, to: str = "customer", **headers: str) -> Answer:
    return front.call("POST", "/events/batch", events, to=to, **{"Content_Type": KIND} | headers)


def items(answer: Answer) -> list[dict[str, Any]]:
    assert answer.status == 200, answer.body
    assert answer.said.keys() == {"items"}
    return list(answer.said["items"])


def statuses(answer: Answer) -> list[int]:
    return [item["status"] for item in items(answer)]


def verdict(front: Shopfront, item: dict[str, Any]) -> str:
    answer = front.get(f"/events/{item['id']}", to="admin", at=item["position"])
    assert answer.status == 200, answer.body
    return str(answer.said.get("reason", answer.said["verdict"]))


class Calls:
    """What was asked of Kinesis and DynamoDB; `refuse` says which entries Kinesis does not take."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self.puts: list[list[str]] = []
        self.asked: Counter[str] = Counter()
        self.refuse: Callable[[int, str], bool] = lambda call, subject: False
        self._log, self._store = log._call, store._call
        patch.setattr(log, "_call", self._kinesis)
        patch.setattr(store, "_call", self._dynamodb)

    def _dynamodb(self, operation: str, **request: Any) -> Any:
        self.asked[operation] += 1
        return self._store(operation, **request)

    def _kinesis(self, operation: str, **request: Any) -> Any:
        if operation != "put_records":
            return self._log(operation, **request)
        records = request["Records"]
        self.puts.append([record["PartitionKey"] for record in records])
        kept = [r for r in records if not self.refuse(len(self.puts), r["PartitionKey"])]
        taken = iter(self._log(operation, **request | {"Records": kept})["Records"] if kept else ())
        no = {"ErrorCode": "ProvisionedThroughputExceededException", "ErrorMessage": "slow"}
        return {"Records": [next(taken) if record in kept else no for record in records]}


@pytest.fixture
def calls(front: Shopfront, monkeypatch: pytest.MonkeyPatch) -> Calls:
    return Calls(monkeypatch)


@pytest.fixture
def entity() -> str:
    return f"batch-{next(names)}"


def test_each_event_is_recorded_and_answered_in_order(front: Shopfront) -> None:
    subjects = [f"many-{next(names)}" for _ in range(20)]
    found = items(send(front, [event("viewed", subject) for subject in subjects]))
    assert [item["subject"] for item in found] == [f"product/{subject}" for subject in subjects]
    assert all(
        item.keys() == {"status", "id", "type", "subject", "position"} and item["status"] == 202
        for item in found
    )
    front.settle()
    assert {verdict(front, item) for item in found} == {"counted"}


def test_one_bad_event_among_good_ones_keeps_none_from_the_log(
    front: Shopfront, entity: str
) -> None:
    before = front.records()
    events = [
        event("viewed", entity),
        event("viewed", entity, type="tillstream.product.sold.v1"),
        event("created", entity),
        "no object",
        event("purchased", entity),
    ]
    found = items(send(front, events))
    assert [item["status"] for item in found] == [202, 422, 403, 422, 202]
    assert found[1]["errors"][0]["field"] == "type"
    assert found[2]["type"] == "/problems/forbidden"
    assert found[3]["errors"][0]["field"] == "body"
    for item in found:
        assert item["status"] == 202 or {"type", "title", "detail"} <= item.keys()
    assert front.records() == before + 2


def test_events_of_one_subject_are_decided_one_on_the_other(
    front: Shopfront, calls: Calls, entity: str
) -> None:
    moves = ["updated", "created", "updated", "created", "updated"]
    found = items(send(front, [event(move, entity) for move in moves], "merchant"))
    assert [item["status"] for item in found] == [404, 202, 202, 409, 202]
    assert calls.puts == [[f"product/{entity}"]] * 3
    front.settle()
    recorded = [item for item in found if item["status"] == 202]
    assert {verdict(front, item) for item in recorded} == {"counted"}
    positions = [item["position"] for item in recorded]
    assert positions == sorted(positions)


def test_the_order_of_a_subject_is_the_order_of_the_batch(front: Shopfront, entity: str) -> None:
    images = [f"https://a.example/{number}" for number in range(30)]
    events = [
        event("photographed", subject, data={"image": image})
        for image in images
        for subject in (entity, f"{entity}-b")
    ]
    front.product("merchant", id=entity)
    assert set(statuses(send(front, events, "photographer"))) == {202}
    front.settle()
    assert front.get(f"/products/{entity}").said["image"] == images[-1]


def test_no_call_has_two_events_of_a_subject_and_there_are_no_more_than_it_takes(
    front: Shopfront, calls: Calls, entity: str
) -> None:
    subjects = [f"{entity}-{number % 7}" for number in range(50)]
    send(front, [event("viewed", subject) for subject in subjects])
    assert all(len(put) == len(set(put)) for put in calls.puts)
    assert len(calls.puts) == 8
    assert sum(map(len, calls.puts)) == 50


def test_the_rows_of_500_subjects_are_read_a_hundred_at_a_time(
    front: Shopfront, calls: Calls, entity: str
) -> None:
    events = [event("viewed", f"{entity}-{number}") for number in range(500)]
    assert set(statuses(send(front, events))) == {202}
    assert calls.asked["batch_get_item"] == 5 + 5  # subjects, and then ids
    assert sum(calls.asked.values()) == 10 + 2  # and whether the table is level, before and after
    assert len(calls.puts) == 1
    front.settle()


def test_what_kinesis_refuses_is_sent_again_and_nothing_else_is(
    front: Shopfront, calls: Calls, entity: str
) -> None:
    slow = f"product/{entity}-1"
    calls.refuse = lambda call, subject: subject == slow and call in (1, 2)
    events = [event("viewed", f"{entity}-{number}") for number in (0, 1, 2, 1)]
    before = front.records()
    assert statuses(send(front, events)) == [202] * 4
    assert calls.puts[1:] == [[slow]] * 3
    assert front.records() == before + 4


def test_what_still_fails_is_503_and_so_is_all_after_it_of_its_subject(
    front: Shopfront, calls: Calls, monkeypatch: pytest.MonkeyPatch, entity: str
) -> None:
    monkeypatch.setattr(log, "PAUSES_S", (0.0, 0.0))
    busy = f"product/{entity}"
    calls.refuse = lambda call, subject: subject == busy
    events = [
        event("created", entity),
        event("created", f"{entity}-b"),
        event("updated", entity),
        event("updated", f"{entity}-b"),
    ]
    before = front.records()
    found = items(send(front, events, "merchant"))
    assert [item["status"] for item in found] == [503, 202, 503, 202]
    assert {found[0]["type"], found[2]["type"]} == {"/problems/throttled"}
    assert front.records() == before + 2
    calls.refuse = lambda call, subject: False
    again = items(send(front, events, "merchant"))
    assert [item["status"] for item in again] == [202] * 4
    assert [again[n]["id"] for n in (1, 3)] == [found[n]["id"] for n in (1, 3)]
    front.settle()
    assert {verdict(front, again[n]) for n in (0, 2)} == {"counted"}
    assert front.get(f"/products/{entity}").status == 200


def test_a_log_that_does_not_answer_is_503_for_each_and_what_it_took_counts_once(
    front: Shopfront, calls: Calls, monkeypatch: pytest.MonkeyPatch, entity: str
) -> None:
    taken, put = [], log._call

    def lost(operation: str, **request: Any) -> Any:
        taken.append(put(operation, **request))
        raise CloudFailure("the answer was lost")

    events = [event("purchased", f"{entity}-{number}") for number in range(3)]
    with monkeypatch.context() as patch:
        patch.setattr(log, "_call", lost)
        assert statuses(send(front, events)) == [503] * 3
    assert len(taken) == 1
    front.settle()
    before = front.records()
    assert statuses(send(front, events)) == [202] * 3
    assert front.records() == before


def test_what_there_is_no_time_for_is_503_and_goes_on_when_sent_again(
    front: Shopfront, calls: Calls, monkeypatch: pytest.MonkeyPatch, entity: str
) -> None:
    monkeypatch.setattr(batch, "MOST_S", 0.5)
    calls.refuse = lambda call, subject: bool(time.sleep(0.3))
    events = [event("viewed", entity) for _ in range(5)]
    first = items(send(front, events))
    assert [item["status"] for item in first] == [202, 202, 503, 503, 503]
    front.settle()
    before = front.records()
    calls.refuse = lambda call, subject: False
    again = items(send(front, events))
    assert again[:2] == first[:2]
    assert {item["status"] for item in again} == {202}
    assert front.records() == before + 3


def test_a_batch_sent_again_is_recorded_once(front: Shopfront, entity: str) -> None:
    events = [event("purchased", entity) for _ in range(5)]
    first = items(send(front, events))
    raced = items(send(front, events))
    assert [item["id"] for item in raced] == [item["id"] for item in first]
    front.settle()
    before = front.records()
    assert items(send(front, events)) == first
    assert front.records() == before
    assert {verdict(front, item) for item in raced} == {"repeat"}


def test_an_event_told_twice_in_a_batch_is_one(front: Shopfront, entity: str) -> None:
    told = event("purchased", entity)
    other = told | {"subject": f"product/{entity}-b"}
    before = front.records()
    found = items(send(front, [told, other, told]))
    assert [item["status"] for item in found] == [202, 409, 202]
    assert found[0] == found[2]
    assert found[1]["type"] == "/problems/key-reused"
    assert found[1]["errors"][0]["field"] == "id"
    assert front.records() == before + 1


def test_an_event_is_the_same_alone_and_in_a_batch(front: Shopfront, entity: str) -> None:
    told = event("purchased", entity)
    alone = front.call(
        "POST", "/events", told, to="customer", Content_Type="application/cloudevents+json"
    )
    front.settle()
    before = front.records()
    (item,) = items(send(front, [told]))
    assert item == {"status": 202, **alone.said}
    (other,) = items(send(front, [told | {"time": "2026-11-20T10:00:00Z"}]))
    assert (other["status"], other["type"]) == (409, "/problems/key-reused")
    assert front.records() == before


def test_what_follows_an_event_that_was_recorded_before_is_decided_on_it(
    front: Shopfront, entity: str
) -> None:
    created, update = event("created", entity), event("updated", entity)
    assert statuses(send(front, [created], "merchant")) == [202]
    front.settle()
    assert statuses(send(front, [created, update], "merchant")) == [202, 202]


def test_hello_retails_events_come_in_batches_too(front: Shopfront, entity: str) -> None:
    events = [
        bare("purchase", entity),
        {"schema": "com.nordstrom/product/purchase/1-0-0", "id": "a b"},
        exported(bare("purchase", entity), "jo", 1),
    ]
    found = items(send(front, events, Content_Type="application/json; charset=utf-8"))
    assert [item["status"] for item in found] == [202, 422, 403]
    assert found[1]["errors"][0]["field"] == "id"


def test_an_exported_log_of_500_events_is_imported(front: Shopfront, entity: str) -> None:
    products = [f"{entity}-{number}" for number in range(100)]
    shown = {"brand": "B", "name": "Sock", "description": "PAGE:/s", "category": entity}
    said = [
        exported(event, who, next(names))
        for who, event in (
            *(("seller", bare("create", each, **shown)) for each in products),
            *(("pho", bare("image", each, image="a.example/i")) for each in products),
            *(("jo", bare("purchase", each)) for _ in range(3) for each in products),
        )
    ]
    started = time.monotonic()
    found = send(front, said, "admin", Content_Type="application/json")
    assert Counter(statuses(found)) == {202: 500}
    assert time.monotonic() - started < 20
    front.settle()
    assert len(front.listed("/products", 100, category=entity)) == 100
    given = front.get(f"/products/{products[0]}").said
    scores = {i["userId"]: i["score"] for i in front.listed("/scores", 100, role="creator")}
    assert scores[given["merchant"]] == 300
    before = front.records()
    assert items(send(front, said, "admin", Content_Type="application/json")) == items(found)
    assert front.records() == before


@pytest.mark.parametrize("kind", [KIND, "application/json"])
class TestWhatABatchCannotBe:
    @pytest.mark.parametrize(
        "raw", [b"[]", b"{}", b"", b"null", b'"x"', json.dumps([{}] * 501).encode()], ids=len
    )
    def test_not_1_to_500_events_is_422(self, refused: Any, kind: str, raw: bytes) -> None:
        answer = refused(422, "POST", "/events/batch", raw=raw, to="customer", Content_Type=kind)
        assert answer.fields == {"body"}

    @pytest.mark.parametrize(
        "raw", [b"[", b"[{}", b"[{}] []", b'[{"a": 1, "a": 2}]', b"\xff", b"[NaN]", b"[" * 99_000]
    )
    def test_json_that_cannot_be_read_is_400(self, refused: Any, kind: str, raw: bytes) -> None:
        answer = refused(400, "POST", "/events/batch", raw=raw, to="customer", Content_Type=kind)
        assert answer.fields == {"body"}

    def test_over_1_mib_is_413(self, refused: Any, kind: str) -> None:
        raw = b"[" + b" " * (1024 * 1024 - 1) + b"]"
        answer = refused(413, "POST", "/events/batch", raw=raw, to="customer", Content_Type=kind)
        assert answer.fields == {"body"}

    @pytest.mark.parametrize("header", ["Idempotency-Key", "If-Match"])
    def test_a_header_for_one_event_is_400(self, refused: Any, kind: str, header: str) -> None:
        given = {"Content_Type": kind, header.replace("-", "_"): "x"}
        answer = refused(400, "POST", "/events/batch", [{}], to="customer", **given)
        assert answer.fields == {header}

    @pytest.mark.parametrize("query", ["dry=1", "at=1&at=2"])
    def test_a_query_parameter_is_400(self, refused: Any, kind: str, query: str) -> None:
        path = f"/events/batch?{query}"
        answer = refused(400, "POST", path, [{}], to="customer", Content_Type=kind)
        assert answer.fields == {query.partition("=")[0]}

    def test_a_read_after_that_is_no_position_is_400(self, refused: Any, kind: str) -> None:
        given = {"Content_Type": kind, "Read_After": "x"}
        answer = refused(400, "POST", "/events/batch", [{}], to="customer", **given)
        assert answer.fields == {"Read-After"}


def test_500_events_in_just_under_1_mib_are_taken(front: Shopfront, entity: str) -> None:
    text = "x" * 1_800
    shown = CUP | {"description": text}
    events = [event("created", f"{entity}-{number}", data=shown) for number in range(500)]
    assert 1_000_000 < len(json.dumps(events).encode()) < 1024 * 1024
    assert Counter(statuses(send(front, events, "merchant"))) == {202: 500}


@pytest.mark.parametrize(
    "kind", ["application/jose", "application/cloudevents+json", "text/plain", "*/*", "image/png"]
)
def test_any_other_type_is_415_and_names_those_there_are(refused: Any, kind: str) -> None:
    answer = refused(415, "POST", "/events/batch", [{}], to="customer", Content_Type=kind)
    assert answer.fields == {"Content-Type"}
    assert {"application/json", KIND} <= set(answer.said["detail"].split())


def test_the_other_routes_keep_their_64_kib_and_their_one_type(refused: Any) -> None:
    fat = json.dumps(CUP).encode().ljust(65_537)
    refused(413, "POST", "/products", raw=fat, to="merchant")
    refused(413, "POST", "/events", raw=fat, to="merchant")
    refused(415, "POST", "/products", CUP, to="merchant", Content_Type=KIND)


def test_without_a_token_it_is_401_and_while_catching_up_503(front: Shopfront) -> None:
    answer = front.call("POST", "/events/batch", [{}], Content_Type=KIND)
    assert (answer.status, answer.headers["Content-Type"]) == (401, PROBLEM)
    front.settle()
    front.empty_table()
    answer = send(front, [event("viewed", "anything")])
    assert (answer.status, answer.slug) == (503, "catching-up")
    front.sweep()
    assert statuses(send(front, [event("viewed", "anything")])) == [202]
