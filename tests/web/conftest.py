"""A shop as `make run` starts it, and headless Chromium in front of it.

Every page is watched: what it logs as an error, what it throws, what its policy blocked. The
browser and the shop live as long as the tests of one file, so that no event loop outlives them.
"""

import contextlib
import shutil
import time
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from playwright.sync_api import expect, sync_playwright

from bench import serving
from drills.client import Client, session

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser"))), None)
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE 127.0.0.1",
]
WATCH = """
window.blocked = [];
document.addEventListener("securitypolicyviolation", (event) => {
  window.blocked.push(`${event.effectiveDirective} ${event.blockedURI}`);
});
"""
# Chromium writes an error to the console for every answer from 400 on. A read that asks after its
# own write may be told "not yet", and asks again: that alone is no error of the page.
NOT_YET = "the server responded with a status of 503"
# Whether somebody is at the photo desk is asked of the shop; 404 says that they are not.
NOBODY = "the server responded with a status of 404"
# Pictures that are not there, as tests of pictures name them: the tile is what is asked about.
MISSING = ("https://pictures.example/", "/web/nothing.svg")
expect.set_options(timeout=15_000)


def pytest_collection_modifyitems(config, items):
    """Without a browser one test is skipped, loudly, and stands for all; in CI that fails."""
    ours = [item for item in items if Path(__file__).parent in item.path.parents]
    if CHROMIUM is None and ours:
        why = f"NO CHROMIUM: {len(ours)} tests of the page do not run (apt-get install chromium)"
        ours[0].add_marker(pytest.mark.skip(reason=why))
        config.hook.pytest_deselected(items=ours[1:])
        items[:] = [item for item in items if item not in ours[1:]]


@dataclass
class Served:
    """The shop at `url`, and people who speak to it past the browser."""

    url: str
    client: Client
    known: dict = field(default_factory=dict)

    def ask(self, method, path, body=None, to=None, **headers):
        """An answer that must be a success."""
        given = {name.replace("_", "-"): value for name, value in headers.items()}
        answer = self.client.ask(method, path, body, headers={**(to or {}), **given})
        assert answer.status < 300, answer
        return answer.body

    def person(self, name, role):
        """The headers under which somebody speaks."""
        return session(self.client, name, role)[0]

    def product(self, entity, merchant="Some Merchant", **members):
        """A product that the catalog shows by now."""
        body = {"id": entity, "brand": "Kiln", "name": entity, "description": "", "category": "all"}
        made = self.ask("POST", "/products", body | members, self.person(merchant, "merchant"))
        return self.judged(made)

    def judged(self, made):
        self.ask("GET", "/products?limit=1", Read_After=made["position"])
        return made


@pytest.fixture(scope="module")
def shop():
    with serving.running() as (endpoint, _), Client(endpoint) as client:
        yield Served(str(endpoint), client)


@pytest.fixture(scope="module")
def chromium():
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield browser
        browser.close()


class Seat:
    """Somebody before a browser that shows the page."""

    def __init__(self, browser, url, *, before=None, **options):
        options = {"viewport": {"width": 1180, "height": 900}, "locale": "en-GB"} | options
        self.context = browser.new_context(**options)
        self.page = self.context.new_page()
        self.errors = []
        self.page.add_init_script(WATCH)
        self.page.on("console", self._heard)
        self.page.on("pageerror", lambda error: self.errors.append(str(error)))
        if before is not None:
            before(self.page)
        self.page.goto(url)

    def _heard(self, message):
        url = message.location["url"]
        of_a_picture = any(part in url for part in MISSING)
        of_the_desk = "/photographers/" in url and NOBODY in message.text
        if (
            message.type in ("error", "warning")
            and not (of_a_picture or of_the_desk)
            and NOT_YET not in message.text
        ):
            self.errors.append(message.text)

    def sign_in(self, name, role):
        form = self.page.locator("#sign-in")
        form.get_by_label("Name").fill(name)
        form.get_by_label("Role").select_option(role)
        form.get_by_role("button", name="Sign in").click()
        expect(self.page.locator("#you")).to_be_visible()
        return self

    def card(self, name):
        """The product's card in the catalog."""
        return self.page.locator("#products li").filter(has_text=name)

    def row(self, side, name):
        """Somebody's line on the board."""
        return self.page.locator(f"#board-{side} li").filter(has_text=name)

    @contextlib.contextmanager
    def losing(self, pattern):
        """The shop hears what is sent there, and its answers get lost."""

        def lose(route):
            route.fetch()
            route.abort("connectionreset")

        self.page.route(pattern, lose)
        yield
        self.page.unroute(pattern)

    def said(self, text):
        expect(self.page.locator("#message")).to_have_text(text)

    def close(self, *, errors=()):
        """Nothing was blocked, thrown or complained of, but for what the story means to provoke."""
        blocked, complaints = self.page.evaluate("window.blocked"), list(self.errors)
        # An answer that a test stands in for may still be on its way: it must not outlive its page.
        self.page.unroute_all(behavior="wait")
        self.context.close()
        assert blocked == []
        assert [said for said in complaints if not any(known in said for known in errors)] == []


@pytest.fixture
def sit(chromium, shop):
    """Somebody sits down before the page; at the end all browsers must have been content."""
    seats, allowed = [], []

    def sit_down(*, errors=(), at="/", **options):
        allowed.append(errors)
        seats.append(Seat(chromium, shop.url + at, **options))
        return seats[-1]

    yield sit_down
    for seat, errors in zip(seats, allowed, strict=True):
        seat.close(errors=errors)


@pytest.fixture
def eventually():
    """Wait for what no locator can wait for."""

    def wait(claim, patience_s=15.0):
        end = time.monotonic() + patience_s
        while not claim():
            assert time.monotonic() < end, "it did not come true in time"
            time.sleep(0.05)

    return wait
