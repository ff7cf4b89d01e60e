"""The steps of a bulk job around its parts: planned, priced, given up, finished, ended; repeated, and resumed."""

from __future__ import annotations

import csv
import io
import json
from typing import TYPE_CHECKING, Any

import pytest

from skysort.bulk.outcomes import BulkCancelled, BulkRefused
from tests.factories_bulk import BulkJob

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


@pytest.fixture
def make(tmp_path: Path) -> Callable[..., BulkJob]:
    """Makes jobs that are requested and planned."""

    def made(parts: int = 3, **fields: Any) -> BulkJob:
        of_house = {name: fields.pop(name) for name in ("tables", "rows_known") if name in fields}
        job = BulkJob(tmp_path, parts, fields, **of_house)
        job.request()
        job.plan()
        return job

    return made


def finished(job: BulkJob, run: int = 1) -> BulkJob:
    job.run("price", run)
    for item in job.items:
        if job.keys.done(item.part) not in job.store.objects:
            job.do(item.part)
    job.run("finish", run)
    return job


def test_a_planned_job_is_priced_and_all_its_parts_are_to_be_done(make: Callable[..., BulkJob]) -> None:
    # Given
    job = make()
    # When
    planned, priced = job.run("plan"), job.run("price")
    # Then
    assert planned == {"family": "star-bulk", "planned": False}
    assert priced == {
        "family": "star-bulk",
        "bucket": "results",
        "parts_key": job.keys.parts(1),
        "concurrency": 2,
        "go": "yes",
    }
    assert [item["part"] for item in job.read(job.keys.parts(1))] == [0, 1, 2]
    plan = job.read(job.keys.plan)
    assert (plan["parts"], plan["rows"], plan["rows_exact"], plan["concurrency"]) == (3, 6_000, True, 2)
    assert plan["dollars"]["total"] == pytest.approx(
        sum(plan["dollars"][item] for item in ("lambda", "transitions", "s3")), abs=2e-6
    )
    assert job.status()["phase"] == "running"


def test_rows_that_nobody_counted_are_estimated_by_the_sample(make: Callable[..., BulkJob]) -> None:
    job = make(rows_known=False)
    job.run("price")
    plan = job.read(job.keys.plan)
    assert (plan["rows"], plan["rows_exact"]) == (6_000, False)


def test_of_a_job_that_is_only_planned_nothing_runs_before_it_is_resumed(make: Callable[..., BulkJob]) -> None:
    # Given
    job = make(plan_only=True)
    # When
    first = job.run("price")
    phase = job.status()["phase"]
    # And it is resumed
    job.request(2)
    again, second = job.run("plan", 2), job.run("price", 2)
    # Then
    assert (first["go"], phase) == ("no", "planned")
    assert again["planned"]
    assert (second["go"], second["parts_key"]) == ("yes", job.keys.parts(2))
    assert (job.status()["phase"], job.status()["run"]) == ("running", 2)


def test_a_finished_job_has_its_totals_index_table_and_marker(make: Callable[..., BulkJob]) -> None:
    # Given
    job = make()
    job.run("price")
    job.do(0)
    job.do(1, rejected=10)
    job.do(2, failed=1)
    # When
    assert job.run("finish") == {}
    # Then
    summary = job.read(job.keys.summary)
    assert summary["rows"] == {"in": 6_000, "out": 5_989, "rejected": 10, "failed": 1}
    assert summary["parts"] == {"total": 3, "done": 3, "failed": 0, "split": 1}
    assert sum(summary["classes"].values()) == 5_989
    assert summary["warnings"] == [{"code": "no_redshift", "detail": "12 rows have no redshift", "rows": 36}]
    assert summary["failures"][0]["reason"] == "the row ended the process"
    assert summary["typicality"] is None
    lines = list(csv.DictReader(io.StringIO(job.store.objects[job.keys.index].decode())))
    assert [line["first_row"] for line in lines] == ["1", "1001", "2001", "3001", "4001", "5001"]
    assert sum(int(line["rows_out"]) for line in lines) == 5_989
    assert job.read(job.keys.table)["Name"] == "star_20261128_084500_1a2b3c"
    assert job.store.writes[-2:] == [job.keys.success, job.keys.status]
    assert job.status()["phase"] == "done"


