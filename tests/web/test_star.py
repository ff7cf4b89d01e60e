"""Star: an object, a row, a table, and their mistakes."""

from __future__ import annotations

import csv
import re
from typing import TYPE_CHECKING, Any

import pytest
from playwright.sync_api import expect

from tests.web.pictures import EVENTS

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from playwright.sync_api import FilePayload, Route

    from tests.web.visit import Visit

SHARES = {"GALAXY": 0.6, "QSO": 0.2, "STAR": 0.2}
QUASAR = "20.38562, 20.40514, 20.29996, 20.05918, 19.89044, 2.031528"


@pytest.mark.parametrize(("name", "label"), [("Galaxy", "GALAXY"), ("Quasar", "QSO"), ("Star", "STAR")])
def test_every_sample_is_answered_with_its_reasons_and_its_place(visit: Visit, name: str, label: str) -> None:
    page = visit.open("star")
    page.locator("#star-samples").get_by_role("button", name=name).click()
    answer = page.locator("#star-answer")
    expect(answer.locator(".bars li").first).to_contain_text(label)
    expect(answer.get_by_role("img", name="Contributions to")).to_be_visible()
    expect(answer.get_by_role("img", name=re.compile("diagram: u .+ g .+ r"))).to_be_visible()
    expect(answer.locator("svg .contour")).to_have_count(6)


def test_without_a_redshift_the_photometric_booster_answers(visit: Visit) -> None:
    page = visit.open("star")
    page.get_by_label("redshift, dimensionless").fill("")
    page.get_by_role("button", name="Classify", exact=True).click()
    expect(page.locator("#star-answer")).to_contain_text("no redshift given")


def test_the_reasons_of_another_class_can_be_seen(visit: Visit) -> None:
    page = visit.open("star")
    page.locator("#star-samples").get_by_role("button", name="Quasar").click()
    page.get_by_label("Class to explain").select_option("STAR")
    expect(page.get_by_role("img", name="Contributions to STAR")).to_be_visible()


def test_a_field_that_is_wrong_is_named_and_gets_the_focus(visit: Visit) -> None:
    page = visit.open("star")
    page.locator("#star-g").fill("bright")
    page.locator("#star-r").fill("99")
    page.locator("#star-g").press("Enter")
    expect(page.get_by_role("alert")).to_have_text("g must be a number (got 'bright'); r must be between 5 and 35")
    expect(page.locator("#star-g")).to_be_focused()
    expect(page.locator("#star-g")).to_have_attribute("aria-invalid", "true")


def test_a_decimal_comma_is_understood(visit: Visit) -> None:
    page = visit.open("star")
    page.locator("#star-g").fill("22,2753")
    page.locator("#star-g").press("Enter")
    expect(page.locator("#star-answer .verdict")).to_contain_text("A galaxy")


def test_a_pasted_row_fills_the_form_and_is_answered(visit: Visit) -> None:
    page = visit.open("star")
    page.locator("#star-paste").fill(QUASAR)
    page.get_by_role("button", name="Classify rows").click()
    expect(page.locator("#star-answer .verdict")).to_contain_text("A quasar")
    expect(page.locator("#star-u")).to_have_value("20.38562")


def test_a_row_of_a_survey_fills_the_form_as_the_service_reads_it(visit: Visit) -> None:
    # Given a row as SDSS's SpecPhoto has it, with two kinds of magnitudes and the redshift as z
    kinds = [[f"{kind}_{band}" for band in "ugriz"] for kind in ("psfMag", "modelMag")]
    header = ",".join([*kinds[0], *kinds[1], "z"])
    page = visit.open("star")

    # When
    page.locator("#star-paste").fill(f"{header}\n25,25,25,25,25,{QUASAR}")
    page.get_by_role("button", name="Classify rows").click()

    # Then
    expect(page.locator("#star-answer .verdict")).to_contain_text("A quasar")
    expect(page.locator("#star-u")).to_have_value("20.38562")
    expect(page.get_by_label("redshift, dimensionless")).to_have_value("2.031528")


def test_a_table_becomes_a_table_of_answers_each_row_open_to_its_reasons(visit: Visit, tmp_path: Path) -> None:
    # Given
    page = visit.open("star")
    page.get_by_role("button", name="Sample table").click()
    table = page.locator("#star-table")
    expect(table).to_contain_text("12 rows")
    expect(table).to_contain_text("1 rejected")

    # When: the least certain first
    table.get_by_role("button", name="Probability").click()
    expect(table.get_by_role("columnheader", name="Probability")).to_have_attribute("aria-sort", "ascending")
    table.get_by_role("button", name="sdss17-qso-2").click()

    # Then
    expect(page.locator("#star-answer h2")).to_have_text("sdss17-qso-2")
    expect(page.get_by_role("img", name="Contributions to QSO")).to_be_visible()
    with page.expect_download() as download:
        table.get_by_role("button", name="CSV").click()
    download.value.save_as(tmp_path / "stars.csv")
    rows = list(csv.DictReader((tmp_path / "stars.csv").read_text().splitlines()))
    assert [row["skysort_class"] for row in rows[:3]] == ["GALAXY", "QSO", "STAR"]
    assert rows[-1]["skysort_error"].startswith("u: is -9999")


