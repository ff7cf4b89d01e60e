"""Galaxy and Photograph: pictures in, answers and mistakes out."""

from __future__ import annotations

import csv
import json
import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from tests.web.pictures import (
    avif_photograph,
    fits_cutout,
    galaxies,
    heic_photograph,
    large_photograph,
    sample,
    text_file,
    tiff_file,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from playwright.sync_api import Route

    from tests.web.visit import Visit

CARD = Path(__file__).resolve().parents[2] / "functions" / "galaxy" / "model" / "card.json"
GALAXY_INPUT = json.loads(CARD.read_text())["input"]["width"]


def test_a_dropped_galaxy_is_answered_with_its_three_best_classes_and_its_set(visit: Visit) -> None:
    # Given
    visit.open("galaxy")

    # When
    visit.drop("#view-galaxy .drop", [sample("galaxy_spiral.jpg")])

    # Then
    card = visit.cards()
    expect(card).to_have_count(1)
    expect(card.locator(".verdict")).to_contain_text("Unbarred Spiral")
    expect(card.locator(".verdict .chance")).to_have_text(re.compile(r"^9\d\.\d %$"))
    expect(card.locator(".bars li")).to_have_count(3)
    expect(card.locator(".set")).to_have_text("90 % prediction set: Unbarred Spiral, Featured Without Bar Or Spiral")


def test_a_drop_beside_the_target_is_taken_too(visit: Visit) -> None:
    visit.open("galaxy")
    visit.drop("h1#title-galaxy", [sample("galaxy_edge_on.jpg")])
    expect(visit.cards().locator(".verdict")).to_contain_text("Edge On Disk")


def test_a_pasted_photograph_is_named(visit: Visit) -> None:
    visit.open("image")
    visit.paste(sample("traffic_light.jpg"))
    expect(visit.cards().locator(".verdict")).to_contain_text("traffic light")


def test_every_sample_is_one_click(visit: Visit) -> None:
    page = visit.open("galaxy")
    for name in ("Spiral", "Elliptical", "Edge-on"):
        page.get_by_role("button", name=name, exact=True).click()
    expect(visit.cards()).to_have_count(3)
    expect(visit.view("galaxy").locator("[data-part=counts]")).to_have_text("3 of 3 pictures")


def test_the_picture_is_shown_before_its_answer(visit: Visit) -> None:
    # Given: an API that keeps its answer back
    page = visit.open("galaxy")
    held: list[Route] = []
    page.route("**/v1/classify/**", lambda route: held.append(route))  # noqa: PLW0108 - Playwright marks its handlers

    # When
    visit.choose("galaxy", [sample("galaxy_spiral.jpg")])

    # Then
    card = visit.cards("working")
    expect(card).to_contain_text("Classifying")
    expect(card.locator("img.preview")).to_have_js_property("naturalWidth", 424)
    held[0].continue_()
    expect(visit.cards()).to_have_count(1)


def test_the_heat_map_lies_over_the_picture_and_goes_again(visit: Visit) -> None:
    # Given
    page = visit.open("image")
    visit.choose("image", [sample("traffic_light.jpg")])
    button = visit.cards().get_by_role("button", name="Heat map of traffic_light.jpg")

    # When
    button.click()

    # Then: the window of the card is the middle three quarters of an upright picture
    heat = page.get_by_alt_text("Heat map: what the model looked at for traffic light")
    expect(heat).to_be_visible()
    picture = page.locator("img.preview").bounding_box()
    box = heat.bounding_box()
    assert picture is not None
    assert box is not None
    assert box["height"] == pytest.approx(picture["height"] * 0.75, abs=1.5)
    assert box["width"] == pytest.approx(picture["width"], abs=1.5)
    button.click()
    expect(heat).to_have_count(0)


def test_heat_maps_can_be_had_for_all(visit: Visit) -> None:
    page = visit.open("galaxy")
    visit.choose("galaxy", galaxies(3))
    expect(visit.cards()).to_have_count(3)
    page.get_by_label("Heat maps").check()
    expect(page.locator(".card img.heat")).to_have_count(3)


def test_the_dog_view_names_breeds_only(visit: Visit) -> None:
    # Given
    page = visit.open("image")
    visit.choose("image", [sample("traffic_light.jpg")])
    expect(visit.cards().locator(".verdict")).to_contain_text("traffic light")

    # When
    page.get_by_label("Choose from").select_option("dogs")

    # Then no breed is confident for a traffic light
    expect(visit.cards().locator(".bars li").first).to_contain_text(re.compile("Dobermann|boxer"))
    expect(visit.cards().locator(".verdict")).to_have_text("No confident answer")


def test_an_unknown_label_is_met_with_the_nearest_ones(visit: Visit) -> None:
    visit.provoked = {422}
    page = visit.open("image")
    page.get_by_label("Choose from").select_option("custom")
    page.get_by_label("Labels, separated by commas").fill("boxxer, dingo")
    page.get_by_label("Labels, separated by commas").press("Tab")
    visit.choose("image", [sample("traffic_light.jpg")])
    expect(visit.cards("failed")).to_contain_text("Did you mean boxer")


def test_a_file_that_is_no_picture_gets_a_card_that_says_what_to_do(visit: Visit) -> None:
    # Given
    visit.provoked = {415}
    visit.open("galaxy")

    # When
    visit.choose("galaxy", [text_file("notes.jpg"), sample("galaxy_edge_on.jpg")])

    # Then
    expect(visit.cards("failed")).to_contain_text("the content is text; send a JPEG, PNG, WebP, TIFF, GIF, HEIC")
    expect(visit.cards("failed")).to_contain_text("Convert it to one of these formats")
    expect(visit.cards()).to_have_count(1)


def test_an_archive_is_sent_on_to_the_batch_view(visit: Visit) -> None:
    page = visit.open("galaxy")
    visit.choose("galaxy", [{"name": "night.zip", "mimeType": "application/zip", "buffer": b"PK\5\6" + bytes(18)}])
    expect(visit.cards("failed")).to_contain_text("This is an archive")
    page.get_by_role("button", name="Open in Batch").click()
    expect(page.locator("#batch-state")).to_contain_text("1 of 1 file uploaded")


def test_a_photograph_too_large_for_a_request_goes_by_way_of_the_drop_folder(visit: Visit) -> None:
    # Given
    page = visit.open("image")
    large = large_photograph(5 << 20)
    posted: list[str] = []
    page.on("request", lambda request: posted.append(request.url) if request.method == "POST" else None)

    # When
    visit.choose("image", [large])

    # Then
    expect(visit.cards().locator(".verdict")).to_contain_text("traffic light")
    assert [url.removeprefix(visit.site).split("?")[0] for url in posted if url.startswith(visit.site)] == [
        "/v1/uploads",
        "/v1/classify/image",
    ]
    assert any(url.startswith(visit.store) for url in posted)


def test_the_gallery_is_saved_as_csv_and_json(visit: Visit, tmp_path: Path) -> None:
    # Given
    visit.provoked = {415}
    page = visit.open("galaxy")
    visit.choose("galaxy", [sample("galaxy_spiral.jpg"), text_file("notes.jpg")])
    expect(visit.cards()).to_have_count(1)
    expect(visit.cards("failed")).to_have_count(1)

    # When
    saved = {}
    for kind in ("CSV", "JSON"):
        with page.expect_download() as download:
            page.get_by_role("button", name=kind, exact=True).click()
        saved[kind] = tmp_path / download.value.suggested_filename
        download.value.save_as(saved[kind])

    # Then
    first, second = csv.DictReader(saved["CSV"].read_text().splitlines())
    assert (first["file"], first["label"], first["version"]) == (
        "galaxy_spiral.jpg",
        "Unbarred Spiral",
        first["version"],
    )
    assert float(first["probability"]) > 0.9
    assert second["error"].startswith("the content is text")
    results = json.loads(saved["JSON"].read_text())["results"]
    assert results[0]["predictions"][0]["label"] == "Unbarred Spiral"
    assert results[1]["error"]["status"] == 415


def test_the_chips_show_one_class_alone(visit: Visit) -> None:
    page = visit.open("galaxy")
    visit.choose("galaxy", [sample("galaxy_spiral.jpg"), sample("galaxy_edge_on.jpg"), sample("galaxy_elliptical.jpg")])
    expect(visit.cards()).to_have_count(3)
    chip = page.get_by_role("button", name="Edge On Disk 1")
    chip.click()
    expect(visit.cards().filter(visible=True)).to_have_count(1)
    chip.click()
    expect(visit.cards().filter(visible=True)).to_have_count(3)


def test_pictures_are_removed_one_by_one_or_all(visit: Visit) -> None:
    page = visit.open("galaxy")
    visit.choose("galaxy", [sample("galaxy_spiral.jpg"), sample("galaxy_edge_on.jpg")])
    expect(visit.cards()).to_have_count(2)
    page.get_by_role("button", name="Remove galaxy_spiral.jpg").click()
    expect(page.locator(".card")).to_have_count(1)
    page.get_by_role("button", name="Clear").click()
    expect(page.locator(".card")).to_have_count(0)
    expect(page.locator("[data-part=bar]").first).to_be_hidden()


def test_a_phone_shows_one_picture_below_the_other_without_scrolling_sideways(new_visit: Callable[..., Visit]) -> None:
    visit = new_visit(phone=True)
    page = visit.open("galaxy")
    expect(page.get_by_role("button", name="Take a photo")).to_be_visible()
    visit.choose("galaxy", [sample("galaxy_spiral.jpg"), sample("galaxy_edge_on.jpg")])
    expect(visit.cards()).to_have_count(2)
    boxes = [card.bounding_box() for card in visit.cards().all()]
    assert boxes[0]
    assert boxes[1]
    assert boxes[0]["x"] == boxes[1]["x"]
    assert page.evaluate("() => document.documentElement.scrollWidth") == 390


@pytest.mark.needs_data
def test_real_galaxies_of_the_survey_are_answered(visit: Visit, survey_data: Path) -> None:
    files = sorted((survey_data / "galaxy" / "images").glob("*.webp"))[:12]
    visit.open("galaxy")
    visit.choose("galaxy", [{"name": f.name, "mimeType": "image/webp", "buffer": f.read_bytes()} for f in files])
    expect(visit.cards()).to_have_count(len(files))


def test_a_picture_that_the_browser_cannot_show_is_seen_as_the_model_sees_it(visit: Visit) -> None:
    # Given a FITS cutout, which no browser shows, and a TIFF that came under another name
    visit.open("galaxy")
    tiff = tiff_file("exported.img")

    # When
    visit.drop("#view-galaxy .drop", [fits_cutout("m31.fits"), tiff])

    # Then both cards show a picture, and say whose view it is
    expect(visit.cards()).to_have_count(2)
    for card in (visit.cards().nth(0), visit.cards().nth(1)):
        expect(card.locator(".as-seen")).to_have_text("as the model sees it")
        expect(card.locator("img.preview")).to_have_js_property("naturalWidth", GALAXY_INPUT)
        # And its heat map lies over all of it
        card.get_by_role("button", name=re.compile("Heat map")).click()
        assert card.locator("img.heat").evaluate("(heat) => heat.style.width") == "100%"


def test_a_telephones_picture_is_seen_and_named(visit: Visit) -> None:
    # Given a HEIC picture, which Chromium does not show, under the name that a telephone gives it
    visit.open("image")

    # When
    visit.drop("#view-image .drop", [heic_photograph("IMG_0001.HEIC")])

    # Then
    card = visit.cards()
    expect(card.locator(".verdict")).to_contain_text("traffic light")
    expect(card.locator(".as-seen")).to_have_text("as the model sees it")
    expect(card.locator("img.preview")).to_have_js_property("complete", value=True)
    assert card.locator("img.preview").evaluate("(image) => image.naturalWidth") > 0


def test_an_avif_picture_is_shown_by_the_browser_itself(visit: Visit) -> None:
    visit.open("image")
    visit.drop("#view-image .drop", [avif_photograph("photo.avif")])
    expect(visit.cards().locator(".verdict")).to_contain_text("traffic light")
    expect(visit.cards().locator(".as-seen")).to_have_count(0)
    assert visit.cards().locator("img.preview").evaluate("(image) => image.naturalWidth") > 0


def test_a_file_that_is_no_picture_asks_once(visit: Visit) -> None:
    # Given
    page = visit.open("galaxy")
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url) if "/classify/" in request.url else None)
    visit.provoked.add(415)

    # When
    visit.drop("#view-galaxy .drop", [text_file("notes.jpg")])

    # Then
    expect(visit.cards("failed")).to_have_count(1)
    expect(visit.cards("failed")).to_contain_text("JPG")
    assert len(asked) == 1