def test_what_no_counts_name_is_removed(make: Callable[..., BulkJob]) -> None:
    # Given attempts that were overtaken
    job = make()
    job.run("price")
    strays = [job.keys.data(9, "parquet"), job.keys.data(0, "csv"), job.keys.rejected(0)]
    for stray in strays:
        job.store.put(stray, b"stray")
    job.do(1, rejected=1)
    # When
    finished(job)
    # Then
    assert not set(strays) & set(job.store.objects)
    assert job.keys.rejected(1) in job.store.objects


def test_results_that_are_not_those_that_were_counted_are_done_again(make: Callable[..., BulkJob]) -> None:
    # Given a result that somebody has changed, and one that is gone
    job = make()
    job.run("price")
    for part in range(3):
        job.do(part)
    job.store.objects[job.keys.data(0, "parquet")] = b"other bytes"
    del job.store.objects[job.keys.data(2, "parquet")]
    # When
    with pytest.raises(BulkRefused, match="the results of parts 0, 2 are missing or not those that were counted"):
        job.run("finish")
    # Then nothing says that it is done, and another run does both again
    assert job.keys.success not in job.store.objects
    assert job.status()["phase"] == "failed"
    assert "resume the job" in job.status()["problem"]["detail"]
    job.request(2)
    job.run("price", 2)
    assert [item["part"] for item in job.read(job.keys.parts(2))] == [0, 2]
    del job.store.objects[job.keys.data(0, "parquet")]
    assert finished(job, 2).status()["phase"] == "done"


def test_a_part_without_counts_fails_the_run(make: Callable[..., BulkJob]) -> None:
    job = make()
    job.run("price")
    job.do(0)
    with pytest.raises(BulkRefused, match="there are no counts of parts 1, 2; resume the job"):
        job.run("finish")
    assert job.keys.success not in job.store.objects


def test_a_part_with_other_rows_than_the_manifest_fails_the_job(make: Callable[..., BulkJob]) -> None:
    job = make()
    job.run("price")
    job.do(0)
    job.do(1, rows=999)
    job.do(2)
    with pytest.raises(BulkRefused, match="part 1 read 1,998 rows where the plan had counted 2,000"):
        job.run("finish")
    assert job.keys.success not in job.store.objects


def test_more_rows_without_a_result_than_tolerated_fail_the_job_with_its_totals(make: Callable[..., BulkJob]) -> None:
    # Given
    job = make(tolerated_share=0.01)
    job.run("price")
    job.do(0, rejected=70)
    # When
    with pytest.raises(BulkRefused, match=r"70 of 6,000 rows \(1.2%\) were rejected or failed; the job tolerates 1.0%"):
        finished(job)
    # Then
    assert job.read(job.keys.summary)["rows"]["rejected"] == 70
    assert job.keys.success not in job.store.objects
    assert job.status()["phase"] == "failed"


def test_a_part_that_is_given_up_counts_with_its_rows(make: Callable[..., BulkJob]) -> None:
    # Given
    job = make(tolerated_share=0.5)
    job.run("price")
    job.do(0)
    job.do(2)
    cause = json.dumps({"errorMessage": "the bucket is gone", "errorType": "OSError"})
    item = job.items[1].to_document()
    # When
    job.run("give-up", part=item, error={"Error": "OSError", "Cause": cause})
    job.run("give-up", part=item, error={"Error": "Sandbox.Timedout", "Cause": ""})
    job.run("finish")
    # Then
    counts = job.read(job.keys.failed(1))
    assert counts["rows"] == {"in": 2_000, "out": 0, "rejected": 0, "failed": 2_000}
    assert counts["error"] == "the part needed more time or memory than there is, also when it was split"
    summary = job.read(job.keys.summary)
    assert summary["parts"] == {"total": 3, "done": 2, "failed": 1, "split": 0}
    assert summary["rows"]["failed"] == 2_000
    assert job.status()["phase"] == "done"


def test_a_part_that_is_done_after_all_is_not_given_up(make: Callable[..., BulkJob]) -> None:
    job = make()
    job.run("price")
    job.do(1)
    job.run("give-up", part=job.items[1].to_document(), error={})
    assert job.keys.failed(1) not in job.store.objects


