"""Whole stories on the page: people sign in, list, photograph, buy, and see it all at once."""

import itertools
import re
import threading

import pytest
from playwright.sync_api import expect

from drills.client import Client

numbers = itertools.count(1)


@pytest.fixture
def entity():
    return f"story-{next(numbers)}"


def list_product(seat, entity, **texts):
    fields = {"Name": f"Mug {entity}", "Brand": "Kiln", "Category": "mugs", "Id": entity} | texts
    form = seat.page.locator("#list")
    for label, text in fields.items():
        form.get_by_label(label).fill(text)
    form.get_by_role("button", name="List it").click()


def test_from_the_listing_to_the_bar_that_grows(sit, entity):
    mia, phil, cleo = sit(), sit(), sit()
    mia.sign_in("Mia", "merchant")
    list_product(mia, entity, Price="12.50", Description="Holds 0.3 l")
    mia.said(f"Listed: Mug {entity}.")
    expect(mia.card(f"Mug {entity}")).to_contain_text("€12.50")
    expect(mia.card(f"Mug {entity}")).to_contain_text("Kiln · mugs")

    phil.sign_in("Phil", "photographer")
    phil.card(f"Mug {entity}").get_by_role("button", name="Photograph").click()
    expect(phil.page.locator("#photograph-image")).to_be_focused()
    phil.page.locator("#photograph-image").fill(f"{phil.page.url}web/till.svg")
    phil.page.get_by_role("button", name="Send the picture").click()
    phil.said(f"Mug {entity} has a new picture.")
    expect(phil.card(f"Mug {entity}").get_by_role("img")).to_be_visible()
    expect(phil.card(f"Mug {entity}").locator(".tile")).to_have_class(re.compile("pictured"))

    cleo.sign_in("Cleo", "customer")
    cleo.card(f"Mug {entity}").get_by_role("button", name="Buy").click()
    cleo.said(f"Bought: Mug {entity}.")
    for seat in (mia, phil, cleo):  # everybody's board, live
        expect(seat.row("creator", "Mia").locator(".score")).to_have_text("1")
        expect(seat.row("photographer", "Phil").locator(".score")).to_have_text("1")
    expect(mia.row("creator", "Mia")).to_have_class("me")


def test_a_bar_grows_with_every_sale_and_leaders_change_places(sit, shop, entity):
    for name, sales in ((f"{entity}-first", 8), (f"{entity}-second", 6)):
        shop.product(name, merchant=f"Owner of {name}")
        for _ in range(sales):
            shop.ask("POST", f"/products/{name}/purchases", to=shop.person("C", "customer"))
    board = sit()
    names = board.page.locator("#board-creator .name")
    expect(names.first).to_have_text(f"Owner of {entity}-first")
    second = board.row("creator", f"Owner of {entity}-second")
    expect(second.locator(".score")).to_have_text("6")
    board.page.wait_for_timeout(1000)
    before = second.locator(".bar").bounding_box()
    for _ in range(4):
        shop.ask("POST", f"/products/{entity}-second/purchases", to=shop.person("C", "customer"))
    expect(second.locator(".score")).to_have_text("10")
    expect(names.first).to_have_text(f"Owner of {entity}-second")
    board.page.wait_for_timeout(1000)
    after = second.locator(".bar").bounding_box()
    assert after["x"] > before["x"]  # the bar moves into its track from the left
    expect(board.page.locator("#board-said")).to_contain_text(f"Owner of {entity}-second leads")


def test_the_strip_shows_each_event_with_its_verdict_and_what_was_ignored_says_why(
    sit, shop, entity
):
    seat = sit()
    expect(seat.page.locator("#strip-window")).to_be_hidden()
    seat.sign_in("Cleo", "customer")
    list_twice_at_once(shop, entity)
    strip = seat.page.locator("#strip-events li")
    mine = strip.filter(has_text=f"product/{entity}").filter(has_text="product.created")
    expect(mine.filter(has_text="ignored: exists")).to_have_count(1)
    expect(mine.filter(has_text="counted")).to_have_count(1)


