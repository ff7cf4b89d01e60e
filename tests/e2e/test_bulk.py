"""Bulk jobs on the started stack: tables and pictures to _SUCCESS, and every way in which a job does not get there."""

from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from tests.e2e.bulk import Jobs, as_csv, as_parquet, stars
from tests.factories_images import zip_file

if TYPE_CHECKING:
    from collections.abc import Iterator

    from infra.local.running_stack import StartedStack

pytestmark = pytest.mark.end_to_end

EVENTS = Path(__file__).resolve().parents[2] / "events"
SHAPES = ("spiral", "elliptical", "edge_on")
GALAXIES = {shape: (EVENTS / f"galaxy_{shape}.jpg").read_bytes() for shape in SHAPES}


@pytest.fixture(scope="module")
def jobs(api: httpx.Client, stack: StartedStack) -> Iterator[Jobs]:
    with httpx.Client(base_url=stack.s3, timeout=30) as s3:
        yield Jobs(api, s3)


@pytest.fixture(scope="module")
def tables(jobs: Jobs) -> tuple[dict[str, Any], str]:
    """A job over a CSV and a Parquet file that came through POST /v1/uploads, and their prefix."""
    files = {"a.csv": as_csv(stars(500)), "b.parquet": as_parquet(stars(500, 500), 120)}
    wanted = [{"name": name, "size": len(content)} for name, content in files.items()]
    answer = jobs.api.post("/v1/uploads", json={"model": "bulk", "batch": "night-1", "files": wanted})
    assert answer.status_code == 200, answer.text
    for offer in answer.json()["files"]:
        form = offer["form"]
        sent = jobs.s3.post(form["url"], data=form["fields"], files={"file": (offer["name"], files[offer["name"]])})
        assert sent.status_code == 204
    prefix = answer.json()["prefix"]
    return jobs.run("star", {"prefix": prefix}, columns=["obj_ID"]), prefix


def test_a_csv_and_a_parquet_file_are_classified_row_by_row(jobs: Jobs, tables: tuple[dict[str, Any], str]) -> None:
    # Given
    job, prefix = tables
    assert job["phase"] == "done", job
    # Then every row has come out once
    assert {name: job["progress"]["rows"][name] for name in ("in", "out", "rejected", "failed")} == {
        "in": 1000,
        "out": 1000,
        "rejected": 0,
        "failed": 0,
    }
    rows = jobs.rows(job)
    assert sorted(row["obj_ID"] for row in rows) == sorted(f"star-{number}" for number in range(1000))
    assert {row["source"] for row in rows} == {f"{prefix}a.csv", f"{prefix}b.parquet"}
    assert sum(job["summary"]["classes"].values()) == 1000
    assert jobs.exists(job, "_SUCCESS")


def test_a_row_of_a_job_has_the_answer_of_the_service(jobs: Jobs, tables: tuple[dict[str, Any], str]) -> None:
    # Given a row of the results, and the same row asked alone
    row = next(each for each in jobs.rows(tables[0]) if each["obj_ID"] == "star-700")
    given = {name: value for name, value in stars(1, 700).to_pylist()[0].items() if name != "obj_ID"}
    answer = jobs.api.post("/v1/classify/star", json=given).json()
    # Then
    (best, *_) = answer["results"][0]["predictions"]
    assert row["skysort_class"] == best["label"]


def test_the_index_tells_where_each_slice_went(jobs: Jobs, tables: tuple[dict[str, Any], str]) -> None:
    job = tables[0]
    index = list(csv.DictReader(io.StringIO(jobs.s3.get(job["links"]["index"]).text)))
    assert sum(int(line["rows_in"]) for line in index) == 1000
    assert {line["source"].rpartition("/")[2] for line in index} == {"a.csv", "b.parquet"}


def test_a_folder_of_pictures_and_an_archive_are_classified_picture_by_picture(jobs: Jobs) -> None:
    # Given twelve cutouts, three more in an archive, and something that is no picture
    files = {f"field/{number:02}-{shape}.jpg": GALAXIES[shape] for number in range(4) for shape in SHAPES}
    files |= {
        "more.zip": zip_file({f"{shape}.jpg": content for shape, content in GALAXIES.items()}),
        "bad.jpg": b"no picture",
    }
    prefix = jobs.drop("cutouts", files)
    # When
    job = jobs.run("galaxy", {"prefix": prefix}, tolerated_share=0.1, output="csv")
    # Then
    assert job["phase"] == "done", job
    counts = job["progress"]["rows"]
    assert (counts["in"], counts["out"], counts["rejected"] + counts["failed"]) == (16, 15, 1)
    found = [content.decode() for name, content in jobs.files(job).items() if name.startswith("data/")]
    rows = [row for text in found for row in csv.DictReader(io.StringIO(text))]
    assert len(rows) == 15
    labels = {row["file"].rpartition("/")[2].removesuffix(".jpg")[-6:]: row["label"] for row in rows}
    assert len(set(labels.values())) == 3, labels


def test_a_plan_says_what_a_job_takes_and_resume_starts_it(jobs: Jobs) -> None:
    # When only the plan is wanted
    prefix = jobs.drop("planned", {"t.parquet": as_parquet(stars(300), 100)})
    job = jobs.run("star", {"prefix": prefix}, plan_only=True)
    # Then
    assert job["phase"] == "planned", job
    plan = job["plan"]
    assert (plan["rows"], plan["rows_exact"], plan["files"]) == (300, True, 1)
    assert plan["dollars"]["total"] > 0
    assert not jobs.exists(job, "_SUCCESS")
    # When it is started, twice
    assert jobs.api.post(f"/v1/bulk/{job['id']}/resume").status_code == 202
    assert jobs.api.post(f"/v1/bulk/{job['id']}/resume").status_code == 409
    done = jobs.until(job, lambda found: found["phase"] in {"done", "failed"})
    # Then
    assert (done["phase"], done["progress"]["rows"]["out"]) == ("done", 300), done
    assert jobs.api.post(f"/v1/bulk/{job['id']}/cancel").status_code == 409


