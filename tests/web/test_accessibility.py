"""The page for everyone: axe-core on each view in each colour scheme, the keyboard alone, and colours that are kept."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from tests.web.accessibility import violations
from tests.web.pictures import sample, text_file

if TYPE_CHECKING:
    from collections.abc import Callable

    from playwright.sync_api import Page

    from tests.web.visit import Visit


def fill_galaxy(visit: Visit, page: Page) -> None:
    visit.provoked = {415}
    page.get_by_label("Heat maps").first.check()
    visit.choose("galaxy", [sample("galaxy_spiral.jpg"), sample("galaxy_edge_on.jpg"), text_file("notes.jpg")])
    expect(visit.cards()).to_have_count(2)
    expect(visit.cards("failed")).to_have_count(1)


def fill_image(visit: Visit, page: Page) -> None:
    visit.choose("image", [sample("traffic_light.jpg")])
    expect(visit.cards()).to_have_count(1)
    page.locator("#view-image .label-choice select").select_option("custom")


def fill_star(_: Visit, page: Page) -> None:
    page.get_by_role("button", name="Sample table").click()
    expect(page.locator("#star-table")).to_contain_text("1 rejected")
    page.locator("#star-table").get_by_role("button", name="sdss17-qso-2").click()
    expect(page.get_by_role("img", name=re.compile("diagram: u .+ g .+ r"))).to_be_visible()


def fill_batch(visit: Visit, page: Page) -> None:
    visit.drop("#batch-drop", [sample("galaxy_spiral.jpg"), text_file("notes.jpg")])
    expect(page.locator("#batch-state .counts dd")).to_have_text(["2", "0", "1", "1"])
    expect(page.locator("#batch-results tbody tr")).to_have_count(2)


def fill_models(_: Visit, page: Page) -> None:
    expect(page.locator(".model")).to_have_count(3)


FILL: dict[str, Callable[[Visit, Page], None]] = {
    "galaxy": fill_galaxy,
    "image": fill_image,
    "star": fill_star,
    "batch": fill_batch,
    "models": fill_models,
}


@pytest.mark.parametrize("view", FILL)
def test_axe_finds_nothing_in_a_view_empty_or_full_in_any_colours(new_visit: Callable[..., Visit], view: str) -> None:
    visit = new_visit()
    page = visit.open(view)
    page.get_by_label("Colour theme").select_option("light")
    assert violations(page) == []
    FILL[view](visit, page)
    for colours in ("light", "dark", "red"):
        page.get_by_label("Colour theme").select_option(colours)
        assert violations(page) == [], colours


@pytest.mark.parametrize("view", ["galaxy", "star"])
def test_axe_finds_nothing_on_a_phone(new_visit: Callable[..., Visit], view: str) -> None:
    visit = new_visit(phone=True, scheme="dark")
    page = visit.open(view)
    FILL[view](visit, page)
    assert violations(page) == []


def test_axe_finds_nothing_in_the_dialogue_for_the_key(visit: Visit) -> None:
    visit.provoked = {401}
    page = visit.open("galaxy")
    page.route("**/v1/classify/**", lambda route: route.fulfill(status=401, content_type="application/json", body="{}"))
    visit.choose("galaxy", [sample("galaxy_spiral.jpg")])
    expect(page.get_by_role("dialog")).to_be_visible()
    assert violations(page) == []


def tab_to(page: Page, name: str, max_presses: int = 40) -> None:
    """Press Tab until what has this name has the focus."""
    for _ in range(max_presses):
        page.keyboard.press("Tab")
        focused = page.locator(":focus")
        if name in (focused.inner_text() or focused.get_attribute("aria-label") or ""):
            return
    pytest.fail(f"{max_presses} presses of Tab did not reach {name!r}")


def test_a_galaxy_is_classified_with_the_keyboard_alone(visit: Visit) -> None:
    # Given
    page = visit.open("galaxy")
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to content")).to_be_focused()
    page.keyboard.press("Enter")

    # When
    tab_to(page, "Elliptical")
    page.keyboard.press("Enter")
    expect(visit.cards()).to_have_count(1)
    tab_to(page, "Heat map")
    page.keyboard.press("Space")

    # Then
    expect(page.locator("img.heat")).to_have_count(1)
    expect(page.locator("#live")).to_have_text("Smooth Round")


def test_a_star_is_classified_with_the_keyboard_alone(visit: Visit) -> None:
    page = visit.open("galaxy")
    tab_to(page, "Star")
    page.keyboard.press("Enter")
    page.locator("#view-star[data-ready]").wait_for()
    expect(page.locator("main")).to_be_focused()
    tab_to(page, "Quasar")
    page.keyboard.press("Enter")
    expect(page.locator("#star-answer .verdict")).to_contain_text("A quasar")


def test_colours_are_the_systems_until_they_are_chosen_and_then_kept(new_visit: Callable[..., Visit]) -> None:
    # Given
    visit = new_visit(scheme="dark")
    page = visit.open("galaxy")
    background = "() => getComputedStyle(document.body.parentElement).backgroundColor"
    dark = page.evaluate(background)
    assert dark == "rgb(9, 12, 21)"

    # When
    page.get_by_label("Colour theme").select_option("light")

    # Then
    assert page.evaluate(background) == "rgb(246, 244, 238)"
    page.reload()
    assert page.evaluate(background) == "rgb(246, 244, 238)"
    page.get_by_label("Colour theme").select_option("auto")
    assert page.evaluate(background) == dark


def test_every_view_has_one_heading_of_the_first_rank_and_a_title(visit: Visit) -> None:
    page = visit.page
    for view in FILL:
        visit.open(view)
        expect(page.locator("h1:visible")).to_have_count(1)
        assert page.title().endswith("· skysort")