def list_twice_at_once(shop, entity):
    """Two merchants under one id, both past the door: on the log both, and one counts."""
    body = {"id": entity, "brand": "B", "name": entity, "description": "", "category": "c"}
    people = [shop.person(f"Rival {n} {entity}", "merchant") for n in range(2)]
    together, answers = threading.Barrier(2), []

    def say(headers):
        with Client(shop.client.endpoint) as client:
            together.wait()
            answers.append(client.ask("POST", "/products", body, headers=headers).status)

    threads = [threading.Thread(target=say, args=(headers,)) for headers in people]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers == [202, 202]


def test_a_retry_after_a_lost_answer_is_the_same_event(sit, shop, entity):
    shop.product(entity, merchant=f"Keeper {entity}")
    seat = sit(errors=["ERR_CONNECTION_RESET"]).sign_in("Cleo", "customer")
    with seat.losing("**/purchases"):
        seat.card(entity).get_by_role("button", name="Buy").click()
        seat.said("The shop could not be reached. Send it again: it counts once.")
    seat.card(entity).get_by_role("button", name="Buy").click()
    seat.said(f"Bought: {entity}.")
    expect(seat.row("creator", f"Keeper {entity}").locator(".score")).to_have_text("1")
    seat.card(entity).get_by_role("button", name="Buy").click()  # and this is another one
    expect(seat.row("creator", f"Keeper {entity}").locator(".score")).to_have_text("2")


def test_a_form_that_was_answered_into_the_void_lists_one_product(sit, entity):
    seat = sit(errors=["ERR_CONNECTION_RESET"]).sign_in(f"Mia {entity}", "merchant")
    with seat.losing("**/products"):
        list_product(seat, entity, Id="")
        expect(seat.page.locator("#list .problem")).to_contain_text("counts once")
    seat.page.get_by_role("button", name="List it").click()
    seat.said(f"Listed: Mug {entity}.")
    expect(seat.card(f"Mug {entity}")).to_have_count(1)
    seat.page.wait_for_timeout(4500)  # the catalog was asked again meanwhile
    expect(seat.card(f"Mug {entity}")).to_have_count(1)


def test_what_is_wrong_is_said_at_its_field(sit, entity):
    seat = sit(errors=["status of 422", "status of 409"]).sign_in("Mia", "merchant")
    form = seat.page.locator("#list")
    list_product(seat, entity, Id="no spaces please", Price="")
    wrong = form.locator("#list-id")
    expect(wrong).to_be_focused()
    expect(wrong).to_have_attribute("aria-invalid", "true")
    expect(wrong).to_have_accessible_description(re.compile("pattern"))
    wrong.fill(entity)
    expect(wrong).not_to_have_attribute("aria-invalid", "true")
    for text in ("cheap", "12.345", "-1"):
        form.get_by_label("Price").fill(text)
        form.get_by_role("button").click()
        expect(form.get_by_label("Price")).to_have_accessible_description(re.compile("12.50"))
    form.get_by_label("Price").fill("9,99")
    form.get_by_role("button").click()
    seat.said(f"Listed: Mug {entity}.")
    expect(seat.card(f"Mug {entity}")).to_contain_text("€9.99")
    list_product(seat, entity)
    expect(form.locator("#list-id")).to_have_accessible_description(re.compile("exists already"))
    form.get_by_label("Brand").fill("  ")
    form.get_by_role("button").click()
    expect(form.get_by_label("Brand")).to_have_accessible_description("This is needed.")


