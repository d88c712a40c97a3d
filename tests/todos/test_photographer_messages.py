"""What a photographer is told, as the emulator's SNS took it over the wire; and what not."""

from __future__ import annotations

import inspect
import itertools
import json
import re
import urllib.request
from typing import Any

import pytest
from botocore.exceptions import ClientError
from hypothesis import given, settings
from hypothesis import strategies as st

from chalicelib import config, personal, read
from chalicelib.decisions import desk as judge
from chalicelib.decisions.desk import SUBJECT, Assignment, Desk, Photographer
from chalicelib.decisions.todo import Todo
from chalicelib.errors import TryAgain
from chalicelib.events.desk import Notified
from chalicelib.events.person import visible
from chalicelib.todos import Owed, message
from chalicelib.views import catalog, desk

NOW = 1_795_000_000_000  # 11:06:40 UTC
MINUTE = 60_000
numbers = itertools.count(1)
ASKED = Assignment(product="mug-1", waited=1, since=NOW - 1, until=NOW + 9 * MINUTE, timer="t@1")
HERE = Photographer(phone_key="k", left=2, until=NOW + 90 * MINUTE, free=1)


class Phil:
    """A photographer whose number nobody else in this emulator has."""

    def __init__(self) -> None:
        number = next(numbers)
        self.id, self.phone = f"phil-{number}", f"+49151777{number:05}"
        self.pii: str | None = personal.encrypt(self.id, SUBJECT, {"phone": self.phone})

    def tell(self, about: str, here: Photographer | None = HERE, **members: Any) -> bool:
        """Whether he was told."""
        state = Desk(photographers={self.id: here.having(**members)} if here else {})
        todo = Todo(kind="message", since=NOW, about=about, person=self.id)
        told = message.do(Owed("message@s/shardId-0:1", SUBJECT, "photos", state, todo))
        assert isinstance(told, Notified)
        assert told.todo == "message@s/shardId-0:1"
        return told.told

    def texts(self) -> list[str]:
        at = config.client("sns").meta.endpoint_url
        with urllib.request.urlopen(f"{at}/_ministack/sns/sms-messages") as answer:
            sent = json.load(answer)["sms_messages"]
        return [each["Message"] for each in sent.get(self.phone, [])]


@pytest.fixture
def mug(monkeypatch: pytest.MonkeyPatch) -> None:
    """The mug is in the catalog."""
    monkeypatch.setattr(catalog, "names", lambda _: {"mug-1": "Mug"})


@pytest.fixture
def phil(shop: Any, mug: None, monkeypatch: pytest.MonkeyPatch) -> Phil:
    """He is known to the view."""
    phil = Phil()
    monkeypatch.setattr(desk, "pii_of", lambda _: phil.pii)
    monkeypatch.setattr(read, "now_ms", lambda: NOW)
    return phil


ASKS = 'We ask you for a picture of "Mug". Send it as an answer to this, by 11:15 UTC.'
MORE = "We may ask you for 2 pictures until 12:36 UTC."
AGAIN = "Register again to be asked for more."


@pytest.mark.parametrize(
    ("about", "members", "text"),
    [
        (
            "registered",
            {},
            "We may ask you for 2 pictures until 12:36 UTC, one at a time. Answer STOP to end it.",
        ),
        (
            "registered",
            {"left": 1},
            "We may ask you for 1 picture until 12:36 UTC, one at a time. Answer STOP to end it.",
        ),
        ("assigned", {"assignment": ASKED}, ASKS),
        ("expired", {}, f"Your time for this picture is over: do not send it any more. {MORE}"),
        (
            "refused",
            {"assignment": ASKED},
            "We cannot use what you sent as a picture. Send another by 11:15 UTC.",
        ),
        ("thanks", {}, f"Thank you! Your picture is in the catalog. {MORE}"),
        ("thanks", {"left": 0}, f"Thank you! Your picture is in the catalog. {AGAIN}"),
        ("withdrawn", {}, f"The product has a picture by now: do not send yours. {MORE}"),
    ],
)
def test_what_a_photographer_is_told_fits_one_text_message(
    mug: None, about: str, members: Any, text: str
) -> None:
    assert message.TEXTS[about](HERE.having(**members), NOW) == text
    assert len(text) <= message.MOST