def test_a_cancelled_job_stops_and_goes_on_when_it_is_resumed(jobs: Jobs) -> None:
    # Given a job that is cancelled as soon as it has begun
    prefix = jobs.drop("cancelled", {f"{number}.csv": as_csv(stars(20, 20 * number)) for number in range(40)})
    job = jobs.start("star", {"prefix": prefix}, columns=["obj_ID"])
    assert jobs.api.post(f"/v1/bulk/{job['id']}/cancel").status_code == 202
    # Then
    assert jobs.wait(job)["phase"] == "cancelled"
    assert not jobs.exists(job, "_SUCCESS")
    # When
    assert jobs.api.post(f"/v1/bulk/{job['id']}/resume").status_code == 202
    done = jobs.until(job, lambda found: found["phase"] in {"done", "failed"})
    # Then
    assert (done["phase"], done["run"]) == ("done", 2), done
    assert sorted(row["obj_ID"] for row in jobs.rows(job)) == sorted(f"star-{number}" for number in range(800))


def test_a_prefix_without_files_is_refused_at_once(jobs: Jobs) -> None:
    answer = jobs.api.post("/v1/bulk", json={"model": "star", "source": {"prefix": "incoming/bulk/nothing-here/"}})
    assert answer.status_code == 422
    assert "nothing was uploaded to 'incoming/bulk/nothing-here/'" in answer.json()["detail"]


def test_a_prefix_of_files_that_are_no_tables_fails_with_a_sentence_a_file(jobs: Jobs) -> None:
    prefix = jobs.drop("no-tables", {"notes.csv": b"to do: observe\n", "m31.jpg": GALAXIES["spiral"]})
    job = jobs.run("star", {"prefix": prefix})
    assert job["phase"] == "failed", job
    assert f"{prefix}m31.jpg: the file is a JPEG picture" in job["problem"]["detail"]
    assert f"{prefix}notes.csv: the table's columns cannot be used" in job["problem"]["detail"]


def test_a_source_outside_of_what_jobs_may_read_is_refused(jobs: Jobs) -> None:
    body = {"model": "star", "source": {"keys": ["s3://somebody-elses/table.csv"]}}
    answer = jobs.api.post("/v1/bulk", json=body)
    assert answer.status_code == 422, answer.text
    assert "somebody-elses" in answer.json()["detail"]


def test_a_manifest_that_names_a_file_elsewhere_fails_the_job(jobs: Jobs) -> None:
    # Given a list of files of which one is not of the drop folder
    prefix = jobs.drop("list", {"t.csv": as_csv(stars(10))})
    jobs.drop("list", {"files.txt": f"{prefix}t.csv\nstar/somebody/table.csv\n".encode()})
    # When
    job = jobs.run("star", {"manifest": f"{prefix}files.txt"})
    # Then
    assert job["phase"] == "failed", job
    assert "star/somebody/table.csv" in job["problem"]["detail"]


def test_more_faulty_rows_than_are_tolerated_fail_the_job_and_are_listed(jobs: Jobs) -> None:
    # Given a table of which every third row has no number where a magnitude should be
    lines = as_csv(stars(300)).decode().splitlines()
    lines = [
        line.replace(line.split(",")[4], "faint") if number % 3 == 1 else line for number, line in enumerate(lines)
    ]
    prefix = jobs.drop("faulty", {"t.csv": "\n".join(lines).encode()})
    # When
    job = jobs.run("star", {"prefix": prefix}, tolerated_share=0.3)
    # Then
    assert job["phase"] == "failed", job
    assert (job["progress"]["rows"]["in"], job["progress"]["rows"]["rejected"]) == (300, 100)
    assert not jobs.exists(job, "_SUCCESS")
    rejected = [content.decode() for name, content in jobs.files(job).items() if name.startswith("rejected/")]
    assert sum(text.count("\n") - 1 for text in rejected) == 100
    # And a caller who tolerates them gets the others
    tolerant = jobs.run("star", {"prefix": prefix}, tolerated_share=0.4)
    assert (tolerant["phase"], tolerant["progress"]["rows"]["out"]) == ("done", 200), tolerant


def test_a_source_that_changes_after_it_was_planned_fails_the_job(jobs: Jobs) -> None:
    # Given a planned job
    prefix = jobs.drop("changed", {"t.csv": as_csv(stars(100))})
    job = jobs.run("star", {"prefix": prefix}, plan_only=True)
    assert job["phase"] == "planned", job
    # When its file is replaced by another one
    jobs.drop("changed", {"t.csv": as_csv(stars(100, 100))})
    jobs.api.post(f"/v1/bulk/{job['id']}/resume").raise_for_status()
    ended = jobs.until(job, lambda found: found["phase"] in {"done", "failed"})
    # Then
    assert ended["phase"] == "failed", ended
    assert "changed while it was read" in ended["problem"]["detail"]
    assert not jobs.exists(job, "_SUCCESS")


def test_an_execution_is_a_line_a_state_in_the_log(stack: StartedStack, tables: tuple[dict[str, Any], str]) -> None:
    lines = [
        line for line in (stack.state / "logs" / "bulk-jobs.log").read_text().splitlines() if tables[0]["id"] in line
    ]
    assert [line.split(" ", 2)[2] for line in lines][:3] == ["entered Plan", "entered Planned", "entered ProbeStar"]
    assert lines[-1].endswith("succeeded")
