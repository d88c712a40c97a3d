"""`GET /events/{id}`: what became of an event, to any role; its data to its actor and an admin."""

from __future__ import annotations

import json
import uuid
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from shopfront import Answer, Shopfront, invocation, names

from chalicelib import archive, config, log, projector
from chalicelib.events import SYSTEM, Envelope
from chalicelib.signing import keys, seal
from chalicelib.views import VIEWS

CUP = {"brand": "B", "name": "Cup", "description": "a text", "category": "cups"}


def asked(front: Shopfront, event: str, position: str, to: str = "admin") -> Answer:
    path = f"/events/{event}?at={position.replace('/', '%2F').replace(':', '%3A')}"
    return front.call("GET", path, to=to)


def told(front: Shopfront, recorded: Answer, to: str = "admin") -> dict[str, Any]:
    answer = asked(front, recorded.said["id"], recorded.said["position"], to)
    assert answer.status == 200, answer.body
    return dict(answer.said)


@pytest.fixture
def entity() -> str:
    return f"judged-{next(names)}"


def create(front: Shopfront, entity: str, **headers: str) -> Answer:
    return front.call("POST", "/products", CUP | {"id": entity}, to="merchant", **headers)


def said_by_the_shop(entity: str, kind: str = "viewed", **changes: Any) -> Envelope:
    """An event that the shop itself would seal, but for the changes."""
    now = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    attributes: dict[str, Any] = {
        "id": str(uuid.uuid4()),
        "source": SYSTEM,
        "type": f"tillstream.product.{kind}.v1",
        "subject": f"product/{entity}",
        "time": now,
        "stream": config.settings().stream,
        "actor": "somebody",
        "data": {},
    }
    return Envelope(**attributes | changes)


def put(front: Shopfront, subject: str, record: str) -> str:
    """The record on the log, past the door; its position once it is judged."""
    position = str(log.append(subject, record))
    front.settle()
    return position


def put_event(front: Shopfront, envelope: Envelope) -> str:
    return put(front, envelope.subject, seal(envelope, keys.producer()))


class TestCounted:
    def test_the_location_of_a_202_leads_to_it(self, front: Shopfront, entity: str) -> None:
        made = create(front, entity)
        front.settle()
        location = made.headers["Location"].replace(":", "%3A")
        answer = front.call("GET", location, to="admin")
        assert answer.status == 200
        assert answer.said["verdict"] == "counted"

    def test_it_says_what_happened_to_what_and_where(self, front: Shopfront, entity: str) -> None:
        made = create(front, entity)
        front.settle()
        found = told(front, made)
        data = found.pop("data")
        assert found == made.said | {"verdict": "counted"}
        assert data == CUP

    def test_the_data_are_told_to_its_actor_and_an_admin_alone(
        self, front: Shopfront, entity: str
    ) -> None:
        made = create(front, entity)
        front.settle()
        for to, sees in (("merchant", True), ("admin", True), ("customer", False)):
            found = told(front, made, to)
            assert ("data" in found) == sees
            assert ("a text" in json.dumps(found)) == sees
            assert found["verdict"] == "counted"
        other = front.person("merchant")
        assert "data" not in told(front, made, other)

    def test_without_its_position_it_is_404_give_at(self, front: Shopfront, entity: str) -> None:
        made = create(front, entity)
        front.settle()
        answer = front.call("GET", f"/events/{made.said['id']}", to="customer")
        assert (answer.status, answer.slug, answer.fields) == (404, "give-at", {"at"})

    def test_a_keyed_one_is_found_by_its_id_alone(self, front: Shopfront, entity: str) -> None:
        made = create(front, entity, Idempotency_Key=entity)
        front.settle()
        answer = front.call("GET", f"/events/{made.said['id']}", to="customer")
        assert (answer.status, answer.said) == (200, made.said | {"verdict": "counted"})

    def test_before_it_is_judged_it_is_503_not_yet(self, front: Shopfront, entity: str) -> None:
        made = create(front, entity)
        answer = asked(front, made.said["id"], made.said["position"])
        assert (answer.status, answer.slug) == (503, "not-yet")
        assert "Retry-After" in answer.headers
        position = made.position["Read-After"]
        answer = front.call("GET", "/events/some-id", to="admin", Read_After=position)
        assert (answer.status, answer.slug) == (503, "not-yet")


