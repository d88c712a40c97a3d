"""Orders on the page, told by several browsers at once: the cart, the timeline and the queues."""

import contextlib
import datetime as dt
import itertools
import re

import pytest
from playwright.sync_api import expect

numbers = itertools.count(1)
PHONE = {"viewport": {"width": 360, "height": 800}, "has_touch": True}
PRICES = {"Flat white": 350, "Cinnamon bun": 290, "Chocolate cake": 2400}


@pytest.fixture(scope="module")
def menu(shop):
    """What can be ordered, and one thing that has no price."""
    for name, amount in PRICES.items():
        price = {"amount": amount, "currency": "EUR"}
        shop.product(name.lower().replace(" ", "-"), name=name, price=price)
    shop.product("mug", name="Mug")


@pytest.fixture
def customer(sit, menu):
    """Somebody new before the page, with nothing in the cart."""

    def arrive(first_name, **options):
        return sit(**options).sign_in(f"{first_name} {next(numbers)}", "customer")

    return arrive


def add(seat, *names):
    for name in names:
        seat.card(name).get_by_role("button", name="Add").click()


def order(seat, card=None, address=None):
    """Order what is in the cart; the order's card on the page."""
    form = seat.page.locator("#order")
    if card:
        form.get_by_label("Pay").select_option(card)
    if address:
        form.get_by_label("Deliver it").check()
        form.get_by_label("Address").fill(address)
    form.get_by_role("button", name="Order", exact=True).click()
    expect(seat.page.locator("#cart-empty")).to_be_visible()
    placed = seat.page.locator(".order").first
    expect(placed).to_be_focused()
    return placed


def tickets(seat, who, lane=""):
    """The orders of this person that lie before whoever works here."""
    return seat.page.locator(f"{lane} .ticket:visible").filter(
        has=seat.page.get_by_role("heading", name=name_of(who), exact=True)
    )


def name_of(seat):
    return seat.page.locator("#you-name").text_content()


def test_john_orders_two_flat_whites_with_oat_milk_and_hears_when_they_are_ready(sit, customer):
    john, bea = customer("John"), sit().sign_in("Bea", "barista")
    for seat in (john, bea):
        seat.page.evaluate("window.neverLeft = true")
    add(john, "Flat white", "Flat white")
    expect(john.page.locator("#cart-total")).to_have_text("€7.00")
    john.page.locator("#cart-lines summary").click()
    john.page.get_by_label("Wishes").fill("oat milk")
    placed = order(john, card="tok_approved")
    expect(placed.locator("h3")).to_have_text(re.compile(r"Ready at about \d\d:\d\d\."))
    expect(placed.locator(".steps .done")).to_have_text([re.compile("Ordered"), re.compile("Paid")])
    expect(placed.locator(".sum")).to_have_text("€7.00 by card")

    making = tickets(bea, john, "#bar-make")
    expect(making.locator(".lines")).to_have_text("2 × Flat white oat milk")
    expect(making.locator(".due")).to_be_hidden()
    with bea.page.expect_response(lambda each: "as=barista" in each.url and each.status == 304):
        pass  # nothing changed since, and nothing is sent
    making.get_by_role("button", name="Ready").click()
    john.said("It is ready: come and collect it.")
    expect(placed.locator("h3")).to_have_text("It is ready: come and collect it.")
    tickets(bea, john, "#bar-ready").get_by_role("button", name="Collected").click()
    expect(placed.locator("h3")).to_have_text("Collected. Enjoy it!")
    expect(tickets(bea, john)).to_have_count(0)
    for seat in (john, bea):
        assert seat.page.evaluate("window.neverLeft")


def test_a_declined_card_is_said_and_another_one_pays(sit, customer):
    john, bea = customer("John"), sit().sign_in("Bea", "barista")
    add(john, "Cinnamon bun")
    placed = order(john, card="tok_insufficient_funds")
    expect(placed.locator("h3")).to_have_text("Your card was declined. Is there another one?")
    expect(tickets(bea, john)).to_have_count(0)
    placed.get_by_label("Pay with another card").select_option("tok_approved")
    placed.get_by_role("button", name="Pay").click()
    expect(placed.locator(".steps .paid.done")).to_be_visible()
    expect(placed.locator(".another")).to_be_hidden()
    expect(tickets(bea, john)).to_have_count(1)


def test_an_order_is_cancelled_before_it_is_made_and_not_afterwards(sit, customer):
    john, bea = customer("John"), sit().sign_in("Bea", "barista")
    add(john, "Cinnamon bun")
    first = order(john)
    expect(tickets(bea, john).locator(".due")).to_have_text("To pay: €2.90")
    first.get_by_text("Cancel this order").click()
    first.get_by_role("button", name="Yes, cancel it").click()
    expect(first.locator("h3")).to_have_text("Cancelled.")
    expect(first.locator(".sum")).to_have_text("€2.90, not paid")
    expect(tickets(bea, john)).to_have_count(0)
    add(john, "Flat white")
    second = order(john)
    expect(second.get_by_text("Cancel this order")).to_be_visible()
    tickets(bea, john).get_by_role("button", name="Ready").click()
    expect(second.locator("h3")).to_contain_text("It is ready")
    expect(second.get_by_text("Cancel this order")).to_be_hidden()


