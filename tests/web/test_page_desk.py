"""The photo desk on the page: a photographer comes, is asked, is told how it went, and goes."""

import contextlib
import datetime as dt
import re

import pytest
from drawn import picture
from playwright.sync_api import expect

PHONE = {"viewport": {"width": 360, "height": 800}, "has_touch": True}
NO_PICTURE = "This is no picture that is taken here: send a JPEG, PNG or WebP."
FLAWED = [  # a file that is no picture, and what is said of it
    (
        "notes.txt",
        "text/plain",
        b"a cup",
        NO_PICTURE,
    ),
    ("empty.jpg", "image/jpeg", b"", "This file is empty."),
    ("cup.jpg", "image/jpeg", b"a cup", "this is no JPEG, PNG or WebP picture that can be decoded"),
]
DESK = "**/photographers/*"
# Who is not known at the desk, or not yet, is asked after at most each 15 s.
PATIENCE_MS = 60_000
TIME = r"(\w+ \d+ \w+, )?\d\d:\d\d"  # of tomorrow the day is told, too


def register(seat, phone):
    form = seat.page.locator("#register")
    form.get_by_label("Phone").fill(phone)
    form.get_by_role("button", name="Register").click()


def told(seat, text):
    expect(seat.page.locator("#message")).to_have_text(text, timeout=PATIENCE_MS)


def standing(seat):
    return seat.page.locator("#desk-said")


@pytest.fixture
def phil(sit):
    """A photographer with a phone in their hand."""
    return sit(**PHONE, errors=["status of 422", "ERR_CONNECTION_RESET"]).sign_in(
        "Phil", "photographer"
    )


def test_from_the_phone_number_to_the_picture_in_the_catalog(phil, shop):
    expect(standing(phil)).to_have_text(re.compile("Leave your number"), timeout=PATIENCE_MS)
    come_and_come_again(phil)
    shop.product("mug-1", name="Blue mug", price={"amount": 900, "currency": "EUR"})
    asked = phil.page.get_by_role("group", name="Blue mug")
    expect(asked).to_be_visible(timeout=PATIENCE_MS)
    timer = asked.get_by_role("timer")
    expect(timer).to_have_text(re.compile(r"9:\d\d left"))
    then = timer.text_content()
    expect(timer).not_to_have_text(then)
    expect(standing(phil)).to_have_text(re.compile("5 more pictures"), timeout=PATIENCE_MS)

    stop(phil, asked)
    register(phil, "+49 151 555 8001")  # nobody else is there, so it is asked of them again
    expect(asked).to_be_visible(timeout=PATIENCE_MS)
    send_what_is_none(asked)
    send_a_picture(phil, asked)
    told(phil, "Thank you! Your picture of Blue mug is in the catalog.")
    expect(asked).to_be_hidden(timeout=PATIENCE_MS)
    expect(standing(phil)).to_have_text(
        re.compile("2 more pictures .* 1 done"), timeout=PATIENCE_MS
    )
    is_pictured(phil.card("Blue mug").locator(".tile"))
    assert photographed(shop, "mug-1") == 1
    phil.page.get_by_role("button", name="Sign out").click()
    expect(phil.page.locator("#register-phone")).to_have_value("")
    phil.sign_in("Cleo", "customer")
    phil.card("Blue mug").get_by_role("button", name="Add").click()
    is_pictured(phil.page.locator("#cart-lines .tile"))


def is_pictured(tile):
    """It shows a picture that the shop keeps, in the size for it."""
    tile.scroll_into_view_if_needed()
    expect(tile).to_have_class(re.compile("pictured"), timeout=PATIENCE_MS)
    shown = tile.get_by_role("img").evaluate("image => image.currentSrc")
    assert re.search(r"/pictures/[0-9a-f]{64}-small$", shown)


def come_and_come_again(seat):
    register(seat, "12")
    expect(seat.page.locator("#register .wrong")).to_contain_text("phone")
    expect(seat.page.locator("#register-phone")).to_be_focused()
    register(seat, "+49 151 555 8001")
    told(seat, "You are registered.")
    expect(standing(seat)).to_have_text(
        re.compile(f"3 more pictures until {TIME}. 0 done"), timeout=PATIENCE_MS
    )
    register(seat, "+49 151 555 8001")
    expect(standing(seat)).to_have_text(re.compile("6 more pictures"), timeout=PATIENCE_MS)
    link = seat.page.get_by_role("link", name="read the text messages")
    expect(link).to_have_attribute("href", "inbox#%2B491515558001")


