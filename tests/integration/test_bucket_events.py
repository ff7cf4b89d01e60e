"""The sample events that need the drop folder's buckets, replayed against the handlers and moto's S3."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import boto3
import pytest

from skysort.bulk.keys import BulkKeys
from tests.conftest import ROOT
from tests.factories import FakeContext
from tests.sample_events import (
    BULK,
    BULK_JOB,
    DROP_BUCKET,
    MODELS_BUCKET,
    READ_THE_BUCKET,
    REGION,
    RESULTS,
    RESULTS_BUCKET,
    objects,
    requested,
    trained,
)
from tests.unit.functions.loading import load_function

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from mypy_boto3_s3 import S3Client


@pytest.fixture(scope="module")
def s3(aws: Callable[[Mapping[str, str]], str]) -> S3Client:
    """The buckets, the objects and the model that the events name, and an environment that leads there."""
    names = {"DROP": DROP_BUCKET, "RESULTS": RESULTS_BUCKET, "MODELS": MODELS_BUCKET}
    aws({"AWS_DEFAULT_REGION": REGION, **{f"SKYSORT_{name}_BUCKET": bucket for name, bucket in names.items()}})
    client = boto3.client("s3")
    for bucket in names.values():
        client.create_bucket(Bucket=bucket)
    for bucket, held in ((DROP_BUCKET, objects()), (MODELS_BUCKET, trained()), (RESULTS_BUCKET, requested())):
        for key, body in held.items():
            client.put_object(Bucket=bucket, Key=key, Body=body)
    return client


@pytest.mark.usefixtures("s3")
@pytest.mark.parametrize("name", sorted(READ_THE_BUCKET))
def test_a_picture_is_read_by_its_key(name: str) -> None:
    function = load_function(name.partition("_")[0])
    event = json.loads((ROOT / "events" / f"{name}.json").read_text(encoding="utf-8"))
    response = function.handler(event, FakeContext())
    assert response["statusCode"] == 200, response["body"]
    (result,) = json.loads(response["body"])["results"]
    assert result["predictions"]


@pytest.mark.parametrize(("name", "key"), RESULTS.items())
def test_a_dropped_file_comes_out_as_its_record(name: str, key: str | None, s3: S3Client) -> None:
    # When
    function = load_function(name.partition("_")[0], "drop")
    event = json.loads((ROOT / "events" / f"{name}.json").read_text(encoding="utf-8"))
    before = keys(s3)
    answer = function.handler(event, FakeContext())
    # Then no message comes again, and the file's record is there
    assert answer == {"batchItemFailures": []}
    assert (keys(s3) == before) if key is None else (key in keys(s3))


def test_the_steps_of_a_bulk_job_end_in_its_results(s3: S3Client) -> None:
    """One after the other: each reads what those before it wrote."""
    for name, function in BULK.items():
        model, _, kind = function.rpartition("-")
        loaded = load_function(model or kind, kind if model else "app")
        loaded.handler(json.loads((ROOT / "events" / f"{name}.json").read_text(encoding="utf-8")), FakeContext())
    done = BulkKeys("shared", BULK_JOB)
    assert {done.data(0, "parquet"), done.done(0), done.summary, done.success} <= keys(s3)


def keys(s3: S3Client) -> set[str]:
    return {item["Key"] for item in s3.list_objects_v2(Bucket=RESULTS_BUCKET).get("Contents", [])}
