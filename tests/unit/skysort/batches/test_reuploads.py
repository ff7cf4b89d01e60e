"""A file that was uploaded again in parts is not done before its own outcome is there."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from skysort.batches.status import Cursor, Page
from tests.fakes.buckets import RESULTS, MemoryBuckets
from tests.unit.skysort.batches.conftest import make_service

if TYPE_CHECKING:
    from skysort.answers import BatchStatus
    from skysort.batches.status import BatchStatusService

OLD, NEW = "0a0a-2", "1b1b-3"


def states(answer: BatchStatus) -> dict[str, str]:
    return {file["name"]: file["state"] for file in answer["files"]}


def record_of(etag: str) -> dict[str, object]:
    return {"source": {"etag": etag}, "predictions": []}


@pytest.mark.parametrize("outcome", ["finish", "fail"])
def test_an_outcome_that_came_while_the_file_was_sent_again_is_of_the_upload_before(
    outcome: str, buckets: MemoryBuckets, service: BatchStatusService
) -> None:
    # Given an upload in parts that began before the outcome of the upload before it: S3 dates it to its beginning
    buckets.drop("star", "b", "survey.fits", etag=NEW)
    getattr(buckets, outcome)("star", "b", "survey.fits", record=record_of(OLD))
    buckets.put(RESULTS, "star/b/survey.fits")
    # Then it waits, without links to what is not of it
    answer = service.status("b", Page())
    assert answer["counts"] == {"total": 1, "waiting": 1, "done": 0, "failed": 0}
    assert [file["links"] for file in answer["files"]] == [{}]
    # When its own outcome is there
    buckets.finish("star", "b", "survey.fits", record=record_of(NEW))
    # Then it is done
    assert states(service.status("b", Page())) == {"survey.fits": "done"}


@pytest.mark.parametrize("record", [{"predictions": []}, {"source": None}, {"source": {"etag": 7}}])
def test_a_record_that_does_not_say_what_it_is_of_counts_by_its_time(
    record: dict[str, object], buckets: MemoryBuckets, service: BatchStatusService
) -> None:
    buckets.drop("star", "b", "survey.fits", etag=NEW)
    buckets.finish("star", "b", "survey.fits", record=record)
    assert states(service.status("b", Page())) == {"survey.fits": "done"}


def test_only_outcomes_of_uploads_in_parts_are_looked_up_and_each_once(
    buckets: MemoryBuckets, service: BatchStatusService
) -> None:
    # Given a small file, and a large one with its outcome
    buckets.drop("star", "b", "small.csv", etag="2c2c")
    buckets.drop("star", "b", "survey.fits", etag=NEW)
    for name in ("small.csv", "survey.fits"):
        buckets.finish("star", "b", name, record=record_of(NEW))
    # When the batch is asked for again and again, then one record was read
    for _ in range(3):
        assert set(states(service.status("b", Page())).values()) == {"done"}
    assert buckets.requests["read"] == 1


def test_more_than_one_answer_may_look_up_are_left_for_the_next(buckets: MemoryBuckets) -> None:
    # Given five large files of two models, every other one with an outcome of the upload before
    names = [f"{number}.fits" for number in range(5)]
    for model in ("galaxy", "star"):
        for number, name in enumerate(names):
            buckets.drop(model, "b", name, etag=NEW)
            buckets.finish(model, "b", name, record=record_of(OLD if number % 2 else NEW))
    service = make_service(buckets, lookups=2)
    # When the batch is read, answer by answer
    found: dict[tuple[str, str], str] = {}
    following: str | None = ""
    while following is not None:
        answer = service.status("b", Page(cursor=Cursor.decode(following)))
        found |= {(file["model"], file["name"]): file["state"] for file in answer["files"]}
        following = answer["next"]
    # Then every file is told of, in its state
    wanted = {name: "waiting" if number % 2 else "done" for number, name in enumerate(names)}
    assert found == {(model, name): state for model in ("galaxy", "star") for name, state in wanted.items()}