def test_a_category_narrows_the_catalog_and_more_goes_on(sit, shop, entity):
    merchant = shop.person("Many", "merchant")
    for number in range(30):
        body = {"id": f"{entity}-{number:02d}", "brand": "B", "description": "", "category": entity}
        last = shop.ask("POST", "/products", body | {"name": f"No {number}"}, merchant)
    shop.judged(last)
    seat = sit()
    seat.page.locator("#category").select_option(entity)
    cards = seat.page.locator("#products li")
    expect(cards).to_have_count(24)
    expect(cards.first).to_contain_text("No 29")
    seat.page.get_by_role("button", name="More products").click()
    expect(cards).to_have_count(30)
    expect(cards.last).to_contain_text("No 0")
    expect(seat.page.get_by_role("button", name="More products")).to_be_hidden()
    seat.page.wait_for_timeout(4500)  # asked again, and what was read stays
    expect(cards).to_have_count(30)
    seat.page.locator("#category").select_option("")
    expect(cards).to_have_count(24)


def test_who_is_signed_in_stays_so_in_this_tab_and_until_they_leave(sit):
    seat = sit().sign_in("Cleo", "customer")
    seat.page.reload()
    expect(seat.page.locator("#you-name")).to_have_text("Cleo")
    expect(seat.page.locator("#order")).to_be_visible()
    assert seat.page.evaluate("Object.keys(localStorage).length + document.cookie.length") == 0
    seat.page.get_by_role("button", name="Sign out").click()
    expect(seat.page.locator("#sign-in")).to_be_visible()
    assert seat.page.evaluate("sessionStorage.length") == 0
    expect(seat.page.locator("#order")).to_be_hidden()
    expect(seat.page.locator("#strip-window")).to_be_hidden()


def test_a_session_that_is_over_ends_in_the_sign_in_with_a_sentence(sit, shop, entity):
    shop.product(entity)
    seat = sit(errors=["status of 401"]).sign_in("Cleo", "customer")
    spoiled = "JSON.stringify({token: 'x.y.z', userId: 'u', name: 'Cleo', roles: ['customer']})"
    seat.page.evaluate(f"sessionStorage.setItem('tillstream.person', {spoiled})")
    seat.page.reload()
    seat.said("Your session is over: sign in again.")
    expect(seat.page.locator("#sign-in")).to_be_visible()


def test_where_the_shop_opens_no_sessions_a_token_is_pasted(sit, shop, entity):
    shop.product(entity)
    seat = sit(errors=["status of 404"])
    problem = {"type": "/problems/not-found", "status": 404, "detail": "no"}
    seat.page.route("**/sessions", lambda route: route.fulfill(status=404, json=problem))
    form = seat.page.locator("#sign-in")
    form.get_by_label("Name").fill("Cleo")
    form.get_by_role("button").click()
    pasted = seat.page.locator("#token")
    pasted.get_by_label("Token").fill("nonsense")
    pasted.get_by_role("button").click()
    expect(pasted.get_by_label("Token")).to_have_accessible_description(re.compile("token"))
    token = shop.person("Cleo Elsewhere", "customer")["Authorization"].removeprefix("Bearer ")
    pasted.get_by_label("Token").fill(token)
    pasted.get_by_role("button").click()
    expect(seat.page.locator("#you-role")).to_have_text("customer")
    expect(seat.page.locator("#order-card option:not([disabled])")).to_have_text("When I get it")
    seat.card(entity).get_by_role("button", name="Buy").click()
    seat.said(f"Bought: {entity}.")


def test_behind_a_stages_prefix_the_page_works_as_it_does_at_the_root(sit, shop, entity):
    shop.product(entity, merchant=f"Owner {entity}")

    def strip(route):
        bare = route.request.url.replace(f"{shop.url}/api/", f"{shop.url}/")
        route.fulfill(response=route.fetch(url=bare))

    def behind(page):
        page.route("**/api/**", strip)
        page.on("request", lambda request: asked.append(request.url))

    asked = []
    seat = sit(at="/api/", before=behind)
    seat.sign_in("Cleo", "customer")
    seat.card(entity).get_by_role("button", name="Buy").click()
    seat.said(f"Bought: {entity}.")
    expect(seat.row("creator", f"Owner {entity}").locator(".score")).to_have_text("1")
    expect(seat.page.locator("#strip-events li").first).to_be_visible()
    seat.page.get_by_role("link", name="the contract").click()
    expect(seat.page.locator("h1")).to_contain_text("Tillstream")
    assert [url for url in asked if not url.startswith(f"{shop.url}/api/")] == []