def test_a_table_says_what_it_is_like_and_its_class_shares_can_be_used(visit: Visit) -> None:
    # Given a service that knows the table, and refuses shares that lack a class
    visit.provoked = {422}
    page = visit.open("star")
    domain: dict[str, Any] = {"typicality": 0.3, "in_domain": True, "rows_in_domain": 0.98, "cause": None}
    shares = {label: {"value": v, "low": v - 0.1, "high": v + 0.1} for label, v in SHARES.items()}
    asked: list[str] = []

    def answer(route: Route) -> None:
        asked.append(route.request.url.partition("?")[2])
        if "prior=GALAXY%3A1" in asked[-1]:
            errors = [{"field": "prior", "reason": "missing_label", "detail": "needs a share of every label"}]
            route.fulfill(status=422, json={"title": "Invalid fields", "status": 422, "errors": errors})
            return
        response = route.fetch(url=route.request.url.partition("?")[0])
        body = response.json()
        body["results"][1] |= {"typicality": 0.0, "in_domain": False, "prediction_set": []}
        route.fulfill(response=response, json={**body, "table": {"domain": domain, "class_shares": shares}})

    page.route("**/v1/classify/star*", answer)

    # When
    page.get_by_role("button", name="Sample table").click()

    # Then
    panel = page.locator("#star-answer")
    expect(panel).to_contain_text("As a whole the table looks like the survey")
    expect(panel.locator(".bars li").nth(1)).to_have_text("QSO20.0 % (10.0 to 30.0 %)")
    expect(page.locator("#star-table")).to_contain_text("1 unlike the test data")
    row = page.locator("#star-table").get_by_role("row", name="sdss17-qso-1")
    expect(row).to_contain_text("No confident answerUnlike the test data")

    # When the shares are used, with a table that is unlike the survey
    cause = {"code": "vega", "detail": "the magnitudes are in the Vega system"}
    domain |= {"typicality": 0.0, "in_domain": False, "cause": cause}
    panel.get_by_role("button", name="Use these shares").click()

    # Then
    expect(panel.locator(".untypical")).to_contain_text("Likely cause: the magnitudes are in the Vega system.")
    expect(page.get_by_label("Shares")).to_have_value("GALAXY:0.6, QSO:0.2, STAR:0.2")
    assert asked == ["", "prior=GALAXY%3A0.6%2C+QSO%3A0.2%2C+STAR%3A0.2"]
    expect(panel.get_by_role("button", name="Use these shares")).to_have_count(0)
    page.get_by_label("Shares").fill("GALAXY:1")
    page.get_by_role("button", name="Classify", exact=True).click()
    expect(page.locator("#star-prior-error")).to_have_text("Needs a share of every label.")
    expect(page.get_by_label("Shares")).to_be_focused()


def test_a_long_table_comes_in_parts_and_in_pages(visit: Visit, tmp_path: Path) -> None:
    # Given: 2,500 rows without a header, in a file
    file = tmp_path / "rows.tsv"
    rows = [f"{20 + n % 40 / 10:.2f}\t20.41\t20.30\t20.06\t19.89\n" for n in range(2_500)]
    file.write_text("".join(rows))
    page = visit.open("star")
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url) if "/v1/classify/star" in request.url else None)

    # When
    page.locator("#star-file").set_input_files(file)

    # Then
    table = page.locator("#star-table")
    expect(table).to_contain_text("2,500 rows")
    expect(table.locator("progress")).to_have_count(0)
    assert len(asked) == 3
    table.get_by_role("button", name="Next").click()
    expect(table.locator(".pages")).to_contain_text("2 of 50")


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "No rows found."),
        ("name,u,g\n", "There is a header but no rows."),
        ("1 2 3", "Without a header, a row must have 5 to 8 numbers"),
    ],
)
def test_text_that_is_no_table_is_told_what_would_be_one(visit: Visit, text: str, sentence: str) -> None:
    page = visit.open("star")
    page.locator("#star-paste").fill(text)
    page.get_by_role("button", name="Classify rows").click()
    expect(page.locator("#star-answer")).to_contain_text(sentence)


def test_a_header_that_the_service_does_not_know_is_explained_by_the_service(visit: Visit) -> None:
    visit.provoked = {400, 422}
    page = visit.open("star")
    page.locator("#star-paste").fill("name,colour,size\nvega,blue,2\naltair,white,1\n")
    page.get_by_role("button", name="Classify rows").click()
    expect(page.locator("#star-answer .problem")).to_contain_text("u")
    expect(page.locator("#star-table")).to_be_hidden()


def test_a_table_in_another_format_is_pointed_to_the_drop_folder(visit: Visit) -> None:
    page = visit.open("star")
    table: FilePayload = {"name": "night.fits", "mimeType": "application/fits", "buffer": b"SIMPLE  ="}
    page.locator("#star-file").set_input_files(table)
    expect(page.locator("#star-answer")).to_contain_text("night.fits must be uploaded as a batch")


def test_a_table_is_readable_on_a_phone(new_visit: Callable[..., Visit]) -> None:
    visit = new_visit(phone=True)
    page = visit.open("star")
    page.locator("#star-file").set_input_files(EVENTS / "stars.csv")
    expect(page.locator("#star-table")).to_contain_text("12 rows")
    expect(page.locator("#star-answer svg")).to_be_visible()
    assert page.evaluate("() => document.documentElement.scrollWidth") == 390
