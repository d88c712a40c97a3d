"""The local inbox: what SNS was given, the newest first, as JSON and as a page; nowhere else."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from photographing import number
from shopfront import Shopfront

from chalicelib import config, web
from chalicelib.todos import sending
from local import emulator


def test_every_message_is_there_the_newest_first_with_number_text_and_time(
    front: Shopfront,
) -> None:
    ann, ben = number(), number()
    for phone, text in ((ann, "first"), (ben, "second"), (ann, "third")):
        assert sending.text_message(phone, text)
    found = front.get("/inbox").said
    assert found["next"] is None
    ours = [item for item in found["items"] if item["phone"] in (ann, ben)]
    assert {(item["phone"], item["text"]) for item in ours} == {
        (ann, "first"),
        (ben, "second"),
        (ann, "third"),
    }
    times = [item["at"] for item in found["items"]]
    assert times == sorted(times, reverse=True)
    age = datetime.now(UTC) - datetime.fromisoformat(ours[0]["at"])
    assert abs(age.total_seconds()) < 60


def test_an_id_of_the_emulator_tells_when_it_was_made() -> None:
    ids = [emulator._dated() for _ in range(3)]
    assert [each[14] for each in ids] == ["7"] * 3
    assert {each[19] for each in ids} <= set("89ab")
    assert len(set(ids)) == 3


def test_who_has_the_newest_is_told_so(front: Shopfront) -> None:
    tag = front.get("/inbox").headers["ETag"]
    assert front.call("GET", "/inbox", If_None_Match=tag).status == 304
    sending.text_message(number(), "news")
    assert front.call("GET", "/inbox", If_None_Match=tag).status == 200


def test_a_browser_gets_the_page(front: Shopfront) -> None:
    answer = front.call("GET", "/inbox", Accept="text/html,*/*;q=0.8")
    assert answer.headers["Content-Type"] == "text/html; charset=utf-8"
    assert answer.body.decode() == web.files()["inbox.html"].text
    assert front.call("GET", "/inbox", Accept="*/*").headers["Content-Type"] == "application/json"
    assert {answer.headers["Vary"], front.get("/inbox").headers["Vary"]} == {"Accept"}


@pytest.mark.parametrize("accept", ["text/html", "application/json"])
def test_where_telephones_ring_there_is_no_inbox(
    front: Shopfront, monkeypatch: pytest.MonkeyPatch, accept: str
) -> None:
    monkeypatch.setenv("IDENTITY", "oidc")
    config.settings.cache_clear()
    try:
        answer = front.call("GET", "/inbox", Accept=accept)
    finally:
        monkeypatch.undo()
        config.settings.cache_clear()
    assert (answer.status, answer.slug) == (404, "not-found")


def test_while_the_emulator_does_not_answer_it_is_503(
    front: Shopfront, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Gone:
        """Nobody listens on this port of this machine."""

        class meta:  # noqa: N801
            endpoint_url = "http://127.0.0.1:9"

    others: Any = config.client
    at = {"sns": Gone}
    monkeypatch.setattr(config, "client", lambda name: at.get(name) or others(name))
    answer = front.call("GET", "/inbox")
    assert (answer.status, answer.slug) == (503, "throttled")
