"""`skysort bulk` with a fake service: sources, plans, progress, reports, and what is refused at once."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from skysort import problems
from skysort_cli import bulk_following
from skysort_cli.bulk_following import dollars, duration, short, show_progress, size
from skysort_cli.exits import Exit
from skysort_cli.terminal import Bar
from tests.fakes.bulk_jobs import JOB_ID
from tests.fakes.service import URL

if TYPE_CHECKING:
    from pathlib import Path

    from tests.fakes.service import FakeService
    from tests.unit.skysort_cli.conftest import Cli

TABLE = "incoming/bulk/night/a.csv"


@pytest.fixture(autouse=True)
def _no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bulk_following, "_FIRST_PAUSE_S", 0.001)
    monkeypatch.setattr(bulk_following, "_LONGEST_PAUSE_S", 0.001)


class Told(Bar):
    """A bar that remembers what it was told."""

    def __init__(self) -> None:
        self.text = ""
        self.amount: tuple[int, int | None] = (0, None)

    def say(self, text: str) -> None:
        self.text = text

    def set(self, done: int, total: int | None) -> None:
        self.amount = done, total


def test_a_job_is_started_followed_and_reported(cli: Cli, service: FakeService) -> None:
    ran = cli("bulk", "star", TABLE, "--wait", "--format", "text", "--endpoint", URL, "--columns", "name,night",
              "--tolerated-share", "10%", "--output", "csv", "--concurrency", "20",
              "--prior", "GALAXY:900,QSO:1,STAR:99")  # fmt: skip
    assert (ran.code, ran.err) == (Exit.OK, "")
    assert service.bulk.requests == [
        {
            "model": "star",
            "source": {"keys": [TABLE]},
            "output": "csv",
            "plan_only": False,
            "tolerated_share": 0.1,
            "columns": ["name", "night"],
            "concurrency": 20,
            "prior": {"GALAXY": 900, "QSO": 1, "STAR": 99},
        }
    ]
    for expected in (
        f"star  {JOB_ID}",
        "100,000,000",
        "112 of 112",
        "40 s, 2.5 M rows/s",
        "$0.225",
        "GALAXY",
        f"s3://results/bulk/shared/{JOB_ID}/data/",
        "SELECT label, count(*)",
    ):
        assert expected in ran.out


@pytest.mark.parametrize(
    ("arguments", "source"),
    [
        (["s3://survey/dr9/"], {"prefix": "s3://survey/dr9/"}),
        (["incoming/star/night/"], {"prefix": "incoming/star/night/"}),
        (["s3://survey/a.csv", "s3://survey/b.csv"], {"keys": ["s3://survey/a.csv", "s3://survey/b.csv"]}),
        (["s3://survey/inventory/manifest.json", "--manifest"], {"manifest": "s3://survey/inventory/manifest.json"}),
    ],
)
def test_what_lies_in_s3_is_named(arguments: list[str], source: dict[str, Any], cli: Cli, service: FakeService) -> None:
    ran = cli("bulk", "star", *arguments, "--endpoint", URL)
    assert (ran.code, ran.out, ran.err) == (Exit.OK, f"{JOB_ID}\n", "")
    assert service.bulk.requests[0]["source"] == source
    assert not service.sent("POST", "/v1/uploads")


def test_a_folder_is_uploaded_once_and_becomes_a_prefix(cli: Cli, pictures: Path, service: FakeService) -> None:
    stored = []
    for _ in range(2):
        ran = cli("bulk", "galaxy", pictures, "--endpoint", URL)
        assert (ran.code, ran.out) == (Exit.OK, f"{JOB_ID}\n")
        assert "notes.txt" in ran.err  # skipped
        stored.append(len([request for request in service.requests if request.url.host == "store.example"]))
    first, second = service.bulk.requests
    prefix = first["source"]["prefix"]
    assert prefix.startswith("incoming/bulk/pictures-")
    assert second["source"] == {"prefix": prefix}
    assert sorted(service.files) == [prefix + name for name in ("a.jpg", "b.PNG", "c.fits", "more/d.webp")]
    assert stored[0] == stored[1]


def test_a_list_of_files_is_uploaded_alone(cli: Cli, tmp_path: Path, service: FakeService) -> None:
    listed = tmp_path / "list.txt"
    listed.write_text("incoming/bulk/night/a.csv\n")
    ran = cli("bulk", "star", listed, "--manifest", "--endpoint", URL)
    assert ran.code == Exit.OK
    (key,) = service.files
    assert service.bulk.requests[0]["source"] == {"manifest": key}


def test_a_plan_says_what_the_job_would_take_and_cost(cli: Cli, service: FakeService) -> None:
    service.bulk.refused = [{"file": "incoming/star/notes.txt", "reason": "the content is text"}]
    ran = cli("bulk", "star", TABLE, "--plan", "--format", "text", "--endpoint", URL)
    assert ran.code == Exit.SOME_FAILED
    assert service.bulk.requests[0]["plan_only"] is True
    for expected in (
        "7.1 GB",
        "about 100,000,000",
        "41 s with 20 at a time",
        "Lambda          $0.213",
        "Step Functions  $0.011",
        "S3 requests     $0.00090",
        "total           $0.226",
        "list prices of us-east-1, 2026-11-01",
        "incoming/star/notes.txt: the content is text",
        f"skysort bulk --resume {JOB_ID} --wait --endpoint {URL}",
    ):
        assert expected in ran.out


def test_json_is_the_services_document(cli: Cli, service: FakeService) -> None:
    ran = cli("bulk", "star", TABLE, "--plan", "--json", "--endpoint", URL)
    assert ran.code == Exit.OK
    assert json.loads(ran.out) == service.bulk.job("planned")


@pytest.mark.parametrize("columns", [40, 80, 160])
def test_reports_keep_to_the_screen(
    columns: int, cli: Cli, service: FakeService, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", str(columns))
    service.bulk.refused = [{"file": "x" * 100, "reason": "the content is text"}]
    shown = cli("bulk", "star", TABLE, "--plan", "--format", "text", "--endpoint", URL).out
    shown += cli("bulk", "--format", "text", "--endpoint", URL).out
    # Commands that are to be copied stay whole
    assert max(len(line) for line in shown.splitlines() if "--resume" not in line) <= columns


def test_a_report_says_how_typical_the_whole_is_and_estimates_the_shares(cli: Cli, service: FakeService) -> None:
    detail = "301,220 of 100,000,000 rows do not look like what the model was tested on"
    cause = {"code": "reddened", "detail": "the objects are reddened by E(B-V) of about 0.5"}
    service.bulk.summary = {
        "typicality": {"usual": True, "detail": detail},
        "domain": {"in_domain": False, "cause": cause},
        "class_shares": {"QSO": {"value": 0.00051, "low": 0, "high": 0.0019}},
    }
    ran = cli("bulk", "star", TABLE, "--wait", "--format", "text", "--endpoint", URL)
    shown = " ".join(ran.out.split())
    assert (
        f"Typicality {detail} as a whole the rows do not look like what the model was tested on: {cause['detail']}"
        in shown
    )
    assert "QSO 1,000 0.0% 0.1% (0.0% to 0.2%)" in shown


def test_rows_without_a_result_are_told(cli: Cli, service: FakeService) -> None:
    service.bulk.rejected = 1_234
    ran = cli("bulk", "star", TABLE, "--wait", "--json", "--endpoint", URL)
    assert ran.code == Exit.SOME_FAILED
    assert "1,234 of 100,000,000 rows have no result" in ran.err


@pytest.mark.parametrize(("status", "code"), [(422, Exit.USAGE), (500, Exit.SERVICE)])
def test_a_job_that_fails_is_told_in_its_own_words(status: int, code: Exit, cli: Cli, service: FakeService) -> None:
    detail = "7 % of the rows were rejected, and 5 % are tolerated"
    service.bulk.problem = problems.document(status, "bulk-failed", "The job failed", detail)
    ran = cli("bulk", "star", TABLE, "--wait", "--endpoint", URL)
    assert (ran.code, ran.err) == (code, f"skysort: the job failed: {detail}\n")


def test_jobs_are_listed_shown_resumed_and_cancelled(cli: Cli, service: FakeService) -> None:
    listed = json.loads(cli("bulk", "--endpoint", URL).out)
    assert [job["phase"] for job in listed] == ["done", "failed"]
    resumed = cli("bulk", "--resume", JOB_ID, "--wait", "--endpoint", URL)
    assert (resumed.code, json.loads(resumed.out)["phase"]) == (Exit.OK, "done")
    cancelled = cli("bulk", "--cancel", JOB_ID, "--endpoint", URL)
    assert (cancelled.code, json.loads(cancelled.out)["phase"]) == (Exit.OK, "cancelled")
    assert service.bulk.called == ["resume", "cancel"]
    shown = cli("bulk", "--job", JOB_ID, "--endpoint", URL)
    assert (shown.code, json.loads(shown.out)["id"]) == (Exit.OK, JOB_ID)


def test_a_job_that_may_not_be_resumed_or_is_unknown_is_told(cli: Cli, service: FakeService) -> None:
    unknown = cli("bulk", "--job", "star-1", "--endpoint", URL)
    assert (unknown.code, unknown.err) == (Exit.USAGE, "skysort: there is no job 'star-1'\n")
    service.bulk.problem = problems.document(409, "conflict", "Conflict", "the job is running")
    ran = cli("bulk", "--resume", JOB_ID, "--endpoint", URL)
    assert (ran.code, ran.err) == (Exit.USAGE, "skysort: the job is running\n")


def test_a_wait_that_is_interrupted_says_how_to_go_on(
    cli: Cli, service: FakeService, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(bulk_following, "show_progress", interrupted)
    ran = cli("bulk", "star", TABLE, "--wait", "--endpoint", URL)
    assert ran.code == Exit.INTERRUPTED
    assert f"the job goes on. Follow it with: skysort bulk --job {JOB_ID} --wait --endpoint {URL}" in ran.err
    assert not service.bulk.called  # it is not cancelled


def test_the_bar_has_rows_rate_time_and_dollars(service: FakeService) -> None:
    bar = Told()
    show_progress(bar, service.bulk.job("planning"))
    assert (bar.text, bar.amount) == ("planning", (0, None))
    show_progress(bar, service.bulk.job("running"))
    assert bar.text == "running 23.4 M of 100 M rows  2.6 M/s  31 s left  $0.053"
    assert bar.amount == (26, 112)


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["star"], "give the files, folders or keys that star is to classify"),
        (["star", "a.csv"], "give --out FOLDER for the results on this machine, or --endpoint URL"),
        (["star", "a.csv", "--out", "x", "--endpoint", URL], "give one of them"),
        (["star", "s3://b/a.csv", "--out", "x"], "s3://b/a.csv lies in S3, which a service reads"),
        (["star", "a.csv", "--out", "x", "--manifest"], "--manifest and --concurrency are for jobs of a service"),
        (["star", "a.csv", "--workers", "2", "--endpoint", URL], "--workers is for jobs on this machine"),
        (["star", "s3://b/c/", "s3://b/d.csv", "--endpoint", URL], "s3://b/c/ is a prefix"),
        (["star", "s3://b/c/", "--manifest", "--endpoint", URL], "s3://b/c/ is a prefix"),
        (["star", "s3://b/c.csv", "here.csv", "--endpoint", URL], "s3://b/c.csv lies in S3 and other sources on this"),
        (["star", "a.txt", "b.txt", "--manifest", "--endpoint", URL], "--manifest takes one file"),
        (["star", "a.csv", "--resume", JOB_ID, "--endpoint", URL], "--resume has the job's id"),
        (["--resume", JOB_ID], "--resume is for jobs of a service"),
        ([], "listing jobs needs a service"),
        (["star", "a.csv", "--plan", "--cancel", JOB_ID], "not allowed with argument"),
        (["star", "a.csv", "--tolerated-share", "5"], "must be a share from 0 to 1, such as 0.05 or 5%, got '5'"),
        (["star", "absent.csv", "--endpoint", URL], "absent.csv: there is no such file"),
    ],
)
@pytest.mark.usefixtures("service")
def test_a_wrong_command_line_is_refused_before_anything_is_sent(
    arguments: list[str], sentence: str, cli: Cli, service: FakeService
) -> None:
    ran = cli("bulk", *arguments)
    assert ran.code == Exit.USAGE
    assert sentence in ran.err
    assert not service.bulk.requests


@pytest.mark.parametrize(
    ("number", "text"),
    [(0, "0"), (9_999, "9,999"), (12_345, "12.3 k"), (1e6, "1 M"), (23_400_000, "23.4 M"), (1e9, "1 G")],
)
def test_numbers_are_short(number: float, text: str) -> None:
    assert short(number) == text


def test_bytes_have_their_unit() -> None:
    assert (size(1_202), size(7_100_000_000)) == ("1,202 B", "7.1 GB")


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "under 1 s"), (8.2, "8 s"), (250, "4 min 10 s"), (7_500, "2 h 5 min"), (86_400, "24 h 0 min")],
)
def test_times_are_as_people_say_them(seconds: float, text: str) -> None:
    assert duration(seconds) == text


@pytest.mark.parametrize(
    ("amount", "text"), [(0.00004, "$0.00004"), (0.0412, "$0.041"), (12.346, "$12.35"), (1234, "$1,234.00")]
)
def test_small_amounts_keep_their_digits(amount: float, text: str) -> None:
    assert dollars(amount) == text
