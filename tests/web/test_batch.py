"""Batch: files into the drop folder by presigned uploads, counts and results as they come, one CSV."""

from __future__ import annotations

import csv
import io
import zipfile
from typing import TYPE_CHECKING, Any

import httpx
from astropy.table import Table
from playwright.sync_api import expect

from tests.web.pictures import EVENTS, GALAXIES, galaxies, sample, text_file

if TYPE_CHECKING:
    from pathlib import Path

    from playwright.sync_api import Page, Route

    from tests.web.visit import Visit

DROP = "#batch-drop"


def finished(page: Page, done: int, failed: int = 0) -> None:
    """Wait until nothing waits any more."""
    counts = page.locator("#batch-state .counts dd")
    expect(counts).to_have_text([str(done + failed), "0", str(done), str(failed)])


def zipped(files: dict[str, bytes]) -> bytes:
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as writer:
        for name, content in files.items():
            writer.writestr(name, content)
    return archive.getvalue()


def one_csv(page: Page, folder: Path) -> list[dict[str, str]]:
    with page.expect_download() as download:
        page.get_by_role("button", name="Download CSV").click()
    path = folder / download.value.suggested_filename
    download.value.save_as(path)
    return list(csv.DictReader(path.read_text().splitlines()))


def test_dropped_pictures_are_uploaded_sorted_and_listed_and_come_as_one_csv(visit: Visit, tmp_path: Path) -> None:
    # Given
    page = visit.open("batch")

    # When: three galaxies and a file that is none
    visit.drop(DROP, [*(sample(name) for name in GALAXIES), text_file("notes.jpg")])

    # Then
    expect(page.locator("#batch-state")).to_contain_text("4 of 4 files uploaded")
    finished(page, done=3, failed=1)
    results = page.locator("#batch-results")
    expect(results.get_by_role("row", name="galaxy_spiral.jpg")).to_contain_text("Unbarred Spiral 95.")
    expect(results.get_by_role("row", name="notes.jpg")).to_contain_text("the content is text")
    rows = {row["file"]: row for row in one_csv(page, tmp_path)}
    assert rows["galaxy_edge_on.jpg"]["label"] == "Edge On Disk"
    assert rows["notes.jpg"]["error"]
    results.get_by_role("button", name="Failed").click()
    expect(results.locator("tbody tr")).to_have_count(1)


def test_a_zip_is_taken_apart(visit: Visit, tmp_path: Path) -> None:
    page = visit.open("batch")
    archive = zipped({name: (EVENTS / name).read_bytes() for name in GALAXIES})
    visit.drop(DROP, [{"name": "survey.zip", "mimeType": "application/zip", "buffer": archive}])
    finished(page, done=1)
    expect(page.locator("#batch-results")).to_contain_text("3 classified")
    assert len(one_csv(page, tmp_path)) == 3


def test_a_folder_keeps_its_folders(visit: Visit, tmp_path: Path) -> None:
    page = visit.open("batch")
    for name, inner in zip(GALAXIES, ("", "north", "north/deep"), strict=True):
        folder = tmp_path / "night" / inner
        folder.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes((EVENTS / name).read_bytes())
    (tmp_path / "night" / ".hidden").write_text("left out")
    page.locator("#batch-folder").set_input_files(tmp_path / "night")
    finished(page, done=3)
    expect(page.locator("#batch-results")).to_contain_text("night/north/deep/galaxy_edge_on.jpg")


def test_a_star_table_of_any_length_comes_back_classified(visit: Visit, tmp_path: Path) -> None:
    # Given a service that knows that the table is unlike the survey
    page = visit.open("batch")
    cause = {"code": "vega", "detail": "the magnitudes are in the Vega system"}
    domain = {"typicality": 0.0, "in_domain": False, "rows_in_domain": 0.98, "cause": cause}

    def judged(route: Route) -> None:
        response = route.fetch()
        status = response.json()
        for file in status.get("files", []):
            file.get("record", {})["domain"] = domain
        route.fulfill(response=response, json=status)

    page.route("**/v1/batches/*records=true*", judged)

    # When
    page.get_by_label("Model", exact=True).select_option("star")
    page.get_by_role("button", name="1 sample table").click()

    # Then
    finished(page, done=1)
    expect(page.locator("#batch-results")).to_contain_text("11 rows classified")
    expect(page.locator("#batch-results .untypical")).to_contain_text("Likely cause: the magnitudes are in the Vega")
    expect(page.locator("#batch-results").get_by_role("link", name="classified table")).to_be_visible()
    assert [row["label"] for row in one_csv(page, tmp_path)][:3] == ["GALAXY", "QSO", "STAR"]


