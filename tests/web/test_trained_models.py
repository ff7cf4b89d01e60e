"""Trained models on the page: tried, corrected, improved with few labels, promoted, rolled back, against faked ones."""

from __future__ import annotations

import json
import zipfile
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from tests.web.accessibility import violations
from tests.web.fake_trainings import FakeTrainings
from tests.web.pictures import galaxies, sample
from tests.web.training import TRAINED, train

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.web.visit import Visit


def test_an_answer_brings_the_nearest_training_pictures_and_can_be_corrected(visit: Visit) -> None:
    # Given
    fake = FakeTrainings(visit)
    page = visit.open("train")
    train(visit, page)

    # When
    trial = page.locator("#train-try")
    trial.get_by_label("Heat maps").check()
    trial.locator("[data-part=files]").set_input_files([sample("galaxy_spiral.jpg")])

    # Then
    expect(trial.locator(".nearest li")).to_have_count(3)
    expect(trial.locator(".untypical")).to_contain_text("Unlike the test dataOnly 2.0 % of the held-out pictures")
    expect(trial.locator("img.heat")).to_have_count(1)
    trial.get_by_role("button", name="galaxy_spiral.jpg is not ring").click()
    trial.get_by_label("Right class of galaxy_spiral.jpg").fill("spiral")
    trial.get_by_label("Right class of galaxy_spiral.jpg").press("Enter")
    expect(trial).to_contain_text("Kept as spiral")

    # When a built-in model's answer is corrected as well
    expect(page.get_by_role("link", name="1 correction")).to_be_visible()
    page.get_by_role("link", name="Galaxy").click()
    visit.choose("galaxy", [sample("galaxy_edge_on.jpg")])
    page.get_by_role("button", name="galaxy_edge_on.jpg is Edge On Disk").click()
    page.get_by_role("link", name="2 corrections").click()

    # Then both go into the boxes, and are uploaded beside what is there already
    with page.expect_download() as download:
        page.get_by_role("button", name="Download as a zip").click()
    with zipfile.ZipFile(download.value.path()) as saved:
        assert saved.testzip() is None
        assert sorted(saved.namelist()) == ["Edge On Disk/galaxy_edge_on.jpg", "spiral/galaxy_spiral.jpg"]
    page.get_by_role("button", name="Add to the classes").click()
    expect(page.get_by_role("region", name="Class spiral").locator(".small-picture")).to_have_count(6)
    expect(page.locator("#corrections")).to_be_hidden()
    page.get_by_role("button", name="Remove the class Edge On Disk").click()
    page.get_by_role("dialog").get_by_role("button", name="Remove").click()
    page.get_by_role("button", name="Train", exact=True).click()
    expect(page.locator("#train-results")).to_contain_text(
        "Live. On the 40 examples that both held out: it is not worse."
    )
    assert fake.uploads[11:] == ["spiral/galaxy_spiral.jpg"]
    assert fake.requests[0]["source"] == fake.requests[1]["source"]


def test_corrections_outlast_a_reload_and_can_be_discarded(visit: Visit) -> None:
    page = visit.open("galaxy")
    visit.choose("galaxy", [sample("galaxy_edge_on.jpg")])
    page.get_by_role("button", name="galaxy_edge_on.jpg is Edge On Disk").click()
    page.reload()
    expect(page.get_by_role("link", name="1 correction")).to_be_visible()


def test_the_least_certain_pictures_are_labelled_by_keyboard_and_trained_with(visit: Visit) -> None:
    # Given
    fake = FakeTrainings(visit)
    page = visit.open("train")
    train(visit, page)
    pool = page.locator("#train-pool")

    # When
    pool.locator("input[type=file]").first.set_input_files(galaxies(14, side=96))
    asking = pool.get_by_role("group", name="Label the least certain pictures")
    expect(asking.locator(".strip li")).to_have_count(10)
    asking.focus()
    first = asking.locator("figcaption").inner_text()
    for key in ("2", "1", "0", "2"):
        page.keyboard.press(key)
    expect(pool).to_contain_text("3 labelled · 1 skipped")
    page.keyboard.press("u")
    expect(pool).to_contain_text("2 labelled · 1 skipped")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowLeft")
    for _ in range(7):
        page.keyboard.press("1")

    # Then the next are asked about
    expect(asking.locator(".strip li")).to_have_count(4)
    expect(asking.locator("figcaption")).not_to_have_text(first)
    expect(page.get_by_role("region", name="Class ring").locator(".hint").first).to_have_text("14 pictures")
    pool.get_by_role("button", name="Train again with 9 new labels").click()
    expect(page.locator("#train-results")).to_contain_text("it is not worse")
    assert len(fake.requests) == 2
    assert len(fake.uploads) == sum(TRAINED.values()) + 9
    expect(pool.get_by_role("button", name="Train again")).to_be_hidden()


