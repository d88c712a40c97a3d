"""The photo desk on the page: a photographer comes, is asked, is told how it went, and goes."""

import datetime as dt
import re

from playwright.sync_api import expect

PHONE = {"viewport": {"width": 360, "height": 800}, "has_touch": True}
TIME = r"\d\d:\d\d"


def register(seat, phone):
    form = seat.page.locator("#register")
    form.get_by_label("Phone").fill(phone)
    form.get_by_role("button", name="Register").click()


def standing(seat):
    return seat.page.locator("#desk-said")


def stop(seat):
    """They are asked for nothing any more, so no other test's product is theirs."""
    seat.page.get_by_role("button", name="Stop").click()
    seat.said("You are asked for no more pictures.")


def test_a_photographer_registers_is_asked_and_stops(sit, shop):
    phil = sit(**PHONE, errors=["status of 422"]).sign_in("Phil", "photographer")
    expect(standing(phil)).to_have_text(re.compile("Leave your number"))
    register(phil, "12")
    wrong = phil.page.locator("#register .wrong")
    expect(wrong).to_contain_text("phone")
    expect(phil.page.locator("#register-phone")).to_be_focused()
    register(phil, "+49 151 555 8001")
    phil.said("You are registered.")
    expect(standing(phil)).to_have_text(re.compile(f"3 more pictures until {TIME}. 0 done"))
    register(phil, "+49 151 555 8001")
    expect(standing(phil)).to_have_text(re.compile("6 more pictures"))

    shop.product("mug-1", name="Blue mug")
    asked = phil.page.get_by_role("group", name="Blue mug")
    expect(asked).to_be_visible()
    phil.said("We ask you for a picture of Blue mug.")
    timer = asked.get_by_role("timer")
    expect(timer).to_have_text(re.compile(r"9:\d\d left"))
    then = timer.text_content()
    expect(timer).not_to_have_text(then)
    expect(standing(phil)).to_have_text(re.compile("5 more pictures"))
    link = phil.page.get_by_role("link", name="read the text messages")
    expect(link).to_have_attribute("href", "inbox#%2B491515558001")

    stop(phil)
    expect(asked).to_be_hidden()
    expect(standing(phil)).to_have_text(re.compile("no more pictures, unless you register again"))
    expect(phil.page.get_by_role("button", name="Stop")).to_be_hidden()
    phil.page.get_by_role("button", name="Sign out").click()
    expect(phil.page.locator("#register-phone")).to_have_value("")


def moment(seconds):
    return (dt.datetime.now(dt.UTC) + dt.timedelta(seconds=seconds)).isoformat()


def a_standing(**members):
    known = {"id": "p", "phone": "+491", "left": 2, "until": moment(3600), "completed": 4}
    return known | members


def assigned(name="Red mug", **members):
    asked = {"product": name, "name": name, "since": moment(-60), "until": moment(300)}
    return asked | {"received": False} | members


OPEN = a_standing(assignment=assigned())
LATE = a_standing(assignment=assigned(until=moment(-1)))
LOOKED_AT = a_standing(assignment=OPEN["assignment"] | {"received": True})
NEXT = a_standing(left=1, completed=5, assignment=assigned("Green mug"))
THANKS = "Thank you! Your picture of Red mug is in the catalog."
GREEN = "We ask you for a picture of Green mug."
ASKED = "We ask you for a picture of Red mug."
LEFT = re.compile(r"[45]:\d\d left")
BECAME = [  # how they stand, what is said of it, and what the clock shows
    (a_standing(), "", None),
    (OPEN, ASKED, LEFT),
    (LOOKED_AT, ASKED, "It is being looked at."),
    (OPEN, "What you sent of Red mug cannot be used as a picture. Send another.", LEFT),
    (NEXT, f"{THANKS} {GREEN}", LEFT),
    (a_standing(), "Green mug has a picture by now: do not send yours.", None),
    (LATE, ASKED, "Time is over."),
    (a_standing(), "Your time for Red mug is over.", None),
    (OPEN, ASKED, LEFT),
    (a_standing(completed=5), THANKS, None),
]


def test_what_became_of_an_assignment_is_said(sit):
    told = {}

    def stand_in(page):
        page.route("**/photographers/*", lambda route: route.fulfill(json=told))

    def look(now):
        told.clear()
        told.update(now)
        seat.page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")

    told |= BECAME[0][0]
    seat = sit(before=stand_in).sign_in("Paula", "photographer")
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
