"""What the page looks like: on a phone and a projector, by day and by night, whatever texts say."""

import hashlib
import itertools
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from drawn import picture
from playwright.sync_api import expect
from uploading import uploaded

from chalicelib.pictures.image import cleaned

numbers = itertools.count(1)
PHONE = {"viewport": {"width": 360, "height": 800}, "has_touch": True}
PROJECTOR = {"viewport": {"width": 1920, "height": 1080}}
LONG = "Donaudampfschifffahrtsgesellschaftskapitänsmützenfabrik" * 3
EVIL = "<script>document.title='taken'</script><img src=x onerror=\"document.title='taken'\">"
KINDS = ("merchant", "photographer", "customer", "barista", "maker", "courier")
WIDE = "V" * 80  # who orders whatever is long
PLACES = {  # where orders are shown, by who sees them there
    "customer": ".order[data-status=payment-declined]",
    "barista": "#bar-make .ticket",
    "maker": "#making .ticket",
    "courier": "#carrying .ticket",
}

# The contrast of every text with what is painted behind it, as WCAG 2 computes it.
CONTRASTS = """() => {
  const canvas = Object.assign(document.createElement("canvas"), { width: 1, height: 1 });
  const brush = canvas.getContext("2d", { willReadFrequently: true });
  const over = (colours) => {
    brush.clearRect(0, 0, 1, 1);
    for (const colour of colours) { brush.fillStyle = colour; brush.fillRect(0, 0, 1, 1); }
    return brush.getImageData(0, 0, 1, 1).data;
  };
  const light = ([r, g, b]) => {
    const linear = (v) => (v /= 255) <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4;
    return 0.2126 * linear(r) + 0.7152 * linear(g) + 0.0722 * linear(b);
  };
  const found = [];
  for (const element of document.querySelectorAll("body *")) {
    const said = [...element.childNodes].some((n) => n.nodeType === 3 && n.data.trim());
    if (!(said || element.value)) continue;
    if (!element.checkVisibility({ visibilityProperty: true })) continue;
    if (element.closest(".skip, script, option, datalist, noscript")) continue;
    const behind = [];
    for (let at = element; at; at = at.parentElement)
      behind.unshift(getComputedStyle(at).backgroundColor);
    const colour = getComputedStyle(element).color;
    const [a, b] = [light(over(behind)), light(over([...behind, colour]))];
    const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    const what = [element.tagName, element.className, element.textContent.slice(0, 30)];
    found.push([ratio, what.join(" ")]);
  }
  return found;
}"""


@pytest.fixture
def entity():
    return f"look-{next(numbers)}"


@pytest.fixture(scope="module")
def pictures():
    """Addresses on another port of this machine: a picture, and everything else is missing."""

    class Pictures(BaseHTTPRequestHandler):
        def do_GET(self):
            asked.append(self.path)
            self.send_error(404)

        def log_message(self, *_):
            pass

    asked = []
    server = ThreadingHTTPServer(("127.0.0.1", 0), Pictures)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}", asked
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture(scope="module")
def crowded(shop):
    """A shop with every text as long as it may be, and with every verdict in its log."""
    merchant = f"{LONG}"[:80]
    texts = {"name": LONG[:200], "brand": LONG[:200], "category": LONG[:100]}
    price = {"amount": 10**12, "currency": "EUR"}
    shop.product("long", merchant, **texts, price=price, description=LONG * 20)
    shop.product("x" * 64, merchant, name="W" * 200, description="a b " * 1000)
    photographer = shop.person("Photographer " + "W" * 60, "photographer")
    customer = shop.person("Cleo", "customer")
    photo = {"image": "https://pictures.example/" + "x" * 2000}
    shop.ask("PUT", "/products/long/photo", photo, photographer)
    for _ in range(3):
        shop.ask("POST", "/products/long/purchases", to=customer)
    for _ in range(3):  # said twice in one breath: one counts, or the door knows it already
        shop.ask("POST", "/products/long/views", to=customer, Idempotency_Key=f"look-{_}")
        shop.ask("POST", "/products/long/views", to=customer, Idempotency_Key=f"look-{_}")
    for number in range(9):  # more than the board shows
        shop.product(f"place-{number}", f"Merchant {number}")
        who = shop.person(f"Photographer {number}", "photographer")
        shop.ask("PUT", f"/products/place-{number}/photo", photo, who)
        shop.ask("POST", f"/products/place-{number}/purchases", to=customer)
    order_at_length(shop)


