"""`GET /docs` in a browser: it fits the screen, no policy blocks it, its links lead on."""


def test_the_contract_fits_the_screen(sit, shop):
    seat = sit()
    seat.page.goto(shop.url + "/docs")
    assert seat.page.title() == "Tillstream: the contract"
    for width in (320, 360, 768, 1600):
        seat.page.set_viewport_size({"width": width, "height": 800})
        assert seat.page.evaluate("document.documentElement.scrollWidth") <= width, width
    font = "getComputedStyle(document.querySelector('.docs dl')).display"
    assert seat.page.evaluate(font) == "grid", "its style sheet did not reach it"


def test_a_problems_type_leads_to_what_is_said_of_it(sit, shop):
    seat = sit()
    seat.page.goto(shop.url + "/docs#key-reused")
    told = seat.page.locator("dt:target + dd")
    assert "another command" in told.inner_text()
    seat.page.locator("nav").get_by_text("POST /products", exact=True).click()
    assert seat.page.locator("section:target h2").inner_text() == "POST /products"
