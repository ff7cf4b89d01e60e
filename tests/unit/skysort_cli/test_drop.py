"""`skysort drop` with a fake service and store: sent once, resumed, waited for, fetched."""

from __future__ import annotations

import csv
import io
import json
import os
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from skysort.uploads.names import batch_fault
from skysort_cli.exits import Exit
from skysort_cli.upload_plan import batch_name
from tests.fakes.service import EXPIRED_TOKEN, PART, STORE, URL, problem

if TYPE_CHECKING:
    from pathlib import Path

    from tests.fakes.service import FakeService
    from tests.unit.skysort_cli.conftest import Cli

LARGE = bytes(range(5 * PART // 2))
BATCH = ("--batch", "night", "--endpoint", URL)


@pytest.fixture
def survey(tmp_path: Path) -> Path:
    """Four small files, one of them refused later, and one that comes in three parts."""
    folder = tmp_path / "survey"
    (folder / "field 7").mkdir(parents=True)
    for name in ("a.jpg", "b.jpg", "bad.jpg", "field 7/c.jpg"):
        (folder / name).write_bytes(name[-6:].encode())
    (folder / "large.zip").write_bytes(LARGE)
    (folder / "notes.txt").write_text("seeing 0.9")
    return folder


def stored(service: FakeService) -> dict[str, bytes]:
    prefix = "incoming/galaxy/night/"
    return {key.removeprefix(prefix): content for key, (content, _) in service.files.items()}


def test_everything_arrives_whole_and_the_batch_is_named_on_stdout(
    cli: Cli, survey: Path, service: FakeService
) -> None:
    ran = cli("drop", "galaxy", survey, *BATCH)
    assert (ran.code, ran.out) == (Exit.OK, "night\n")
    assert ran.err.startswith(
        f"skysort: skipped 1 file: {survey}/notes.txt; a directory is searched for files that end in"
    )
    assert ran.err.count("\n") == 1
    assert stored(service) == {
        "a.jpg": b"a.jpg",
        "b.jpg": b"b.jpg",
        "bad.jpg": b"ad.jpg",
        "field 7/c.jpg": b"/c.jpg",
        "large.zip": LARGE,
    }


def test_results_come_page_by_page_as_one_csv(cli: Cli, survey: Path, service: FakeService) -> None:
    service.slow = 3
    ran = cli("drop", "galaxy", survey, survey / "absent.jpg", *BATCH, "--wait", "--format", "csv")
    assert ran.code == Exit.SOME_FAILED
    lines = list(csv.DictReader(io.StringIO(ran.out)))
    assert {line["file"]: line["error"] for line in lines} == {
        "a.jpg": "",
        "b.jpg": "",
        "bad.jpg": "no picture",
        "field 7/c.jpg": "",
        "large.zip": "",
        f"{survey}/absent.jpg": "there is no such file",
    }
    assert "skysort: bad.jpg: no picture\n" in ran.err
    # And pages are asked of the endpoint, whatever host the link names
    assert {request.url.host for request in service.requests} == {"sky.example", "store.example"}


@pytest.mark.parametrize("options", [[], ["--quiet"]])
def test_pictures_that_are_none_of_the_model_s_are_told_of_as_a_whole(
    cli: Cli, survey: Path, service: FakeService, options: list[str]
) -> None:
    service.typicality = "0.001", "false"
    ran = cli("drop", "galaxy", survey, *BATCH, "--wait", "--format", "table", *options)
    assert ran.out.count("unlike the test data") == 4
    told = (
        "skysort: 4 of 4 pictures do not look like what the model was tested on; check that they are what it is for\n"
    )
    assert (told in ran.err) is not bool(options)


def test_a_table_in_another_system_is_told_of_with_the_cause(cli: Cli, tmp_path: Path, service: FakeService) -> None:
    # Given two tables, one in Vega magnitudes, which rows alone do not tell
    for name in ("good.csv", "vega.csv"):
        (tmp_path / name).write_bytes(b"u,g,r,i,z\n")
        service.records[name] = {"typicality": {"measured": 200, "in_domain": 199, "mean": 0.4}}
    cause = {"code": "vega", "detail": "the magnitudes are in the Vega system"}
    service.records["good.csv"]["domain"] = {"in_domain": True, "cause": None}
    service.records["vega.csv"]["domain"] = {"in_domain": False, "cause": cause}
    # When
    ran = cli("drop", "star", tmp_path, *BATCH, "--wait")
    # Then
    assert ran.err == (
        "skysort: vega.csv: as a whole the rows do not look like what the model was tested on: "
        "the magnitudes are in the Vega system\n"
    )


def test_results_as_json_lines_are_records_as_classify_has_them(
    cli: Cli, survey: Path, service: FakeService, tmp_path: Path
) -> None:
    out = tmp_path / "r.jsonl"
    ran = cli("drop", "galaxy", survey, *BATCH, "--wait", "--out", out)
    assert (ran.code, ran.out) == (Exit.SOME_FAILED, "")
    found = [json.loads(line) for line in out.read_text().splitlines()]
    assert found[0] == {
        "file": "a.jpg",
        "model": {"name": "galaxy"},
        "predictions": [{"label": "Smooth", "class_id": 6, "probability": 0.9}],
        "prediction_set": ["Smooth", "Spiral"],
        "typicality": 0.25,
        "in_domain": True,
    }
    assert found[2]["error"] == {"detail": "no picture"}
    assert service.sent("GET", "/v1/batches/night/results.csv")


def test_a_second_run_uploads_only_what_is_missing_or_has_changed(cli: Cli, survey: Path, service: FakeService) -> None:
    cli("drop", "galaxy", survey, *BATCH)
    before = len(service.requests)
    # When one file is new, one has another size, and one was changed after it was uploaded
    (survey / "new.jpg").write_bytes(b"new")
    (survey / "a.jpg").write_bytes(b"longer")
    os.utime(survey / "b.jpg", (5e9, 5e9))
    cli("drop", "galaxy", survey, *BATCH)
    # Then
    uploads = [one for one in service.requests[before:] if one.url.path == "/v1/uploads"]
    assert [file["name"] for one in uploads for file in json.loads(one.content)["files"]] == [
        "a.jpg",
        "b.jpg",
        "new.jpg",
    ]


def test_again_uploads_everything(cli: Cli, survey: Path, service: FakeService) -> None:
    cli("drop", "galaxy", survey, *BATCH)
    before = len(service.sent("POST", "/"))
    cli("drop", "galaxy", survey, *BATCH, "--again")
    assert len(service.sent("POST", "/")) == 2 * before


def test_an_interrupted_drop_says_how_to_go_on_and_goes_on(cli: Cli, survey: Path, service: FakeService) -> None:
    # Given a Ctrl-C while the second part of the large file is on its way
    def interrupted(request: httpx.Request) -> None:
        if "partNumber=2" in str(request.url):
            raise KeyboardInterrupt

    service.hook = interrupted
    ran = cli("drop", "galaxy", survey, *BATCH, "--wait", "--out", survey.parent / "r.csv", "--jobs", "1")
    assert ran.code == Exit.INTERRUPTED
    assert "interrupted: 4 of 5 files uploaded. Resume with: skysort drop galaxy" in ran.err
    assert f"--batch night --wait --out {survey.parent}/r.csv --endpoint {URL}" in ran.err
    # When the same command runs again
    service.hook = lambda _: None
    before = len(service.requests)
    ran = cli("drop", "galaxy", survey, *BATCH, "--wait", "--format", "csv")
    # Then only the parts that were missing are sent
    puts = [one.url.params["partNumber"] for one in service.requests[before:] if one.method == "PUT"]
    assert "1" not in puts
    assert "2" in puts
    assert stored(service)["large.zip"] == LARGE


def test_parts_of_a_file_that_has_changed_are_not_taken_for_it(cli: Cli, survey: Path, service: FakeService) -> None:
    def interrupted(request: httpx.Request) -> None:
        if "partNumber=2" in str(request.url):
            raise KeyboardInterrupt

    service.hook = interrupted
    cli("drop", "galaxy", survey, *BATCH, "--jobs", "1")
    service.hook = lambda _: None
    (survey / "large.zip").write_bytes(LARGE[::-1])
    os.utime(survey / "large.zip", (4e9, 4e9))
    assert cli("drop", "galaxy", survey, *BATCH).code == Exit.OK
    assert stored(service)["large.zip"] == LARGE[::-1]


def test_parts_that_the_store_has_cleaned_away_are_sent_anew(cli: Cli, survey: Path, service: FakeService) -> None:
    def interrupted(request: httpx.Request) -> None:
        if "partNumber=2" in str(request.url):
            raise KeyboardInterrupt

    service.hook = interrupted
    cli("drop", "galaxy", survey / "large.zip", *BATCH, "--jobs", "1")
    service.hook = lambda _: None
    service.parts.clear()
    assert cli("drop", "galaxy", survey / "large.zip", *BATCH).code == Exit.OK
    assert stored(service)["large.zip"] == LARGE


def test_one_refused_file_never_stops_the_others(cli: Cli, survey: Path, service: FakeService) -> None:
    service.refused = {"b.jpg": "ends like a record", "large.zip": "has 20 bytes; 10 are allowed"}
    (survey / "notes.txt").unlink()
    ran = cli("drop", "galaxy", survey, *BATCH)
    assert ran.code == Exit.SOME_FAILED
    assert sorted(stored(service)) == ["a.jpg", "bad.jpg", "field 7/c.jpg"]
    assert ran.err == (
        "skysort: b.jpg: 'b.jpg' ends like a record\nskysort: large.zip: 'large.zip' has 20 bytes; 10 are allowed\n"
    )


def test_busy_and_failing_answers_are_waited_out(cli: Cli, survey: Path, service: FakeService) -> None:
    service.failures = [problem(429, "busy"), problem(503, "starting"), httpx.ReadTimeout("slow")]
    assert cli("drop", "galaxy", survey, *BATCH).code == Exit.OK
    assert len(stored(service)) == 5


def test_a_signature_that_has_expired_is_asked_for_anew_once(cli: Cli, survey: Path, service: FakeService) -> None:
    service.expired = 1
    assert cli("drop", "galaxy", survey, *BATCH, "--jobs", "1").code == Exit.OK
    service.expired = 2
    ran = cli("drop", "galaxy", survey / "a.jpg", *BATCH, "--again")
    assert ran.code == Exit.SOME_FAILED
    assert "a.jpg: the store refused the upload (403): Request has expired" in ran.err


def test_a_signature_of_expired_credentials_is_asked_for_anew(cli: Cli, survey: Path, service: FakeService) -> None:
    # Given signatures of a sandbox whose session ended before they did
    service.expired, service.expiry = 1, EXPIRED_TOKEN
    assert cli("drop", "galaxy", survey, *BATCH, "--jobs", "1").code == Exit.OK
    # And what the store refuses for another reason is not
    service.expired, service.expiry = 1, (400, "EntityTooLarge", "too large")
    ran = cli("drop", "galaxy", survey / "a.jpg", *BATCH, "--again")
    assert (ran.code, service.expired) == (Exit.SOME_FAILED, 0)


def test_an_upload_that_outlasts_its_signatures_goes_on_as_long_as_parts_arrive(
    cli: Cli, survey: Path, service: FakeService
) -> None:
    # Given signatures that run out after each part
    sent: list[str] = []

    def runs_out(request: httpx.Request) -> None:
        if request.method == "PUT":
            service.expired = int(len(sent) == len(service.sent("POST", "/v1/uploads")))
            sent.extend([] if service.expired else [request.url.params["partNumber"]])

    service.hook = runs_out
    # When
    ran = cli("drop", "galaxy", survey / "large.zip", *BATCH, "--jobs", "1")
    # Then each part went over once
    assert ran.code == Exit.OK
    assert sent == ["1", "2", "3"]
    assert stored(service)["large.zip"] == LARGE


def test_a_store_that_cannot_be_reached_is_named_and_the_way_on_told(
    cli: Cli, survey: Path, service: FakeService
) -> None:
    def cut(request: httpx.Request) -> None:
        if request.url.host == "store.example":
            raise httpx.ConnectError("no route")

    service.hook = cut
    ran = cli("drop", "galaxy", survey, *BATCH)
    assert ran.code == Exit.SERVICE
    assert f"cannot reach {STORE}: connection refused (no route)" in ran.err
    assert "stopped: 0 of 5 files uploaded. Resume with: skysort drop" in ran.err


def test_a_result_that_does_not_come_in_time_is_told_with_the_way_on(
    cli: Cli, survey: Path, service: FakeService
) -> None:
    service.slow = 10_000
    ran = cli("drop", "galaxy", survey, *BATCH, "--wait", "--wait-for", "0.05", "--format", "csv")
    assert ran.code == Exit.SOME_FAILED
    assert "1 of 5 files have no result after 0.05 s. Continue waiting with: skysort drop galaxy" in ran.err


@pytest.mark.usefixtures("service")
def test_nothing_that_can_be_uploaded_is_one_failure(cli: Cli, tmp_path: Path) -> None:
    ran = cli("drop", "galaxy", tmp_path / "absent", *BATCH, "--wait", "--format", "csv")
    assert ran.code == Exit.SOME_FAILED
    assert ran.out.splitlines() == [
        "model,file,row,label,class_id,probability,prediction_set,typicality,in_domain,result_file,error",
        f"galaxy,{tmp_path}/absent,,,,,,,,,there is no such file",
    ]


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["x.jpg"], "drop needs a service"),
        (["x.jpg", "--endpoint", URL, "--out", "a.csv"], "add --wait"),
        (["x.jpg", "--endpoint", URL, "--batch", "a/b"], "must be a single folder name"),
        (["x.jpg", "--endpoint", URL, "--batch", ""], "is empty"),
        (["-", "--endpoint", URL], "- cannot be dropped"),
    ],
)
def test_what_cannot_be_meant_is_refused(cli: Cli, arguments: list[str], sentence: str) -> None:
    ran = cli("drop", "galaxy", *arguments)
    assert ran.code == Exit.USAGE
    assert sentence in ran.err


def test_files_of_one_name_in_two_folders_keep_apart(
    cli: Cli, tmp_path: Path, service: FakeService, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for folder in ("one", "two"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "a.jpg").write_bytes(folder.encode())
    cli("drop", "galaxy", "one", "./two", *BATCH)
    assert stored(service) == {"one/a.jpg": b"one", "two/a.jpg": b"two"}


@given(st.lists(st.text(min_size=1, max_size=30).filter(lambda name: "\x00" not in name), min_size=1, max_size=3))
def test_the_same_command_finds_its_batch_again_under_a_name_that_is_allowed(arguments: list[Any]) -> None:
    name = batch_name(None, "star", arguments)
    assert batch_fault(name) is None
    assert batch_name(None, "star", arguments) == name
    assert batch_name(None, "galaxy", arguments) != name