def order_at_length(shop):
    """An order as long as it may be, at each place where one can stand."""
    wide = shop.person(WIDE, "customer")
    shop.product("cheap", name="M" * 200, price={"amount": 10**8, "currency": "EUR"})
    line = {"productId": "cheap", "quantity": 999, "options": ["W" * 60] * 10, "note": "W" * 280}
    body = {"name": WIDE, "lines": [line] * 2}
    collect, card = {"collect": True}, {"payment": {"token": "tok_declined"}}
    deliver = {"deliver": {"address": "W" * 500}, "contact": {"phone": "+491234567890123"}}
    ready, _, _, sent, _ = (
        order(shop, body | way, wide)
        for way in (collect, collect, collect | card, deliver, deliver)
    )
    shop.ask("POST", f"/orders/{ready}/ready", {}, shop.person("Bea", "barista"))
    made = {"orderId": sent, "fulfillmentId": "made"}
    shop.judged(shop.ask("POST", "/fulfillments", made, shop.person("Max", "maker")))


def order(shop, body, to):
    made = shop.judged(shop.ask("POST", "/orders", body, to))
    return made["subject"].removeprefix("order/")


WIDTHS = (320, 360, 412, 768, 960, 1180, 1280, 1920)


def spilled(seat):
    """Elements that reach beyond the window's right edge, but for what scrolls by itself."""
    return seat.page.evaluate(
        """() => [...document.querySelectorAll("body *")]
        .filter((e) => !e.closest("#strip-window, .skip, option, datalist"))
        .filter((e) => !e.closest(".track"))
        .filter((e) => e.checkVisibility() && e.getBoundingClientRect().right > innerWidth + 0.5)
        .map((e) => e.tagName + "#" + e.id + "." + e.className)"""
    )


@pytest.mark.usefixtures("crowded")
def test_nothing_scrolls_sideways_however_long_the_names_are(sit):
    seat = sit(viewport={"width": WIDTHS[0], "height": 800})
    expect(seat.card("W" * 200)).to_be_visible()
    expect(seat.row("photographer", "WWW")).to_be_visible()
    for role in (None, *KINDS):
        if role:
            seat.sign_in(WIDE, role)
            expect(seat.page.locator("#strip-events li").first).to_be_visible()
        if role in PLACES:
            expect(seat.page.locator(PLACES[role]).first).to_contain_text("M" * 200)
        if role == "customer":
            fill_the_cart(seat)
        for width in WIDTHS:
            seat.page.set_viewport_size({"width": width, "height": 800})
            scrolled = seat.page.evaluate("document.documentElement.scrollWidth")
            assert scrolled <= width, (role, width)
            assert spilled(seat) == [], (role, width)
        if role:
            seat.page.get_by_role("button", name="Sign out").click()


def fill_the_cart(seat):
    seat.card("M" * 200).get_by_role("button", name="Add").click()
    seat.page.locator("#cart-lines summary").click()
    seat.page.get_by_label("Wishes").fill("W" * 60)
    seat.page.get_by_label("Deliver it").check()


@pytest.mark.usefixtures("crowded")
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("role", KINDS)
def test_every_text_can_be_told_from_what_is_behind_it(sit, scheme, role):
    seat = sit(
        color_scheme=scheme,
        reduced_motion="reduce",
        errors=["status of 422"],
    )
    seat.sign_in(WIDE, role)
    expect(seat.page.locator("#strip-events li").first).to_be_visible()
    expect(seat.card("W" * 200)).to_be_visible()
    if role in PLACES:
        expect(seat.page.locator(PLACES[role]).first).to_be_visible()
    if role == "customer":
        fill_the_cart(seat)
    form = seat.page.locator(f"form[data-role={role}]")
    if role == "merchant":
        for label in ("Name", "Brand", "Category", "Id"):
            form.get_by_label(label).fill("two words")
        form.get_by_role("button").click()
        expect(form.locator(".wrong")).to_be_visible()
    seat.page.evaluate(
        """() => ["ignored", "parked", "quarantined"].forEach((verdict, at) =>
        { document.querySelectorAll("#strip-events li")[at].className = verdict; })"""
    )
    found = seat.page.evaluate(CONTRASTS)
    assert len(found) > 20
    assert [each for each in found if each[0] < 4.5] == []


def test_a_script_in_any_text_stays_text(sit, shop, entity):
    merchant = f"{EVIL}"[:80]
    members = {"name": EVIL, "brand": EVIL, "category": EVIL[:100], "description": EVIL}
    shop.product(entity, merchant, **members)
    for _ in range(3):  # more than all others have but one, so that it is on the board
        shop.ask("POST", f"/products/{entity}/purchases", to=shop.person("Cleo", "customer"))
    seat = sit().sign_in(merchant, "customer")
    expect(seat.card(EVIL).locator("h3")).to_have_text(EVIL)
    expect(seat.row("creator", merchant)).to_be_visible()
    expect(seat.page.locator("#you-name")).to_have_text(merchant)
    seat.card(EVIL).get_by_role("button", name="Buy").click()
    seat.said(f"Bought: {EVIL}.")
    assert seat.page.title() == "Tillstream"
    assert seat.page.locator("#products script, #products h3 img").count() == 0


