"""The jobs of a folder: found again by the same request over the same files, and worked on by one command at a time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from skysort.bulk.keys import BulkKeys
from skysort.bulk.status import Phase, StatusFile
from skysort.errors import InvalidFieldsError
from skysort.registry.folder_store import FolderStore
from skysort_cli.exits import UsageError
from skysort_cli.local_jobs import LocalJobs, job_of

if TYPE_CHECKING:
    from pathlib import Path

REQUEST: dict[str, Any] = {"model": "star", "source": {}, "output": "parquet", "plan_only": False}


@pytest.fixture
def jobs(tmp_path: Path) -> LocalJobs:
    return LocalJobs(FolderStore(tmp_path), tmp_path)


def test_the_same_request_over_the_same_files_is_the_same_job(jobs: LocalJobs) -> None:
    job = job_of(REQUEST, 2)
    assert jobs.same(job, "these files") is None
    jobs.create(job, "these files")
    again = job_of({**REQUEST, "plan_only": True}, 4)
    assert again.id != job.id
    assert jobs.same(again, "these files") == job


@pytest.mark.parametrize(
    ("changes", "files"),
    [
        ({"output": "csv"}, "these files"),
        ({"columns": ["name"]}, "these files"),
        ({"tolerated_share": 0.5}, "these files"),
        ({"model": "custom-star/mine"}, "these files"),
        ({}, "other files"),
    ],
)
def test_another_request_or_other_files_make_another_job(changes: dict[str, Any], files: str, jobs: LocalJobs) -> None:
    jobs.create(job_of(REQUEST, 2), "these files")
    assert jobs.same(job_of({**REQUEST, **changes}, 2), files) is None


def test_of_two_jobs_alike_the_newest_is_found(jobs: LocalJobs) -> None:
    for day in (1, 3, 2):
        job = job_of(REQUEST, 2)
        object.__setattr__(job, "id", f"star-2026110{day}-000000-aaaaaa")
        jobs.create(job, "these files")
    found = jobs.same(job_of(REQUEST, 2), "these files")
    assert found is not None
    assert found.id.startswith("star-20261103")


def test_every_run_has_its_number_and_an_interrupted_one_says_so(jobs: LocalJobs, tmp_path: Path) -> None:
    job = job_of(REQUEST, 2)
    jobs.create(job, "these files")
    assert jobs.next_run(job) == 1
    jobs.interrupted(job, 1)
    keys = BulkKeys(job.owner, job.id)
    status = StatusFile(FolderStore(tmp_path), keys, 1).read()
    assert (status["phase"], status["run"]) == (Phase.CANCELLED, 1)
    assert jobs.next_run(job) == 2
    status = StatusFile(FolderStore(tmp_path), keys, 2).read()
    assert (status["phase"], status["run"]) == (Phase.WAITING, 2)


def test_two_commands_do_not_work_on_one_job(jobs: LocalJobs, tmp_path: Path) -> None:
    job = job_of(REQUEST, 2)
    jobs.create(job, "these files")
    other = LocalJobs(FolderStore(tmp_path), tmp_path)
    with jobs.alone(job), pytest.raises(UsageError, match="another command is working on star-"), other.alone(job):
        pass
    with other.alone(job):
        pass


def test_a_request_that_contradicts_itself_is_refused_with_the_words_of_the_service() -> None:
    with pytest.raises(InvalidFieldsError, match="pictures"):
        job_of({**REQUEST, "model": "galaxy", "columns": ["name"]}, 2)