class TestIgnored:
    def test_the_loser_of_a_race_is_told_why(self, front: Shopfront, entity: str) -> None:
        won, lost = create(front, entity), create(front, entity)
        front.settle()
        assert told(front, won)["verdict"] == "counted"
        found = told(front, lost, "customer")
        assert (found["verdict"], found["reason"]) == ("ignored", "exists")
        assert found["detail"]
        assert told(front, lost)["data"] == CUP

    def test_it_is_found_by_its_id_alone(self, front: Shopfront, entity: str) -> None:
        create(front, entity)
        lost = create(front, entity)
        front.settle()
        answer = front.call("GET", f"/events/{lost.said['id']}", to="customer")
        assert (answer.status, answer.said["verdict"]) == (200, "ignored")

    def test_an_update_by_somebody_else_that_got_past_the_door(
        self, front: Shopfront, entity: str
    ) -> None:
        create(front, entity)
        front.settle()
        envelope = said_by_the_shop(entity, "updated", data=CUP)
        found = asked(front, envelope.id, put_event(front, envelope)).said
        assert (found["verdict"], found["reason"]) == ("ignored", "not-yours")

    def test_a_repeat_is_told_at_its_own_position(self, front: Shopfront, entity: str) -> None:
        create(front, entity)
        front.settle()
        envelope = said_by_the_shop(entity)
        positions = [put_event(front, envelope) for _ in range(2)]
        found = [asked(front, envelope.id, position).said for position in positions]
        assert [f["verdict"] for f in found] == ["counted", "ignored"]
        assert found[1]["reason"] == "repeat"

    def test_an_expected_version_that_no_longer_holds(self, front: Shopfront, entity: str) -> None:
        create(front, entity)
        envelope = said_by_the_shop(entity, expects=7)
        found = asked(front, envelope.id, put_event(front, envelope)).said
        assert (found["verdict"], found["reason"]) == ("ignored", "expects")


class TestQuarantined:
    def test_bytes_that_are_no_event_tell_their_reason_and_nothing_else(
        self, front: Shopfront, entity: str
    ) -> None:
        position = put(front, f"product/{entity}", "no event at all")
        found = asked(front, "any-id", position).said
        assert (found["verdict"], found["reason"]) == ("quarantined", "Malformed")
        assert found["id"] is None
        assert "no event" not in json.dumps(found)

    def test_a_signature_that_is_not_ours_makes_a_claim_of_nothing(
        self, front: Shopfront, entity: str
    ) -> None:
        envelope = said_by_the_shop(entity, "created", data=CUP)
        header, payload, signature = seal(envelope, keys.producer()).split(".")
        changed = ("A" if signature[0] != "A" else "B") + signature[1:]
        position = put(front, envelope.subject, f"{header}.{payload}.{changed}")
        found = asked(front, envelope.id, position).said
        assert (found["verdict"], found["reason"]) == ("quarantined", "BadSignature")
        assert "data" not in found
        assert "a text" not in json.dumps(found)
        assert front.get(f"/products/{entity}").status == 404

    @pytest.mark.parametrize(
        ("changes", "reason"),
        [
            ({"data": {"note": "x"}}, "InvalidData"),
            ({"stream": "tillstream-other-1"}, "WrongStream"),
            ({"time": "2020-01-01T00:00:00.000Z"}, "Stale"),
        ],
    )
    def test_what_its_own_producer_got_wrong(
        self, front: Shopfront, entity: str, changes: dict[str, Any], reason: str
    ) -> None:
        envelope = said_by_the_shop(entity, **changes)
        found = asked(front, envelope.id, put_event(front, envelope)).said
        assert (found["verdict"], found["reason"]) == ("quarantined", reason)
        assert "data" not in found

    def test_one_id_with_two_contents(self, front: Shopfront, entity: str) -> None:
        create(front, entity)
        envelope = said_by_the_shop(entity)
        first = put_event(front, envelope)
        other = replace(envelope, type="tillstream.product.purchased.v1")
        second = put_event(front, other)
        assert asked(front, envelope.id, first).said["verdict"] == "counted"
        found = asked(front, envelope.id, second).said
        assert (found["verdict"], found["reason"]) == ("quarantined", "Equivocation")

    def test_it_blocks_nothing(self, front: Shopfront, entity: str) -> None:
        log.append(f"product/{entity}", "no event at all")
        made = create(front, entity)
        front.settle()
        assert told(front, made)["verdict"] == "counted"
        assert front.get(f"/products/{entity}").status == 200