def kept(shop, photographer):
    """The address of a picture that the shop keeps."""
    place = shop.ask("POST", "/uploads", {"contentType": "image/jpeg"}, photographer)
    uploaded(place, picture(size=(900, 600)))
    given = {"upload": place["upload"]}
    shop.judged(shop.ask("PUT", "/products/kept/photo", given, photographer))
    return f"/pictures/{hashlib.sha256(cleaned(picture(size=(900, 600))).large).hexdigest()}"


def test_a_picture_is_asked_for_over_https_or_from_the_shop_and_else_a_tile_is_shown(
    sit, shop, pictures, entity
):
    elsewhere, asked = pictures
    photographer = shop.person("Phil", "photographer")
    addresses = {
        "plain": f"{elsewhere}/plain.png",
        "gone": "https://pictures.example/gone.png",
        "broken": f"{shop.url}/web/nothing.svg",
        "ours": f"{shop.url}/web/till.svg",
        "none": None,
        "kept": kept(shop, photographer),
    }
    for name, image in addresses.items():
        made = shop.product(f"{entity}-{name}", name=f"Zwiebel {name}")
        if image:
            path = f"/products/{entity}-{name}/photo"
            made = shop.ask("PUT", path, {"image": image}, photographer)
    shop.judged(made)
    seat = sit()
    pictured = seat.card("Zwiebel ours").get_by_role("img")
    expect(pictured).to_be_visible()
    expect(seat.page.locator("#products .pictured")).to_have_count(2)
    shown = seat.card("Zwiebel kept").get_by_role("img").evaluate("image => image.currentSrc")
    assert shown == f"{shop.url}{addresses['kept']}-small"
    for name in ("plain", "gone", "broken", "none"):
        tile = seat.card(f"Zwiebel {name}").locator(".tile")
        tile.scroll_into_view_if_needed()
        expect(tile.locator("img")).to_have_count(0)
        expect(tile.locator(".initials")).to_be_visible()
        expect(tile.locator(".initials")).to_have_text(f"Z{name[0].upper()}")
    assert asked == []


@pytest.mark.usefixtures("crowded")
def test_on_a_projector_the_board_is_large_and_all_of_it_is_seen(sit):
    seat = sit(**PROJECTOR)
    seat.sign_in("Cleo", "customer")
    for side in ("creator", "photographer"):
        expect(seat.page.locator(f"#board-{side} li")).to_have_count(8)
    row = seat.page.locator("#board-creator .name").first
    size = row.evaluate("e => parseFloat(getComputedStyle(e).fontSize)")
    assert size >= 28
    board = seat.page.locator("#board").bounding_box()
    assert board["width"] > 1920 / 2
    assert board["y"] + board["height"] <= 1080


def test_who_wants_no_motion_gets_none(sit, shop, entity):
    shop.product(entity, f"Owner {entity}")
    shop.ask("POST", f"/products/{entity}/purchases", to=shop.person("Cleo", "customer"))
    seat = sit(reduced_motion="reduce").sign_in("Cleo", "customer")
    expect(seat.page.locator("#strip-events li").first).to_be_visible()
    for _ in range(3):
        shop.ask("POST", f"/products/{entity}/purchases", to=shop.person("Cleo", "customer"))
        seat.page.wait_for_timeout(700)
        assert seat.page.evaluate("document.getAnimations().length") == 0


def test_the_keyboard_alone_signs_in_and_buys(sit, shop, entity):
    shop.product(entity, f"Owner {entity}")
    seat = sit()
    keyboard = seat.page.keyboard
    seat.page.locator("#sign-in-name").focus()
    keyboard.type("Cleo")
    keyboard.press("Tab")
    keyboard.press("Tab")
    keyboard.press("Enter")
    expect(seat.page.locator("#you-name")).to_have_text("Cleo")
    bought = seat.card(entity).get_by_role("button", name="Buy")
    bought.focus()
    keyboard.press("Enter")
    seat.said(f"Bought: {entity}.")
    expect(bought).to_be_focused()


def test_every_control_has_a_name_and_every_button_is_big_enough_to_touch(sit):
    seat = sit(**PHONE)
    nameless = seat.page.evaluate(
        """() => [...document.querySelectorAll("input, select, textarea")]
        .filter((e) => e.labels.length === 0).map((e) => e.id)"""
    )
    assert nameless == []
    seat.sign_in("Mia", "merchant")
    for button in seat.page.get_by_role("button").all():
        assert button.bounding_box()["height"] >= 44
    assert seat.page.locator("[aria-live]:not([hidden] *)").count() == 2
