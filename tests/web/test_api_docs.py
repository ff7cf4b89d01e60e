"""Calls as code to copy: beside each answer, and on the API's own page, where each can be tried."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from playwright.sync_api import expect

from tests.web.accessibility import violations
from tests.web.pictures import sample

if TYPE_CHECKING:
    from collections.abc import Callable

    from playwright.sync_api import Locator, Page

    from tests.web.visit import Visit

REMOVE = "(all) => all.forEach((each) => each.id !== 'getBatch' && each.remove())"


def opened(visit: Visit) -> Page:
    visit.page.goto(f"{visit.site}/docs")
    return visit.page


def tried(page: Page, call: str) -> Locator:
    """A call's section, its form open."""
    section = page.locator(f"#{call}")
    section.get_by_role("button", name="Try it").click()
    expect(section.get_by_role("button", name="Send")).to_be_visible()
    return section


def test_a_picture_is_classified_from_the_page_and_its_call_is_shown_as_code(visit: Visit) -> None:
    page = opened(visit)
    section = tried(page, "classifyGalaxy")

    # Given a file and an option
    section.get_by_label("Content").set_input_files([sample("galaxy_spiral.jpg")])
    section.get_by_label("top_k").fill("2")

    # Then each language shows the same call, to this address
    code = section.locator(".code pre")
    for language, words in {
        "curl": [f"curl '{visit.site}/v1/classify/galaxy?top_k=2'", "-F 'file=@galaxy_spiral.jpg'"],
        "Python": [f'"{visit.site}/v1/classify/galaxy"', 'files=[("file", open("galaxy_spiral.jpg", "rb"))]'],
        "JavaScript": [f'fetch("{visit.site}/v1/classify/galaxy?top_k=2"', 'form.append("file", file)'],
    }.items():
        section.get_by_label("The same as").select_option(language)
        for text in words:
            expect(code).to_contain_text(text)

    # And the answer is the service's
    section.get_by_role("button", name="Send").click()
    expect(section.locator(".answer")).to_contain_text("Status 200")
    answer = json.loads(section.locator(".answer pre").inner_text())
    assert [len(result["predictions"]) for result in answer["results"]] == [2]


def test_a_body_that_is_wrong_is_answered_with_the_services_own_words(visit: Visit) -> None:
    visit.provoked = {400}
    section = tried(opened(visit), "classifyStar")
    section.get_by_label("Body").select_option("application/json")
    section.get_by_role("textbox", name="Content").fill("{")
    section.get_by_role("button", name="Send").click()
    expect(section.locator(".answer .bad")).to_contain_text("Status 400")
    expect(section.locator(".answer pre")).to_contain_text('"status": 400')


def test_a_key_is_sent_and_named_in_the_code_without_being_shown(visit: Visit) -> None:
    page = opened(visit)
    sent: list[str | None] = []
    page.on("request", lambda request: sent.append(request.headers.get("x-api-key")))
    page.get_by_label("API key").fill("secret-1")
    section = tried(page, "health")
    expect(section.locator(".code pre")).to_contain_text('"x-api-key: $SKYSORT_API_KEY"')
    section.get_by_role("button", name="Send").click()
    expect(section.locator(".answer pre")).to_contain_text('"status": "ok"')
    assert sent[-1] == "secret-1"
    assert "secret-1" not in page.locator("main").inner_text()


def test_the_call_behind_a_picture_and_a_row_is_copied_with_one_key(new_visit: Callable[..., Visit]) -> None:
    visit = new_visit()
    visit.page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page = visit.open("image")
    page.locator("#view-image .label-choice select").select_option("dogs")
    visit.choose("image", [sample("traffic_light.jpg")])

    # When a picture's call is shown
    visit.cards().get_by_role("button", name="Use via API: traffic_light.jpg").click()
    dialog = page.get_by_role("dialog", name="Use via API")
    expect(dialog.locator("pre")).to_contain_text(f"curl '{visit.site}/v1/classify/image?top_k=3&labels=dogs'")
    assert violations(page) == []

    # Then one key copies it, with the options in force, in the language chosen
    dialog.get_by_label("Language").select_option("Python")
    page.keyboard.press("c")
    expect(dialog.get_by_role("button", name="Copied")).to_be_visible()
    copied = page.evaluate("navigator.clipboard.readText()")
    assert 'params={"top_k": "3", "labels": "dogs"}' in copied
    page.keyboard.press("Escape")
    expect(dialog).to_have_count(0)

    # And a row's is the same row as JSON
    visit.open("star")
    page.locator("#star-samples").get_by_role("button", name="Quasar").click()
    page.locator("#star-answer").get_by_role("button", name="Use via API").click()
    expect(dialog.locator("pre")).to_contain_text("/v1/classify/star?explain=true' \\")
    expect(dialog.locator("pre")).to_contain_text('"redshift":')


def test_axe_finds_nothing_on_a_phone_with_a_form_open(new_visit: Callable[..., Visit]) -> None:
    visit = new_visit(phone=True, scheme="dark")
    visit.provoked = {404}
    page = opened(visit)
    section = tried(page, "getBatch")
    section.get_by_label("batch (in the path)").fill("none-such")
    section.get_by_role("button", name="Send").click()
    expect(section.locator(".answer pre")).to_be_visible()
    # Of the many calls, which are all made alike, a few are enough, and take a tenth of the time.
    page.locator("section ~ section ~ section, main > details ~ details").evaluate_all(REMOVE)
    page.locator("details").evaluate_all("(all) => all.forEach((each) => { each.open = true; })")
    assert violations(page) == []
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    page.emulate_media(color_scheme="light")
    assert violations(page) == []