def test_what_was_done_to_a_picture_is_noted_and_an_answer_that_is_not_confident_names_no_class(visit: Visit) -> None:
    # Given answers that carry a warning, and of which no class reaches its threshold
    page = visit.open("galaxy")
    note = {"code": "colour_profile_converted", "detail": "The colours were converted from Adobe RGB to sRGB."}
    probability = 0.55

    def answer(route: Route) -> None:
        response = route.fetch()
        body = response.json()
        body["results"][0] |= {"warnings": [note], "prediction_set": []}
        body["results"][0]["predictions"][0]["probability"] = probability
        route.fulfill(response=response, json=body)

    page.route("**/v1/classify/**", answer)

    # When
    visit.choose("galaxy", [sample("galaxy_spiral.jpg")])

    # Then
    expect(visit.cards().locator(".warnings")).to_have_text(note["detail"])
    expect(visit.cards().locator(".verdict")).to_have_text("No confident answer")
    expect(visit.cards().locator(".set")).to_contain_text("best guesses:")
    expect(page.locator("#live")).to_have_text("No confident answer")

    # When its calibrated probability is high all the same, then it has its class
    probability = 0.95
    visit.cards().get_by_role("button", name="Heat map of galaxy_spiral.jpg").click()
    expect(visit.cards().locator(".verdict")).to_have_text("Unbarred Spiral95.0 %")
    expect(visit.cards().locator(".set")).to_contain_text("90 % prediction set: empty")
