"""A picture comes by text message, as Twilio passes it on: signed, and answered in a sentence."""

from __future__ import annotations

import itertools
from typing import Any
from urllib.parse import urlencode

import pytest
from drawn import picture
from hosts import Host, answer, host
from photographing import at_desk, happened, id_of, number, registered
from shopfront import Answer, Shopfront
from twilio.request_validator import RequestValidator

from chalicelib import config, read, sms, todos
from chalicelib.decisions.desk import OFFER, Offer, decide
from chalicelib.events import desk
from local import provision

FORM = "application/x-www-form-urlencoded; charset=UTF-8"
sids = (f"MM{n:032}" for n in itertools.count(1))
MEDIA = "https://api.twilio.com/2010-04-01/Accounts/AC0/Messages/MM0/Media/ME0"


def signed(members: dict[str, str], token: str = provision.TWILIO_TOKEN) -> str:
    """What Twilio's own library signs."""
    url = f"{config.settings().public_url}/sms"
    return str(RequestValidator(token).compute_signature(url, members))


def sent(front: Shopfront, phone: str, *media: str, **members: str) -> Answer:
    """A message of this number, as Twilio passes it on."""
    form = {
        "MessageSid": next(sids),
        "SmsSid": "SM0",
        "AccountSid": "AC0",
        "From": phone,
        "To": "+491110",
        "Body": "",
        "NumMedia": str(len(media)),
    }
    for index, each in enumerate(media):
        form |= {f"MediaUrl{index}": each, f"MediaContentType{index}": "image/jpeg"}
    return posted(front, form | members)


def posted(front: Shopfront, form: dict[str, str], signature: str | None = None) -> Answer:
    return front.call(
        "POST",
        "/sms",
        raw=urlencode(form).encode(),
        Content_Type=FORM,
        X_Twilio_Signature=signed(form) if signature is None else signature,
    )


def sentence(given: Answer) -> str:
    """What the sender is told."""
    assert given.status == 200, given.body
    assert given.headers["Content-Type"] == "text/xml; charset=utf-8"
    begin, end = (
        b'<?xml version="1.0" encoding="UTF-8"?>\n<Response><Message>',
        b"</Message></Response>",
    )
    assert given.body.startswith(begin)
    assert given.body.endswith(end)
    return given.body.removeprefix(begin).removesuffix(end).decode()


@pytest.fixture(autouse=True)
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody judges while a to-do waits to be judged: the log is driven by hand."""
    monkeypatch.setattr(todos.send_to_desk, "WAIT_S", 0.0)


@pytest.fixture
def asked(front: Shopfront) -> Any:
    """A photographer who is asked for a picture of a product: the product, their number and id."""
    phone, who = number(), front.person("photographer")
    person, product = registered(front, who, phone), front.product("merchant")
    if not at_desk().waiting:
        happened(front, desk.ProductWaiting(product=product))
    state = at_desk()
    (todo,) = state.owed(OFFER)
    fact = decide(state, Offer(todo=todo, now=read.now_ms(), wait_s=600), "system")
    assert isinstance(fact, desk.Assigned)
    assert fact.photographer == person
    happened(front, fact)
    yield fact.product, phone, person
    front.call("DELETE", f"/photographers/{person}", to=who)
    front.settle()


@pytest.fixture
def free(front: Shopfront) -> Any:
    """A photographer who is asked for nothing, for there is nobody to ask: their number and id."""
    phone, who = number(), front.person("photographer")
    yield phone, registered(front, who, phone)
    front.call("DELETE", f"/photographers/{id_of(front, who)}", to=who)
    front.settle()


@pytest.fixture
def phone_host(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Where the pictures of this machine's phone lie; the shop's list names it."""
    monkeypatch.setenv("MEDIA_HOSTS", "127.0.0.1")
    config.settings.cache_clear()
    says = {"/mug.jpg": answer(picture(size=(900, 600))), "/none.jpg": answer(b"no picture")}
    says["/bomb.png"] = answer(b"x" * 11_000_000, Content_Type="image/png")
    with host(lambda target: [says.get(target, answer(status="410 Gone"))]) as found:
        yield found
    monkeypatch.undo()
    config.settings.cache_clear()


def at(found: Host, path: str) -> str:
    return f"http://127.0.0.1:{found.port}{path}"


def test_a_picture_that_was_asked_for_is_fetched_and_shown(
    front: Shopfront, asked: Any, phone_host: Host
) -> None:
    product, phone, person = asked
    assert sentence(sent(front, phone, at(phone_host, "/mug.jpg"))) == sms.TAKEN
    front.settle()
    front.work()
    front.settle()
    image = front.get(f"/products/{product}").said["image"]
    assert image.startswith("/pictures/")
    assert front.get(image).headers["Content-Type"] == "image/jpeg"
    here = at_desk().photographers[person]
    assert (here.completed, here.assignment) == (1, None)