def test_a_cake_goes_from_its_maker_by_the_courier_to_the_door(sit, customer):
    cleo, max_, cora = customer("Cleo"), sit(), sit(**PHONE)
    max_.sign_in("Max", "maker")
    cora.sign_in("Cora", "courier")
    add(cleo, "Chocolate cake")
    cleo.page.locator("#order").get_by_label("Phone").fill("+49 30 123-4567")
    placed = order(cleo, address="12 Long Lane\nBerlin")
    made = tickets(max_, cleo, "#making")
    expect(made).to_contain_text("12 Long Lane")
    made.get_by_role("button", name="Made").click()
    brought = tickets(cora, cleo, "#carrying")
    expect(brought.locator(".address")).to_have_text("12 Long Lane\nBerlin\n+49301234567")
    expect(brought.get_by_role("link")).to_have_attribute("href", "tel:+49301234567")
    expect(brought.locator(".due")).to_have_text("To pay: €24.00")
    expect(placed.locator(".steps .fulfilled")).to_be_visible()
    brought.get_by_role("button", name="Delivered").click()
    expect(placed.locator("h3")).to_have_text("Delivered. Enjoy it!")
    for seat, own in ((max_, "#making"), (cora, "#carrying"), (cleo, "#mine")):
        expect(seat.page.locator("#work > section:visible")).to_have_count(1)
        expect(seat.page.locator(own)).to_be_visible()


def to_collect(shop, name, times):
    """So many orders of somebody who pays at the counter; where the log holds the last."""
    who = shop.person(name, "customer")
    body = {"lines": [{"productId": "flat-white", "quantity": 1}], "name": name, "collect": True}
    made = [shop.judged(shop.ask("POST", "/orders", body, who)) for _ in range(times)]
    return made[-1]["position"]


@contextlib.contextmanager
def holding_looks(seat):
    """A look at the list is under way meanwhile, and ends after the list has what was done."""
    held = []

    def hold(route):
        if "read-after" in route.request.headers:
            route.continue_()
        else:
            held.append(route)

    seat.page.route("**/orders?as=*", hold)
    with seat.page.expect_request("**/orders?as=*"):
        pass
    with seat.page.expect_response(lambda each: "read-after" in each.request.headers and each.ok):
        yield
    while held:
        held.pop().continue_()
    seat.page.unroute("**/orders?as=*")


@pytest.mark.usefixtures("menu")
def test_one_tap_is_one_step_and_the_focus_goes_on_to_the_next(sit, shop):
    to_collect(shop, "Ann", 3)
    bea = sit().sign_in("Bea", "barista")
    buttons = bea.page.locator("#bar-make").get_by_role("button")
    expect(buttons.nth(2)).to_be_visible()
    before = buttons.count()
    buttons.first.dblclick()
    expect(buttons).to_have_count(before - 1)
    buttons.first.dispatch_event("click", {"detail": 2})  # the second one of a double tap
    buttons.first.focus()
    with holding_looks(bea):
        bea.page.keyboard.press("Enter")
    expect(buttons).to_have_count(before - 2)
    expect(buttons.first).to_be_focused()


def test_what_is_wrong_with_an_order_is_said_at_its_field(customer):
    john = customer("John", errors=["status of 422"])
    form = john.page.locator("#order")
    send = form.get_by_role("button", name="Order", exact=True)
    expect(john.card("Mug").get_by_role("button", name="Add")).to_be_hidden()
    add(john, "Flat white", "Cinnamon bun")
    quantity = form.get_by_label("Quantity").last
    for wrong in ("0", "1.5", "1000"):
        quantity.fill(wrong)
        send.click()
        expect(quantity).to_have_attribute("aria-invalid", "true")
        expect(quantity).to_be_focused()
    quantity.fill("2")
    form.locator("summary").first.click()
    form.get_by_label("Wishes").first.fill("oat milk, " + "W" * 61)
    form.locator("summary").first.click()
    send.click()
    expect(form.get_by_label("Wishes").first).to_be_focused()  # its fold has opened again
    form.get_by_label("Wishes").first.fill("")
    form.get_by_label("Deliver it").check()
    send.click()
    expect(form.get_by_label("Address")).to_have_accessible_description("This is needed.")
    form.get_by_label("I collect it").check()
    form.get_by_label("Phone").fill("12")
    send.click()
    expect(form.get_by_label("Phone")).to_have_attribute("aria-invalid", "true")
    form.get_by_label("Phone").fill("")
    form.get_by_role("button", name="Remove Cinnamon bun").click()
    expect(order(john).locator(".lines")).to_have_text("1 × Flat white")