def test_a_star_table_that_stays_whole_is_named_in_the_csv_and_linked(visit: Visit, tmp_path: Path) -> None:
    # Given
    table = Table.read(EVENTS / "stars.csv", format="ascii.csv")[:1]
    table.write(tmp_path / "one.fits")
    page = visit.open("batch")
    page.get_by_label("Model", exact=True).select_option("star")

    # When
    content = (tmp_path / "one.fits").read_bytes()
    visit.drop(DROP, [{"name": "one.fits", "mimeType": "application/fits", "buffer": content}])

    # Then
    finished(page, done=1)
    results = page.locator("#batch-results")
    expect(results.get_by_role("row", name="one.fits")).to_contain_text("1 row classified")
    (row,) = one_csv(page, tmp_path)
    assert row["result_file"].startswith("star/page-")
    assert row["error"] == ""
    link = results.get_by_role("link", name="classified table").get_attribute("href")
    assert link
    assert httpx.get(link).content.startswith(b"SIMPLE  =")


def test_a_large_file_goes_in_parts_and_a_broken_part_is_sent_again_alone(visit: Visit, tmp_path: Path) -> None:
    # Given: a store that breaks off the second part as long as `broken` holds
    visit.lost = True
    page = visit.open("batch")
    sent: list[str] = []
    broken = [True]

    def second_part_breaks(route: Route) -> None:
        sent.append(route.request.url.split("partNumber=")[1].split("&")[0])
        if sent[-1] == "2" and broken[0]:
            route.abort()
        else:
            route.continue_()

    page.route("**/*partNumber=*", second_part_breaks)
    content = zipped({f"{place}.jpg": (EVENTS / GALAXIES[place % 3]).read_bytes() for place in range(3)})
    padded = zipped({"galaxies.txt": bytes(17 << 20)}) + content  # a zip is read from its end
    large = tmp_path / "large.zip"
    large.write_bytes(padded)

    # When: it fails, and is sent again
    page.locator("#batch-files").set_input_files(large)
    again = page.get_by_role("button", name="Retry 1 file")
    again.click()
    # What is on the screen just after the click is of the first failure still: only behind it comes the second.
    expect(again).to_be_hidden()
    expect(again).to_be_visible()
    expect(page.locator("#batch-state .files .wrong")).to_have_count(1)
    broken[0] = False
    again.click()

    # Then: part 1 went over once
    finished(page, done=1)
    assert sent.count("1") == 1
    assert sent.count("2") > 1


def rejection(status: int, code: str, message: str) -> dict[str, Any]:
    """An answer of S3's that refuses."""
    document = f'<?xml version="1.0" encoding="UTF-8"?><Error><Code>{code}</Code><Message>{message}</Message></Error>'
    return {
        "status": status,
        "content_type": "application/xml",
        "headers": {"Access-Control-Allow-Origin": "*"},
        "body": document,
    }


def test_what_the_store_refuses_is_said_in_its_words_and_can_be_sent_again(visit: Visit) -> None:
    # Given: a store that refuses the first upload
    visit.provoked = {400}
    page = visit.open("batch")
    message = "Your proposed upload exceeds the &quot;maximum&quot; size &lt;1&gt;"
    answers = [rejection(400, "EntityTooLarge", message)]

    def refuse(route: Route) -> None:
        if answers and route.request.method == "POST":
            route.fulfill(**answers.pop())
        else:
            route.continue_()

    page.route(f"{visit.store}/**", refuse)

    # When
    visit.drop(DROP, [sample("galaxy_spiral.jpg")])

    # Then: the file counts as failed, with the store's own words, and goes over when it is sent again
    wrong = page.locator("#batch-state .files .wrong")
    expect(wrong).to_contain_text('Your proposed upload exceeds the "maximum" size <1>')
    page.get_by_role("button", name="Retry 1 file").click()
    finished(page, done=1)


