"""`GET /tree-head` for everybody; `GET /events/{id}/proof` for whose event it is, and an admin."""

from __future__ import annotations

from typing import Any

import pytest
from shopfront import Answer, Shopfront, names
from shopfront import at as position_of

from chalicelib import config, log, notary
from chalicelib.signing import SigningKey, keys, note
from ops import verify_proof

CUP = {"brand": "B", "name": "Cup", "description": "a text", "category": "cups"}


def create(front: Shopfront, **headers: str) -> Answer:
    body = CUP | {"id": f"proven-{next(names)}"}
    made = front.call("POST", "/products", body, to="merchant", **headers)
    assert made.status == 202, made.body
    front.settle()
    return made


def proof(front: Shopfront, made: Answer, to: str = "merchant") -> Answer:
    path = f"/events/{made.said['id']}/proof?at={position_of(made)}"
    return front.call("GET", path, to=to)


@pytest.fixture
def made(front: Shopfront) -> Answer:
    """An event that is recorded, judged and notarised."""
    found = create(front)
    front.sweep()
    return found


def test_a_shop_with_nothing_notarised_says_so_and_when_to_ask_again(front: Shopfront) -> None:
    answer = front.call("GET", "/tree-head")
    assert (answer.status, answer.slug) == (503, "not-notarised")
    assert answer.headers["Retry-After"] == "60"


def test_its_actor_can_carry_away_that_it_was_recorded(front: Shopfront, made: Answer) -> None:
    answer = proof(front, made)
    assert answer.status == 200, answer.body
    found = verify_proof.verify(answer.said, config.settings().trust_root)
    assert found.event["id"] == made.said["id"]
    assert found.event["subject"] == made.said["subject"]
    assert found.position == made.said["position"]
    head = front.call("GET", "/tree-head").body.decode()
    assert answer.said["treeHead"] == head


def test_an_admin_may_have_it_and_nobody_else(front: Shopfront, made: Answer) -> None:
    assert proof(front, made, "admin").status == 200
    for to in ("customer", "support", front.person("merchant")):
        answer = proof(front, made, to)
        assert (answer.status, answer.slug) == (403, "not-yours")
        assert b"a text" not in answer.body


def test_before_the_next_sweep_it_is_503_not_notarised(front: Shopfront) -> None:
    new = create(front)
    answer = proof(front, new)
    assert (answer.status, answer.slug) == (503, "not-notarised")
    assert answer.headers["Retry-After"] == "60"
    front.sweep()
    assert proof(front, new).status == 200


def test_under_a_tree_head_of_somebody_elses_it_is_503_until_a_sweep_replaces_it(
    front: Shopfront, made: Answer
) -> None:
    head = note.TreeHead(notary.origin(), 9, b"x" * 32)
    foreign = note.sign(head, SigningKey(keys.new_key())).encode()
    config.client("s3").put_object(
        Bucket=config.settings().archive_bucket, Key="tree-head", Body=foreign
    )
    answer = proof(front, made)
    assert (answer.status, answer.slug) == (503, "throttled")
    front.sweep()
    assert proof(front, made).status == 200


def test_a_keyed_one_is_proven_by_its_id_alone(front: Shopfront) -> None:
    keyed = create(front, Idempotency_Key=f"key-{next(names)}")
    front.sweep()
    answer = front.call("GET", f"/events/{keyed.said['id']}/proof", to="merchant")
    assert answer.status == 200
    assert answer.said["position"] == keyed.said["position"]


def test_what_is_not_there_is_refused_as_by_its_verdicts_route(
    front: Shopfront, made: Answer
) -> None:
    at = position_of(made)
    cases: list[tuple[str, int, str]] = [
        (f"/events/{made.said['id']}/proof", 404, "give-at"),
        (f"/events/another-id/proof?at={at}", 404, "unknown-event"),
        (f"/events/{made.said['id']}/proof?at=nonsense", 400, "bad-request"),
        (f"/events/%C3%A9/proof?at={at}", 422, "invalid"),
    ]
    for path, status, slug in cases:
        answer = front.call("GET", path, to="admin")
        assert (answer.status, answer.slug) == (status, slug), path
    new = front.call("POST", "/products", CUP, to="merchant")
    assert (proof(front, new).status, proof(front, new).slug) == (503, "not-yet")
    front.settle()


def test_of_what_is_not_believed_nobody_gets_a_proof(front: Shopfront) -> None:
    position = log.append("product/nonsense", "no.such.token")
    front.settle()
    front.sweep()
    at = str(position).replace("/", "%2F").replace(":", "%3A")
    answer = front.call("GET", f"/events/some-id/proof?at={at}", to="admin")
    assert (answer.status, answer.slug) == (403, "not-yours")


class TestTreeHead:
    def test_it_is_a_note_that_is_sent_once(self, front: Shopfront, made: Answer) -> None:
        answer = front.call("GET", "/tree-head")
        assert answer.headers["Content-Type"] == "text/plain; charset=utf-8"
        assert answer.body.decode().startswith(f"tillstream/{config.settings().stage}\n")
        known: dict[str, Any] = {"If_None_Match": answer.headers["ETag"]}
        assert front.call("GET", "/tree-head", **known).status == 304
        create(front)
        front.sweep()
        assert front.call("GET", "/tree-head", **known).status == 200