def test_the_cart_outlives_a_reload_and_an_order_whose_answer_was_lost_is_one_order(customer):
    john = customer("John", errors=["ERR_CONNECTION_RESET"])
    add(john, "Flat white")
    john.page.reload()
    expect(john.page.locator("#to-cart")).to_have_text("Cart: 1 · €3.50")
    with john.losing("**/orders"):
        john.page.get_by_role("button", name="Order", exact=True).click()
        expect(john.page.locator("#order .problem")).to_contain_text("counts once")
    order(john)
    expect(john.page.locator(".order")).to_have_count(1)
    add(john, "Cinnamon bun")
    john.page.get_by_role("button", name="Sign out").click()
    assert john.page.evaluate("sessionStorage.length") == 0
    expect(john.page.locator("#mine")).to_be_hidden()


def test_the_order_of_somebody_who_was_erased_is_made_without_name_or_wishes(sit, shop, customer):
    john = customer("John")
    add(john, "Flat white")
    john.page.locator("#cart-lines summary").click()
    john.page.get_by_label("Wishes").fill("oat milk")
    order(john)
    person = john.page.evaluate("JSON.parse(sessionStorage.getItem('tillstream.person'))")
    token = {"Authorization": f"Bearer {person['token']}"}
    bea = sit().sign_in("Bea", "barista")
    ticket = tickets(bea, john)
    expect(ticket).to_contain_text("oat milk")
    shop.ask("DELETE", f"/customers/{person['userId']}", to=token)
    expect(ticket).to_have_count(0)
    erased = bea.page.locator(".ticket").filter(has_text="Erased customer")
    expect(erased.locator(".lines")).to_have_text("1 × Flat white")
    erased.get_by_role("button", name="Ready: somebody who was erased").click()
    expect(bea.page.locator("#bar-ready").get_by_text("Erased customer")).to_be_visible()


def make_all(shop, after):
    """Everything that is to be made by then is on the counter."""
    bea = shop.person("Bea", "barista")
    for status in ("placed", "paid"):
        path = f"/orders?as=barista&status={status}&limit=50"
        for each in shop.ask("GET", path, to=bea, Read_After=after)["items"]:
            shop.judged(shop.ask("POST", f"/orders/{each['id']}/ready", {}, bea))


@pytest.mark.usefixtures("menu")
def test_more_than_a_page_on_the_counter_hides_nothing_that_is_to_be_made(sit, shop):
    make_all(shop, to_collect(shop, "Ann", 2))
    to_collect(shop, "Zoe", 1)
    bea = sit()
    one = re.compile(r"limit=\d+")
    bea.page.route(
        "**/orders?as=*", lambda route: route.continue_(url=one.sub("limit=1", route.request.url))
    )
    bea.sign_in("Bea", "barista")
    expect(bea.page.locator("#bar-make .ticket h3")).to_have_text("Zoe")
    expect(bea.page.locator("#bar-ready .ticket")).to_have_count(1)
    said = bea.page.locator("#barista-said")
    expect(said).to_have_text("1+ to make, 1+ to be collected.")  # pages are full: or more


@pytest.mark.usefixtures("menu")
def test_what_is_to_be_made_comes_oldest_first_paid_or_not(sit, shop, customer):
    make_all(shop, to_collect(shop, "Ann", 1))
    to_collect(shop, "Zoe", 1)
    john, bea = customer("John"), sit().sign_in("Bea", "barista")
    add(john, "Flat white")
    order(john, card="tok_approved")
    expect(tickets(bea, john, "#bar-make")).to_have_count(1)
    to_collect(shop, "Yva", 1)
    expect(bea.page.locator("#bar-make .ticket h3")).to_have_text(["Zoe", name_of(john), "Yva"])


@pytest.mark.usefixtures("menu")
def test_on_a_phone_one_s_work_is_seen_at_once_and_the_counter_is_a_tap_away(sit, shop):
    to_collect(shop, "Ann", 4)

    def seated(name, role):
        seat = sit(**PHONE)
        seat.page.locator("#sign-in").evaluate("form => form.scrollIntoView()")
        return seat.sign_in(name, role).page

    for role, own in (("merchant", "#list .lead"), ("customer", "#order .lead")):
        expect(seated("Mia", role).locator(own)).to_be_in_viewport(ratio=1)
    bea = seated("Bea", "barista")
    make, ready = bea.locator("#bar-make-title"), bea.locator("#bar-ready-title")
    expect(bea.locator("#bar-make .ticket").nth(3)).to_be_attached()
    expect(make).to_be_in_viewport(ratio=1)
    expect(ready).not_to_be_in_viewport()
    link = bea.get_by_role("link", name="On the counter")
    link.click()
    expect(ready).to_be_in_viewport(ratio=1)
    expect(make).not_to_be_in_viewport()
    expect(link).to_be_in_viewport(ratio=1)
    bar, title = link.bounding_box(), ready.bounding_box()
    assert bar["y"] + bar["height"] <= title["y"]


def test_an_order_that_is_not_ready_today_says_on_which_day(customer):
    john = customer("John")
    john.page.clock.set_fixed_time(dt.datetime.now(dt.UTC) - dt.timedelta(days=2))
    add(john, "Flat white")
    said = re.compile(r"Ready at about \w{3},? \d+ \w+,? \d\d:\d\d\.")
    expect(order(john).locator("h3")).to_have_text(said)
