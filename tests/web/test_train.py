"""Train: class boxes, a training's phases, its results and its failures, against faked trainings."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from tests.web.fake_trainings import FakeTrainings
from tests.web.pictures import galaxies, sample, text_file
from tests.web.training import TRAINED, class_folders, fill, train

if TYPE_CHECKING:
    from playwright.sync_api import FilePayload

    from tests.web.visit import Visit


def test_pictures_are_dropped_into_classes_which_are_named_added_and_removed(visit: Visit) -> None:
    # Given
    FakeTrainings(visit)
    page = visit.open("train")
    expect(page.locator("#train-missing")).to_have_text("Missing: 2 classes with 5 pictures each to start.")
    expect(page.get_by_role("button", name="Train", exact=True)).to_be_disabled()

    # When
    visit.drop(".box >> nth=0", galaxies(6))
    page.get_by_label("Class", exact=True).first.fill("ring")
    page.get_by_label("Class", exact=True).first.press("Tab")
    visit.drop(".box >> nth=1", [*galaxies(4), text_file("notes.txt")])

    # Then
    first = page.get_by_role("region", name="Class ring", exact=True)
    expect(first.locator(".small-picture")).to_have_count(6)
    expect(page.locator("#train-pictures")).to_contain_text("Left out, as not a picture: notes.txt.")
    expect(page.locator("#train-missing")).to_have_text("Missing: Class 2: 1 more picture.")
    first.get_by_role("button", name="Remove galaxy-000.jpg").click()
    expect(first.locator(".small-picture")).to_have_count(5)
    expect(first.get_by_role("button", name="Remove galaxy-001.jpg")).to_be_focused()

    # When one of the same name comes, and a class that has the name of another
    page.get_by_label("Class", exact=True).nth(1).fill("ring")
    page.get_by_label("Class", exact=True).nth(1).press("Tab")
    expect(page.locator(".box").nth(1)).to_contain_text("There is a class 'ring' already.")
    visit.drop(".box >> nth=0", [{**sample("galaxy_spiral.jpg"), "name": "galaxy-001.jpg"}])
    expect(first.get_by_role("button", name="Remove 2-galaxy-001.jpg")).to_have_count(1)

    # Then a class goes after a question
    page.get_by_role("button", name="Add a class").click()
    expect(page.locator(".box")).to_have_count(3)
    page.get_by_role("button", name="Remove the class ring").click()
    page.get_by_role("dialog").get_by_role("button", name="Remove").click()
    expect(page.locator(".box")).to_have_count(2)


def test_a_zip_of_class_folders_fills_the_boxes_and_a_reload_keeps_them(visit: Visit) -> None:
    FakeTrainings(visit)
    page = visit.open("train")
    fill(visit, page)
    for label, number in TRAINED.items():
        expect(page.get_by_role("region", name=f"Class {label}").locator(".small-picture")).to_have_count(number)
    page.reload()
    expect(page.locator("#train-missing")).to_have_text("11 pictures in 2 classes.")
    page.get_by_role("button", name="Clear all").click()
    page.get_by_role("dialog").get_by_role("button", name="Clear").click()
    expect(page.locator("#train-missing")).to_contain_text("Missing")


def test_a_zip_that_cannot_be_opened_here_is_uploaded_as_it_is(visit: Visit) -> None:
    # Given
    fake = FakeTrainings(visit)
    page = visit.open("train")
    sealed = bytearray(class_folders("sealed.zip")["buffer"])
    sealed[sealed.index(b"PK\x01\x02") + 8] |= 1  # as if it had a password

    # When
    visit.drop("#train-form", [{"name": "sealed.zip", "mimeType": "", "buffer": bytes(sealed)}])
    expect(page.locator("#train-pictures .notice").first).to_contain_text("encrypted")
    page.get_by_label("Name of the model").fill("sealed")
    page.get_by_role("button", name="Train", exact=True).click()

    # Then
    expect(page.locator("#train-results .confusion")).to_be_visible()
    source = fake.requests[0]["source"]
    assert re.fullmatch(r"incoming/training/sealed-[0-9a-f-]+/sealed\.zip", source["s3_key"])


def test_a_picture_is_pasted_and_one_is_taken_by_camera(visit: Visit) -> None:
    # Given
    FakeTrainings(visit)
    page = visit.open("train")
    page.get_by_label("Class", exact=True).nth(1).focus()

    # When
    visit.paste(sample("galaxy_spiral.jpg"))
    expect(page.locator(".box").nth(1).locator(".small-picture")).to_have_count(1)
    page.locator(".box").nth(0).get_by_role("button", name="Camera").click()
    dialog = page.get_by_role("dialog", name="Pictures for Class 1")
    dialog.get_by_role("button", name="Take picture").click()
    expect(dialog).to_contain_text("1 picture taken")
    dialog.get_by_role("button", name="Take picture").click()
    expect(dialog).to_contain_text("2 pictures taken")
    dialog.get_by_role("button", name="Done").click()

    # Then
    pictures = page.locator(".box").nth(0).locator(".small-picture img")
    expect(pictures).to_have_count(2)
    expect(pictures.first).to_have_js_property("complete", value=True)
    expect(dialog).to_have_count(0)


def test_a_training_shows_its_phases_and_its_results_and_survives_a_reload(visit: Visit) -> None:
    # Given
    fake = FakeTrainings(visit, outcome="features")
    page = visit.open("train")
    fill(visit, page)

    # When
    page.get_by_role("button", name="Train", exact=True).click()
    run = page.locator("#train-run")
    expect(run.locator("[aria-current=step]")).to_contain_text("12 of 40 pictures")
    assert min(fake.uploads) == "ring/galaxy-000.jpg"
    assert fake.requests[0]["kind"] == "pictures"
    assert fake.requests[0]["name"] == "rings"
    assert fake.requests[0]["options"] == {"promote": True}
    page.reload()
    expect(run.locator("[aria-current=step]")).to_contain_text("12 of 40 pictures")
    fake.outcome = "done"

    # Then
    expect(run).to_contain_text("Done in 2.0 s.")
    results = page.locator("#train-results")
    expect(results).to_contain_text("Live.")
    expect(results.locator(".scores")).to_contain_text("86.0 to 94.0 % (95 %)")
    expect(results.get_by_role("img", name=re.compile("^Learning curve: 10 pictures: 71.0 %"))).to_be_visible()
    expect(results).to_contain_text("50 more pictures: about +3 points, 1 to 5.")
    expect(results.get_by_role("img", name="Reliability: predicted")).to_be_visible()
    results.get_by_text("2 candidates compared").click()
    expect(results).to_contain_text("logistic, image")
    expect(page.get_by_label("Name of the model")).to_have_value("rings")
    expect(page.locator("#train-recent")).to_contain_text("done, live")


def test_a_failed_training_says_why_and_which_files_were_refused(visit: Visit) -> None:
    FakeTrainings(visit, outcome="failed")
    page = visit.open("train")
    fill(visit, page)
    page.get_by_role("button", name="Train", exact=True).click()
    run = page.locator("#train-run")
    expect(run).to_contain_text("The class 'ring' has 3 pictures; 5 are needed.")
    run.get_by_text("2 files left out").click()
    expect(run).to_contain_text("ring/notes.jpg")


def test_a_training_that_does_not_exist_says_so(visit: Visit) -> None:
    visit.provoked = {404}
    FakeTrainings(visit)
    page = visit.open("train/pictures-20260101-000000-000000")
    expect(page.locator("#train-run")).to_contain_text("There is no training")


def test_a_worse_version_is_not_live_until_someone_decides(visit: Visit) -> None:
    # Given
    fake = FakeTrainings(visit, worse=True)
    fake.publish("rings", ["ring", "spiral"])
    page = visit.open("train")

    # When
    train(visit, page)
    results = page.locator("#train-results")
    expect(results).to_contain_text("Not live. On the 40 examples that both held out: it is worse.")
    results.get_by_role("button", name="Promote anyway").click()

    # Then
    expect(results).to_contain_text("Live, by your decision.")
    assert fake.models["rings"]["history"][0]["how"] == "forced"


def test_a_table_has_its_class_column_guessed_and_is_uploaded_whole(visit: Visit) -> None:
    # Given
    fake = FakeTrainings(visit)
    page = visit.open("train")
    page.get_by_role("button", name="A table of objects").click()
    rows = "".join(f"{n},19.{n % 10},18.1,17.2,16.9,16.5,{'QSO' if n % 2 else 'STAR'}\n" for n in range(60))

    # When
    table: FilePayload = {
        "name": "night.csv",
        "mimeType": "text/csv",
        "buffer": f"objid,u,g,r,i,z,class\n{rows}".encode(),
    }
    visit.drop("#train-star .drop", [table])
    expect(page.get_by_label("Column with the classes")).to_have_value("class")
    expect(page.locator("#train-star")).to_contain_text("2 values: STAR (30), QSO (30).")
    page.get_by_text("Columns", exact=True).click()
    page.get_by_label("Bands").fill("g, r, i")
    page.get_by_label("Bands").press("Tab")
    page.get_by_label("u", exact=True).check()
    page.get_by_label("Name of the model").fill("night")
    page.get_by_role("button", name="Train", exact=True).click()

    # Then
    expect(page.locator("#train-results")).to_contain_text("Live.")
    asked = fake.requests[0]
    assert asked["kind"] == "star"
    assert asked["source"]["s3_key"].endswith("/night.csv")
    assert asked["options"]["class_column"] == "class"
    assert asked["options"]["bands"] == ["g", "r", "i"]
    assert asked["options"]["columns"] == {"g": "g", "r": "r", "i": "i", "u": "u"}


@pytest.mark.parametrize("name", ["Rings", "9", "galaxy", ""])
def test_a_name_that_no_model_may_have_is_refused_at_once(visit: Visit, name: str) -> None:
    fake = FakeTrainings(visit)
    page = visit.open("train")
    fill(visit, page, name)
    page.get_by_role("button", name="Train", exact=True).click()
    expect(page.get_by_label("Name of the model")).to_be_focused()
    expect(page.locator("#train-name-error")).to_be_visible()
    assert fake.uploads == []