def test_a_signature_of_expired_credentials_is_asked_for_anew(visit: Visit) -> None:
    # Given: a signature that is in time, by a sandbox whose session has ended
    visit.provoked = {400}
    page = visit.open("batch")
    answers = [rejection(400, "ExpiredToken", "The provided token has expired.")]

    def refuse(route: Route) -> None:
        if answers and route.request.method == "POST":
            route.fulfill(**answers.pop())
        else:
            route.continue_()

    page.route(f"{visit.store}/**", refuse)

    # When / Then: the file goes over with a new one, and nobody has to do anything
    visit.drop(DROP, [sample("galaxy_spiral.jpg")])
    finished(page, done=1)
    assert answers == []


def test_an_upload_that_outlasts_its_signatures_goes_on_with_new_ones(visit: Visit, tmp_path: Path) -> None:
    # Given: signatures that run out after each part
    visit.provoked = {403}
    page = visit.open("batch")
    offers: list[str] = []
    taken: list[str] = []
    page.on("request", lambda request: offers.append(request.url) if request.url.endswith("/v1/uploads") else None)

    def one_part_an_offer(route: Route) -> None:
        number = route.request.url.split("partNumber=")[1].split("&")[0]
        if route.request.method == "PUT" and len(taken) == len(offers):
            route.fulfill(**rejection(403, "AccessDenied", "Request has expired"))
            return
        if route.request.method == "PUT":
            taken.append(number)
        route.continue_()

    page.route("**/*partNumber=*", one_part_an_offer)
    large = tmp_path / "large.zip"
    pictures = zipped({GALAXIES[0]: (EVENTS / GALAXIES[0]).read_bytes()})
    large.write_bytes(zipped({"galaxies.txt": bytes(33 << 20)}) + pictures)

    # When
    page.locator("#batch-files").set_input_files(large)

    # Then: every part went over once
    finished(page, done=1)
    assert taken == ["1", "2", "3"]


def test_a_batch_is_opened_again_by_its_name_or_its_address(visit: Visit) -> None:
    # Given
    page = visit.open("batch")
    visit.drop(DROP, galaxies(2))
    finished(page, done=2)
    name = page.locator("#batch-name").input_value()
    assert page.url.endswith(f"#batch/{name}")

    # When
    page.goto("about:blank")
    visit.open(f"batch/{name}")

    # Then: it is there, and what has arrived is not sent twice
    finished(page, done=2)
    posted: list[str] = []
    page.on("request", lambda request: posted.append(request.url) if request.method == "POST" else None)
    visit.drop(DROP, galaxies(3))
    finished(page, done=3)
    assert sum(url.startswith(visit.store) for url in posted) == 1


def test_a_batch_that_nobody_dropped_is_said_not_to_be_there(visit: Visit) -> None:
    visit.provoked = {404}
    page = visit.open("batch")
    page.get_by_label("Batch name").fill("nobody-dropped-this")
    page.get_by_role("button", name="Open batch").click()
    expect(page.locator("#error-batch")).to_have_text("No batch has this name. Drop files to start one.")


def test_a_name_that_is_no_folder_is_refused_before_anything_is_sent(visit: Visit) -> None:
    page = visit.open("batch")
    page.get_by_label("Batch name").fill("../../etc")
    visit.drop(DROP, [sample("galaxy_spiral.jpg")])
    expect(page.locator("#error-batch")).to_contain_text("letters, digits, dots, hyphens and underscores")
    expect(page.locator("#batch-name")).to_be_focused()


def test_a_file_whose_name_cannot_be_taken_does_not_keep_the_others_back(visit: Visit) -> None:
    visit.provoked = {422}
    page = visit.open("batch")
    visit.drop(DROP, [sample("galaxy_spiral.jpg"), {**sample("galaxy_edge_on.jpg"), "name": "record.json"}])
    expect(page.locator("#batch-state .files .wrong")).to_contain_text("rename the file")
    finished(page, done=1)