def test_a_photographer_is_told_by_text_message(phil: Phil) -> None:
    assert phil.tell("assigned", assignment=ASKED)
    assert phil.texts() == [ASKS]
    assert not phil.tell("assigned")
    assert phil.texts() == [ASKS]


@pytest.mark.parametrize(
    ("about", "members"),
    [
        ("registered", {"left": 0}),
        ("registered", {"until": NOW + MINUTE - 1}),
        ("assigned", {}),
        ("assigned", {"assignment": ASKED.model_copy(update={"until": NOW})}),
        ("assigned", {"assignment": ASKED.model_copy(update={"fetch": "fetch@1"})}),
        ("expired", {"assignment": ASKED}),
        ("refused", {}),
        ("refused", {"assignment": ASKED.model_copy(update={"fetch": "fetch@2"})}),
        ("withdrawn", {"assignment": ASKED}),
    ],
)
def test_what_is_no_longer_so_when_it_could_be_said_is_not_said(about: str, members: Any) -> None:
    assert message.TEXTS[about](HERE.having(**members), NOW) is None


def test_whose_time_is_over_is_told_how_the_last_picture_ended(phil: Phil) -> None:
    for about in ("thanks", "expired", "withdrawn"):
        assert phil.tell(about, None)
    assert [text[-len(AGAIN) :] for text in phil.texts()] == [AGAIN] * 3


@settings(max_examples=40)
@given(name=st.text(min_size=1, max_size=200))
def test_a_long_name_is_cut_so_that_the_message_stays_one(name: str) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(catalog, "names", lambda _: {"mug-1": name})
        text = message.TEXTS["assigned"](HERE.having(assignment=ASKED), NOW)
    assert text is not None
    assert len(text) <= message.MOST
    seen = visible(name) or "mug-1"
    assert seen in text or (seen[:60] in text and '..."' in text)


def test_a_name_turns_no_text_around_and_hides_nothing_in_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in ("\u202eM\u200bug", "Mug\u2066\n", "\ufeff Mug"):
        monkeypatch.setattr(catalog, "names", lambda _, name=name: {"mug-1": name})
        assert message.TEXTS["assigned"](HERE.having(assignment=ASKED), NOW) == ASKS
    monkeypatch.setattr(catalog, "names", lambda _: {"mug-1": "\u202e\u200b"})
    text = message.TEXTS["assigned"](HERE.having(assignment=ASKED), NOW)
    assert text == ASKS.replace("Mug", "mug-1")


def test_a_product_that_the_catalog_does_not_know_is_told_by_its_id(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(catalog, "names", lambda _: {})
    text = message.TEXTS["assigned"](HERE.having(assignment=ASKED), NOW)
    assert text == ASKS.replace("Mug", "mug-1")


def test_who_was_erased_is_told_nothing(phil: Phil) -> None:
    personal.destroy(phil.id)
    assert not phil.tell("thanks")
    phil.pii = None
    assert not phil.tell("thanks")
    assert phil.texts() == []


def test_while_the_table_is_being_filled_again_it_is_tried_again(phil: Phil) -> None:
    phil.pii = None
    with pytest.raises(TryAgain):
        phil.tell("thanks")


def test_a_number_that_sns_refuses_for_good_is_told_nothing_and_asked_no_more(
    phil: Phil, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    refusal = ClientError({"Error": {"Code": "OptedOut", "Message": phil.phone}}, "Publish")

    class Refusing:
        def publish(self, **_: str) -> None:
            raise refusal

    others = config.client
    monkeypatch.setattr(
        config, "client", lambda name: Refusing() if name == "sns" else others(name)
    )
    assert not phil.tell("thanks")
    assert phil.phone not in capsys.readouterr().err


def test_there_is_a_text_for_all_that_the_desk_tells() -> None:
    """What `telling` is given anywhere in the desk's judge."""
    told = re.findall(r'\.telling\([^()]*, "([a-z]+)"\)', inspect.getsource(judge))
    assert set(told) == set(message.TEXTS)