class TestParked:
    def test_an_event_that_this_code_does_not_know_parks_its_subject_for_all_views(
        self, front: Shopfront, entity: str
    ) -> None:
        create(front, entity)
        unknown = said_by_the_shop(entity, "teleported")
        position = put_event(front, unknown)
        later = front.call("POST", f"/products/{entity}/views", to="customer")
        front.settle()
        found = asked(front, unknown.id, position).said
        assert (found["verdict"], found["views"]) == ("parked", ["*"])
        assert told(front, later)["verdict"] == "parked"
        assert front.get(f"/products/{entity}").said["name"] == "Cup"

    def test_a_reducer_that_raises_parks_its_subject_for_its_view(
        self, front: Shopfront, entity: str
    ) -> None:
        made = create(front, entity)
        settle_with_broken("catalog", front)
        found = told(front, made, "customer")
        assert (found["verdict"], found["views"]) == ("parked", ["catalog@1"])
        assert front.get(f"/products/{entity}").status == 404
        listed = [item["productId"] for item in front.listed("/contributions", 100)]
        assert entity in listed


def settle_with_broken(name: str, front: Shopfront) -> None:
    """Everything recorded is judged by code in which this view's reducer raises."""

    def broken(*_: object) -> Any:
        raise RuntimeError("a reducer with a fault")

    views = [replace(v, reduce=broken) if v.name == name else v for v in VIEWS]
    code = projector.Code(projector.LIVE.deciders, views)
    front.records()
    for shard, records in front.pending.items():
        if records:
            projector.project(log.decode(invocation(shard, records)), code)
            front.pending[shard] = []


class TestNothingThere:
    def test_another_id_than_the_one_at_the_position_is_404(
        self, front: Shopfront, entity: str
    ) -> None:
        made = create(front, entity)
        front.settle()
        other = str(uuid.uuid4())
        answer = asked(front, other, made.said["position"])
        assert (answer.status, answer.slug, answer.fields) == (404, "unknown-event", {"at"})

    @pytest.mark.parametrize("step", [-1, 1])
    def test_a_position_between_two_records_is_404(
        self, front: Shopfront, entity: str, step: int
    ) -> None:
        made = create(front, entity)
        front.settle()
        create(front, entity + "x")
        front.settle()
        shard, _, sequence = made.said["position"].partition(":")
        answer = asked(front, made.said["id"], f"{shard}:{int(sequence) + step}")
        assert (answer.status, answer.slug) in ((404, "unknown-event"), (503, "not-yet"))
        if step == -1:
            assert answer.status == 404

    def test_the_very_first_position_is_404(self, front: Shopfront) -> None:
        for sequence in ("0", "1", "0" * 56):
            position = f"{config.settings().stream}/shardId-000000000000:{sequence}"
            assert asked(front, "any", position).status == 404

    def test_an_id_that_nobody_said_is_404(self, front: Shopfront) -> None:
        answer = front.call("GET", "/events/nobody-said-this", to="customer")
        assert (answer.status, answer.slug) == (404, "give-at")


def test_a_verdict_does_not_change_when_the_table_is_made_anew(
    front: Shopfront, entity: str
) -> None:
    answers = [create(front, entity), create(front, entity)]
    front.settle()
    before = [told(front, answer) for answer in answers]
    front.empty_table()
    front.sweep()
    assert [told(front, answer) for answer in answers] == before


def test_one_segment_is_read_for_an_answer_however_long_the_archive_is(
    front: Shopfront, entity: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = create(front, entity)
    front.settle()
    for _ in range(12):
        create(front, f"{entity}-{next(names)}")
        front.settle()
    gets = []
    real = archive.get
    monkeypatch.setattr(archive, "get", lambda *what: gets.append(what) or real(*what))
    assert told(front, made)["verdict"] == "counted"
    assert len(gets) == 1