def test_a_resumed_job_tries_parts_that_were_given_up_again(make: Callable[..., BulkJob]) -> None:
    # Given
    job = make()
    job.run("price")
    job.do(0)
    job.do(2)
    job.run("give-up", part=job.items[1].to_document(), error={"Error": "OSError", "Cause": "no more"})
    with pytest.raises(BulkRefused, match="the job tolerates"):
        job.run("finish")
    # When
    job.request(2)
    job.run("price", 2)
    todo = [item["part"] for item in job.read(job.keys.parts(2))]
    job.do(1)
    job.run("finish", 2)
    # Then its new counts are the ones that count
    assert todo == [1]
    assert job.read(job.keys.summary)["rows"] == {"in": 6_000, "out": 6_000, "rejected": 0, "failed": 0}
    assert job.status()["phase"] == "done"


def test_a_run_that_finds_no_part_left_goes_on_to_the_end(make: Callable[..., BulkJob]) -> None:
    job = make()
    job.run("price")
    for part in range(3):
        job.do(part)
    job.run("end", error={"Error": "States.Timeout", "Cause": ""})
    job.request(2)
    assert job.run("price", 2)["go"] == "finish"


@pytest.mark.parametrize("step", ["plan", "price", "finish", "end"])
def test_a_step_of_a_run_that_has_ended_changes_nothing(make: Callable[..., BulkJob], step: str) -> None:
    # Given a job that was started twice
    job = finished(make())
    before = dict(job.store.objects)
    # When the second comes late
    answer = job.run(step)
    # Then
    assert answer.get("go", "no") == "no"
    assert answer.get("planned", True) is True
    assert job.store.objects == before


@pytest.mark.parametrize("step", ["price", "finish"])
def test_a_step_that_is_killed_at_any_write_is_completed_by_its_repetition(
    make: Callable[..., BulkJob], step: str
) -> None:
    # Given
    for killed_at in range(1, 8):
        job = make()
        if step == "finish":
            job.run("price")
            for part in range(3):
                job.do(part)
        left = [killed_at]

        def kill(operation: str, _key: str, left: list[int] = left) -> None:
            if operation == "put":
                left[0] -= 1
                if left[0] == 0:
                    raise OSError("killed")

        job.store.before = kill
        # When it is killed, and done again
        try:
            job.run(step)
        except OSError:
            job.run(step)
        # Then all is as if it had not been
        assert job.status()["phase"] == {"price": "running", "finish": "done"}[step]
        if step == "finish":
            assert job.keys.success in job.store.objects
            assert job.read(job.keys.summary)["rows"]["out"] == 6_000


@pytest.mark.parametrize("step", ["plan", "price"])
def test_a_cancelled_run_goes_no_further(make: Callable[..., BulkJob], step: str) -> None:
    job = make()
    job.store.put(job.keys.cancel(1), b"{}")
    with pytest.raises(BulkCancelled, match="was cancelled"):
        job.run(step)
    assert job.run("end", error={"Error": "BulkCancelled", "Cause": ""}) == {"outcome": "cancelled"}
    assert job.status()["phase"] == "cancelled"


def test_the_end_keeps_the_reason_that_a_step_gave(make: Callable[..., BulkJob]) -> None:
    job = make()
    job.run("price")
    with pytest.raises(BulkRefused):
        job.run("finish")
    problem = job.status()["problem"]
    assert job.run("end", error={"Error": "BulkRefused", "Cause": ""}) == {"outcome": "refused"}
    assert job.status()["problem"] == problem


def test_any_other_end_is_told_without_its_internals(make: Callable[..., BulkJob]) -> None:
    job = make()
    job.run("price")
    assert job.run("end", error={"Error": "KeyError", "Cause": '{"errorMessage": "secret"}'}) == {"outcome": "failed"}
    problem = job.status()["problem"]
    assert (job.status()["phase"], problem["status"]) == ("failed", 500)
    assert "Resume the job" in problem["detail"]
    assert "secret" not in json.dumps(problem)


def test_a_job_without_a_request_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BulkRefused):
        BulkJob(tmp_path).run("plan")


def test_whether_the_function_is_ready_concerns_no_job(make: Callable[..., BulkJob]) -> None:
    assert make().steps.run({"step": "ready"}) == {"ready": True}
