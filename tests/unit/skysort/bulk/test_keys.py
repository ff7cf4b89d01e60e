"""Keys of bulk jobs: where each document lies, and what a key says about a job."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from skysort.bulk.keys import BulkKeys, age_of, is_job, new_job, part_of, run_of
from skysort.errors import MalformedInputError

KEYS = BulkKeys("client-1", "star-20261128-084500-1a2b3c")
AT = "bulk/client-1/star-20261128-084500-1a2b3c/"


def test_every_document_of_a_job_has_its_place() -> None:
    assert KEYS.request == f"{AT}request.json"
    assert KEYS.status == f"{AT}status.json"
    assert KEYS.start(2) == f"{AT}runs/0002/start.json"
    assert KEYS.cancel(2) == f"{AT}runs/0002/cancel.json"
    assert KEYS.parts(1) == f"{AT}runs/0001/parts.json"
    assert KEYS.slices(3) == f"{AT}slices/00003.jsonl"
    assert KEYS.data(2_017, "csv") == f"{AT}data/block=0002/part-02017.csv"
    assert KEYS.rejected(17) == f"{AT}rejected/part-00017.csv"
    assert KEYS.done(17) == f"{AT}done/00017.json"
    assert KEYS.failed(17) == f"{AT}failed/00017.json"
    assert KEYS.success == f"{AT}_SUCCESS"


@pytest.mark.parametrize("model", ["star", "galaxy", "image", "custom/rings", "custom-star/my_own-stars"])
def test_an_id_names_the_model_and_the_time(model: str) -> None:
    job = new_job(model, datetime(2026, 11, 28, 8, 45, tzinfo=UTC))
    assert is_job(job)
    assert job.startswith(f"{model.replace('/', '-')}-20261128-084500-")
    assert age_of(job).startswith("20261128-084500-")


@given(st.integers(0, 99_999), st.sampled_from(["parquet", "csv"]))
def test_the_documents_of_a_part_say_its_number(part: int, output: str) -> None:
    assert part_of(KEYS.data(part, output)) == part  # type: ignore[arg-type]
    assert part_of(KEYS.done(part)) == part_of(KEYS.failed(part)) == part_of(KEYS.rejected(part)) == part


@pytest.mark.parametrize(
    "key", ["", "part-1.parquet", f"{AT}done/.json", f"{AT}data/block=0000/part-00017.parquet.tmp"]
)
def test_other_objects_are_of_no_part(key: str) -> None:
    assert part_of(key) is None


@given(st.integers(1, 9_999))
def test_what_starts_a_run_names_the_job_and_the_run(run: int) -> None:
    assert run_of(KEYS.start(run)) == (KEYS, run)


@pytest.mark.parametrize(
    "key",
    [
        f"{AT}runs/0000/start.json",
        f"{AT}runs/1/start.json",
        f"{AT}runs/0001/cancel.json",
        "bulk//star-20261128-084500-1a2b3c/runs/0001/start.json",
        "bulk/client-1/nova-20261128-084500-1a2b3c/runs/0001/start.json",
        "trainings/client-1/star-20261128-084500-1a2b3c/runs/0001/start.json",
        "",
    ],
)
def test_other_keys_start_nothing(key: str) -> None:
    with pytest.raises(MalformedInputError, match="a run starts by"):
        run_of(key)