def test_a_trained_model_classifies_in_the_built_in_views_and_in_a_batch(visit: Visit) -> None:
    # Given
    fake = FakeTrainings(visit)
    fake.publish("rings", ["ring", "spiral"])
    page = visit.open("galaxy/rings")

    # When
    visit.choose("galaxy", [sample("galaxy_spiral.jpg")])
    expect(visit.cards().locator(".verdict")).to_contain_text("ring")
    visit.view("galaxy").locator(".options select").first.select_option("Galaxy (built in)")

    # Then
    expect(visit.cards().locator(".verdict")).to_contain_text("Unbarred Spiral")
    page.get_by_role("link", name="Batch").click()
    expect(page.locator("#batch-model")).to_contain_text("rings: pictures and archives")


def test_a_trained_star_model_has_the_columns_of_its_card(visit: Visit) -> None:
    # Given
    fake = FakeTrainings(visit)
    fake.publish("wise", ["AGN", "star"], "star")
    page = visit.open("star/wise")
    view = visit.view("star")
    expect(view.locator(".band-fields label")).to_contain_text(["w1", "w2", "parallax"])

    # When
    view.get_by_label("w1").fill("14.2")
    view.get_by_role("button", name="Classify", exact=True).click()
    expect(page.get_by_role("alert")).to_contain_text("w2 is required")
    view.get_by_label("w2").fill("13.9")
    view.get_by_role("button", name="Classify", exact=True).click()

    # Then without the diagram of another model's training data; and the built-in model is a choice away
    expect(view.locator(".verdict")).to_contain_text("AGN")
    expect(view.locator(".untypical")).to_contain_text("Unlike the test dataOnly 2.0 % of the held-out objects")
    expect(view.locator("svg")).to_have_count(0)
    view.locator("select").first.select_option("Star (built in)")
    expect(view.locator(".band-fields label")).to_contain_text(["u", "g", "r", "i", "z", "redshift"])
    page.get_by_role("link", name="Models").click()
    page.get_by_text("Versions and card").click()
    expect(page.locator("#models-trained")).to_contain_text("max depth 6, rounds 120")


def test_an_answer_of_a_batch_can_be_corrected(visit: Visit) -> None:
    page = visit.open("batch")
    visit.drop("#batch-drop", [sample("galaxy_edge_on.jpg")])
    page.get_by_role("button", name="galaxy_edge_on.jpg is not Edge On Disk").click()
    page.get_by_label("Right class of galaxy_edge_on.jpg").fill("a/warp")
    page.get_by_role("button", name="Keep").click()
    expect(page.locator("#batch-results")).to_contain_text("Kept as a-warp")
    expect(page.get_by_role("link", name="1 correction")).to_be_visible()


def test_versions_are_promoted_rolled_back_and_deleted(visit: Visit) -> None:
    # Given
    visit.provoked = {409}
    fake = FakeTrainings(visit)
    old = fake.publish("rings", ["ring", "spiral"])
    new = fake.publish("rings", ["ring", "spiral"])
    page = visit.open("models")
    model = page.get_by_role("article", name="rings")
    model.get_by_text("Versions and card").click()
    expect(model.locator(".confusion")).to_be_visible()

    # When
    with page.expect_download() as download:
        model.get_by_role("button", name="Card as JSON").click()
    assert json.loads(download.value.path().read_text())["name"] == "rings"
    model.get_by_role("button", name=f"Card of {old[:12]}").click()
    expect(model.get_by_role("heading", name=f"Card of version {old[:12]}")).to_be_visible()
    model.get_by_role("button", name="Roll back").click()
    expect(model).to_contain_text(f"Live: {old[:12]}, rolled back")
    fake.worse = True
    model.get_by_role("button", name=f"Promote {new[:12]}").click()
    expect(model).to_contain_text("The version is worse than the live one.")
    model.get_by_role("button", name="Promote anyway").click()

    # Then
    expect(model).to_contain_text(f"Live: {new[:12]}, promoted in spite of the comparison")
    model.get_by_role("button", name=f"Delete {old[:12]}").click()
    page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    expect(model.locator("tbody").first.locator("tr")).to_have_count(1)
    model.get_by_role("button", name="Delete the model").click()
    page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    expect(page.locator("#models-trained")).to_contain_text("None yet. Train one")


@pytest.mark.parametrize("phone", [False, True])
def test_axe_finds_nothing_in_a_training_and_nothing_is_wider_than_the_window(
    new_visit: Callable[..., Visit], phone: bool
) -> None:
    # Given
    visit = new_visit(phone=phone)
    FakeTrainings(visit)
    page = visit.open("train")
    if not phone:
        assert violations(page) == []

    # When
    train(visit, page)
    page.locator("#train-try").get_by_label("Heat maps").check()
    page.locator("#train-try [data-part=files]").set_input_files([sample("galaxy_spiral.jpg")])
    page.locator("#train-pool input[type=file]").first.set_input_files(galaxies(3, side=64))
    expect(page.locator(".nearest")).to_be_visible()
    expect(page.locator(".asking")).to_be_visible()

    # Then
    for colours in ("dark",) if phone else ("light", "dark", "red"):
        page.get_by_label("Colour theme").select_option(colours)
        assert violations(page) == [], colours
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    page.get_by_role("link", name="Models").click()
    page.get_by_text("Versions and card").click()
    expect(page.locator("#models-trained .confusion")).to_be_visible()
    assert violations(page) == []
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