def stop(seat, asked):
    button = seat.page.get_by_role("button", name="Stop")
    button.click()
    told(seat, "You are asked for no more pictures.")
    expect(asked).to_be_hidden(timeout=PATIENCE_MS)
    expect(button).to_be_hidden(timeout=PATIENCE_MS)
    expect(standing(seat)).to_have_text(
        re.compile("unless you register again"), timeout=PATIENCE_MS
    )


def send_what_is_none(asked):
    camera, send = asked.get_by_label("Your picture"), asked.get_by_role("button", name="Send it")
    send.click()
    expect(asked.locator(".wrong")).to_have_text("This is needed.")
    for name, kind, data, said in FLAWED:
        camera.set_input_files({"name": name, "mimeType": kind, "buffer": data})
        send.click()
        expect(asked.locator(".wrong")).to_have_text(said)
        expect(camera).to_be_focused()


def send_a_picture(seat, asked):
    """It gets lost on its way, then what the shop answered does, and then it is there."""
    camera, send = asked.get_by_label("Your picture"), asked.get_by_role("button", name="Send it")
    given = [camera.get_attribute(name) for name in ("accept", "capture")]
    assert given == ["image/*", "environment"]
    jpeg = {"name": "mug.jpg", "mimeType": "image/jpeg", "buffer": picture(size=(900, 600))}
    camera.set_input_files(jpeg)
    with unchanged(seat):
        for pattern in ("**/*-uploads", "**/products/mug-1/photo"):
            with seat.losing(pattern):
                send.click()
                expect(asked.locator(".problem")).to_contain_text(
                    "Send it again: it counts once.", timeout=PATIENCE_MS
                )
        send.click()
        told(seat, "Blue mug has your picture.")


@contextlib.contextmanager
def unchanged(seat):
    """The desk is as it was told last: whoever hears of a picture at once sends it only once."""
    seat.page.route(DESK, lambda route: route.fulfill(status=304))
    yield
    seat.page.unroute(DESK)


def photographed(shop, product):
    events = shop.ask("GET", "/events?limit=100", to=shop.person("Mia", "merchant"))["items"]
    return sum(
        event["subject"] == f"product/{product}" and event["type"].endswith(".photographed.v1")
        for event in events
    )


def moment(seconds):
    return (dt.datetime.now(dt.UTC) + dt.timedelta(seconds=seconds)).isoformat()


def a_standing(**members):
    known = {"id": "p", "phone": "+491", "left": 2, "until": moment(36_000), "completed": 4}
    return known | members


def assigned(name="Red mug", **members):
    asked = {"product": name, "name": name, "since": moment(-60), "until": moment(36_000)}
    return asked | {"received": False} | members


WIDE = "W" * 200
OPEN = a_standing(assignment=assigned())
LATE = a_standing(assignment=assigned(until=moment(-1)))
LOOKED_AT = a_standing(assignment=OPEN["assignment"] | {"received": True})
NEXT = a_standing(left=1, completed=5, assignment=assigned(WIDE))
THANKS = "Thank you! Your picture of Red mug is in the catalog."
NEXT_ASKED = f"We ask you for a picture of {WIDE}."
ASKED = "We ask you for a picture of Red mug."
LEFT = re.compile(r"\d+:\d\d left")
BECAME = [  # how they stand, what is said of it, and what the clock shows
    (a_standing(), "", None),
    (OPEN, ASKED, LEFT),
    (LOOKED_AT, ASKED, "It is being looked at."),
    (OPEN, "What you sent of Red mug cannot be used as a picture. Send another.", LEFT),
    (NEXT, f"{THANKS} {NEXT_ASKED}", LEFT),
    (a_standing(), f"{WIDE} has a picture by now: do not send yours.", None),
    (LATE, ASKED, "Time is over."),
    (a_standing(), "Your time for Red mug is over.", None),
    (OPEN, ASKED, LEFT),
    (a_standing(completed=5), THANKS, None),
]


def test_what_became_of_an_assignment_is_said(sit):
    told = {}

    def stand_in(page):
        page.route(DESK, lambda route: route.fulfill(json=told))

    def look(now):
        told.clear()
        told.update(now)
        seat.page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")

    told |= BECAME[0][0]
    seat = sit(before=stand_in, viewport={"width": 320, "height": 700})
    seat.sign_in("Paula", "photographer")
    expect(standing(seat)).to_have_text(re.compile("2 more pictures"))
    seat.page.evaluate("document.getElementById('message').replaceChildren()")
    for now, said, clock in BECAME:
        look(now)
        seat.said(said)
        asked = seat.page.locator("#asked")
        if clock is None:
            expect(asked).to_be_hidden()
        else:
            expect(asked.get_by_role("timer")).to_have_text(clock)
            assert seat.page.evaluate("document.documentElement.scrollWidth") <= 320
