"""Bad days: hundreds of files, a busy service, a slow network, none, a key that is asked for, a service that fails."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from playwright.sync_api import expect

from tests.web.pictures import galaxies, sample

if TYPE_CHECKING:
    from playwright.sync_api import Route

    from tests.web.visit import Visit

# Bytes a second and milliseconds of a poor mobile connection.
SLOW = {"offline": False, "latency": 300, "downloadThroughput": 60_000, "uploadThroughput": 40_000}


def test_three_hundred_files_are_all_answered_a_few_at_a_time(visit: Visit) -> None:
    # Given
    page = visit.open("galaxy")
    in_flight = peak = 0

    def count(change: int) -> None:
        nonlocal in_flight, peak
        in_flight += change
        peak = max(peak, in_flight)

    page.on("request", lambda request: count(1) if "/v1/classify" in request.url else None)
    page.on("requestfinished", lambda request: count(-1) if "/v1/classify" in request.url else None)

    # When
    visit.choose("galaxy", galaxies(300, side=128))

    # Then
    expect(page.locator(".view:not([hidden]) .card")).to_have_count(300)
    counts = visit.view("galaxy").locator("[data-part=counts]")
    expect(counts).to_have_text("300 of 300 pictures", timeout=120_000)
    expect(visit.view("galaxy").get_by_role("progressbar", name="Pictures processed")).to_have_js_property("value", 300)
    assert 2 <= peak <= 4
    chips = visit.view("galaxy").locator(".chips button").all_inner_texts()
    assert sum(int(chip.split()[-1]) for chip in chips) == 300


def test_a_busy_service_is_waited_for_as_long_as_it_asks(visit: Visit) -> None:
    # Given: the first four answers are 429
    visit.provoked = {429}
    page = visit.open("galaxy")
    refused = 0

    def busy(route: Route) -> None:
        nonlocal refused
        if refused < 4:
            refused += 1
            route.fulfill(status=429, headers={"Retry-After": "1"}, content_type="application/problem+json", body="{}")
        else:
            route.continue_()

    page.route("**/v1/classify/**", busy)

    # When
    visit.choose("galaxy", galaxies(8))

    # Then
    expect(visit.view("galaxy").locator("[data-part=counts]")).to_contain_text("busy, resuming in 1 s")
    expect(visit.view("galaxy").locator("[data-part=counts]")).to_have_text("8 of 8 pictures")
    assert refused == 4


def test_on_a_slow_network_the_picture_is_there_long_before_its_answer(visit: Visit) -> None:
    # Given
    page = visit.open("galaxy")
    page.context.new_cdp_session(page).send("Network.emulateNetworkConditions", SLOW)

    # When
    visit.choose("galaxy", [sample("galaxy_spiral.jpg")])

    # Then
    expect(visit.cards("working").locator("img.preview")).to_have_js_property("naturalWidth", 424)
    expect(visit.cards().locator(".verdict")).to_contain_text("Unbarred Spiral")


def test_the_page_itself_comes_over_a_slow_network(visit: Visit) -> None:
    page = visit.page
    page.context.new_cdp_session(page).send("Network.emulateNetworkConditions", SLOW)
    visit.open("star")
    page.locator("#star-samples").get_by_role("button", name="Star").click()
    expect(page.locator("#star-answer .verdict")).to_contain_text("A star")


def test_without_a_network_what_was_dropped_waits_and_goes_on_by_itself(visit: Visit) -> None:
    # Given
    visit.lost = True
    page = visit.open("galaxy")
    page.context.set_offline(True)
    expect(page.locator("#offline")).to_be_visible()

    # When
    visit.choose("galaxy", galaxies(2))
    expect(visit.cards("waiting")).to_have_count(2)
    page.context.set_offline(False)

    # Then
    expect(page.locator("#offline")).to_be_hidden()
    expect(visit.cards()).to_have_count(2)


def test_a_connection_that_breaks_gets_an_error_card_with_another_try(visit: Visit) -> None:
    # Given
    visit.lost = True
    page = visit.open("galaxy")
    page.route("**/v1/classify/**", lambda route: route.abort())
    visit.choose("galaxy", [sample("galaxy_spiral.jpg")])
    expect(visit.cards("failed")).to_contain_text("No connection")

    # When
    page.unroute("**/v1/classify/**")
    visit.cards("failed").get_by_role("button", name="Try again").click()

    # Then
    expect(visit.cards()).to_have_count(1)


def test_a_service_that_fails_gives_the_request_number_to_quote(visit: Visit) -> None:
    visit.provoked = {500}
    page = visit.open("star")
    body = '{"title": "Internal error", "status": 500, "detail": "The service failed.", "request_id": "4f1c"}'
    page.route(
        "**/v1/classify/star**",
        lambda route: route.fulfill(status=500, content_type="application/problem+json", body=body),
    )
    page.get_by_role("button", name="Classify", exact=True).click()
    expect(page.locator("#star-answer")).to_contain_text("Internal error: The service failed.")
    expect(page.locator("#star-answer code")).to_have_text("4f1c")


def test_a_key_is_asked_for_where_one_is_needed_and_kept_in_the_tab_only(visit: Visit) -> None:
    # Given: a gateway that knows one key, and says no as API Gateway does
    visit.provoked = {403}
    page = visit.open("galaxy")

    def guarded(route: Route) -> None:
        if route.request.headers.get("x-api-key") == "sesame":
            route.continue_()
        else:
            route.fulfill(status=403, content_type="application/json", body='{"message": "Forbidden"}')

    page.route("**/v1/**", guarded)

    # When: first a wrong one
    visit.choose("galaxy", galaxies(3))
    dialogue = page.get_by_role("dialog", name="API key")
    dialogue.get_by_label("Key", exact=True).fill("guess")
    dialogue.get_by_role("button", name="Use this key").click()
    expect(dialogue).to_contain_text("rejected this key")
    dialogue.get_by_label("Key", exact=True).fill("sesame")
    dialogue.get_by_label("Key", exact=True).press("Enter")

    # Then
    expect(visit.cards()).to_have_count(3)
    expect(page.get_by_role("button", name="API key")).to_be_visible()
    assert page.evaluate("() => JSON.stringify(localStorage)").find("sesame") == -1
    other = page.context.new_page()
    other.goto(visit.site)
    assert other.evaluate("() => sessionStorage.length") == 0


def test_a_key_that_is_not_given_leaves_an_error_that_says_so(visit: Visit) -> None:
    visit.provoked = {401}
    page = visit.open("galaxy")
    page.route("**/v1/classify/**", lambda route: route.fulfill(status=401, content_type="application/json", body="{}"))
    visit.choose("galaxy", [sample("galaxy_spiral.jpg")])
    page.get_by_role("dialog").get_by_role("button", name="Cancel").click()
    expect(visit.cards("failed")).to_contain_text("API key required")


def test_stopping_leaves_what_is_not_done_for_later(visit: Visit) -> None:
    # Given
    page = visit.open("galaxy")
    page.route("**/v1/classify/**", lambda route: None)  # noqa: ARG005 - no answer ever comes
    visit.choose("galaxy", galaxies(6))
    expect(visit.cards("working")).to_have_count(4)

    # When
    page.get_by_role("button", name="Stop", exact=True).click()
    expect(visit.cards("failed")).to_have_count(6)
    page.unroute("**/v1/classify/**")
    page.get_by_role("button", name="Retry failed").click()

    # Then
    expect(visit.view("galaxy").locator("[data-part=counts]")).to_have_text(re.compile("^6 of 6 pictures$"))
    expect(visit.cards()).to_have_count(6)