def test_a_page_that_nobody_sees_asks_nothing_and_a_shop_that_is_busy_is_asked_later(sit):
    seat = sit(errors=["status of 503"])
    asked = []
    busy = {"type": "/problems/throttled", "status": 503, "detail": "busy"}
    seat.page.route(
        "**/scores?*",
        lambda route: (
            asked.append(1),
            route.fulfill(status=503, json=busy, headers={"Retry-After": "3"}),
        ),
    )
    seat.page.wait_for_timeout(1500)
    asked.clear()
    seat.page.wait_for_timeout(2500)
    assert len(asked) <= 2  # one turn asks for both sides
    seat.page.unroute("**/scores?*")
    asked.clear()
    hide = "Object.defineProperty(document, 'hidden', {get: () => true, configurable: true})"
    seat.page.evaluate(hide)
    seat.page.wait_for_timeout(5500)
    seat.page.on("request", lambda request: asked.append(request.url))
    seat.page.wait_for_timeout(2500)
    assert asked == []
    seat.page.evaluate("delete document.hidden")
    seat.page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    seat.page.wait_for_timeout(1000)
    assert any("scores" in url for url in asked)


def test_a_ticket_is_asked_for_without_javascript_and_followed_by_its_address(shop, chromium):
    context = chromium.new_context(java_script_enabled=False, locale="en-GB")
    said = []
    page = context.new_page()
    page.on("console", lambda message: said.append(message.text))
    page.goto(shop.url)
    page.get_by_role("link", name="Ask us").click()
    form = page.get_by_role("button", name="Send")
    page.get_by_label("What is it about?").fill("  \n")
    form.click()
    expect(page.get_by_role("alert")).to_contain_text("must not be blank")

    text = "The <b>cup</b> came\nwithout its handle."
    page.get_by_label("What is it about?").fill(text)
    form.click()
    shown = page.locator("article .said")  # the page asks again each second until it is there
    expect(shown).to_have_text(text)
    expect(page.locator("article b")).to_have_count(0)
    expect(page.get_by_text("Keep this address")).to_be_visible()
    assert context.cookies() == []

    kept = page.url
    sue = shop.person("Sue", "support")
    (ticket,) = shop.ask("GET", "/tickets", to=sue)["items"]
    done = shop.ask("PUT", f"/tickets/{ticket['id']}", {"checked": True}, sue)
    shop.judged(done)
    again = context.new_page()
    again.goto(kept)
    expect(again.locator("article h3")).to_contain_text("Done")
    again.get_by_role("link", name="Tickets").click()
    expect(again.locator("article")).to_have_count(0)
    context.close()
    assert [each for each in said if "503" not in each and "422" not in each] == []


def test_the_inbox_is_a_telephone_that_shows_what_was_sent_to_its_number(shop, sit):
    numbers = ["+491515559001", "+491515559002"]
    for phone in numbers:
        phil = shop.person(f"Owner of {phone}", "photographer")
        shop.ask("POST", "/photographers", {"phone": phone}, phil)
    seat = sit(at="/inbox")
    texts = seat.page.locator("#texts li")
    for phone in numbers:
        told = texts.filter(has_text=phone).filter(has_text="Answer STOP to end it.")
        expect(told).to_have_count(1)
    seat.page.get_by_label("To this number").select_option(numbers[0])
    expect(texts.filter(has_text=numbers[1])).to_have_count(0)
    expect(texts.filter(has_text=numbers[0]).first).to_be_visible()
    assert seat.page.url.endswith("#%2B491515559001")

    text = {"id": "1", "phone": numbers[0], "text": "<b>Bowl</b>", "at": "2026-01-02T03:04:05.678Z"}
    page = {"items": [text], "next": None}
    seat.page.route("**/inbox", lambda route: route.fulfill(json=page))
    expect(texts).to_contain_text(["<b>Bowl</b>"])
    expect(seat.page.locator("#texts b")).to_have_count(0)
