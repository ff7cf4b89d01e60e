"""Models: a view for each that the service lists, and each card readable."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from playwright.sync_api import expect

from tests.web.pictures import sample

if TYPE_CHECKING:
    from playwright.sync_api import Page, Route

    from tests.web.visit import Visit

COMET = {
    "name": "comet",
    "version": "1",
    "architecture": "none",
    "labels": ["Long-period", "Short-period", "Interstellar"],
    "title": "Comet",
    "question": "What kind of comet is this?",
    "summary": "Drop images of comets.",
    "input": "pictures",
    "accepts": [".jpg", ".png"],
    "archives": [".zip"],
    "media_types": ["image/jpeg", "image/png"],
    "max_file_bytes": 1_000_000,
    "label_sets": [{"name": "periodic", "labels": 2}],
    "columns": [],
    "samples": [{"title": "Spiral", "file": "galaxy_spiral.jpg"}],
}
ASTEROID = {
    **COMET,
    "name": "asteroid",
    "labels": ["C", "S"],
    "title": "Asteroid",
    "question": "What is this asteroid made of?",
    "input": "rows",
    "accepts": [".csv", ".parquet"],
    "archives": [],
    "media_types": ["text/csv"],
    "label_sets": [],
    "columns": [
        {"name": "albedo", "unit": "", "minimum": 0.0, "maximum": 1.0, "required": True},
        {"name": "diameter", "unit": "km", "minimum": 0.0, "maximum": 1000.0, "required": False},
    ],
    "samples": [{"title": "Ceres", "row": {"albedo": 0.09, "diameter": 939.4}}],
}
# Of an input that this page has no view for.
SPECTRUM = {**COMET, "name": "spectrum", "title": "Spectrum", "input": "spectra", "samples": []}


def answer(model: dict[str, Any], results: int = 1) -> dict[str, Any]:
    """What the service answers where the first label is the likely one."""
    probabilities = [0.9, *[0.1 / (len(model["labels"]) - 1)] * (len(model["labels"]) - 1)]
    predictions = [
        {"label": label, "class_id": place, "probability": probability}
        for place, (label, probability) in enumerate(zip(model["labels"], probabilities, strict=True))
    ]
    result = {"predictions": predictions, "prediction_set": [model["labels"][0]], "cached": False}
    return {
        "model": {"name": model["name"], "version": "1"},
        "results": [{"id": str(place), **result} for place in range(results)],
        "timing_ms": {"total": 1.5},
    }


def open_with(visit: Visit, model: dict[str, Any], view: str | None = None) -> tuple[Page, list[str]]:
    """The page of a service that has one model more, at its view or another; and the paths that are called for it."""
    called: list[str] = []

    def models(route: Route) -> None:
        response = route.fetch()
        route.fulfill(response=response, json={"models": [*response.json()["models"], model]})

    def classify(route: Route) -> None:
        called.append(route.request.url.removeprefix(visit.site))
        body = route.request.post_data or ""
        rows = body.count("\n") - 1 if route.request.headers["content-type"] == "text/csv" else 1
        route.fulfill(json=answer(model, rows))

    visit.page.route("**/v1/models", models)
    visit.page.route(f"**/v1/classify/{model['name']}*", classify)
    return visit.open(view or model["name"]), called


def test_a_further_model_of_pictures_has_its_tab_its_view_and_its_calls(visit: Visit) -> None:
    # Given
    page, called = open_with(visit, COMET)
    expect(page.get_by_role("link", name="Comet")).to_have_attribute("aria-current", "page")
    expect(page.get_by_role("heading", level=1)).to_have_text("What kind of comet is this?")
    expect(page).to_have_title("Comet · skysort")
    expect(visit.view("comet").get_by_text("JPEG or PNG")).to_be_visible()

    # When
    visit.drop("#view-comet .drop", [sample("galaxy_spiral.jpg")])

    # Then
    expect(visit.cards().locator(".verdict")).to_contain_text("Long-period")
    assert called == ["/v1/classify/comet?top_k=3"]
    page.get_by_label("Choose from").select_option("Periodic (2 classes)")
    expect(visit.cards().locator(".set")).to_have_text("Best of the chosen labels: Long-period")
    assert called[1:] == ["/v1/classify/comet?top_k=3&labels=periodic"]


def test_a_further_model_says_at_once_what_it_does_not_take(visit: Visit) -> None:
    _, called = open_with(visit, COMET)
    files = {"night.zip": "archive", "stars.csv": "Open it in the Star view", "large.jpg": "the limit for a picture is"}
    for name, sentence in files.items():
        visit.choose("comet", [{"name": name, "mimeType": "", "buffer": bytes(1_000_001)}])
        expect(visit.cards("failed").first).to_contain_text(sentence)
    assert called == []


def test_a_further_model_of_rows_has_a_field_for_each_column(visit: Visit) -> None:
    # Given
    page, called = open_with(visit, ASTEROID)
    view = visit.view("asteroid")
    expect(view.get_by_label("diameter")).to_have_value("939.4")

    # When
    view.get_by_label("albedo").fill("2")
    view.get_by_role("button", name="Classify", exact=True).click()
    expect(page.get_by_role("alert")).to_have_text("albedo must be between 0 and 1")
    view.get_by_role("button", name="Ceres").click()

    # Then: without the diagram of colours, which it has no magnitudes for
    expect(view.locator(".verdict")).to_contain_text("C90.0 %")
    expect(view.locator("svg")).to_have_count(0)
    view.get_by_label("Rows or CSV").fill("0.1\n0.2 \n0.3")
    view.get_by_role("button", name="Classify rows").click()
    expect(view.locator("#asteroid-table")).to_contain_text("3 C")
    assert called == ["/v1/classify/asteroid?explain=true", "/v1/classify/asteroid"]


@pytest.mark.parametrize(
    ("model", "text"), [(COMET, "Comet: pictures and archives"), (ASTEROID, "Asteroid: tables"), (SPECTRUM, "Spectrum")]
)
def test_a_further_model_can_be_chosen_for_a_batch(visit: Visit, model: dict[str, Any], text: str) -> None:
    page, _ = open_with(visit, model, "batch")
    expect(page.locator("#batch-model option").last).to_contain_text(text)


def test_a_model_of_an_input_that_the_page_does_not_know_has_no_view(visit: Visit) -> None:
    page = visit.page
    page.route("**/v1/models", lambda route: route.fulfill(json={"models": [SPECTRUM, COMET]}))
    visit.open("comet")
    expect(page.locator("#views a")).to_have_text(["Comet", "Batch", "Bulk", "Train", "Models"])
    page.goto(f"{visit.site}/#spectrum")
    expect(page.get_by_role("heading", level=1)).to_have_text("What kind of comet is this?")


def test_what_needs_no_model_is_painted_before_the_models_are_known(visit: Visit) -> None:
    # Given: a service that keeps its answer back
    page = visit.page
    held: list[Route] = []
    page.route("**/v1/models", lambda route: held.append(route))  # noqa: PLW0108 - Playwright marks its handlers

    # When
    page.goto(f"{visit.site}/#batch")

    # Then it is shown, and takes no input yet
    expect(page.get_by_role("heading", level=1)).to_have_text("A whole folder at once")
    expect(page.locator("#status")).to_have_text("Loading the models…")
    expect(page.locator("#view-batch")).to_have_js_property("inert", value=True)
    held[0].continue_()
    page.locator("#view-batch[data-ready]").wait_for()
    expect(page.locator("#status")).to_have_count(0)


def test_models_that_do_not_come_are_asked_for_again(visit: Visit) -> None:
    # Given
    visit.provoked = {503}
    page = visit.page
    page.route("**/v1/models", lambda route: route.fulfill(status=503, content_type="text/html", body="<p>busy</p>"))
    page.goto(visit.site)
    expect(page.locator("#status")).to_contain_text("The service is unavailable")

    # When
    page.unroute("**/v1/models")
    page.get_by_role("button", name="Try again").click()

    # Then
    expect(page.locator("#views a")).to_have_text(["Galaxy", "Photograph", "Star", "Batch", "Bulk", "Train", "Models"])
    expect(page.get_by_role("heading", level=1)).to_have_text("What shape is this galaxy?")


@pytest.mark.parametrize(
    ("model", "parts", "classes"), [("galaxy", [], 8), ("star", ["With redshift", "Photometry only"], 3)]
)
def test_a_card_shows_scores_with_intervals_a_confusion_matrix_and_a_reliability_diagram(
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
    card.get_by_text("Scores by class").click()
    expect(card.get_by_role("columnheader", name="In its 90 % set")).to_be_visible()
    if model == "star":
        expect(card).to_contain_text("Inputs below 0.5 % are marked as unlike the test data.")
        card.get_by_text("What is marked").click()
        expect(card.get_by_role("region", name="Marked inputs")).to_contain_text("Rows, with redshift, good")


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
