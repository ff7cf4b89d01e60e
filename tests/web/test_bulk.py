"""Bulk jobs on the page: one for real, from upload to results; the states of others against a faked service."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from playwright.sync_api import expect

from tests.web.accessibility import violations
from tests.web.fake_bulk import FakeJobs
from tests.web.pictures import sample

if TYPE_CHECKING:
    from playwright.sync_api import FilePayload, Page

    from tests.web.visit import Visit

HEADER = "name,ra,dec,u,g,r,i,z,redshift\n"
QUASAR = "quasar,340.99,20.59,20.38562,20.40514,20.29996,20.05918,19.89044,2.031528\n"
FAINT = "faint,340.98,20.58,-9999,20.5,19.9,19.7,19.5,\n"


def table(rows: str) -> FilePayload:
    return {"name": "survey.csv", "mimeType": "text/csv", "buffer": (HEADER + rows).encode()}


def phase(page: Page, name: str) -> None:
    expect(page.locator(f"#bulk-job [data-phase={name}]")).to_be_visible()


def plan_in_s3(page: Page, prefix: str = "incoming/bulk/survey/") -> None:
    page.get_by_role("button", name="What lies in S3").click()
    page.get_by_label("Prefix, or keys of files").fill(prefix)
    page.get_by_role("button", name="Plan", exact=True).click()


def test_a_table_is_uploaded_planned_started_and_its_results_are_linked(visit: Visit) -> None:
    # Given
    page = visit.open("bulk")
    page.locator("#bulk-model").select_option("star")

    # When
    visit.drop("#bulk-drop", [table(QUASAR * 99 + FAINT)])
    expect(page.locator("#bulk-chosen")).to_contain_text("1 file")
    page.get_by_role("button", name="Plan", exact=True).click()

    # Then nothing is classified before the plan was seen
    phase(page, "planned")
    expect(page.locator("#bulk-job .plan .counts dd").first).to_contain_text("100")
    expect(page.locator("#bulk-job .plan")).to_contain_text("Cost by item")

    # When
    page.get_by_role("button", name="Start").click()

    # Then
    phase(page, "done")
    expect(page.locator("#bulk-job > .counts dd")).to_have_text(["99", "1", "0", "0"])
    expect(page.get_by_role("list", name="Classes")).to_contain_text("QSO")
    page.get_by_role("button", name="List the files").click()
    expect(page.get_by_role("region", name="Files of the results").locator("tbody tr")).to_have_count(2)
    expect(page.locator("#bulk-recent")).to_contain_text("done")

    # When its address is opened anew
    address = page.url.partition("#")[2]
    assert re.fullmatch(r"bulk/star-\d{8}-\d{6}-[0-9a-f]{6}", address)
    page.reload()

    # Then
    phase(page, "done")


def test_a_job_is_followed_cancelled_and_resumed(visit: Visit) -> None:
    # Given
    fake = FakeJobs(visit, stays="running")
    page = visit.open("bulk")
    page.locator("#bulk-model").select_option("star")
    page.locator("#bulk-form").get_by_text("Options").click()
    page.get_by_label("Results as").select_option("csv")
    page.get_by_label("Rows that may fail, in per cent").fill("1")
    page.get_by_label("Columns of the tables to copy").fill("objid, run")
    page.get_by_text("Class shares of your survey").click()
    page.locator("#bulk-form").get_by_label("Shares").fill("GALAXY:8, QSO:1, STAR:1")

    # When
    plan_in_s3(page)

    # Then
    phase(page, "planned")
    assert fake.requests == [
        {
            "model": "star",
            "source": {"prefix": "incoming/bulk/survey/"},
            "output": "csv",
            "tolerated_share": 0.01,
            "columns": ["objid", "run"],
            "prior": {"GALAXY": 8, "QSO": 1, "STAR": 1},
            "plan_only": True,
        }
    ]
    plan = page.locator("#bulk-job .plan")
    expect(plan.locator(".counts dd")).to_have_text(["≈ 100,000,000", "40", "≈ 32 s", "≈ $0.0231"])
    expect(plan.get_by_role("region", name="Files: cannot be read")).to_contain_text("is not a table")

    # When
    page.get_by_role("button", name="Start").click()
    phase(page, "running")
    page.get_by_role("button", name="Cancel").click()

    # Then
    phase(page, "cancelled")
    assert violations(page) == []

    # When
    page.get_by_role("button", name="Resume").click()

    # Then
    phase(page, "done")
    assert fake.orders == ["resume", "cancel", "resume"]
    expect(page.get_by_role("list", name="Classes").locator("li").first).to_contain_text("GALAXY24,000,000")
    expect(page.locator("#bulk-job")).to_contain_text("SELECT skysort_class")
    expect(page.locator("#bulk-job .untypical")).to_contain_text("1,000,000 of 40,000,000 rows do not look like")
    expect(page.locator("#bulk-job figure")).to_contain_text("QSO0 % (0 to 1.0 %)")
    expect(page.get_by_role("link", name="summary.json")).to_be_visible()
    for colours in ("light", "dark", "red"):
        page.get_by_label("Colour theme").select_option(colours)
        assert violations(page) == [], colours


def test_a_job_that_fails_says_why_and_can_be_resumed(visit: Visit) -> None:
    # Given
    FakeJobs(visit, problem="12 % of the rows were rejected; 5 % are tolerated")
    page = visit.open("bulk")
    plan_in_s3(page)
    phase(page, "planned")

    # When
    page.get_by_role("button", name="Start").click()

    # Then
    phase(page, "failed")
    expect(page.locator("#bulk-job .problem")).to_contain_text("5 % are tolerated")
    expect(page.get_by_role("button", name="Resume")).to_be_visible()


def test_what_cannot_be_asked_for_is_said_before_it_is(visit: Visit) -> None:
    page = visit.open("bulk")
    plan = page.get_by_role("button", name="Plan", exact=True)
    expect(plan).to_be_disabled()
    expect(page.locator("#bulk-missing")).to_have_text("Missing: files.")

    page.get_by_role("button", name="What lies in S3").click()
    page.get_by_label("Prefix, or keys of files").fill("survey/")
    expect(page.locator("#bulk-missing")).to_contain_text("begins with neither incoming/ nor s3://bucket/")
    expect(plan).to_be_disabled()

    page.locator("#bulk-form").get_by_text("Options").click()
    page.get_by_label("Rows that may fail, in per cent").fill("101")
    expect(page.locator("#bulk-missing")).to_contain_text("0 to 100 per cent")


def test_nothing_there_is_a_sentence_of_the_service(visit: Visit) -> None:
    visit.provoked = {422}
    page = visit.open("bulk")
    plan_in_s3(page, "incoming/bulk/no-such-survey/")
    expect(page.locator("#bulk-job .problem")).to_contain_text("nothing was uploaded")


def test_pictures_dropped_anywhere_in_the_view_are_chosen(visit: Visit) -> None:
    page = visit.open("bulk")
    visit.paste(sample("galaxy_spiral.jpg"))
    expect(page.locator("#bulk-chosen")).to_contain_text("1 file")
    page.get_by_role("button", name="Clear").click()
    expect(page.locator("#bulk-missing")).to_have_text("Missing: files.")


def test_a_service_without_bulk_jobs_says_so(visit: Visit) -> None:
    visit.provoked = {404}
    problem = {"title": "Not found", "status": 404, "detail": "There is no such path."}
    visit.page.route("**/v1/bulk**", lambda route: route.fulfill(status=404, json=problem))
    page = visit.open("bulk")
    expect(page.locator("#bulk-unavailable")).to_be_visible()
    expect(page.locator("#bulk-form")).to_be_hidden()
