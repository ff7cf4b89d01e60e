"""A batch of thousands of files in real listings: moto's server, the client of the control function."""

from __future__ import annotations

from typing import TYPE_CHECKING

import boto3
import pytest
from moto.s3.models import s3_backends

from skysort.batches.match import Matcher, State
from skysort.batches.status import BatchStatusService, Page
from skysort.errors import InfrastructureError, NotFoundError
from skysort.s3.client import S3Client
from skysort.s3.signature import Addressing, Credentials, Signer

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from mypy_boto3_s3 import S3Client as Boto3Client

DROP, RESULTS, REGION = "skysort-drop-many", "skysort-results-many", "us-east-1"
FILES = 5_000


@pytest.fixture(scope="module")
def endpoint(aws: Callable[[Mapping[str, str]], str]) -> str:
    return aws({})


@pytest.fixture(scope="module")
def s3(endpoint: str) -> Boto3Client:
    client = boto3.client(
        "s3", endpoint_url=endpoint, region_name=REGION, aws_access_key_id="test", aws_secret_access_key="test"
    )
    for bucket in (DROP, RESULTS):
        client.create_bucket(Bucket=bucket)
    return client


@pytest.fixture(scope="module")
def lean(endpoint: str) -> S3Client:
    addressing = Addressing(REGION, endpoint)
    return S3Client(addressing, Signer(Credentials("test", "test"), REGION))


def put_all(bucket: str, keys: list[str]) -> None:
    """Put objects past HTTP: the server is in this process."""
    backend = s3_backends["123456789012"]["aws"]
    for key in keys:
        backend.put_object(bucket, key, b"{}")


@pytest.mark.usefixtures("s3")
def test_five_thousand_files_are_counted_and_paged(lean: S3Client, endpoint: str) -> None:
    # Given 5,000 pictures in folders, of which all but the last 100 have an outcome
    names = [f"field {number % 7}/{number:05} ü+&%.jpg" for number in range(FILES)]
    put_all(DROP, [f"incoming/galaxy/many/{name}" for name in names])
    suffixes = [".error.json" if number % 50 == 0 else ".json" for number in range(FILES - 100)]
    outcomes = [f"galaxy/many/{name}{suffix}" for name, suffix in zip(names[:-100], suffixes, strict=True)]
    put_all(RESULTS, outcomes)
    service = BatchStatusService(
        lean,
        drop_bucket=DROP,
        results_bucket=RESULTS,
        models=("galaxy", "image", "star"),
        addressing=Addressing(REGION, endpoint),
        signer=Signer(Credentials("test", "test"), REGION),
    )
    # When
    answer = service.status("many", Page(limit=3, state=State.FAILED))
    # Then
    assert answer["counts"] == {"total": FILES, "waiting": 100, "done": FILES - 198, "failed": 98}
    assert answer["complete"]
    assert [file["state"] for file in answer["files"]] == ["failed"] * 3
    # And segments of the listing join without a gap
    matcher = Matcher(lean, DROP, RESULTS, files=1_700)
    found: list[str] = []
    complete = False
    while not complete:
        part = matcher.segment("galaxy", "many", found[-1] if found else "")
        found += [file.name for file in part.files]
        complete = part.complete
    assert found == sorted(names)


@pytest.mark.parametrize("key", ["a b+c%&=?#.jpg", "ü/Ω-\u4e2d\u6587.fits", "a//b", "x" * 900, "~!*'()"])
def test_any_key_is_listed_and_read_as_it_is(s3: Boto3Client, lean: S3Client, key: str) -> None:
    s3.put_object(Bucket=DROP, Key=f"odd/{key}", Body=b"0123456789")
    listed = [item.key for page in lean.list(DROP, "odd/") for item in page]
    assert f"odd/{key}" in listed
    assert lean.read(DROP, f"odd/{key}") == b"0123456789"
    assert lean.read(DROP, f"odd/{key}", 2, 3) == b"234"
    assert [item.key for page in lean.list(DROP, f"odd/{key}", f"odd/{key}") for item in page] == []


def test_an_upload_in_parts_is_begun_and_its_parts_are_listed(s3: Boto3Client, lean: S3Client) -> None:
    # Given
    upload_id = lean.start_parts(DROP, "parts/t ü.csv", "text/csv")
    etag = s3.upload_part(Bucket=DROP, Key="parts/t ü.csv", UploadId=upload_id, PartNumber=2, Body=b"xy")["ETag"]
    # Then
    ((number, arrived, size),) = [
        (part.number, part.etag, part.size) for part in lean.parts(DROP, "parts/t ü.csv", upload_id)
    ]
    assert (number, arrived, size) == (2, etag, 2)
    with pytest.raises(NotFoundError):
        list(lean.parts(DROP, "parts/t ü.csv", "no-such-upload"))


def test_faults_are_told_apart(lean: S3Client) -> None:
    with pytest.raises(NotFoundError):
        lean.read(DROP, "nobody-put-this")
    nowhere = S3Client(Addressing(REGION, "http://127.0.0.1:1"), Signer(Credentials("a", "b"), REGION))
    with pytest.raises(InfrastructureError, match="S3 did not answer GET /b/k"):
        nowhere.read("b", "k")
