"""Models: each card readable."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

if TYPE_CHECKING:
    from tests.web.visit import Visit


@pytest.mark.parametrize(
    ("model", "parts", "classes"), [("galaxy", [], 8), ("star", ["With redshift", "Photometry only"], 3)]
)
def test_a_card_shows_scores_with_intervals_a_confusion_matrix_and_a_reliability_plot(
    visit: Visit, model: str, parts: list[str], classes: int
) -> None:
    page = visit.open("models")
    card = page.locator(f"#model-{model}")
    for part in parts or [""]:
        if part:
            card.get_by_role("button", name=part).click()
        expect(card.locator(".scores").get_by_text("Accuracy", exact=True)).to_be_visible()
        expect(card.locator(".scores .range")).to_contain_text(["(95 %)"] * 3)
        expect(card.locator(".confusion tbody tr")).to_have_count(classes)
        expect(card.get_by_role("img", name="Reliability: predicted")).to_be_visible()
    for fact in ("Version", "Training data", "Licence", "Attribution", "Training command"):
        expect(card.locator(".facts").get_by_text(fact, exact=True)).to_be_visible()
    expect(card).to_contain_text("Latency of the model alone:")


def test_the_photograph_card_has_every_set_that_it_was_measured_on(visit: Visit) -> None:
    page = visit.open("models")
    card = page.locator("#model-image")
    expect(card).to_contain_text("too many classes here for a readable confusion matrix")
    card.get_by_role("button", name="Imagenette160").click()
    expect(card.locator(".confusion tbody tr")).to_have_count(10)
    expect(card.locator(".confusion thead")).to_contain_text("other")


def test_cards_that_do_not_come_are_asked_for_again(visit: Visit) -> None:
    # Given
    visit.provoked = {503}
    page = visit.page
    page.route("**/v1/models/*", lambda route: route.fulfill(status=503, content_type="text/html", body="<p>busy</p>"))
    visit.open("models")
    expect(page.locator("#models-list")).to_contain_text("The service is unavailable")

    # When
    page.unroute("**/v1/models/*")
    page.get_by_role("button", name="Try again").click()

    # Then
    expect(page.locator(".model")).to_have_count(3)