@pytest.mark.parametrize("path", ["/none.jpg", "/bomb.png", "/gone.jpg", "http://10.0.0.1/x"])
def test_what_is_no_picture_leaves_the_photographer_asked(
    front: Shopfront, asked: Any, phone_host: Host, monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    product, phone, person = asked
    address = path if "//" in path else at(phone_host, path)
    assert sentence(sent(front, phone, address)) == sms.TAKEN
    front.settle()
    front.work()
    front.settle()
    assert "image" not in front.get(f"/products/{product}").said
    assignment = at_desk().photographers[person].assignment
    assert assignment is not None
    assert (assignment.product, assignment.fetch) == (product, "")


def test_the_same_message_counts_once_however_often_it_comes(front: Shopfront, asked: Any) -> None:
    _, phone, person = asked
    form = {"MessageSid": next(sids), "From": phone, "NumMedia": "1", "MediaUrl0": MEDIA}
    assert sentence(posted(front, form)) == sms.TAKEN
    assert sentence(posted(front, form)) == sms.TAKEN  # not judged yet
    front.settle()
    received = at_desk().photographers[person].assignment
    assert received is not None
    before = front.records()
    assert sentence(posted(front, form)) == sms.TAKEN
    assert front.records() == before
    assert at_desk().photographers[person].assignment == received


def test_a_second_picture_while_the_first_is_looked_at_changes_nothing(
    front: Shopfront, asked: Any
) -> None:
    _, phone, _ = asked
    sent(front, phone, MEDIA)
    front.settle()
    before = front.records()
    said = sentence(sent(front, phone, MEDIA + "2"))
    assert said == "Sorry: your picture is here already, and is being looked at."
    assert front.records() == before


def test_a_picture_after_its_time_is_told_to_be_late_and_not_recorded(
    front: Shopfront, asked: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Though nobody said yet that the time is out; what came in time is thanked, again too."""
    _, phone, _ = asked
    form = {"MessageSid": next(sids), "From": phone, "NumMedia": "1", "MediaUrl0": MEDIA}
    before, now = front.records(), read.now_ms()
    monkeypatch.setattr(read, "now_ms", lambda: now + 601_000)
    late = "Sorry: your time for this picture is over."
    assert sentence(posted(front, form)) == late
    assert front.records() == before
    monkeypatch.setattr(read, "now_ms", lambda: now)
    assert sentence(posted(front, form)) == sms.TAKEN
    front.settle()
    monkeypatch.setattr(read, "now_ms", lambda: now + 601_000)
    assert sentence(posted(front, form)) == sms.TAKEN


def test_who_is_asked_for_nothing_is_told_so(front: Shopfront, free: Any) -> None:
    phone, _ = free
    before = front.records()
    said = sentence(sent(front, phone, MEDIA))
    assert said == "Sorry: you are asked for no picture now."
    assert front.records() == before


@pytest.mark.parametrize("phone", ["+4915100000000", "whatsapp:+4915100000000", "12345"])
def test_nobody_else_is_believed_to_be_a_photographer(front: Shopfront, phone: str) -> None:
    before = front.records()
    assert sentence(sent(front, phone, MEDIA)) == sms.STRANGER
    assert sentence(sent(front, phone, Body="STOP")) == sms.STRANGER
    assert front.records() == before


def test_a_message_without_a_picture_or_with_several_is_answered(
    front: Shopfront, asked: Any
) -> None:
    _, phone, _ = asked
    before = front.records()
    assert sentence(sent(front, phone, Body="hi")) == sms.NO_PICTURE
    assert sentence(sent(front, phone, MEDIA, MEDIA)) == sms.ONE_PICTURE
    assert sentence(sent(front, phone, NumMedia="0", MediaUrl0=MEDIA)) == sms.NO_PICTURE
    assert sentence(sent(front, phone, NumMedia="1")) == sms.NO_PICTURE
    assert front.records() == before


@pytest.mark.parametrize("word", [*sorted(sms.ASKED), " help "])
def test_who_asks_for_help_is_told_what_this_is(front: Shopfront, word: str) -> None:
    before = front.records()
    assert sentence(sent(front, number(), Body=word)) == sms.HELP
    assert front.records() == before


@pytest.mark.parametrize("word", sorted({*sms.ASKED, *sms.STOP} - {"STOP"}))
def test_a_word_that_comes_with_a_picture_is_said_of_the_picture(
    front: Shopfront, asked: Any, word: str
) -> None:
    product, phone, person = asked
    assert sentence(sent(front, phone, MEDIA, Body=word)) == sms.TAKEN
    front.settle()
    assignment = at_desk().photographers[person].assignment
    assert assignment is not None
    assert (assignment.product, assignment.media) == (product, MEDIA)


def test_stop_is_stop_whatever_comes_with_it(front: Shopfront, asked: Any) -> None:
    _, phone, person = asked
    assert sentence(sent(front, phone, MEDIA, Body="stop")) == sms.LEFT
    front.settle()
    assert not at_desk().photographers[person].is_there(0)


@pytest.mark.parametrize("word", [*sorted(sms.STOP), " stop "])
def test_who_says_stop_is_asked_no_more(front: Shopfront, free: Any, word: str) -> None:
    phone, person = free
    assert sentence(sent(front, phone, Body=word)) == sms.LEFT
    front.settle()
    assert not at_desk().photographers[person].is_there(0)


def test_a_picture_after_stop_is_not_asked_for(front: Shopfront, asked: Any) -> None:
    _, phone, _ = asked
    assert sentence(sent(front, phone, Body="STOP")) == sms.LEFT
    front.settle()
    before = front.records()
    assert sentence(sent(front, phone, MEDIA)) == "Sorry: you are asked for no picture now."
    assert front.records() == before


def test_a_picture_of_who_was_erased_is_a_strangers(front: Shopfront) -> None:
    phone, who = number(), front.person("photographer")
    person = registered(front, who, phone)
    assert front.call("DELETE", f"/customers/{person}", to=who).status == 202
    front.settle()
    front.work()
    assert sentence(sent(front, phone, MEDIA)) == sms.STRANGER


ONE = {"MessageSid": "MM1", "From": "+4915100000000", "NumMedia": "1", "MediaUrl0": MEDIA}


@pytest.mark.parametrize("signature", ["", "x", "é".encode().decode("latin-1"), "A" * 27 + "="])
def test_a_forged_signature_is_forbidden(refused: Any, front: Shopfront, signature: str) -> None:
    headers = {"Content_Type": FORM, "X_Twilio_Signature": signature}
    given = refused(403, "POST", "/sms", raw=urlencode(ONE).encode(), **headers)
    assert given.slug == "not-from-twilio"
    assert given.fields == {"X-Twilio-Signature"}


def test_a_missing_or_foreign_signature_is_forbidden(refused: Any) -> None:
    body = urlencode(ONE).encode()
    assert refused(403, "POST", "/sms", raw=body, Content_Type=FORM).slug == "not-from-twilio"
    for signature in (signed(ONE, "another token"), signed(ONE | {"MediaUrl0": MEDIA + "x"})):
        headers = {"Content_Type": FORM, "X_Twilio_Signature": signature}
        assert refused(403, "POST", "/sms", raw=body, **headers).slug == "not-from-twilio"


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"MessageSid": ""}, "MessageSid"),
        ({"MessageSid": "a b"}, "MessageSid"),
        ({"From": ""}, "From"),
        ({"From": "1" * 400}, "From"),
        ({"Body": "x" * 5000}, "Body"),
        ({"NumMedia": "many"}, "NumMedia"),
        ({"NumMedia": "-1"}, "NumMedia"),
        ({"MediaUrl0": "file:///etc/passwd"}, "MediaUrl0"),
        ({"MediaUrl0": "https://a b"}, "MediaUrl0"),
        ({"MediaUrl0": "https://" + "x" * 3000}, "MediaUrl0"),
    ],
)
def test_a_form_that_twilio_would_not_send_is_refused(
    refused: Any, change: dict[str, str], field: str
) -> None:
    form = ONE | change
    headers = {"Content_Type": FORM, "X_Twilio_Signature": signed(form)}
    given = refused(422, "POST", "/sms", raw=urlencode(form).encode(), **headers)
    assert given.fields == {field}


def test_only_a_form_of_a_bounded_size_is_read(refused: Any) -> None:
    refused(415, "POST", "/sms", {"From": "x"})
    refused(415, "POST", "/sms", raw=b"x", Content_Type="multipart/form-data; boundary=x")
    refused(413, "POST", "/sms", raw=b"a=" + b"x" * 70_000, Content_Type=FORM)
    for body in (b"a=%ff", b"a=b&a=c", b"&".join([b"a=b"] * 300)):
        refused(400, "POST", "/sms", raw=body, Content_Type=FORM)


def test_a_shop_without_twilio_takes_no_messages(
    refused: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TWILIO_TOKEN", "")
    config.settings.cache_clear()
    try:
        refused(404, "POST", "/sms", raw=b"a=b", Content_Type=FORM)
    finally:
        monkeypatch.undo()
        config.settings.cache_clear()


def test_a_fetch_is_a_kind_that_the_worker_can_do() -> None:
    assert todos.KINDS["fetch"] is todos.fetch.do
