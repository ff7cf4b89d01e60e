"""The whole story with real pictures: two classes, a model, its answers, a correction, new labels, a second version."""

from __future__ import annotations

import gzip
import re
from itertools import islice
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

if TYPE_CHECKING:
    from pathlib import Path

    from playwright.sync_api import FilePayload

    from tests.web.visit import Visit

# Training, with the stack's sandboxes still cold and other work beside it.
TRAINED_MS = 90_000
LABELS = {"Chihuahua": "chihuahua", "German shepherd": "german_shepherd"}


def pictures(folder: Path, first: int, number: int) -> list[FilePayload]:
    """So many pictures of a folder, from the first on."""
    paths = sorted(folder.iterdir())[first : first + number]
    return [{"name": path.name, "mimeType": "image/jpeg", "buffer": path.read_bytes()} for path in paths]


@pytest.mark.needs_data
def test_real_pictures_become_a_model_that_answers_is_corrected_and_trained_again(
    visit: Visit, survey_data: Path
) -> None:
    # Given photographs of two breeds
    dogs = survey_data / "custom" / "dog_breeds_64px"
    page = visit.open("train")
    for place, (label, folder) in enumerate(LABELS.items()):
        visit.drop(f".box >> nth={place}", pictures(dogs / folder, 0, 12))
        page.get_by_label("Class", exact=True).nth(place).fill(label)
        page.get_by_label("Class", exact=True).nth(place).press("Tab")
    page.get_by_label("Name of the model").fill("two-breeds")

    # When
    page.get_by_role("button", name="Train", exact=True).click()

    # Then it is trained, measured and live
    results = page.locator("#train-results")
    expect(results).to_contain_text("Live. It is the first version.", timeout=TRAINED_MS)
    expect(results.locator(".scores .range").first).to_contain_text("(95 %)")
    accuracy = results.locator(".scores dd").first.inner_text()
    assert float(accuracy.split()[0]) > 60
    expect(results.locator(".confusion tbody tr")).to_have_count(2)
    expect(results.get_by_role("img", name=re.compile("^Learning curve: .*24 pictures"))).to_be_visible()
    expect(results.locator("span.forecast")).to_contain_text("50 more pictures: about")
    expect(results).to_contain_text("candidates compared")

    # When it is asked, and corrected
    trial = page.locator("#train-try")
    trial.get_by_label("Heat maps").check()
    [asked] = pictures(dogs / "chihuahua", 12, 1)
    trial.locator("[data-part=files]").set_input_files([asked])
    expect(trial.locator(".nearest img")).to_have_count(3)
    expect(trial.locator(".nearest img").first).to_have_js_property("naturalWidth", 64)
    expect(trial.locator("img.heat")).to_have_count(1)
    trial.get_by_role("button", name=re.compile(f"^{re.escape(asked['name'])} is not ")).click()
    trial.get_by_label("Right class").fill("Chihuahua")
    trial.get_by_role("button", name="Keep").click()
    page.get_by_role("button", name="Add to the classes").click()
    expect(page.get_by_role("region", name="Class Chihuahua").locator(".hint").first).to_have_text("13 pictures")

    # When it asks about what it is least certain of, and is trained again
    pool = page.locator("#train-pool")
    unlabelled = [*pictures(dogs / "chihuahua", 13, 6), *pictures(dogs / "german_shepherd", 13, 6)]
    pool.locator("input[type=file]").first.set_input_files(unlabelled)
    asking = pool.get_by_role("group", name="Label the least certain pictures")
    expect(asking.locator(".strip li")).to_have_count(10)
    small = {file["name"] for file in unlabelled[:6]}
    asking.focus()
    for _ in range(4):
        name = asking.locator("figcaption").inner_text().split(": ")[1]
        page.keyboard.press("1" if name in small else "2")
    pool.get_by_role("button", name="Train again with 4 new labels").click()
    expect(results).to_contain_text("examples that both held out", timeout=TRAINED_MS)
    expect(page.locator("#train-recent tbody tr")).to_have_count(2)

    # Then there are two versions, either of which can be live
    page.get_by_role("link", name="Models").click()
    model = page.get_by_role("article", name="two-breeds")
    model.get_by_text("Versions and card").click()
    expect(model.locator("tbody").first.locator("tr")).to_have_count(2)
    model.get_by_role("button", name="Roll back").click()
    expect(model).to_contain_text(", rolled back on")
    model.get_by_role("button", name=re.compile("^Promote ")).click()
    expect(model).to_contain_text(", promoted on")
    expect(model).to_contain_text("it is not worse")


@pytest.mark.needs_data
def test_a_real_table_becomes_a_model_that_classifies_rows(visit: Visit, survey_data: Path) -> None:
    # Given rows of the survey with their classes
    with gzip.open(survey_data / "star" / "sdss17.csv.gz", "rt") as table:
        rows = "".join(islice(table, 1_001))
    page = visit.open("train")
    page.get_by_role("button", name="A table of objects").click()
    visit.drop("#train-star .drop", [{"name": "sdss.csv", "mimeType": "text/csv", "buffer": rows.encode()}])
    expect(page.get_by_label("Column with the classes")).to_have_value("class")
    page.get_by_label("Name of the model").fill("sdss-on-the-page")

    # When
    page.get_by_role("button", name="Train", exact=True).click()

    # Then
    results = page.locator("#train-results")
    expect(results).to_contain_text("Live. It is the first version.", timeout=TRAINED_MS)
    expect(results.locator(".confusion tbody tr")).to_have_count(3)
    page.get_by_role("link", name="Classify objects with sdss-on-the-page").click()
    view = visit.view("star")
    for name, value in {"u": "19.0", "g": "17.9", "r": "17.4", "i": "17.2", "z": "17.1", "redshift": "0.1"}.items():
        view.locator(f"#sdss-on-the-page-{name}").fill(value)
    view.get_by_role("button", name="Classify", exact=True).click()
    expect(view.locator(".verdict")).to_contain_text("A galaxy")
